"""English texts of slips, one a line, in the order of slip_names.py."""


def parts():
    return (
        """sale=SALE
redemption=REDEMPTION
void=CANCELLED
refund=REFUND
day_end=DAY END
copy=*** REPRINT ***
training=TRAINING - NOTHING POSTS
terminal=Terminal
operator=Operator
time=Time
no_time=clock not set
tap=Tap
receipt=Receipt
card=Card
member=Member
original=Takes back
""",
        """amount=Amount
off=Paid by points
to_pay=To pay
back=Hand back
points=Points
balance=Balance
posted=Posted
saved=Saved, will post
saved_do=Points follow when online
refused=REFUSED
held=Held for head office
no_points=No points were posted
cancelling=Being cancelled
thanks=Thank you
taps=Taps
unsent=Not sent yet
""",
        """agrees=Agrees with head office
differs=DIFFERS FROM HEAD OFFICE
not_compared=Not compared yet
other=Type
code=code
here=here
gateway=head office
no_taps=None posted
""",
    )
