"""Nobody comes back by a restore: whoever was erased after the backup was made is a tombstone before anybody
can read what was restored. What else tells of them goes when the events of before are projected
(app.jobs.erasure_restored).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import TableClause, column, insert, select, table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.backup.form import WRITE_TYPES, BackupError, TableEntry
from app.identifiers import new_id, next_version

RESTORED: Final = "RESTORED"
Forgotten = Mapping[tuple[str, str], datetime]
"""(project, customer) to the moment of the newest erasure."""


async def forget_loaded(
    connection: AsyncConnection, entries: Sequence[TableEntry], forgotten: Forgotten, now: datetime
) -> int:
    """In the transaction that loads the tables; how many the backup did not know as erased. Projects that it
    does not know are left out.

    Raises: BackupError for a backup of a version that erased nobody.
    """
    if not forgotten:
        return 0
    tables = {entry.name: _table(entry) for entry in entries}
    if "erasures" not in tables:
        raise BackupError(
            "the backup is of a version that erased nobody: restore it with --without-erasures, and apply "
            "the list by `vouchsafe erasure apply` when its server runs"
        )
    erasures, customers, projects = (tables[name] for name in ("erasures", "customers", "projects"))
    known: dict[tuple[str, str], datetime] = {}
    rows = await connection.execute(
        select(erasures.c.project_id, erasures.c.customer_id, erasures.c.at).order_by(erasures.c.at)
    )
    for project_id, customer_id, at in rows:
        known[project_id, customer_id] = at
    there = set((await connection.execute(select(projects.c.id))).scalars())
    wanted = [
        (project_id, customer_id, at)
        for (project_id, customer_id), at in forgotten.items()
        if project_id in there and not _is_known(known, project_id, customer_id, at)
    ]
    for project_id, customer_id, at in wanted:
        names = await _blank(connection, customers, (project_id, customer_id), at, now)
        await connection.execute(
            insert(erasures).values(
                project_id=project_id,
                id=new_id("del_"),
                at=at,
                customer_id=customer_id,
                status=RESTORED,
                counts={"names": names},
            )
        )
    return len(wanted)


def _is_known(
    known: Mapping[tuple[str, str], datetime], project_id: str, customer_id: str, at: datetime
) -> bool:
    found = known.get((project_id, customer_id))
    return found is not None and found >= at


async def _blank(
    connection: AsyncConnection, customers: TableClause, key: tuple[str, str], at: datetime, now: datetime
) -> list[str]:
    """The names under which the customer was known; none for somebody who is not there, or came later."""
    where = (customers.c.project_id == key[0]) & (customers.c.id == key[1])
    row = (
        await connection.execute(
            select(
                customers.c.source_id, customers.c.email, customers.c.created_at, customers.c.version
            ).where(where)
        )
    ).one_or_none()
    if row is None or row.created_at > at:
        return []
    gone: dict[str, Any] = dict.fromkeys(("source_id", "name", "email"))
    await connection.execute(
        update(customers)
        .where(where)
        .values(
            **gone, body={}, summary={}, deleted_at=now, updated_at=now, version=next_version(row.version)
        )
    )
    return [name for name in (row.source_id, row.email) if name]


def _table(entry: TableEntry) -> TableClause:
    return table(entry.name, *[column(name, WRITE_TYPES[kind]) for name, kind in entry.columns.items()])
