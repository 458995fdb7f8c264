"""Months as parts of tables, on PostgreSQL: made ahead of time, dropped when nothing of them is wanted.

A row goes to the part of the day on which this database took it (`ledgered_on`, a default that no statement
names, and that models do not know). What falls into no month that was made goes to the part `_other`, so that
no insert ever fails for want of one. The first part, `_first`, is the table as it was before there were
months; it ends with the month in which they were introduced.

Keys are unique within a part. Over all parts they are so because `ledger_events`, which is one table, has a
row for each event, inserted in the same transaction.
"""

import re
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, column, literal, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.database import Database

KEYS: Final = {"ledger_postings": "part, epoch, seq, n", "event_bodies": "part, epoch, seq"}
"""The tables, with what is unique within each of their parts."""
GUARDED: Final = frozenset({"ledger_postings"})
"""Of which nobody may truncate a part."""
COLUMN: Final = "ledgered_on"
AHEAD: Final = 2
"""Months that are made before they begin."""
MOVED_MAX: Final = 10_000
"""Rows that are copied out of a month so that it can be dropped."""
LOCK_SECONDS: Final = 2
"""How long a statement that others queue behind waits for its lock; it is tried again later."""
_LOCK: Final = 0x766F7565
"""Advisory lock: one process at a time makes or drops months."""
_PART = re.compile(rf"({'|'.join(KEYS)})_(first|other|\d{{4}}_\d{{2}})")
_UPPER = re.compile(r"TO \('(\d{4}-\d{2}-\d{2})'\)")

_PARTS: Final = text(
    "SELECT child.relname, pg_get_expr(child.relpartbound, child.oid) FROM pg_inherits "
    "JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = to_regclass(:parent)"
)


def is_part(name: str) -> bool:
    """Whether a table is a part of one of these."""
    return _PART.fullmatch(name) is not None


def is_modelled(_item: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    """Whether models speak of it, as alembic asks: they know neither of parts nor of what chooses one."""
    return not (reflected and ((kind == "table" and is_part(name or "")) or name == COLUMN))


def month_after(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


async def today(connection: AsyncConnection) -> date:
    """By the database's clock, which decides where a row goes."""
    day: date = (await connection.execute(text("SELECT (now() AT TIME ZONE 'UTC')::date"))).scalar_one()
    return day


async def make_months(db: Database, day: date | None = None) -> list[str]:
    """The parts of the month of `day` and of those that follow, where they are missing; their names.

    A month of which rows are already in `_other` is not made: they stay there. Raises: DBAPIError when a lock
    is not to be had, or when the role does not own the tables.
    """
    if db.is_sqlite:
        return []
    async with db.engine.connect() as connection:
        begins = (day or await today(connection)).replace(day=1)
    made: list[str] = []
    for _ in range(AHEAD + 1):
        ends = month_after(begins)
        for parent in KEYS:
            async with db.engine.begin() as connection:  # One lock at a time that others may wait for.
                if await _is_missing(connection, parent, begins, ends):
                    made.append(await _make(connection, parent, begins, ends))
        begins = ends
    return made


async def drop_months(db: Database, day: date | None = None, *, moved_max: int = MOVED_MAX) -> list[str]:
    """Parts of months before that of `day` that are archived; their names.

    Rows that are not, because a clock was ahead when the month ended or a small project keeps them, are
    copied behind its end in the same transaction. A month with more than `moved_max` of them, or with more of
    them than of those that go, stays. Raises: DBAPIError when somebody reads it at this moment: it goes
    another time.
    """
    if db.is_sqlite:
        return []
    dropped: list[str] = []
    async with db.engine.connect() as connection:
        begins = (day or await today(connection)).replace(day=1)
        ended = [
            (end, parent, name)
            for parent in KEYS
            for name, end in (await _ends(connection, parent)).items()
            if end is not None and end <= begins
        ]
    for end, parent, name in sorted(ended):
        async with db.engine.begin() as connection:
            await _alone(connection)
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
            await connection.execute(text(f"LOCK TABLE ONLY {name} IN SHARE MODE"))
            stay = await _count(connection, _WANTED.format(name), moved_max + 1)
            if stay > moved_max or (
                stay and await _count(connection, f"FROM {name}", 2 * stay + 1) <= 2 * stay
            ):
                continue
            if stay:
                await _copy_behind(connection, parent, name, end)
            await connection.execute(text(f"DROP TABLE {name}"))
            dropped.append(name)
    return dropped


_WANTED: Final = (
    "FROM {} AS one LEFT JOIN ("
    "SELECT DISTINCT ON (part) part, epoch, seq FROM ledger_archives ORDER BY part, generation DESC"
    ") AS archived ON archived.part = one.part "
    "WHERE archived.part IS NULL OR (one.epoch, one.seq) > (archived.epoch, archived.seq)"
)


async def _count(connection: AsyncConnection, source: str, most: int) -> int:
    """How many rows there are, up to `most`."""
    return len((await connection.execute(text(f"SELECT 1 {source} LIMIT :most"), {"most": most})).all())


async def _copy_behind(connection: AsyncConnection, parent: str, name: str, day: date) -> None:
    """Rows that stay, once more, as if they had been taken on the first day after their month."""
    attributes = (
        "SELECT quote_ident(attname) FROM pg_attribute "
        "WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped AND attname <> :column"
    )
    found = await connection.execute(text(attributes), {"name": name, "column": COLUMN})
    columns = list(found.scalars())
    listed, read = ", ".join(columns), ", ".join(f"one.{column}" for column in columns)
    await connection.execute(
        text(f"INSERT INTO {parent} ({listed}, {COLUMN}) SELECT {read}, DATE '{day}' {_WANTED.format(name)}")
    )


async def _alone(connection: AsyncConnection) -> None:
    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


async def _ends(connection: AsyncConnection, parent: str) -> dict[str, date | None]:
    """Parts of a table with the day on which they end; None for the one that takes what has none."""
    ends: dict[str, date | None] = {}
    for name, bound in await connection.execute(_PARTS, {"parent": parent}):
        upper = _UPPER.search(bound)
        ends[name] = date.fromisoformat(upper[1]) if upper else None
    return ends


async def _is_missing(connection: AsyncConnection, parent: str, begins: date, ends: date) -> bool:
    """Whether a month can be made: later than all there are, and with no row in the part for the rest."""
    await _alone(connection)
    parts = await _ends(connection, parent)
    if not parts or begins < max((end for end in parts.values() if end is not None), default=date.min):
        return False
    day: ColumnElement[date] = column(COLUMN, Date())
    strays = select(literal(1)).select_from(table(f"{parent}_other")).where(day >= begins, day < ends)
    return not (await connection.execute(select(strays.exists()))).scalar_one()


async def _make(connection: AsyncConnection, parent: str, begins: date, ends: date) -> str:
    """Beside the table first, so that attaching it is all that others might have to wait for."""
    name = f"{parent}_{begins:%Y_%m}"
    for statement in part_statements(parent, name):
        await connection.execute(text(statement))
    await connection.execute(
        text(f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{begins}') TO ('{ends}')")
    )
    return name


def part_statements(parent: str, name: str) -> list[str]:
    """What makes a table that can become a part; its indexes and row triggers come from the parent."""
    statements = [
        f"CREATE TABLE {name} (LIKE {parent} INCLUDING DEFAULTS)",
        f"ALTER TABLE {name} ADD CONSTRAINT pk_{name} PRIMARY KEY ({KEYS[parent]})",
    ]
    if parent in GUARDED:
        statements.append(
            f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        )
    return statements
