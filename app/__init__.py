"""Vouchsafe: a self-hosted promotions and coupon engine."""

__version__ = "0.1.0"
