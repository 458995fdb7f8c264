"""Owns the audit chain (D12): what a transaction changed, by whom, appended in that same transaction; its
verification and its reading. May not know HTTP, Redis or rules.
"""
