"""The statements that every batch of both stages runs, as the driver takes them: executemany without the cost
of building SQL and converting values one by one (D10).
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

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
SUMMARISE: Final = "UPDATE customers SET summary = {0} WHERE project_id = {1} AND id = {2}"


def _marks(count: int, numbered: bool) -> list[str]:
    return [f"${number}" if numbered else "?" for number in range(1, count + 1)]


def _insert(table: str, columns: tuple[str, ...], numbered: bool) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(_marks(len(columns), numbered))
    return f"INSERT INTO {table} ({names}) VALUES ({values})"  # noqa: S608  constants of this module


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


def _statements(numbered: bool) -> Statements:
    return Statements(
        event=_insert("ledger_events", EVENT_COLUMNS, numbered),
        posting=_insert("ledger_postings", POSTING_COLUMNS, numbered),
        body=_insert("event_bodies", BODY_COLUMNS, numbered),
        keyed=_insert("idempotent_events", KEYED_COLUMNS, numbered),
        counter_value=_upsert_counter(("value", "until", "epoch", "seq"), numbered),
        counter_held=_upsert_counter(("held", "epoch", "seq"), numbered),
        cursor=MOVE_CURSOR.format(*_marks(5, numbered)),
        projected=MOVE_PROJECTED.format(*_marks(5, numbered)),
        redemption=_insert("redemptions", REDEMPTION_COLUMNS, numbered),
        order=_upsert_order(numbered),
        summary=SUMMARISE.format(*_marks(3, numbered)),
    )


SQLITE: Final = _statements(numbered=False)
POSTGRESQL: Final = _statements(numbered=True)


def statements_of(session: AsyncSession) -> Statements:
    """Of the session's kind of database."""
    return SQLITE if is_sqlite(session) else POSTGRESQL


def is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def sqlite_instant(instant: datetime) -> str:
    """An instant in UTC as SQLAlchemy keeps it in SQLite, microseconds always told."""
    text = instant.isoformat(" ", "microseconds")
    return text[:26]


async def run_many(session: AsyncSession, statement: str, rows: list[tuple[Any, ...]]) -> int:
    """Execute once per row; the number of rows touched, -1 when the driver does not say."""
    if not rows:
        return 0
    connection = await session.connection()
    done = await connection.exec_driver_sql(statement, rows)
    return int(done.rowcount)


async def run_one(session: AsyncSession, statement: str, row: tuple[Any, ...]) -> int:
    """Execute for one row; the number of rows touched."""
    connection = await session.connection()
    done = await connection.exec_driver_sql(statement, row)
    return int(done.rowcount)
