"""Redemptions: take, list, look up, roll back."""
