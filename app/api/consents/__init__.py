"""Consents: what a project asks its customers for, and who gave which, and when."""
