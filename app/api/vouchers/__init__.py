"""Vouchers: single codes and the codes of campaigns, as people and clients see them.

Counts in the answers are projections of the ledger and are read behind the read barrier; nothing here moves a
counter.
"""
