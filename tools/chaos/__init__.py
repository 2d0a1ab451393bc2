"""Real processes under kill -9 and a misbehaving network: `make chaos MINUTES=n`.

faults.py  what a link can do wrong, each a named option with its unit
proxy.py   the TCP proxy that does it
schedule.py  who is killed where, and which link misbehaves, when: a function of the seed
stage.py   database, broker, workers and handsets as processes, in one folder
postgres.py  a PostgreSQL server of our own, to be killed
witness.py  what the handsets said: saved, settled, moved
cashiers.py  taps, all the time
blows.py   kills and faults carried out and counted
journal.py  what happened, in order and with its time
run.py     one round: up, chaos, the last kill, drain, verdict
verdict.py  ledger against handsets, pure
view.py, command.py  what a person sees and types
"""
