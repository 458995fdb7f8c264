"""The collected changes of a run, as few statements as there are tables."""

from collections.abc import Mapping
from datetime import UTC
from operator import itemgetter
from typing import Any, Final

from msgspec import Raw
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.db.database import encode_json
from app.db.models import CustomEvent, PromotionTier, Redemption, Voucher
from app.db.noted import note_rows, note_touched
from app.ledger.changes import ROLLED_BACK, Changes, Row, Undone
from app.ledger.customer_writes import CustomerRules, Written, write_customers
from app.ledger.locks import write_locks
from app.ledger.statements import (
    ORDER_COLUMNS,
    REDEMPTION_COLUMNS,
    is_sqlite,
    run_many,
    sqlite_instant,
    statements_of,
)
from app.ledger.transactions import write_transactions

_redemption_values: Final = itemgetter(*REDEMPTION_COLUMNS[:-2])
_order_values: Final = itemgetter(*ORDER_COLUMNS[:-3])


async def write_changes(
    session: AsyncSession, partition: Partition, changes: Changes, customers: CustomerRules
) -> Written:
    """All rows of a run, in the caller's transaction."""
    project_id = partition.project_id
    orders = list(changes.orders.values())
    texts = {id(order["body"]): encode_json(order["body"]) for order in orders}
    if changes.redemptions:
        await _write_redemptions(session, changes.redemptions, texts)
        note_rows(session, project_id, "redemptions", changes.redemptions)
    if changes.custom_events:
        await session.execute(insert(CustomEvent), changes.custom_events)
        note_rows(session, project_id, "custom_events", changes.custom_events)
    await _undo(session, project_id, changes.undone)
    await write_transactions(session, project_id, changes.movements)
    await _move_vouchers(session, project_id, changes)
    await _move_tiers(session, project_id, changes)
    await write_locks(session, partition, changes.locks)
    await _write_orders(session, orders, texts)
    happened = [row["customer_id"] for row in changes.custom_events]
    note_touched(session, project_id, [*changes.customers, *happened])
    return await write_customers(session, partition, changes.customers, customers)


async def _write_redemptions(session: AsyncSession, rows: list[Row], texts: Mapping[int, str]) -> None:
    """texts: of the orders that are written beside them, by the identity of their documents."""
    plain = is_sqlite(session)
    written = []
    for row in rows:
        body = row["body"]
        text = texts.get(id(body.get("order")))
        document = encode_json(body if text is None else {**body, "order": Raw(text)})
        date = row["date"]
        written.append((*_redemption_values(row), sqlite_instant(date) if plain else date, document))
    await run_many(session, statements_of(session).redemption, written)


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


async def _write_orders(session: AsyncSession, rows: list[Row], texts: Mapping[int, str]) -> None:
    """Insert or replace by a newer version; an older one changes nothing."""
    plain = is_sqlite(session)
    written = []
    for row in rows:
        made, changed = row["created_at"], row["updated_at"]
        if plain:
            made, changed = sqlite_instant(made), changed and sqlite_instant(changed)
        written.append((*_order_values(row), made, changed, texts[id(row["body"])]))
    await run_many(session, statements_of(session).order, written)
