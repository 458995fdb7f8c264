"""Failed redemptions and rollbacks, kept as best effort: never awaited, bounded, without a promise (D14)."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.outcome import CoreUnavailable
from app.identifiers import new_id
from app.ledger.refusals import refusal_command
from app.redeemables.answer import tracking_of
from app.redeemables.customers import simple_customer
from app.redeemables.documents import instant_text
from app.redeemables.read_trip import Asked, Command
from app.redeemables.redeem import Failed
from app.redeemables.redemption_wire import redeemed_wire
from app.redeemables.request import StackRequest
from app.redeemables.traces import trace_of
from rules.reasons import REASONS
from rules.verdict import Result

PENDING_MAX = 1_000
TRACED_MAX = 20
TRACED_SECONDS = 0.2
"""So many failures of which a trace is made within this time: a flood of refusals must not slow a sale."""
TOGETHER_MAX = 100
"""Refusals in one trip."""


class _Noted(NamedTuple):
    """A row that waits to be written. traced: the failure of which a trace goes with it."""

    row: dict[str, Any]
    traced: Failed | None
    now: datetime


class _Writer:
    """Writes what was noted of one partition: while a trip is under way, what comes gathers for the next."""

    def __init__(self) -> None:
        self.noted: deque[_Noted] = deque()
        self.task: asyncio.Task[None] | None = None


class _Traces:
    """How many more may be made for the moment."""

    def __init__(self) -> None:
        self._left = TRACED_MAX
        self._until = 0.0

    def take(self) -> bool:
        now = time.monotonic()
        if now >= self._until:
            self._left, self._until = TRACED_MAX, now + TRACED_SECONDS
        if not self._left:
            return False
        self._left -= 1
        return True


_traces = _Traces()
_writers: WeakKeyDictionary[RedemptionCore, dict[Partition, _Writer]] = WeakKeyDictionary()


def note_failures(
    core: RedemptionCore, asked: Asked, request: StackRequest, failed: Failed, now: datetime
) -> list[str]:
    """Ids (rf_) of the failed redemptions, in the order of `failed.results`; written in the background."""
    ids = [new_id("rf_") for _ in failed.results]
    if _waiting(core) < PENDING_MAX:
        traced = failed if _traces.take() else None
        for redemption_id, result in zip(ids, failed.results, strict=True):
            row = _row(redemption_id, asked, request, failed, result, now)
            _later(core, asked.partition, _Noted(row, traced, now))
    return ids


def note_failed_rollback(
    core: RedemptionCore,
    asked: Asked,
    redeemed: Mapping[str, Any],
    now: datetime,
    *,
    key: str,
    message: str,
    reason: str | None,
    metadata: Mapping[str, Any] | None,
) -> str:
    """Id (rrf_) of the failed rollback, written in the background. redeemed: the wire object of what was to
    be taken back, a stack's parent for a stack.
    """
    rollback_id = new_id("rrf_")
    if _waiting(core) < PENDING_MAX:
        body = {
            **redeemed,
            "id": rollback_id,
            "object": "redemption_rollback",
            "date": instant_text(now),
            "metadata": metadata or {},
            "redemption": redeemed["id"],
            "reason": reason,
            "amount": None,
            "result": "FAILURE",
            "status": "FAILED",
            "failure_code": key,
            "failure_message": message,
            "related_redemptions": None,
            "order": None,
            "channel": {"channel_id": asked.key_id, "channel_type": "API"},
        }
        body.pop("gift", None)
        _later(core, asked.partition, _Noted(_rollback_row(asked, body, now), None, now))
    return rollback_id


def _rollback_row(asked: Asked, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    kind, related_id = body["related_object_type"], body["related_object_id"]
    of = body.get("voucher") or body.get("promotion_tier") or {}
    return {
        "id": body["id"],
        "object": body["object"],
        "project_id": asked.partition.project_id,
        "date_us": int(now.timestamp() * 1_000_000),
        "failure_code": body["failure_code"],
        "related_object_type": kind,
        "related_object_id": related_id,
        "voucher_id": related_id if kind == "voucher" else None,
        "tier_id": related_id if kind == "promotion_tier" else None,
        "campaign_id": of.get("campaign_id"),
        "customer_id": body.get("customer_id"),
        "order_id": None,
        "redemption_id": body["redemption"],
        "body": body,
    }


def _waiting(core: RedemptionCore) -> int:
    """Rows that are not written yet."""
    return sum(len(writer.noted) for writer in _writers.get(core, {}).values())


def _later(core: RedemptionCore, partition: Partition, noted: _Noted) -> None:
    writers = _writers.setdefault(core, {})
    writer = writers.setdefault(partition, _Writer())
    writer.noted.append(noted)
    if writer.task is None:
        writer.task = asyncio.get_running_loop().create_task(_write(core, partition, writer))


async def _write(core: RedemptionCore, partition: Partition, writer: _Writer) -> None:
    """After the answer: a trace is made anew, so that a decision that is not asked about costs no more."""
    try:
        while writer.noted:
            commands: list[Command] = []
            while writer.noted and len(commands) < TOGETHER_MAX:
                row, traced, now = writer.noted.popleft()
                trace = trace_of(traced, now) if traced is not None else None
                kept = row if trace is None else {**row, "trace": trace}
                commands.append(refusal_command(partition, kept))
            with contextlib.suppress(CoreUnavailable):
                await core.read(partition, commands)
    finally:
        # In the same turn as the look that found nothing more: what is noted next has a writer of its own.
        _writers[core].pop(partition, None)


def _row(
    redemption_id: str, asked: Asked, request: StackRequest, failed: Failed, result: Result, now: datetime
) -> dict[str, Any]:
    gathered = failed.settled.gathered
    candidate = result.candidate
    refusal = result.refusal
    text = REASONS[refusal.reason] if refusal is not None else None
    customer_id = gathered.customer_id
    body: dict[str, Any] = {
        "id": redemption_id,
        "object": "redemption",
        "date": instant_text(now),
        "customer_id": customer_id,
        "tracking_id": tracking_of(gathered),
        "metadata": request.metadata or {},
        "redemption": None,
        "result": "FAILURE",
        "status": "FAILED",
        "related_redemptions": None,
        "failure_code": text.key if text else None,
        "failure_message": (refusal.message or text.message) if refusal and text else None,
        "order": None,
        "channel": {"channel_id": asked.key_id, "channel_type": "API"},
        "customer": simple_customer(customer_id, gathered.facts.customer),
        "related_object_type": candidate.object,
        "related_object_id": candidate.id or None,
    }
    if not candidate.absent:
        body.update(redeemed_wire(result, gathered))
    return {
        "id": redemption_id,
        "object": "redemption",
        "project_id": asked.partition.project_id,
        "date_us": int(now.timestamp() * 1_000_000),
        "failure_code": body["failure_code"],
        "related_object_type": candidate.object,
        "related_object_id": candidate.id or None,
        "voucher_id": candidate.id if candidate.object == "voucher" and candidate.id else None,
        "tier_id": candidate.id if candidate.object == "promotion_tier" and candidate.id else None,
        "campaign_id": candidate.campaign_id,
        "customer_id": customer_id,
        "order_id": None,
        "body": body,
    }
