"""Customers after a run of events: what requests told of them, and their summaries."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.core.records import CustomerRecord
from app.db.database import encode_json
from app.db.models import Counter, Customer, Order, SnapshotDue
from app.db.noted import unnote
from app.identifiers import next_version
from app.ledger.changes import COMPLETED, CustomerChange, Row, instant
from app.ledger.statements import run_many, statements_of

PARAMETERS_MAX: Final = 500
"""Ids in one IN: SQLite allows far more, but a plan for thousands is no plan."""


class CustomerRules(Struct, frozen=True):
    """How a customer is kept, as the customers' own module says it; handed in, because the ledger stands
    below it.
    """

    merge: Callable[[Customer, Mapping[str, Any]], bool]
    """Lay a patch over a row; whether anything changed."""
    record: Callable[[Customer], CustomerRecord]
    """What the core keeps of it."""
    summary: Callable[[Mapping[str, int], int | None, datetime | None], Row]
    """The wire summary from the customer's counters, the amount and the date of its last order."""


class Written(Struct):
    """What must be told to the core after the commit."""

    customers: list[CustomerRecord] = []
    due_id: int | None = None
    """The snapshots_due row that repeats the telling after a crash."""


async def write_customers(
    session: AsyncSession, partition: Partition, changed: dict[str, CustomerChange], rules: CustomerRules
) -> Written:
    written = Written()
    if not changed:
        return written
    summaries = await _locked_summaries(session, partition.project_id, list(changed))
    patched = [identity for identity, change in changed.items() if change.patches]
    # Only whose lock is held: one that somebody makes at this moment fails the insert, and is met again.
    rows = await _customers(session, partition.project_id, [one for one in patched if one in summaries])
    for identity in patched:
        applied = [
            _apply_patch(session, partition.project_id, rows, patch, rules)
            for patch in changed[identity].patches
        ]
        if any(applied):
            written.customers.append(rules.record(rows[identity]))
    for identity, row in rows.items():
        summaries.setdefault(identity, row.summary)
    await session.flush()
    unnote(
        session,
        partition.project_id,
        "customers",
        [identity for identity, change in changed.items() if change.is_history],
    )
    await _summarise(session, partition, changed, summaries, rules)
    if written.customers:
        due = SnapshotDue(
            project_id=partition.project_id,
            at=datetime.now(UTC),
            guards={},
            records=[["customer", record.id] for record in written.customers],
        )
        session.add(due)
        await session.flush()
        written.due_id = due.id
    return written


async def _locked_summaries(session: AsyncSession, project_id: str, ids: list[str]) -> dict[str, Row]:
    """Under row locks in the order of ids, so that two writers never wait for each other."""
    summaries: dict[str, Row] = {}
    ids = sorted(ids)
    for start in range(0, len(ids), PARAMETERS_MAX):
        found = await session.execute(
            select(Customer.id, Customer.summary)
            .where(Customer.project_id == project_id, Customer.id.in_(ids[start : start + PARAMETERS_MAX]))
            .order_by(Customer.id)
            .with_for_update()
        )
        summaries.update((identity, summary) for identity, summary in found)
    return summaries


async def _customers(session: AsyncSession, project_id: str, ids: list[str]) -> dict[str, Customer]:
    """Of those whom requests have told something about; they are locked."""
    rows: dict[str, Customer] = {}
    for start in range(0, len(ids), PARAMETERS_MAX):
        found = await session.scalars(
            select(Customer).where(
                Customer.project_id == project_id, Customer.id.in_(ids[start : start + PARAMETERS_MAX])
            )
        )
        rows.update({row.id: row for row in found})
    return rows


def _apply_patch(
    session: AsyncSession, project_id: str, rows: dict[str, Customer], sent: Row, rules: CustomerRules
) -> bool:
    """Merge one request's customer; whether the stored one changed."""
    at = instant(sent["at_us"])
    row = rows.get(sent["id"])
    if row is None:
        row = rows[sent["id"]] = Customer(
            project_id=project_id,
            id=sent["id"],
            source_id=sent.get("source_id"),
            name=None,
            email=None,
            body={},
            summary=rules.summary({}, None, None),
            version=next_version(),
            created_at=at,
            updated_at=None,
            deleted_at=None,
        )
        rules.merge(row, sent.get("patch") or {})
        session.add(row)
        return True
    if row.deleted_at is not None:
        if not sent.get("created"):
            return False  # decided before the deletion was published
        row.deleted_at, row.updated_at, row.created_at = None, None, at
        row.name, row.email, row.body = None, None, {}
        row.source_id = row.source_id or sent.get("source_id")
        rules.merge(row, sent.get("patch") or {})
        row.version = next_version(row.version)
        return True
    assigned = row.source_id is None and sent.get("source_id") is not None
    if assigned:
        row.source_id = sent["source_id"]
    if not rules.merge(row, sent.get("patch") or {}) and not assigned:
        return False
    row.updated_at = at
    row.version = next_version(row.version)
    return True


async def _summarise(
    session: AsyncSession,
    partition: Partition,
    changed: dict[str, CustomerChange],
    summaries: Mapping[str, Row],
    rules: CustomerRules,
) -> None:
    """The summary is what the customer's counters say, never a sum of its own (D15)."""
    moved = [
        identity
        for identity, change in changed.items()
        if identity in summaries and (change.counted or change.last_order_date is not None)
    ]
    counters: dict[str, dict[str, int]] = {identity: {} for identity in moved}
    for start in range(0, len(moved), PARAMETERS_MAX):
        keys = [f"n:customer:{identity}" for identity in moved[start : start + PARAMETERS_MAX]]
        found = await session.execute(
            select(Counter.key, Counter.field, Counter.value).where(
                Counter.part == partition.name, Counter.key.in_(keys)
            )
        )
        for key, field, value in found:
            counters[key.rpartition(":")[2]][field] = value
    updates = []
    for identity in moved:
        change = changed[identity]
        if change.takes_back:
            amount, date = await _last_order(session, partition.project_id, identity)
        else:
            amount, date = _newest(change, summaries[identity].get("orders") or {})
        summary = encode_json(rules.summary(counters[identity], amount, date))
        updates.append((summary, partition.project_id, identity))
    await run_many(session, statements_of(session).summary, updates)


def _newest(change: CustomerChange, known: Mapping[str, Any]) -> tuple[int | None, datetime | None]:
    """Amount and date of the last order: of the run, else as known before."""
    text = known.get("last_order_date")
    before = datetime.fromisoformat(text) if text else None
    after = change.last_order_date
    if after is not None and (before is None or after >= before):
        return change.last_order_amount, after
    return known.get("last_order_amount"), before


async def _last_order(
    session: AsyncSession, project_id: str, customer_id: str
) -> tuple[int | None, datetime | None]:
    """The newest order that counts, as written by this run."""
    found = await session.execute(
        select(Order.amount, Order.created_at)
        .where(Order.project_id == project_id, Order.customer_id == customer_id, Order.status.in_(COMPLETED))
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return (None, None) if row is None else (row[0], row[1])
