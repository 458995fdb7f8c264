"""Making a backup: all tables as of one moment, while everything goes on working."""

import hashlib
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Table, Text, cast, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession

import app.db.models  # noqa: F401  registers every table
from app.backup.form import (
    ENCODE,
    FORMAT,
    MANIFEST,
    READ_TYPES,
    SUFFIX,
    BackupError,
    Manifest,
    TableEntry,
    kind_of,
    member_of,
)
from app.db import migrate
from app.db.base import Base
from app.db.database import Database

LEFT_OUT: Final = frozenset({"leases"})
"""What only says which process works now."""
LEDGER: Final = ("ledger_events", "ledger_postings", "event_bodies")
"""What an archive shortens."""
PAGE_ROWS: Final = 2_000


async def create_backup(db: Database, target: Path, version: str) -> tuple[Path, Manifest]:
    """Write a backup. target: a folder, in which the file is named by the moment, or the file's own path.
    The file is there whole, or not at all.

    Raises: BackupError; OSError when the disk refuses.
    """
    now = datetime.now(UTC)
    if not await migrate.at_head(db):
        raise BackupError("the database's schema is not that of this version: run `vouchsafe migrate` first")
    file = target / f"{now:%Y-%m-%dT%H%M%SZ}{SUFFIX}" if target.is_dir() else target  # noqa: ASYNC240
    beside = file.with_name(file.name + ".part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                manifest = await _write(db, archive, now, version)
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return file, manifest


async def _write(db: Database, archive: zipfile.ZipFile, now: datetime, version: str) -> Manifest:
    entries = []
    async with db.snapshot(LEDGER) as session:
        revision = (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
        for source in Base.metadata.sorted_tables:
            if source.name not in LEFT_OUT:
                entries.append(await _write_table(session, archive, source))
    manifest = Manifest(
        format=FORMAT, version=version, schema=revision, created_at=now.isoformat(), tables=entries
    )
    archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


async def _write_table(session: AsyncSession, archive: zipfile.ZipFile, source: Table) -> TableEntry:
    kinds = {str(one.name): kind_of(one) for one in source.columns}
    columns: Any = [
        cast(column(name), Text).label(name) if kind == "document" else column(name, READ_TYPES[kind])
        for name, kind in kinds.items()
    ]
    encoders = [ENCODE.get(kind) for kind in kinds.values()]
    digest, rows = hashlib.sha256(), 0
    streamed = await session.stream(
        select(*columns).select_from(table(source.name)),
        execution_options={"yield_per": PAGE_ROWS},
    )
    with archive.open(member_of(source.name), "w", force_zip64=True) as member:
        async for page in streamed.partitions():
            lines = b"".join(
                msgspec.json.encode(
                    [
                        value if value is None or encode is None else encode(value)
                        for value, encode in zip(row, encoders, strict=True)
                    ]
                )
                + b"\n"
                for row in page
            )
            digest.update(lines)
            rows += len(page)
            member.write(lines)
    return TableEntry(str(source.name), kinds, rows, digest.hexdigest())
