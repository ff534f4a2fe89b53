"""Where the keys of a party come from: one row of KEY_SOURCES for each kind of identifier.

A kind of identifier is one file beside `did.py` and one row in `table.py`. The programs hand the table to everything
that reads an identifier; nothing looks it up by itself.
"""
