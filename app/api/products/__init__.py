"""Products and their SKUs. Every write raises the project's "prod" version, by which processes forget what
they knew of products; nothing else guards them (D4).
"""
