"""`vouchsafe migrate`: bring the database to this version's schema."""

import asyncio
import contextlib
import json
import sys

import rich_click as click

EXIT_BEHIND = 1
EXIT_UNREACHABLE = 3


@click.command(
    epilog="\b\nExit codes: 0 the schema is this version's; 1 it is not (only with --check); "
    "2 the command line is wrong;\n3 the database cannot be reached."
)
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; say whether the schema is this version's."
)
@click.option("--sql", "as_sql", is_flag=True, help="Change nothing; print what PostgreSQL would be told.")
@click.option("--database-url", help="Another database than VOUCHSAFE_DATABASE_URL names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def migrate(only_check: bool, as_sql: bool, database_url: str | None, as_json: bool) -> None:
    """Bring the database to this version's schema, in one transaction. Doing it again changes nothing.

    `vouchsafe serve` does so by itself only for its embedded database.
    """
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

    from app.db import migrate as migrations
    from app.db.database import Database
    from app.db.months import make_months
    from app.db.revisions import heads
    from app.settings import load_settings

    async def run() -> tuple[tuple[str, ...], tuple[str, ...]]:
        settings = load_settings(database_url=database_url)
        db = Database(settings.database)
        try:
            if as_sql and db.is_sqlite:
                raise click.UsageError("--sql is for PostgreSQL: SQLite copies its tables to change them")
            if not only_check and not as_sql:
                await migrations.upgrade(db)
                with contextlib.suppress(DBAPIError):  # The background process does it too.
                    await make_months(db)
            return await migrations.current(db), heads()
        finally:
            await db.close()

    try:
        current, wanted = asyncio.run(run())
    except (OperationalError, InterfaceError, ConnectionError) as error:
        sys.stderr.write(f"vouchsafe: the database cannot be used: {getattr(error, 'orig', None) or error}\n")
        sys.exit(EXIT_UNREACHABLE)
    if as_sql:
        print(migrations.sql(",".join(current) or "base"), end="")
        return
    if as_json:
        print(json.dumps({"current": list(current), "head": list(wanted), "at_head": current == wanted}))
    else:
        state = "is this version's" if current == wanted else f"is not this version's ({', '.join(wanted)})"
        print(f"schema {', '.join(current) or 'empty'} {state}")
    if current != wanted:
        sys.exit(EXIT_BEHIND)
