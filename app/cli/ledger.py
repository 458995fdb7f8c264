"""`vouchsafe ledger`: prove that Redis and the ledger agree, refill Redis from the ledger, check the ledger
itself.
"""

import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import rich_click as click

from app.core.keys import Partition
from app.engine import Engine

EXIT_DIFFERENT = 1

T = TypeVar("T")

_EXIT_CODES = """
\b
Exit codes: 0 all is well; 1 differences were found, or the partition could not be opened;
2 the command line is wrong; 3 Redis or the database cannot be reached.
"""


@click.group(epilog=_EXIT_CODES)
def ledger() -> None:
    """The ledger, and whether everything agrees with it."""


_project = click.option(
    "--project", "project_name", help="Name or id of one project; all of them without it."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@ledger.command(epilog=_EXIT_CODES)
@_project
@_as_json
def reconcile(project_name: str | None, as_json: bool) -> None:
    """Compare Redis, the table of counters, and base + sum of postings, while the server runs or not.

    Nothing is repaired: `vouchsafe ledger rebuild` is the only way to change a counter.
    """
    from app.core.outcome import CoreUnavailable
    from app.ledger import reconcile as reconciling
    from app.ledger.drain import Diverged

    async def compare(engine: Engine, partition: Partition) -> reconciling.Reconciled:
        try:
            await _opened(engine, partition)
            return await reconciling.reconcile(engine.core, engine.db, partition)
        except (Diverged, CoreUnavailable) as error:
            found = reconciling.Reconciled(partition.name)
            found.blame(str(error))
            return found

    results = _of_all(project_name, compare)
    _print(
        results,
        as_json,
        lambda one: (
            f"{one.partition}: {one.counters} counters, {one.postings} postings at {one.at}: "
            + (f"{one.difference_count} differences" if one.difference_count else "all agree")
        ),
        lambda one: one.differences,
    )
    _exit(any(one.difference_count for one in results))


@ledger.command(epilog=_EXIT_CODES)
@_project
@click.option("--from-genesis", is_flag=True, help="Sum all postings, whatever was verified before.")
@_as_json
def rebuild(project_name: str | None, from_genesis: bool, as_json: bool) -> None:
    """Write all counters of Redis anew from the ledger, into a fresh namespace under a new epoch.

    Requests to the project wait or get 503 until it is open again.
    """
    from app.ledger.recovery import Recovery, recover

    async def refill(engine: Engine, partition: Partition) -> Recovery:
        return await recover(engine.core, engine.db, partition, rebuild=True, from_genesis=from_genesis)

    results = _of_all(project_name, refill)
    _print(
        results,
        as_json,
        lambda one: (
            f"{one.partition}: {one.action}, epoch {one.epoch}, {one.counters} counters, "
            f"{one.drained} events drained, {one.orphans} set aside, {one.seconds} s"
        ),
        lambda _: [],
    )
    _exit(any(one.action != "rebuilt" for one in results))


@ledger.command(epilog=_EXIT_CODES)
@_project
@click.option(
    "--archive",
    "archives",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Check this file of `ledger archive` instead; may be given several times.",
)
@_as_json
def verify(project_name: str | None, archives: tuple[Path, ...], as_json: bool) -> None:
    """Check the ledger against itself: no gap in any epoch, every posting after the one before it.

    With all archives of a project it is also proven that their events lead to the counters with which the
    ledger goes on.
    """
    if archives:
        _verify_archives(archives, as_json)
        return
    from app.ledger import verify as verifying

    async def check(engine: Engine, partition: Partition) -> verifying.Verified:
        return await verifying.verify(engine.db, partition) or verifying.Verified(partition.name)

    results = _of_all(project_name, check)
    _print(
        results,
        as_json,
        lambda one: (
            f"{one.partition}: {one.events} events in {one.epochs} epochs, {one.postings} postings, "
            f"{one.archived} events archived before, "
            f"{one.divergences} divergences, {one.projection_failures} projection failures on record: "
            + (f"{one.problem_count} problems" if one.problem_count else "no problem")
        ),
        lambda one: one.problems,
    )
    _exit(any(one.problem_count for one in results))


@ledger.command(epilog=_EXIT_CODES)
@_as_json
def size(as_json: bool) -> None:
    """How much room the database takes, table by table with its indexes; what of it one redemption is, and
    what a year of one redemption a second would take.
    """
    from app.cli.runtime import run_command
    from app.ledger.size import measure

    async def work(engine: Engine) -> Any:
        return await measure(engine.db)

    found = run_command(work)
    if as_json:
        print(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    for table in found.tables:
        print(f"{table.name:28} {table.bytes:>14,} bytes")
    print(f"{found.redemptions} redemptions, {found.bytes_per_redemption:,.0f} bytes for each")
    print(f"a year of one redemption a second: {found.year_bytes / 1e9:,.0f} GB")


def _verify_archives(files: tuple[Path, ...], as_json: bool) -> None:
    from app.cli.runtime import run_command
    from app.ledger.archive_check import Checked, check_archives

    async def work(engine: Engine) -> list[Checked]:
        return await check_archives(engine.db, files)

    results = run_command(work)
    _print(
        results,
        as_json,
        lambda one: (
            f"{one.file}: {one.events} events and {one.postings} postings of {one.partition}, "
            f"{one.first} to {one.last}, {'followed from the first event' if one.chained else 'by itself'}, "
            f"{'as' if one.known else 'not'} known here: "
            + (f"{one.problem_count} problems" if one.problem_count else "no problem")
        ),
        lambda one: one.problems,
    )
    _exit(any(one.problem_count for one in results))


@ledger.command(epilog=_EXIT_CODES)
@click.option("--before", "month", required=True, help="The first month that stays, as 2026-08 (UTC).")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="A folder (VOUCHSAFE_BACKUP_DIR without it)."
)
@_project
@_as_json
def archive(month: str, target: Path | None, project_name: str | None, as_json: bool) -> None:
    """Move whole months from the database to files, one for each project, while the server runs or not.

    A file is read back and compared before any row goes. Counters, reconcile and rebuild stay exactly what
    they were. Archived redemptions are still listed, but cannot be rolled back any more.
    """
    from sqlalchemy.exc import DBAPIError

    from app.db.months import drop_months
    from app.ledger.archive import Archiving
    from app.ledger.archive import archive as archive_partition
    from app.ledger.archive_reasons import first_instant
    from app.ledger.archive_room import remove_archived
    from app.settings import VERSION, load_settings

    settings = load_settings()
    folder = target or (Path(settings.backup_dir) if settings.backup_dir else None)
    try:
        first_instant(month)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if folder is None or not folder.is_dir():
        raise click.UsageError("say where: --to FOLDER, or VOUCHSAFE_BACKUP_DIR, a folder that is there")
    days = settings.rollback_days

    async def work(engine: Engine, partition: Partition) -> Archiving:
        await _opened(engine, partition)
        return await archive_partition(
            engine.core,
            engine.db,
            partition,
            month,
            folder,
            rollback_days=days,
            now=engine.now(),
            version=VERSION,
        )

    async def make_room(engine: Engine, results: list[Archiving]) -> None:
        with contextlib.suppress(DBAPIError):  # Somebody reads them: their rows go one by one, or next time.
            await drop_months(engine.db)
        for one in results:
            one.removed = await remove_archived(engine.db, Partition.parse(one.partition), engine.now())

    results = _of_all(project_name, work, make_room)
    _print(
        results,
        as_json,
        lambda one: (
            f"{one.partition}: {one.action}"
            + (f", {one.events} events in {one.file}" if one.file else "")
            + (f", rows of {one.removed} events removed" if one.removed else "")
        ),
        lambda one: one.reasons,
    )
    _exit(any(one.action not in ("archived", "nothing") for one in results))


async def _opened(engine: Engine, partition: Partition) -> None:
    """With no server running, a partition is closed since Redis was started: open it as `serve` would."""
    from app.ledger.recovery import recover

    await recover(engine.core, engine.db, partition)


def _of_all(
    project_name: str | None,
    work: Callable[[Engine, Partition], Awaitable[T]],
    at_the_end: Callable[[Engine, list[T]], Awaitable[None]] | None = None,
) -> list[T]:
    from app.cli.runtime import CommandFailed, run_command
    from app.ledger.partitions import partitions_of

    async def run(engine: Engine) -> list[T]:
        partitions = await partitions_of(engine.db, project_name)
        if project_name is not None and not partitions:
            raise CommandFailed(f"there is no project {project_name}")
        results = [await work(engine, partition) for partition in partitions]
        if at_the_end is not None:
            await at_the_end(engine, results)
        return results

    return run_command(run)


def _print(
    results: list[T], as_json: bool, line: Callable[[T], str], details: Callable[[T], list[str]]
) -> None:
    if as_json:
        rows: list[Any] = msgspec.to_builtins(results)
        print(json.dumps(rows, indent=2))
        return
    for one in results:
        print(line(one))
        for detail in details(one):
            print("  " + detail)


def _exit(failed: bool) -> None:
    if failed:
        sys.exit(EXIT_DIFFERENT)
