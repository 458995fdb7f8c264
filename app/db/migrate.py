"""Schema changes, shipped with the package and applied by it (D18)."""

from importlib.resources import files
from io import StringIO
from typing import Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

import app.db.models  # noqa: F401  registers every table
from app.db.base import Base
from app.db.database import Database
from app.db.months import is_modelled
from app.db.revisions import heads

_LOCK: Final = 0x766F7563
"""PostgreSQL's advisory lock that lets one process migrate at a time; SQLite has its write lock."""


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration on this package's own migrations, with the connection that env.py shall use."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the schema to `revision` in one transaction: wholly, or not at all."""
    async with db.engine.begin() as connection:
        if not db.is_sqlite:
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(lambda sync: command.upgrade(configuration(sync), revision))


async def downgrade(db: Database, revision: str) -> None:
    """Take revisions back; for development alone."""
    async with db.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configuration(sync), revision))


async def differences(db: Database) -> list[str]:
    """What the schema has otherwise than the models say; empty when nobody forgot a migration."""
    async with db.engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(
                    sync, opts={"compare_type": True, "include_object": is_modelled}
                ),
                Base.metadata,
            )
        )
    return [repr(difference) for difference in found]


async def current(db: Database) -> tuple[str, ...]:
    """Revisions that the database is at; empty before the first migration."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: tuple(MigrationContext.configure(sync).get_current_heads()),
        )


async def at_head(db: Database) -> bool:
    """Whether the schema is the one of this version."""
    return await current(db) == heads()


def sql(current: str) -> str:
    """What PostgreSQL would be told to come from a revision ("base" for none) to this version, as text.
    SQLite's tables are copied to be changed, which only works on a database that is there.
    """
    written = StringIO()
    config = configuration()
    config.output_buffer = written
    config.attributes["dialect"] = "postgresql"
    command.upgrade(config, f"{current}:head", sql=True)
    return written.getvalue()
