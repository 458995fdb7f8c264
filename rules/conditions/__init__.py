"""The rules of a rule set, one module per family: each compiles to a node that says why it fails, or
nothing.
"""
