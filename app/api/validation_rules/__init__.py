"""Validation rules and what they are assigned to. A document that does not compile is refused, so every
stored one is a program.
"""
