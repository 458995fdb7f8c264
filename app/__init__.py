"""Vouchsafe: a self-hosted promotions and coupon engine."""
