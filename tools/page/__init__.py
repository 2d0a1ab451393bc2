"""The demo's page: every handset of it in a browser, live, with keys, cards and mishaps.

    feed     what is told to every page that is open
    street   the demo's handsets as the page knows them, and what it may do to them
    web      the HTTP routes, and who may use them
    serving  the server: a thread beside the demo's loop
    static/  the page itself: no library, nothing from elsewhere

Law: the page shows what the handsets' control channels say and nothing else: pixels are those of
the firmware, a posting is shown when the firmware said `settled`. Card numbers stay in this
process; a page names a card by its place in the drawer and shows its last four digits.
"""
