"""The append-only truth: what was taken and given back, for ever.

Owns: the drain from the outbox to SQL, projections, reconcile, rebuild, recovery. May not know: HTTP, rules.
What cannot happen: an event twice, a gap in the sequence, a counter that the ledger cannot explain.
"""
