"""Promotion tiers: discounts without a code. A tier is guarded by its campaign's version; it has none of its
own (D4).
"""
