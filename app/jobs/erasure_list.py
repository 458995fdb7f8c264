"""The list of the forgotten as a file beside the backups: ids alone, one JSON object a line, only ever added
to. A restore reads it, so that nobody comes back whom the backup still knows.
"""

import asyncio
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta, Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Erasure
from app.engine import Engine

LIST_NAME: Final = "erasures.jsonl"

log = structlog.get_logger("vouchsafe.erasure")


class Erased(Struct, frozen=True):
    """Whom nothing may be told of, and since when (UTC)."""

    project: str
    customer: str
    at: Annotated[datetime, Meta(tz=True)]


class NoEntryError(ValueError):
    """A line that is none of the list's, as a sentence."""


def entries_of(lines: Iterable[str | bytes]) -> list[Erased]:
    """Raises: NoEntryError with the line's number; a line that cannot be read may be somebody's name."""
    decoder, entries = msgspec.json.Decoder(Erased), []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entries.append(decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NoEntryError(
                f"line {number} is no entry of `vouchsafe erasure list`: {error}"
            ) from None
    return entries


def line_of(entry: Erased) -> str:
    shown = {"project": entry.project, "customer": entry.customer, "at": entry.at.isoformat()}
    return msgspec.json.encode(shown).decode()


def read_list(file: Path) -> list[Erased]:
    """Raises: NoEntryError; OSError."""
    try:
        with file.open("rb") as lines:
            return entries_of(lines)
    except NoEntryError as error:
        raise NoEntryError(f"{file}: {error}") from None


def add_to_list(folder: Path, entries: Iterable[Erased]) -> None:
    """Append, and return when it is on the disk. An entry twice does no harm. Raises: OSError."""
    lines = "".join(line_of(entry) + "\n" for entry in entries).encode()
    descriptor = os.open(folder / LIST_NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size and lines:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # A disk that was full left half a line: that one stays by itself.
                lines = b"\n" + lines
        if file.write(lines) != len(lines):
            raise OSError(f"{folder / LIST_NAME}: the disk took only a part")
        os.fsync(file.fileno())


async def stored_list(session: AsyncSession) -> list[Erased]:
    """What the database knows, the oldest first."""
    rows = await session.execute(
        select(Erasure.project_id, Erasure.customer_id, Erasure.at).order_by(Erasure.at, Erasure.id)
    )
    return [Erased(*row) for row in rows]


def keep_list(folder: Path, stored: Iterable[Erased]) -> None:
    """Add whatever the file does not have yet; the file is there afterwards, if only empty.

    Raises: NoEntryError for a file that holds something else; OSError.
    """
    file = folder / LIST_NAME
    known = set(read_list(file)) if file.exists() else set()
    add_to_list(folder, [entry for entry in stored if entry not in known])


async def note_beside_backups(engine: Engine, erasure: Erasure) -> None:
    """Before an erasure is called done, it is where a restore looks. A folder that is not there, because this
    machine makes no backups, is no reason to keep anybody's data: the next `backup create` writes it down.
    """
    folder = engine.settings.backup_dir
    if not folder:
        return
    entry = Erased(erasure.project_id, erasure.customer_id, erasure.at)
    try:
        await asyncio.to_thread(add_to_list, Path(folder), [entry])
    except OSError as error:
        log.warning("the list beside the backups cannot be written", folder=folder, error=str(error))
