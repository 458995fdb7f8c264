"""A backup of everything that SQL holds, in one file that any database of this program can be made from.

Owns the file's form, its making, its verification and its loading. Knows tables and columns, not what they
mean; Redis is not in it, because counters are made anew from the ledger.
"""
