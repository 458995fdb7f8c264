"""The collected changes of a run, as few statements as there are tables."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.core.records import CustomerRecord
from app.db.models import (
    Counter,
    Customer,
    CustomEvent,
    Order,
    PromotionTier,
    Redemption,
    SnapshotDue,
    Voucher,
)
from app.db.noted import note_rows, note_touched, unnote
from app.identifiers import next_version
from app.ledger.changes import COMPLETED, ROLLED_BACK, Changes, CustomerChange, Row, Undone, instant
from app.ledger.locks import write_locks
from app.ledger.transactions import write_transactions

PARAMETERS_MAX: Final = 500
"""Ids in one IN: SQLite allows far more, but a plan for thousands is no plan."""

_REDEMPTIONS: Final[Any] = Redemption.__table__
_INSERT_REDEMPTION: Final = insert(_REDEMPTIONS)
"""On the table, not the model: rows go to the driver as they are."""


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


async def write_changes(
    session: AsyncSession, partition: Partition, changes: Changes, customers: CustomerRules
) -> Written:
    """All rows of a run, in the caller's transaction."""
    project_id = partition.project_id
    if changes.redemptions:
        await (await session.connection()).execute(_INSERT_REDEMPTION, changes.redemptions)
        note_rows(session, project_id, "redemptions", changes.redemptions)
    if changes.custom_events:
        await session.execute(insert(CustomEvent), changes.custom_events)
        note_rows(session, project_id, "custom_events", changes.custom_events)
    await _undo(session, project_id, changes.undone)
    await write_transactions(session, project_id, changes.movements)
    await _move_vouchers(session, project_id, changes)
    await _move_tiers(session, project_id, changes)
    await write_locks(session, partition, changes.locks)
    await _write_orders(session, list(changes.orders.values()))
    happened = [row["customer_id"] for row in changes.custom_events]
    note_touched(session, project_id, [*changes.customers, *happened])
    return await _write_customers(session, partition, changes.customers, customers)


async def _undo(session: AsyncSession, project_id: str, undone: list[Undone]) -> None:
    """A redemption that was rolled back says so, in its row and in its body."""
    if not undone:
        return
    ids = list({one.redemption_id for one in undone})
    rows = (
        await session.execute(
            select(Redemption.id, Redemption.status, Redemption.body).where(
                Redemption.project_id == project_id, Redemption.id.in_(ids)
            )
        )
    ).all()
    stored = {row.id: (row.status, dict(row.body)) for row in rows}
    for one in undone:
        if one.redemption_id not in stored:
            continue
        status, body = stored[one.redemption_id]
        related = dict(body.get("related_redemptions") or {})
        date = one.date.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        related["rollbacks"] = [*(related.get("rollbacks") or ()), {"id": one.rollback_id, "date": date}]
        body["related_redemptions"] = related
        if one.complete:
            status = body["status"] = ROLLED_BACK
        stored[one.redemption_id] = (status, body)
    await _update_many(
        session,
        Redemption,
        project_id,
        [{"b_id": identity, "status": status, "body": body} for identity, (status, body) in stored.items()],
        ("status", "body"),
    )


async def _move_vouchers(session: AsyncSession, project_id: str, changes: Changes) -> None:
    if changes.redeemed_quantity:
        # The counter began at what was redeemed elsewhere before; the column does not repeat that.
        table: Any = Voucher.__table__
        statement = (
            update(table)
            .where(table.c.project_id == project_id, table.c.id == bindparam("b_id"))
            .values(redeemed_quantity=bindparam("used") - table.c.redeemed_base)
        )
        rows = [{"b_id": identity, "used": used} for identity, used in changes.redeemed_quantity.items()]
        await (await session.connection()).execute(statement, rows)
    await _add_many(
        session,
        Voucher,
        project_id,
        [{"b_id": identity, "redeemed_amount": used} for identity, used in changes.redeemed_amount.items()],
        ("redeemed_amount",),
    )
    await _add_many(
        session,
        Voucher,
        project_id,
        [
            {"b_id": identity, "credited_amount": credit.credited, "subtracted_amount": credit.subtracted}
            for identity, credit in changes.credits.items()
        ],
        ("credited_amount", "subtracted_amount"),
    )


