"""Orders: create, read, list, update. Every write is an event that the core accepted (D15); SQL is its
projection, read behind the barrier.
"""
