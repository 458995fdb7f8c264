"""`vouchsafe backup`: everything that SQL holds in one file, and a database made from it."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from app.settings import VERSION, Settings, load_settings

EXIT_FAILED = 1
EXIT_UNREACHABLE = 3

T = TypeVar("T")
_EXIT_CODES = "\b\nExit codes: 0 done; 1 not done, a sentence says why; 3 the database cannot be reached."
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(epilog=_EXIT_CODES)
def backup() -> None:
    """The catalogue and the ledger in one file. Redis is not in it: its counters are made from the ledger."""


@backup.command(epilog=_EXIT_CODES)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="A folder or a file (VOUCHSAFE_BACKUP_DIR)."
)
@_as_json
def create(target: Path | None, as_json: bool) -> None:
    """Write a backup as of this moment, while the server runs or not, and read it again to be sure.

    It holds personal data and the hashes of keys: keep it as you keep the database. Beside it stands
    erasures.jsonl, who was deleted permanently: keep the newest one with every backup.
    """
    from app.backup.create import create_backup
    from app.backup.read import verify_file
    from app.db.database import Database
    from app.jobs.erasure_list import keep_list, stored_list

    settings = load_settings()
    where = target or (Path(settings.backup_dir) if settings.backup_dir else None)
    if where is None:
        raise click.UsageError("say where: --to FOLDER, or VOUCHSAFE_BACKUP_DIR")

    async def work() -> Path:
        database = Database(settings.database)
        try:
            file, _ = await create_backup(database, where, VERSION)
            async with database.reading() as session:
                keep_list(file.parent, await stored_list(session))
            return file
        finally:
            await database.close()

    file = _run(work)
    _print(file, _checked(lambda: verify_file(file)), as_json, "written and verified")


@backup.command(epilog=_EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--deep", is_flag=True, help="Also restore it into a temporary database and verify ledger and audit."
)
@_as_json
def verify(file: Path, deep: bool, as_json: bool) -> None:
    """Read every byte of a backup and compare it with what was written."""
    from app.backup.read import verify_file

    manifest = _checked(lambda: verify_file(file))
    problems = _run(lambda: _deep(file)) if deep else []
    _print(file, manifest, as_json, "sound" if not problems else "readable, but not sound", problems)
    if problems:
        sys.exit(EXIT_FAILED)


@backup.command(epilog=_EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--erasures",
    "lists",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A list of `vouchsafe erasure list`, beside those that lie with the backup.",
)
@click.option("--without-erasures", "careless", is_flag=True, help="Apply no list, and need none.")
@_as_json
def restore(file: Path, lists: tuple[Path, ...], careless: bool, as_json: bool) -> None:
    """Fill the empty database that the settings name, and make the counters of Redis from its ledger.

    The database may be of another kind than the one that the backup was made of. Stop `vouchsafe serve`
    before; what happened after the backup is lost. Customers who were deleted permanently since stay
    forgotten: by erasures.jsonl and the newest backup, in the backup's folder and in VOUCHSAFE_BACKUP_DIR.
    """
    from app.backup.restore import restore_backup
    from app.db.database import Database
    from app.processes.status import read_status

    settings = load_settings()
    if settings.embedded_database and read_status(settings.data_dir.expanduser()) is not None:
        raise click.ClickException("stop `vouchsafe serve` first: it uses this database")
    forgotten = {} if careless else _checked(lambda: _forgotten(file, settings, lists))
    if forgotten is None:
        raise click.ClickException(
            "there is no list of the customers who were deleted permanently since: they would come back. "
            "Put erasures.jsonl beside the backup, name it by --erasures, or say --without-erasures"
        )

    async def work() -> Any:
        database = Database(settings.database)
        try:
            return await restore_backup(database, file, forgotten)
        finally:
            await database.close()

    manifest = _run(work)
    _print(file, manifest, as_json, "restored", _rebuilt(settings))


def _forgotten(
    file: Path, settings: Settings, lists: tuple[Path, ...]
) -> dict[tuple[str, str], datetime] | None:
    """(project, customer) to the newest erasure that anybody here knows of; None when there is no list."""
    from app.backup.form import BackupError
    from app.backup.read import erased_in, newest
    from app.jobs.erasure_list import LIST_NAME, NoEntryError, read_list

    folders = {file.resolve().parent, *([Path(settings.backup_dir).resolve()] if settings.backup_dir else [])}
    files = [*lists, *(one for one in (folder / LIST_NAME for folder in sorted(folders)) if one.exists())]
    backups = [found[0] for found in map(newest, sorted(folders)) if found is not None]
    others = [one for one in backups if one.resolve() != file.resolve()]
    try:
        known = [erased_in(one) for one in others]
        entries = [entry for one in files for entry in read_list(one)]
    except (BackupError, NoEntryError) as error:
        raise BackupError(
            f"whom to forget cannot be read from {', '.join(map(str, [*files, *others]))}: {error}"
        ) from None
    known += [{(entry.project, entry.customer): entry.at} for entry in entries]
    merged: dict[tuple[str, str], datetime] = {}
    for part in known:
        for key, at in part.items():
            merged[key] = max(merged.get(key, at), at)
    return merged if files or others else None


def _rebuilt(settings: Settings) -> list[str]:
    """What was done with Redis. With Redis away the server does it when it starts, and forgets the rest of
    whoever was deleted permanently.
    """
    from app.cli.runtime import CommandFailed, command_engine
    from app.core.outcome import CoreUnavailable
    from app.jobs.background import CUSTOMERS
    from app.jobs.erasure_restored import finish_restored
    from app.ledger.partitions import partitions_of
    from app.ledger.project import Projector
    from app.ledger.recovery import recover

    async def work() -> list[str]:
        try:
            async with command_engine(settings) as engine:
                partitions = await partitions_of(engine.db)
                done = [
                    await recover(engine.core, engine.db, partition, rebuild=True) for partition in partitions
                ]
                projector = Projector(engine.core, engine.db, CUSTOMERS)
                for partition in partitions:
                    await projector.project_all(partition)
                forgotten = await finish_restored(engine)
        except (CoreUnavailable, CommandFailed) as error:
            return [
                f"Redis cannot be reached ({error}); when the server starts, it makes the counters",
                "whoever was deleted permanently is gone; orders and redemptions forget the person then",
            ]
        counters = sum(one.counters for one in done)
        return [
            f"{len(done)} projects opened, {counters} counters made from the ledger",
            f"{forgotten} customers forgotten who were deleted permanently after the backup",
        ]

    return asyncio.run(work())


async def _deep(file: Path) -> list[str]:
    from app.audit.verify import verify_chain
    from app.backup.restore import restore_backup
    from app.db.database import Database
    from app.ledger.partitions import partitions_of
    from app.ledger.verify import verify as verify_ledger

    problems = []
    with tempfile.TemporaryDirectory(prefix="vouchsafe-verify-") as folder:
        database = Database(f"sqlite:///{folder}/restored.db")
        try:
            await restore_backup(database, file)
            for partition in await partitions_of(database):
                found = await verify_ledger(database, partition)
                problems += [f"{partition.name}: {problem}" for problem in found.problems] if found else []
                verdict = await verify_chain(database, partition.project_id)
                if verdict.broken_at is not None:
                    problems.append(f"{partition.project_id}: the audit is broken at {verdict.broken_at}")
        finally:
            await database.close()
    return problems


def _checked(work: Callable[[], T]) -> T:
    from app.backup.form import BackupError

    try:
        return work()
    except (BackupError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _run(work: Callable[[], Awaitable[T]]) -> T:
    from sqlalchemy.exc import InterfaceError, OperationalError

    async def awaited() -> T:
        return await work()

    try:
        return _checked(lambda: asyncio.run(awaited()))
    except (OperationalError, InterfaceError) as error:
        sys.stderr.write(f"vouchsafe: the database cannot be used: {getattr(error, 'orig', None) or error}\n")
        sys.exit(EXIT_UNREACHABLE)


def _print(file: Path, manifest: Any, as_json: bool, state: str, notes: list[str] | None = None) -> None:
    rows = sum(entry.rows for entry in manifest.tables)
    if as_json:
        answer = {
            "file": str(file),
            "state": state,
            "version": manifest.version,
            "schema": manifest.schema,
            "created_at": manifest.created_at,
            "rows": rows,
            "bytes": file.stat().st_size,
            "notes": notes or [],
        }
        print(json.dumps(answer, indent=2))
        return
    print(f"{file}: {state}, {rows} rows of {manifest.created_at}, {file.stat().st_size} bytes")
    for note in notes or []:
        print("  " + note)
