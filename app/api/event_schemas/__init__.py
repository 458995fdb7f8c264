"""Schemas of custom events, under /management/v1: what an event's metadata must be, and which of it is
counted.
"""
