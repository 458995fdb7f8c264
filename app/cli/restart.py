"""`vouchsafe restart`: the processes of a running `serve`, one after the other, by the code installed now."""

import asyncio
import os
import signal
import time
from pathlib import Path

import rich_click as click

from app.settings import load_settings

LOOK_SECONDS = 0.1


@click.command(epilog="\b\nExit codes: 0 done; 1 not done, a sentence says why.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Of the server that is meant (VOUCHSAFE_DATA_DIR).",
)
@click.option(
    "--seconds", type=click.IntRange(1, 3600), default=180, show_default=True, help="How long to wait."
)
def restart(data_dir: Path | None, seconds: int) -> None:
    """Replace every process of a running `vouchsafe serve`: the new one works before the old one stops
    accepting. No request fails. Settings stay those that `serve` was started with.
    """
    from app.processes.status import read_status

    settings = load_settings(data_dir=data_dir)
    folder = settings.data_dir.expanduser()
    before = read_status(folder)
    if before is None:
        raise click.ClickException(f"nothing serves {folder}")
    if before.restarts < 0:
        raise click.ClickException("the server that runs is too old for this: stop and start it")
    _check_schema(settings.database)
    os.kill(before.pid, signal.SIGHUP)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = read_status(folder)
        if now is None:
            raise click.ClickException("the server has stopped")
        if now.restarts > before.restarts:
            print(f"{len(now.web)} web workers and the background process were replaced")
            return
        time.sleep(LOOK_SECONDS)
    raise click.ClickException(
        f"not done after {seconds} s; the log of the server says why, and the old processes go on"
    )


def _check_schema(url: str) -> None:
    """The code that is installed must find its schema."""
    from app.db import migrate
    from app.db.database import Database

    async def at_head() -> bool:
        database = Database(url)
        try:
            return await migrate.at_head(database)
        finally:
            await database.close()

    if not asyncio.run(at_head()):
        raise click.ClickException("the schema is not that of the installed code: `vouchsafe migrate` first")
