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
from app.db.models import CustomEvent, Redemption
from app.db.noted import note_rows, note_touched
from app.db.scripts import Script, Values, Write, run_script
from app.ledger.changes import ROLLED_BACK, Changes, Row, Undone
from app.ledger.customer_writes import CustomerRules, Written, last_orders, patch_customers, summarise
from app.ledger.locks import write_locks
from app.ledger.statements import (
    ORDER_COLUMNS,
    REDEMPTION_COLUMNS,
    is_sqlite,
    sqlite_instant,
    statements_of,
)
from app.ledger.transactions import write_transactions

_redemption_values: Final = itemgetter(*REDEMPTION_COLUMNS[:-2])
_order_values: Final = itemgetter(*ORDER_COLUMNS[:-3])


class Overtaken(Exception):
    """Another projector moved the cursor first; nothing of this run is kept."""


async def write_changes(
    session: AsyncSession,
    partition: Partition,
    move: Values,
    changes: Changes,
    customers: CustomerRules,
) -> Written:
    """The cursor and all rows of a run, in the caller's transaction. move: what Statements.projected takes.

    Raises: Overtaken.
    """
    project_id = partition.project_id
    orders = list(changes.orders.values())
    begin = _begin(session, move, changes.redemptions, orders)
    end = _end(session, partition, changes)
    note_rows(session, project_id, "redemptions", changes.redemptions)
    happened = [row["customer_id"] for row in changes.custom_events]
    note_touched(session, project_id, [*changes.customers, *happened])
    if not _is_rare(changes):
        summaries = summarise(session, partition, changes.customers, customers, {})
        await run_script(session, _chained(begin, end, summaries))
        return Written()
    await run_script(session, begin)
    if changes.custom_events:
        await session.execute(insert(CustomEvent), changes.custom_events)
        note_rows(session, project_id, "custom_events", changes.custom_events)
    await _undo(session, project_id, changes.undone)
    await write_transactions(session, project_id, changes.movements)
    await write_locks(session, partition, changes.locks)
    await run_script(session, end)
    written = await patch_customers(session, partition, changes.customers, customers)
    lasts = await last_orders(session, project_id, changes.customers)
    await run_script(session, summarise(session, partition, changes.customers, customers, lasts))
    return written


def _is_rare(changes: Changes) -> bool:
    """Whether anything has to be done that is not a plain statement."""
    return bool(
        changes.custom_events
        or changes.undone
        or changes.movements
        or changes.locks
        or any(change.patches or change.takes_back for change in changes.customers.values())
    )


def _chained(*scripts: Script[None]) -> Script[None]:
    for script in scripts:
        yield from script


def _begin(session: AsyncSession, move: Values, redemptions: list[Row], orders: list[Row]) -> Script[None]:
    """The cursor by compare-and-swap, and the rows of which there are most."""
    statements, plain = statements_of(session), is_sqlite(session)
    if (yield Write(statements.projected, [move])) != 1:
        raise Overtaken
    texts = {id(order["body"]): encode_json(order["body"]) for order in orders}
    yield Write(statements.redemption, _redemption_rows(redemptions, texts, plain=plain))
    yield Write(statements.order, _order_rows(orders, texts, plain=plain))


def _end(session: AsyncSession, partition: Partition, changes: Changes) -> Script[None]:
    """What vouchers and promotion tiers say of themselves."""
    statements, project_id = statements_of(session), partition.project_id
    yield Write(
        statements.voucher_used,
        [(used, project_id, identity) for identity, used in changes.redeemed_quantity.items()],
    )
    yield Write(
        statements.voucher_credits,
        [(used, project_id, identity) for identity, used in changes.redeemed_amount.items()],
    )
    yield Write(
        statements.card_moved,
        [
            (credit.credited, credit.subtracted, project_id, identity)
            for identity, credit in changes.credits.items()
        ],
    )
    yield Write(
        statements.tier_moved,
        [
            (move.redeemed, move.orders_amount, move.orders_discount, project_id, identity)
            for identity, move in changes.tiers.items()
        ],
    )


def _redemption_rows(rows: list[Row], texts: Mapping[int, str], *, plain: bool) -> list[Values]:
    """texts: of the orders that are written beside them, by the identity of their documents."""
    written = []
    for row in rows:
        body = row["body"]
        text = texts.get(id(body.get("order")))
        document = encode_json(body if text is None else {**body, "order": Raw(text)})
        date = row["date"]
        written.append((*_redemption_values(row), sqlite_instant(date) if plain else date, document))
    return written


def _order_rows(rows: list[Row], texts: Mapping[int, str], *, plain: bool) -> list[Values]:
    """To be inserted, or to replace by a newer version; an older one changes nothing."""
    written = []
    for row in rows:
        made, changed = row["created_at"], row["updated_at"]
        if plain:
            made, changed = sqlite_instant(made), changed and sqlite_instant(changed)
        written.append((*_order_values(row), made, changed, texts[id(row["body"])]))
    return written


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