async def _move_tiers(session: AsyncSession, project_id: str, changes: Changes) -> None:
    await _add_many(
        session,
        PromotionTier,
        project_id,
        [
            {
                "b_id": identity,
                "redeemed_count": move.redeemed,
                "orders_amount": move.orders_amount,
                "orders_discount": move.orders_discount,
            }
            for identity, move in changes.tiers.items()
        ],
        ("redeemed_count", "orders_amount", "orders_discount"),
    )


async def _update_many(
    session: AsyncSession, model: Any, project_id: str, rows: list[Row], columns: tuple[str, ...]
) -> None:
    """Set columns, one execution per row of the same statement."""
    if not rows:
        return
    table = model.__table__
    statement = (
        update(table)
        .where(table.c.project_id == project_id, table.c.id == bindparam("b_id"))
        .values({column: bindparam(column) for column in columns})
    )
    await (await session.connection()).execute(statement, rows)


async def _add_many(
    session: AsyncSession, model: Any, project_id: str, rows: list[Row], columns: tuple[str, ...]
) -> None:
    """Add to columns, one execution per row of the same statement."""
    if not rows:
        return
    table = model.__table__
    statement = (
        update(table)
        .where(table.c.project_id == project_id, table.c.id == bindparam("b_id"))
        .values({column: table.c[column] + bindparam(column) for column in columns})
    )
    await (await session.connection()).execute(statement, rows)


async def _write_orders(session: AsyncSession, rows: list[Row]) -> None:
    """Insert or replace by a newer version; an older one changes nothing."""
    if not rows:
        return
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    stored: Any = postgresql.insert(Order) if is_postgresql else sqlite.insert(Order)
    replaced = ("source_id", "version", "status", "customer_id", "amount", "updated_at", "body")
    statement = stored.on_conflict_do_update(
        index_elements=["project_id", "id"],
        set_={column: getattr(stored.excluded, column) for column in replaced},
        where=Order.version < stored.excluded.version,
    )
    await (await session.connection()).execute(statement, rows)


async def _write_customers(
    session: AsyncSession, partition: Partition, changed: dict[str, CustomerChange], rules: CustomerRules
) -> Written:
    written = Written()
    if not changed:
        return written
    rows = await _locked_customers(session, partition.project_id, list(changed))
    for identity, change in changed.items():
        applied = [
            _apply_patch(session, partition.project_id, rows, patch, rules) for patch in change.patches
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
    await _summarise(session, partition, changed, rows, rules)
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


async def _locked_customers(session: AsyncSession, project_id: str, ids: list[str]) -> dict[str, Customer]:
    """Under row locks in the order of ids, so that two writers never wait for each other."""
    rows: dict[str, Customer] = {}
    ids = sorted(ids)
    for start in range(0, len(ids), PARAMETERS_MAX):
        found = await session.scalars(
            select(Customer)
            .where(Customer.project_id == project_id, Customer.id.in_(ids[start : start + PARAMETERS_MAX]))
            .order_by(Customer.id)
            .with_for_update()
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
    rows: dict[str, Customer],
    rules: CustomerRules,
) -> None:
    """The summary is what the customer's counters say, never a sum of its own (D15)."""
    moved = [
        identity
        for identity, change in changed.items()
        if identity in rows and (change.counted or change.last_order_date is not None)
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
        change, row = changed[identity], rows[identity]
        if change.takes_back:
            amount, date = await _last_order(session, partition.project_id, identity)
        else:
            amount, date = _newest(change, row.summary.get("orders") or {})
        updates.append({"b_id": identity, "summary": rules.summary(counters[identity], amount, date)})
    await _update_many(session, Customer, partition.project_id, updates, ("summary",))


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
