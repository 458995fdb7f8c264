"""Discounts: one module per family, all from a context to a plan. Nothing here changes the cart."""
