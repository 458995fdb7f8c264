"""Why a redemption failed, as decided at that moment: kept with the failure for some days (explain)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from app.redeemables.redeem import Failed
from rules.decide import decide
from rules.facts import Moment

TRACE_BYTES_MAX: Final = 65_536
"""A longer one is left out: it would have to be read by a person."""

_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def trace_of(failed: Failed, now: datetime) -> Mapping[str, Any] | None:
    """The trace of the decision and the counters that it saw. None when it is too long to be kept."""
    gathered, decision = failed.settled.gathered, failed.settled.decision
    trace = decision.trace
    if trace is None:
        trace = decide(gathered.facts, Moment(now=now, zone=gathered.project.zone), explain=True).trace
    counters = [
        {"scope": name.scope, "id": name.id, "field": name.field, "window": name.window or None,
         "value": counter.value, "held": counter.held}
        for name, counter in gathered.facts.counters.items()
    ]  # fmt: skip
    encoded = _encoder.encode({"trace": trace, "counters": counters, "guards": gathered.guards})
    if len(encoded) > TRACE_BYTES_MAX:
        return None
    kept: dict[str, Any] = msgspec.json.decode(encoded)
    return kept
