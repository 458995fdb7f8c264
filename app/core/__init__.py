"""The Redis core: every counter, balance, hold and record, moved by one script.

Owns: key names, scripts, the multiplexing client, outcomes. May not know: rules, SQL, HTTP. What cannot
happen: a taking that passes its cap, half a stack, an acknowledged taking without its event in the outbox.
"""
