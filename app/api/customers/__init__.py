"""Customers: upsert, read, list, update, delete. SQL owns the profile; the core is told after each commit."""
