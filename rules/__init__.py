"""The decision: pure functions from facts and a moment to a Decision.

Owns: eligibility, discounts, stacking, amounts, reasons. Imports only the standard library and msgspec: no
I/O, no clock, no randomness. What cannot happen: an exception on decodable input, a negative amount, a share
lost between lines.
"""
