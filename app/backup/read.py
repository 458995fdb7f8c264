"""Reading a backup: its manifest, its rows, and whether every byte is as it was written."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from app.backup.form import DECODE, FORMAT, MANIFEST, SUFFIX, BackupError, Manifest, TableEntry, member_of


def read_manifest(file: Path) -> Manifest:
    """Raises: BackupError when this is no backup, or one that was never finished, or of a later version."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
    except FileNotFoundError:
        raise BackupError(f"there is no file {file}") from None
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, msgspec.DecodeError) as error:
        raise BackupError(f"{file} is no backup, or was never finished: {error}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{file} has form {manifest.format}; this version reads {FORMAT}")
    return manifest


def rows_of(archive: zipfile.ZipFile, entry: TableEntry) -> Iterator[dict[str, Any]]:
    """Every row of a table as values for an insert. Raises: BackupError at the end when the bytes are not
    those of the manifest.
    """
    names = list(entry.columns)
    decoders = [DECODE.get(kind) for kind in entry.columns.values()]
    digest, count = hashlib.sha256(), 0
    decoder = msgspec.json.Decoder(list[Any])
    try:
        with archive.open(member_of(entry.name)) as member:
            for line in member:
                digest.update(line)
                count += 1
                values = decoder.decode(line)
                yield {
                    name: value if value is None or decode is None else decode(value)
                    for name, value, decode in zip(names, values, decoders, strict=True)
                }
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise BackupError(f"the rows of {entry.name} cannot be read: {error}") from None
    if (count, digest.hexdigest()) != (entry.rows, entry.sha256):
        raise BackupError(f"the rows of {entry.name} are not those that were written")


def verify_file(file: Path) -> Manifest:
    """Read everything and compare. Raises: BackupError."""
    manifest = read_manifest(file)
    with zipfile.ZipFile(file) as archive:
        for entry in manifest.tables:
            for _ in rows_of(archive, entry):
                pass
    return manifest


def erased_in(file: Path) -> dict[tuple[str, str], datetime]:
    """(project, customer) to the newest erasure that a backup knows of. Raises: BackupError."""
    entries = {entry.name: entry for entry in read_manifest(file).tables}
    found: dict[tuple[str, str], datetime] = {}
    if "erasures" not in entries:
        return found
    with zipfile.ZipFile(file) as archive:
        for row in rows_of(archive, entries["erasures"]):
            key = (row["project_id"], row["customer_id"])
            found[key] = max(found.get(key, row["at"]), row["at"])
    return found


def newest(folder: Path) -> tuple[Path, Manifest] | None:
    """The newest finished backup in a folder."""
    for file in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        try:
            return file, read_manifest(file)
        except BackupError:
            continue
    return None
