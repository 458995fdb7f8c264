"""Owns the telling of others: the kinds of events, what is told to whom, its signatures, its delivery. Events
come in with their data made; what a voucher looks like, nobody here knows.
"""
