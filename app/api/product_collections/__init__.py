"""Product collections: static lists of products and SKUs, and filters that are evaluated when somebody asks.

Every write raises the guard "col:<id>", so no decision is made from an old definition (D4).
"""
