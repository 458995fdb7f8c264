"""The fault programme: real servers under load, hurt on purpose, and a checker that knows every promise.

Knows the public API, the ledger's tables and the processes of one machine; nothing of the engine imports it.
"""
