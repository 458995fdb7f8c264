"""Segments: static lists of customers, and filters that decisions evaluate live. Every write raises
"seg:<id>".
"""
