"""Failed redemptions, kept as best effort: never awaited, bounded, outside every promise (D14)."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.core.core import RedemptionCore
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
"""Failures at once of which a trace is made: a flood of refusals must not slow a sale."""

_pending: set[asyncio.Task[None]] = set()


def note_failures(
    core: RedemptionCore, asked: Asked, request: StackRequest, failed: Failed, now: datetime
) -> list[str]:
    """Ids (rf_) of the failed redemptions, in the order of `failed.results`; written in the background."""
    ids = [new_id("rf_") for _ in failed.results]
    if len(_pending) < PENDING_MAX:
        rows = [
            _row(redemption_id, asked, request, failed, result, now)
            for redemption_id, result in zip(ids, failed.results, strict=True)
        ]
        traced = failed if len(_pending) < TRACED_MAX else None
        task = asyncio.get_running_loop().create_task(_write(core, asked, rows, traced, now))
        _pending.add(task)
        task.add_done_callback(_pending.discard)
    return ids


async def _write(
    core: RedemptionCore, asked: Asked, rows: Sequence[dict[str, Any]], traced: Failed | None, now: datetime
) -> None:
    """After the answer: the trace is made anew, so that a decision that is not asked about costs no more."""
    trace = trace_of(traced, now) if traced is not None else None
    commands: list[Command] = [
        refusal_command(asked.partition, {**row, "trace": trace} if trace is not None else row)
        for row in rows
    ]
    with contextlib.suppress(CoreUnavailable):
        await core.read(asked.partition, commands)


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
