"""The examples of the OpenAPI document: a story is told to a running server through every operation, and what
was sent and answered is kept, with ids, moments and secrets made stable.
"""
