"""Customers after a run of events: what requests told of them, and their summaries."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.core.records import CustomerRecord
from app.db.database import decode_json, encode_json
from app.db.models import Customer, Order, SnapshotDue
from app.db.noted import unnote
from app.db.scripts import Read, Script, Write, run_script
from app.identifiers import next_version
from app.ledger.changes import COMPLETED, CustomerChange, Row, instant
from app.ledger.statements import among, is_sqlite, statements_of

PARAMETERS_MAX: Final = 500
"""Ids in one IN: SQLite allows far more, but a plan for thousands is no plan."""


_KEY: Final = "n:customer:"

Last = tuple[int | None, datetime | None]
"""A customer's last order: its amount, and when it was made."""


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


async def patch_customers(
    session: AsyncSession, partition: Partition, changed: dict[str, CustomerChange], rules: CustomerRules
) -> Written:
    """Lay over them what requests told of them, before they are summarised."""
    written = Written()
    patched = [identity for identity, change in changed.items() if change.patches]
    if not patched:
        return written
    known = await run_script(session, _locked(session, partition, list(changed)))
    # Only whose lock is held: one that somebody makes at this moment fails the insert, and is met again.
    rows = await _customers(session, partition.project_id, [one for one in patched if one in known])
    for identity in patched:
        applied = [
            _apply_patch(session, partition.project_id, rows, patch, rules)
            for patch in changed[identity].patches
        ]
        if any(applied):
            written.customers.append(rules.record(rows[identity]))
    await session.flush()
    unnote(
        session,
        partition.project_id,
        "customers",
        [identity for identity, change in changed.items() if change.is_history],
    )
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


def _locked(session: AsyncSession, partition: Partition, ids: list[str]) -> Script[dict[str, Row]]:
    """Summaries under row locks in the order of ids, so that two writers never wait for each other."""
    wanted = among(session, sorted(ids))
    found = yield Read(statements_of(session).summaries, (partition.project_id, wanted))
    plain = is_sqlite(session)  # PostgreSQL's driver has decoded it.
    return {identity: decode_json(summary) if plain else summary for identity, summary in found}


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


def summarise(
    session: AsyncSession,
    partition: Partition,
    changed: dict[str, CustomerChange],
    rules: CustomerRules,
    lasts: Mapping[str, Last],
) -> Script[None]:
    """The summary is what the customer's counters say, never a sum of its own (D15).

    lasts: the last order of those of whom one counts no more.
    """
    moved = [
        identity
        for identity, change in changed.items()
        if change.counted or change.last_order_date is not None
    ]
    if not moved:
        return
    summaries = yield from _locked(session, partition, moved)
    statements = statements_of(session)
    keys = [_KEY + identity for identity in summaries]
    found = yield Read(statements.customer_counters, (partition.name, among(session, keys)))
    counters: dict[str, dict[str, int]] = {identity: {} for identity in summaries}
    for key, field, value in found:
        counters[key[len(_KEY) :]][field] = value
    updates = []
    for identity, known in summaries.items():
        change = changed[identity]
        last = lasts[identity] if change.takes_back else _newest(change, known.get("orders") or {})
        summary = encode_json(rules.summary(counters[identity], *last))
        updates.append((summary, partition.project_id, identity))
    yield Write(statements.summary, updates)


def _newest(change: CustomerChange, known: Mapping[str, Any]) -> Last:
    """Amount and date of the last order: of the run, else as known before."""
    text = known.get("last_order_date")
    before = datetime.fromisoformat(text) if text else None
    after = change.last_order_date
    if after is not None and (before is None or after >= before):
        return change.last_order_amount, after
    return known.get("last_order_amount"), before


async def last_orders(
    session: AsyncSession, project_id: str, changed: Mapping[str, CustomerChange]
) -> dict[str, Last]:
    """The newest order that counts, as written by this run, of those of whom one counts no more."""
    return {
        identity: await _last_order(session, project_id, identity)
        for identity, change in changed.items()
        if change.takes_back
    }


async def _last_order(session: AsyncSession, project_id: str, customer_id: str) -> Last:
    found = await session.execute(
        select(Order.amount, Order.created_at)
        .where(Order.project_id == project_id, Order.customer_id == customer_id, Order.status.in_(COMPLETED))
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return (None, None) if row is None else (row[0], row[1])
