"""The best-effort stream of refusals (D14): failed redemptions on their way to SQL, outside the sequence and
its promises.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app.core import keys as names
from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.db.database import Database
from app.db.models import FailureTrace, Redemption
from app.db.noted import note_rows
from app.ledger.changes import Row, instant

REFUSALS_MAX: Final = 100
"""Taken from one partition at a time: refusals never hold up the ledger."""
STREAM_ENTRIES_MAX: Final = 20_000
"""Approximate length at which the writer's XADD drops the oldest."""

EARLY_SECONDS_MAX: Final = 30.0
"""How long a failed rollback waits for the one before it."""

TRACES_KEPT: Final = timedelta(days=14)
"""How long it can be asked why a redemption failed."""

log = structlog.get_logger("vouchsafe.ledger")

_encoder = msgspec.msgpack.Encoder(decimal_format="number")
_decoder = msgspec.msgpack.Decoder(dict[str, Any])


def refusal_command(partition: Partition, refusal: Mapping[str, Any]) -> tuple[str | bytes | int, ...]:
    """The XADD that stores a refusal; nobody waits for it.

    refusal: id, project_id, date_us, body (the wire object), failure_code and, where known, object,
    customer_id, order_id, related_object_type, related_object_id, voucher_id, tier_id, campaign_id,
    redemption_id, trace (why, kept beside it for some days).
    """
    return (
        "XADD", names.refused(partition), "MAXLEN", "~", STREAM_ENTRIES_MAX, "*",
        "e", _encoder.encode(refusal),
    )  # fmt: skip


async def drain_refusals(core: RedemptionCore, db: Database, partitions: Sequence[Partition]) -> int:
    """Store what waits, then drop it from the streams; how many. A crash in between stores nothing twice: ids
    are unique.

    Raises: CoreUnavailable.
    """
    total = 0
    for start in range(0, len(partitions), REFUSALS_MAX):
        asked = partitions[start : start + REFUSALS_MAX]
        replies = await core.read(
            asked[0], [("XRANGE", names.refused(one), "-", "+", "COUNT", REFUSALS_MAX) for one in asked]
        )
        for partition, reply in zip(asked, replies, strict=True):
            if reply and not isinstance(reply, Exception):
                total += await _store(core, db, partition, reply)
    return total


async def _store(core: RedemptionCore, db: Database, partition: Partition, entries: list[Any]) -> int:
    rows: dict[str, Row] = {}
    traces: dict[str, Row] = {}
    read = [
        (entry_id, raw, _row(partition, raw))
        for entry_id, flat in entries
        for raw in (dict(zip(flat[::2], flat[1::2], strict=True)).get(b"e", b""),)
    ]
    early = await _early(db, partition, {entry_id: row for entry_id, _, row in read if row is not None})
    done = []
    for entry_id, raw, row in read:
        if entry_id in early:
            continue
        done.append(entry_id)
        if row is not None:
            rows[row["id"]] = row
            trace = _decoder.decode(raw).get("trace")
            if isinstance(trace, dict):
                traces[row["id"]] = {
                    "project_id": partition.project_id, "id": row["id"], "at": row["date"], "body": trace
                }  # fmt: skip
    dialect: Any = sqlite if db.is_sqlite else postgresql
    if rows:
        async with db.writing() as session:
            connection = await session.connection()
            for table, values in ((Redemption, rows), (FailureTrace, traces)):
                if values:
                    insert = dialect.insert(table)
                    await connection.execute(
                        insert.on_conflict_do_nothing(index_elements=["project_id", "id"]),
                        list(values.values()),
                    )
            note_rows(session, partition.project_id, "refusals", list(rows.values()))
            if traces:
                oldest = max(one["at"] for one in traces.values()) - TRACES_KEPT
                await connection.execute(delete(FailureTrace).where(FailureTrace.at < oldest))
    if done:
        await core.read(partition, [("XDEL", names.refused(partition), *done)])
    return len(rows)


async def _early(db: Database, partition: Partition, rows: Mapping[bytes, Row]) -> set[bytes]:
    """Entries of failed rollbacks that wait until the rollback before them is projected: whoever is told
    of both hears of them in their order. Half a minute at most: a failure is kept even if the ledger is not.
    """
    waiting = {
        entry_id: row["redemption_id"]
        for entry_id, row in rows.items()
        if row["object"] == "redemption_rollback"
        and int(entry_id.partition(b"-")[0]) / 1_000 > time.time() - EARLY_SECONDS_MAX
    }
    if not waiting:
        return set()
    async with db.reading() as session:
        known = set(
            await session.scalars(
                select(Redemption.id).where(
                    Redemption.project_id == partition.project_id,
                    Redemption.id.in_(set(waiting.values())),
                    Redemption.status == "ROLLED_BACK",
                )
            )
        )
    return {entry_id for entry_id, redemption_id in waiting.items() if redemption_id not in known}


def _row(partition: Partition, raw: bytes) -> Row | None:
    try:
        refusal = _decoder.decode(raw)
        body = refusal["body"]
        return {
            "project_id": partition.project_id,
            "id": refusal["id"],
            "object": refusal.get("object") or body.get("object") or "redemption",
            "date": instant(refusal["date_us"]),
            "result": "FAILURE",
            "status": body.get("status") or "FAILED",
            "customer_id": refusal.get("customer_id"),
            "order_id": refusal.get("order_id"),
            "related_object_type": refusal.get("related_object_type")
            or body.get("related_object_type")
            or "voucher",
            "related_object_id": refusal.get("related_object_id"),
            "voucher_id": refusal.get("voucher_id"),
            "tier_id": refusal.get("tier_id"),
            "campaign_id": refusal.get("campaign_id"),
            "parent_id": refusal.get("parent_id"),
            "redemption_id": refusal.get("redemption_id"),
            "failure_code": refusal.get("failure_code"),
            "amount": refusal.get("amount"),
            "part": partition.part,
            "epoch": None,
            "seq": None,
            "body": body,
        }
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError) as error:
        log.warning("refusal cannot be read", partition=partition.name, error=str(error))
        return None
