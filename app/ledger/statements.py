"""The statements that every batch of both stages runs, as the driver takes them: without the cost of building
SQL and converting values one by one (D10).
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, Integer, LargeBinary, String
from sqlalchemy.ext.asyncio import AsyncSession

import app.db.models  # noqa: F401  the columns' types
from app.db.base import Base, UtcDateTime
from app.db.database import encode_json
from app.db.scripts import Together

EVENT_COLUMNS: Final = (
    "part", "epoch", "seq", "rid", "project_id", "kind", "schema", "at_us", "actor_key_id", "body",
)  # fmt: skip
POSTING_COLUMNS: Final = (
    "part", "epoch", "seq", "n", "key", "field", "delta", "kind", "after", "until", "redeemable_no",
)  # fmt: skip
BODY_COLUMNS: Final = ("part", "epoch", "seq", "customer_id", "body")
KEYED_COLUMNS: Final = ("part", "epoch", "seq", "scope_hash", "fingerprint", "until")
COUNTER_COLUMNS: Final = ("part", "key", "field", "value", "held", "until", "epoch", "seq")
REDEMPTION_COLUMNS: Final = (
    "project_id", "id", "object", "result", "status", "customer_id", "order_id", "related_object_type",
    "related_object_id", "voucher_id", "tier_id", "campaign_id", "parent_id", "redemption_id", "failure_code",
    "amount", "part", "epoch", "seq", "date", "body",
)  # fmt: skip
ORDER_COLUMNS: Final = (
    "project_id", "id", "source_id", "version", "status", "customer_id", "amount", "created_at", "updated_at",
    "body",
)  # fmt: skip
ORDER_REPLACED: Final = ("source_id", "version", "status", "customer_id", "amount", "updated_at", "body")

MOVE_CURSOR: Final = (
    "UPDATE partitions SET cursor_seq = {0} "
    "WHERE part = {1} AND epoch = {2} AND cursor_epoch = {3} AND cursor_seq = {4}"
)
"""Compare and swap: it moves no row when another drain was faster or the epoch is over (I13)."""
MOVE_PROJECTED: Final = (
    "UPDATE partitions SET projected_epoch = {0}, projected_seq = {1} "
    "WHERE part = {2} AND projected_epoch = {3} AND projected_seq = {4}"
)
SUMMARISE: Final = (
    "UPDATE customers SET summary = ? WHERE project_id = ? AND id = ?",
    (
        "UPDATE customers SET summary = given.summary::jsonb "
        "FROM unnest($1::text[], $2::text[], $3::text[]) AS given(summary, project_id, id) "
        "WHERE customers.project_id = given.project_id AND customers.id = given.id"
    ),
)
SUMMARIES: Final = "SELECT id, summary FROM customers WHERE project_id = {0} AND id {1}"
CUSTOMER_COUNTERS: Final = "SELECT key, field, value FROM counters WHERE part = {0} AND key {1}"
AMONG: Final = ("IN (SELECT value FROM json_each(?))", "= ANY($2)")
"""Any of the values given as one parameter, see `among`: SQLite, PostgreSQL. The statement stays the same
however many there are, so that it is prepared once.
"""
VOUCHER_USED: Final = (
    "UPDATE vouchers SET redeemed_quantity = {0} - redeemed_base WHERE project_id = {1} AND id = {2}"
)
"""The counter began at what was redeemed elsewhere before; the column does not repeat that."""


def _marks(count: int, numbered: bool) -> list[str]:
    return [f"${number}" if numbered else "?" for number in range(1, count + 1)]


def _insert(table: str, columns: tuple[str, ...], numbered: bool) -> str:
    """SQLite: one row. PostgreSQL: any number, for to it every row by itself is a statement to be run."""
    names = ", ".join(f'"{column}"' for column in columns)
    if numbered:
        return f"INSERT INTO {table} ({names}) {_unnested(table, columns)}"
    values = ", ".join(_marks(len(columns), numbered))
    return f"INSERT INTO {table} ({names}) VALUES ({values})"  # noqa: S608  constants of this module


def _unnested(table: str, columns: tuple[str, ...]) -> str:
    """Rows from one array per column. No array is of a narrower type than its values: what does not fit is
    refused by the column, not cut.
    """
    known = Base.metadata.tables[table].columns
    arrays, taken = [], []
    for number, column in enumerate(columns, 1):
        kind: Any = known[column].type
        arrays.append(f"${number}::{next(array for base, array in _ARRAYS if isinstance(kind, base))}[]")
        taken.append(f'"{column}"::jsonb' if isinstance(kind, JSON) else f'"{column}"')
    names = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT {', '.join(taken)} FROM unnest({', '.join(arrays)}) AS given({names})"  # noqa: S608  the same


_ARRAYS: Final = (
    (JSON, "text"),
    (String, "text"),
    (Integer, "bigint"),
    (LargeBinary, "bytea"),
    (UtcDateTime, "timestamptz"),
)
"""By the type of a column: of what PostgreSQL is given an array."""


def _upsert_counter(changed: tuple[str, ...], numbered: bool) -> str:
    updates = ", ".join(f"{column} = excluded.{column}" for column in changed)
    insert = _insert("counters", COUNTER_COLUMNS, numbered)
    return f"{insert} ON CONFLICT (part, key, field) DO UPDATE SET {updates}"


def _upsert_order(numbered: bool) -> str:
    """An older version changes nothing."""
    updates = ", ".join(f"{column} = excluded.{column}" for column in ORDER_REPLACED)
    insert = _insert("orders", ORDER_COLUMNS, numbered)
    newer = "orders.version < excluded.version"
    return f"{insert} ON CONFLICT (project_id, id) DO UPDATE SET {updates} WHERE {newer}"


def _add(table: str, columns: tuple[str, ...], numbered: bool) -> str:
    """Add to columns of one row: the amounts, its project, its id."""
    marks = _marks(len(columns) + 2, numbered)
    added = ", ".join(f"{column} = {column} + {mark}" for column, mark in zip(columns, marks, strict=False))
    return f"UPDATE {table} SET {added} WHERE project_id = {marks[-2]} AND id = {marks[-1]}"  # noqa: S608  the same


class Statements(NamedTuple):
    """One set per kind of database: they differ in how a parameter is written."""

    event: str
    posting: str
    body: str
    keyed: str
    counter_value: str
    """A counter that was moved: what is held of it stays."""
    counter_held: str
    """A counter of which something was held or released: its value stays, or is its base when it is new."""
    cursor: str
    projected: str
    redemption: str
    order: str
    summary: str
    summaries: str
    """Of customers who are locked by it, in the order of their ids."""
    customer_counters: str
    voucher_used: str
    voucher_credits: str
    """Credits that redemptions used."""
    card_moved: str
    """By hand: credited, subtracted."""
    tier_moved: str


def _statements(numbered: bool) -> Statements:
    among = (_marks(1, numbered)[0], AMONG[numbered])
    together = Together if numbered else str
    return Statements(
        event=together(_insert("ledger_events", EVENT_COLUMNS, numbered)),
        posting=together(_insert("ledger_postings", POSTING_COLUMNS, numbered)),
        body=together(_insert("event_bodies", BODY_COLUMNS, numbered)),
        keyed=together(_insert("idempotent_events", KEYED_COLUMNS, numbered)),
        counter_value=together(_upsert_counter(("value", "until", "epoch", "seq"), numbered)),
        counter_held=together(_upsert_counter(("held", "epoch", "seq"), numbered)),
        cursor=MOVE_CURSOR.format(*_marks(5, numbered)),
        projected=MOVE_PROJECTED.format(*_marks(5, numbered)),
        redemption=together(_insert("redemptions", REDEMPTION_COLUMNS, numbered)),
        order=together(_upsert_order(numbered)),
        summary=together(SUMMARISE[numbered]),
        summaries=SUMMARIES.format(*among) + (" ORDER BY id FOR UPDATE" if numbered else ""),
        customer_counters=CUSTOMER_COUNTERS.format(*among),
        voucher_used=VOUCHER_USED.format(*_marks(3, numbered)),
        voucher_credits=_add("vouchers", ("redeemed_amount",), numbered),
        card_moved=_add("vouchers", ("credited_amount", "subtracted_amount"), numbered),
        tier_moved=_add("promotion_tiers", ("redeemed_count", "orders_amount", "orders_discount"), numbered),
    )


SQLITE: Final = _statements(numbered=False)
POSTGRESQL: Final = _statements(numbered=True)


def statements_of(session: AsyncSession) -> Statements:
    """Of the session's kind of database."""
    return SQLITE if is_sqlite(session) else POSTGRESQL


def is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def among(session: AsyncSession, values: list[str]) -> str | list[str]:
    """As the parameter of a statement that looks for any of them."""
    return encode_json(values) if is_sqlite(session) else values


def sqlite_instant(instant: datetime) -> str:
    """An instant in UTC as SQLAlchemy keeps it in SQLite, microseconds always told."""
    text = instant.isoformat(" ", "microseconds")
    return text[:26]
