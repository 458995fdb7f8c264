"""The wallet of a customer for a checkout's widget (S25): codes, balances, what applies now, what is
missing.
"""
