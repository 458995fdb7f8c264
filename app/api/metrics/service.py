"""What is measured when it is asked for: durability, calls under way, and how far the ledger is behind."""

from app.core.outcome import CoreUnavailable
from app.engine import Engine
from app.ledger.partitions import live_partitions

PARTITIONS_PER_TRIP = 200


async def gauges(engine: Engine) -> bytes:
    """Lines in the format of Prometheus. What Redis or the database would have to tell and cannot is left
    out: a gauge that is missing is an alarm of its own.
    """
    lines = [
        "# HELP vouchsafe_durability_level 1 for the level that acknowledgements have now.",
        "# TYPE vouchsafe_durability_level gauge",
        *(
            f'vouchsafe_durability_level{{level="{level}"}} {int(engine.ledger.level == level)}'
            for level in ("journal", "ledger")
        ),
        "# HELP vouchsafe_durability_unproven 1 while the level that was asked for cannot be proven.",
        "# TYPE vouchsafe_durability_unproven gauge",
        f"vouchsafe_durability_unproven {int(bool(engine.ledger.unproven))}",
        "# HELP vouchsafe_core_in_flight Calls to Redis under way in the worker that answers.",
        "# TYPE vouchsafe_core_in_flight gauge",
        f"vouchsafe_core_in_flight {engine.core.in_flight}",
    ]
    try:
        waiting_bytes, waiting_events = await _behind(engine)
    except (CoreUnavailable, OSError):
        return _text(lines)
    lines += [
        "# HELP vouchsafe_outbox_bytes What waits for the ledger, of all projects.",
        "# TYPE vouchsafe_outbox_bytes gauge",
        f"vouchsafe_outbox_bytes {waiting_bytes}",
        "# HELP vouchsafe_ledger_lag_events Events that are not in the ledger yet, of all projects.",
        "# TYPE vouchsafe_ledger_lag_events gauge",
        f"vouchsafe_ledger_lag_events {waiting_events}",
    ]
    return _text(lines)


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


async def _behind(engine: Engine) -> tuple[int, int]:
    async with engine.db.reading() as session:
        states = await live_partitions(session)
    waiting_bytes = waiting_events = 0
    for start in range(0, len(states), PARTITIONS_PER_TRIP):
        page = states[start : start + PARTITIONS_PER_TRIP]
        metas = await engine.core.metas([state.partition for state in page])
        for state, meta in zip(page, metas, strict=True):
            if meta is None:
                continue
            waiting_bytes += meta.outbox_bytes
            if meta.epoch == state.cursor.epoch:
                waiting_events += max(0, meta.sequence - state.cursor.sequence)
    return waiting_bytes, waiting_events
