"""The wire contract of Pointwire: CBOR, COSE_Mac0, messages, keys, topics, limits.

Pure and without IO; the same source runs on MicroPython and on CPython. See README.md.
"""
