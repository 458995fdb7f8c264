"""`vouchsafe erasure`: whom nothing may be told of any more, and backups brought up to that list."""

import asyncio
import time
from typing import TYPE_CHECKING, Final, TextIO

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
    """Print the list, ids alone, one JSON object a line, the oldest first. `vouchsafe backup create`
    keeps it beside the backups by itself.
    """
    from app.cli.runtime import run_command
    from app.jobs.erasure_list import Erased, line_of, stored_list

    async def work(engine: "Engine") -> "list[Erased]":
        async with engine.db.reading() as session:
            return await stored_list(session)

    for entry in run_command(work):
        print(line_of(entry))


@erasure.command("apply")
@click.argument("file", type=click.File("r"), default="-")
def apply_command(file: TextIO) -> None:
    """Forget again whoever is on the list FILE (standard input without it): when a database was restored by
    other means than `vouchsafe backup restore` and its server runs, before anybody is let in.
    """
    from app.cli.runtime import run_command
    from app.jobs.erasure_list import NoEntryError, entries_of

    try:
        wanted = entries_of(file)
    except NoEntryError as error:
        raise click.UsageError(f"{file.name}: {error}") from None

    async def work(engine: "Engine") -> int:
        from app.jobs.erasure import apply_list

        for project_id in dict.fromkeys(one.project for one in wanted):
            await _opened(engine, Partition(project_id))
        return sum([await apply_list(engine, one.project, one.customer, one.at) for one in wanted])

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
