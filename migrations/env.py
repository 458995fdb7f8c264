"""Runs migrations: on the connection that app.db.migrate hands over, or on VOUCHSAFE_DATABASE_URL for the
alembic command.
"""

import asyncio
import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Connection

import app.db.models  # noqa: F401  registers every table
from app.db.base import Base, UtcDateTime
from app.db.database import Database
from app.db.months import is_modelled


def render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Write plain types into migrations: they must still run when the program's own types have moved on."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=True,
        render_item=render,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_object=is_modelled,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run(url: str) -> None:
    db = Database(url)
    try:
        async with db.engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await db.close()


def write_sql() -> None:
    """The statements as text, for who wants to read or run them by hand."""
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=Base.metadata,
        literal_binds=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    write_sql()
elif given is not None:
    run(given)
else:
    asyncio.run(connect_and_run(os.environ["VOUCHSAFE_DATABASE_URL"]))
