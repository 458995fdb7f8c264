"""GET /management/v1/engine/metrics: counters for an alarm, an extension of this engine."""
