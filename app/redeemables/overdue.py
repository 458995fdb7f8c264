"""Holds past their deadline, released by the request that needs what they hold (D8): nobody waits for the
sweeper, and nobody who comes after the deadline is refused because of one.
"""

import time
from datetime import datetime
from typing import Final

from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.outcome import Code, CoreUnavailable
from app.redeemables.sessions import owned_alone, release_call
from rules.facts import Facts
from rules.reasons import Reason
from rules.verdict import Decision

SHORT: Final = frozenset(
    {Reason.QUANTITY_EXCEEDED, Reason.GIFT_AMOUNT_EXCEEDED, Reason.LOYALTY_CARD_POINTS_EXCEEDED}
)
LOOK_SECONDS: Final = 0.25
"""How long a voucher without an overdue hold is not looked at again by this process: a sold-out code must
not cost every loser a trip.
"""
LOOKS_KEPT_MAX: Final = 4_096
FIELDS_MAX: Final = 500
RELEASES_MAX: Final = 20

_looked: dict[str, float] = {}


async def free_overdue(
    core: RedemptionCore, keys: Keys, facts: Facts, decision: Decision, now: datetime
) -> bool:
    """Whether something was released of what the decision found short, so that it is worth deciding again.

    Raises: CoreUnavailable.
    """
    short = [
        result.candidate.id
        for result in decision.results
        if result.refusal is not None and result.refusal.reason in SHORT and result.candidate.id
    ]
    if not short:
        return False
    held = {name.id for name, counter in facts.counters.items() if counter.held}
    released = False
    for voucher_id in short:
        if voucher_id in held and await _free(core, keys, voucher_id, now):
            released = True
    return released


async def _free(core: RedemptionCore, keys: Keys, voucher_id: str, now: datetime) -> bool:
    moment = time.monotonic()
    if moment - _looked.get(voucher_id, -LOOK_SECONDS) < LOOK_SECONDS:
        return False
    reply, clock = await core.read(
        keys.partition, [("HSCAN", keys.voucher_sessions(voucher_id), 0, "COUNT", FIELDS_MAX), ("TIME",)]
    )
    for one in (reply, clock):
        if isinstance(one, Exception):
            raise CoreUnavailable(str(one))  # This process's own clock says nothing about a deadline.
    now_ms = int(clock[0]) * 1000 + int(clock[1]) // 1000
    fields = reply[1]
    due = [
        digest.decode()
        for digest, deadline in zip(fields[::2], fields[1::2], strict=True)
        if int(deadline) <= now_ms
    ]
    released = False
    for digest in due[:RELEASES_MAX]:
        released = await release_overdue(core, keys, digest, voucher_id, now) or released
    if not released:
        if len(_looked) >= LOOKS_KEPT_MAX:
            _looked.clear()
        _looked[voucher_id] = moment
    return released


async def release_overdue(
    core: RedemptionCore, keys: Keys, digest: str, voucher_id: str, now: datetime
) -> bool:
    """Release one session's hold of one voucher if its deadline has passed by the server's clock; whether it
    was. One that was consumed, released or locked anew meanwhile is left alone.

    Raises: CoreUnavailable.
    """
    (raw,) = await core.read(keys.partition, [("HGET", keys.session(digest), voucher_id)])
    if not isinstance(raw, bytes):
        return False
    call = release_call(keys, owned_alone(digest, voucher_id, raw), voucher_id, now, None, only_due=True)
    outcome = await core.apply(call)
    return outcome.code in (Code.OK, Code.DUP)
