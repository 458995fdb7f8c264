"""`vouchsafe erasure`: whom nothing may be told of any more, and backups brought up to that list."""

import asyncio
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

import rich_click as click

from app.core.keys import Partition
from app.core.outcome import CoreUnavailable

if TYPE_CHECKING:
    from app.engine import Engine


OPEN_SECONDS_MAX: Final = 60.0


@click.group()
def erasure() -> None:
    """Customers who were deleted permanently."""


@erasure.command("list")
def list_command() -> None:
    """Print the list, ids alone, one JSON object a line, the oldest first: keep it beside the backups."""
    from app.cli.runtime import run_command

    async def work(engine: "Engine") -> list[dict[str, Any]]:
        from sqlalchemy import select

        from app.db.models import Erasure

        async with engine.db.reading() as session:
            rows = await session.scalars(select(Erasure).order_by(Erasure.at, Erasure.id))
            return [
                {"project": row.project_id, "customer": row.customer_id, "at": row.at.isoformat()}
                for row in rows
            ]

    for line in run_command(work):
        print(json.dumps(line))


@erasure.command("apply")
@click.argument("file", type=click.File("r"), default="-")
def apply_command(file: TextIO) -> None:
    """Forget again whoever is on the list FILE (standard input without it): when a backup was restored and
    its server runs, before anybody is let in.
    """
    from app.cli.runtime import run_command

    wanted = [_entry(number, line) for number, line in enumerate(file, 1) if line.strip()]

    async def work(engine: "Engine") -> int:
        from app.jobs.erasure import apply_list

        for project_id in dict.fromkeys(one[0] for one in wanted):
            await _opened(engine, Partition(project_id))
        return sum([await apply_list(engine, *one) for one in wanted])

    print(f"{run_command(work)} of {len(wanted)} customers were there and are forgotten again.")


async def _opened(engine: "Engine", partition: Partition) -> None:
    """Return when the project's partition is open: after a restore the background process rebuilds it first.

    Raises: CoreUnavailable when that takes longer than a minute.
    """
    until = time.monotonic() + OPEN_SECONDS_MAX
    while True:
        try:
            await engine.core.open(partition)
        except CoreUnavailable:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)
        else:
            return


def _entry(number: int, line: str) -> tuple[str, str, datetime]:
    try:
        entry = json.loads(line)
        return str(entry["project"]), str(entry["customer"]), datetime.fromisoformat(entry["at"])
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"Line {number} is no entry of `vouchsafe erasure list`: {error}") from None
