"""Failed redemptions and rollbacks, kept as best effort: never awaited, bounded, without a promise (D14)."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
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
        _later(core, asked, rows, traced, now)
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
    if len(_pending) < PENDING_MAX:
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
        _later(core, asked, [_rollback_row(asked, body, now)], None, now)
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


def _later(
    core: RedemptionCore,
    asked: Asked,
    rows: Sequence[dict[str, Any]],
    traced: Failed | None,
    now: datetime,
) -> None:
    task = asyncio.get_running_loop().create_task(_write(core, asked, rows, traced, now))
    _pending.add(task)
    task.add_done_callback(_pending.discard)


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
