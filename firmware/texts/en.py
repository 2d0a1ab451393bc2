"""English: one text a line, in the order of names.py, then reply codes by number;
faults of the link (faults.py) by theirs."""


def parts():
    return (
        """title=Pointwire
key_amount=Key the amount
keys_home=A balance D menu
inquiry=Balance
amount=Amount
tap_card=Tap the card
saving=Saving...
sent=Saved. Sending
asking=Asking...
posted=Posted %+d
balance=Balance %d
value=Value %s
refused=REFUSED
held=HELD FOR HQ
no_points_yet=No points yet
saved=Saved, will post
""",
        """full=Outbox is full
not_taken=Tap NOT taken
full_do=Get it online
failed=Not stored
failed_do=Try again
no_answer=No answer
no_answer_do=Try again
offline_do=Only when online
last_tap=Last saved tap
last_waiting=not yet posted
last_posted=posted %+d
last_refused=refused (%d)
card=Card %s
alert=%d not posted
alert_do=# = seen
terminal=ID %d
""",
        """unsent=Unsent %d
recovery=OUTBOX FAULT
recovery_do=No taps possible
recovery_call=Call technician
code=Code %d
cancel_ask=Cancel sale?
cancel_do=D = cancel
cancelling=Cancelling
cancelled=Cancelled
not_cancelled=NOT cancelled
cancels=Cancels tap %d
keys_amount=#✓ C← *✗
keys_back=*←
keys_ask=#✓ *←
trace=TRACE %d
receipt=REF %d
""",
        """expiring=Next exp. %d
tap_again=Card again
training=TRAINING
not_posted=NOTHING posted
off=Off %s
hand_back=Hand back %s
left=Left %s
has_basket=Sold by items
points=Points %s
keys_sale=#✓ C← *✗ A=ITEMS
signal=%ddBm
key_points=B=POINTS C=TAPS
more_than_left=More than left
other_items=Not these items
by_items=Use A = ITEMS
expires=EXP %s
""",
        """online_back=When online  *←
codes=
10=Card unknown
11=Card not active
12=Card lost
13=Card blocked
14=Card expired
15=Card invalid
16=Card suspect
20=Member suspended
30=Too few points
32=Not by the rules
37=Not found
38=Nothing left
39=Sum/items wrong
40=Voided
41=HQ will decide
42=Too late for it
50=Unknown operator
51=PIN wrong
52=Operator barred
53=Not allowed now
54=Not allowed now
60=Malformed
61=Not supported
62=Sent again
90=Try again later
""",
    )


def faults():
    return """
301=No network
302=No server found
303=Link is too slow
304=Server not safe
305=Server is silent
306=Login refused
307=Replies barred
308=Nothing is acked
309=Link went dead
310=Server hung up
311=Garbled server
312=False reply
313=Gateway silent
314=Modem is dead
315=No SIM card
316=SIM wants a PIN
317=SIM PIN is wrong
318=SIM locked (PUK)
319=SIM card fails
320=Not registered
321=Network denies
322=No data (APN?)
323=No PPP address
324=PPP is stuck
325=Wi-Fi not found
326=Wi-Fi password
327=Wi-Fi refuses us
"""
