"""Work that outlives a request. Every job is a row of async_actions: its progress is committed together with
what it did, so a
process that dies in the middle is followed by one that goes on, and nothing is done twice.

May use everything but the rooms. Never holds a transaction longer than one slice.
"""
