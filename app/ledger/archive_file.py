"""The file of an archive: gzipped lines of JSON that need no database to be read.

The first line is the header, an object. Then a line for each event, an array with the event's postings; bytes
are in base64. The last line is the footer, with counts and the SHA-256 of all lines before it. Like the
tables that it is made of, a file holds ids, amounts and digests, and tells nothing of persons (D12).
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec
from msgspec import Struct

FORMAT: Final = 1
SUFFIX: Final = ".vouchsafe-ledger.gz"


class ArchiveError(Exception):
    """Why a file is no archive, or not a whole one, as a sentence."""


class Header(Struct, frozen=True, kw_only=True):
    """after: the last event that was archived before, `0-0` for none. last: the last one in the file. before:
    the first month that stayed. follows: the digest of the archive before, empty for the first. No moment is
    in it: the same events make the same bytes.
    """

    format: int = FORMAT
    version: str
    partition: str
    before: str
    after: str
    last: str
    follows: str


class Footer(Struct, frozen=True, kw_only=True):
    """epochs: [[epoch, its last sequence], ...] of the file's events."""

    events: int
    postings: int
    epochs: list[list[int]]
    sha256: str


class ArchivedPosting(Struct, array_like=True, frozen=True):
    """A row of ledger_postings; its place is the event's and the number in the event."""

    n: int
    key: str
    field: str
    delta: int
    kind: str
    after: int
    until: int
    redeemable_no: int


class ArchivedEvent(Struct, array_like=True, frozen=True):
    """A row of ledger_events with its postings."""

    epoch: int
    seq: int
    rid: str
    project_id: str
    kind: str
    schema: int
    at_us: int
    actor_key_id: str | None
    body: bytes
    postings: list[ArchivedPosting]


_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(ArchivedEvent)


class ArchiveWriter:
    """Lines into an open file; `end` writes the footer."""

    def __init__(self, raw: BinaryIO, header: Header) -> None:
        self._zipped = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0)
        self._digest = hashlib.sha256()
        self._events = self._postings = 0
        self._epochs: dict[int, int] = {}
        self._line(header)

    def add(self, event: ArchivedEvent) -> None:
        self._events += 1
        self._postings += len(event.postings)
        self._epochs[event.epoch] = event.seq
        self._line(event)

    def end(self) -> Footer:
        footer = Footer(
            events=self._events,
            postings=self._postings,
            epochs=[[epoch, last] for epoch, last in self._epochs.items()],
            sha256=self._digest.hexdigest(),
        )
        self._line(footer)
        self._zipped.close()
        return footer

    def _line(self, value: Header | ArchivedEvent | Footer) -> None:
        line = _encoder.encode(value) + b"\n"
        self._digest.update(line)
        self._zipped.write(line)


@contextmanager
def written_whole(file: Path) -> Iterator[BinaryIO]:
    """A file that is there whole and on the disk when the block ends, or not at all.

    Raises: OSError when the disk refuses, or when somebody writes the same file.
    """
    beside = file.with_name(file.name + ".part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # Else the name may be gone after a loss of power.
        finally:
            os.close(folder)
    finally:
        beside.unlink(missing_ok=True)


class ArchiveReader:
    """`header` at once; `events` once; `footer` when they are over.

    Raises: ArchiveError for what is no archive, or of a later version, or damaged anywhere.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._lines = self._read()
        self.header = self._first()
        self._footer: Footer | None = None

    @property
    def footer(self) -> Footer:
        if self._footer is None:
            raise ArchiveError(f"{self._file} ends before its last line")
        return self._footer

    def events(self) -> Iterator[ArchivedEvent]:
        events = postings = 0
        epochs: dict[int, int] = {}
        for line in self._lines:
            if not line.startswith(b"["):
                self._footer = self._decoded(line, Footer)
                break
            self._digest.update(line)
            event = self._decoded(line, ArchivedEvent)
            events += 1
            postings += len(event.postings)
            epochs[event.epoch] = event.seq
            yield event
        counted = [[epoch, last] for epoch, last in epochs.items()]
        found = Footer(events=events, postings=postings, epochs=counted, sha256=self._digest.hexdigest())
        if found != self.footer or next(self._lines, None) is not None:
            raise ArchiveError(f"the lines of {self._file} are not those that were written")

    def _first(self) -> Header:
        line = next(self._lines, b"")
        self._digest.update(line)
        try:
            header = msgspec.json.decode(line, type=Header)
        except msgspec.DecodeError as error:
            raise ArchiveError(f"{self._file} is no archive of the ledger: {error}") from None
        if header.format != FORMAT:
            raise ArchiveError(f"{self._file} has form {header.format}; this version reads {FORMAT}")
        return header

    def _decoded(self, line: bytes, kind: Any) -> Any:
        try:
            if kind is ArchivedEvent:
                return _event_decoder.decode(line)
            return msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as error:
            raise ArchiveError(f"a line of {self._file} cannot be read: {error}") from None

    def _read(self) -> Iterator[bytes]:
        try:
            with gzip.open(self._file, "rb") as lines:
                yield from cast("BinaryIO", lines)
        except FileNotFoundError:
            raise ArchiveError(f"there is no file {self._file}") from None
        except (OSError, EOFError, zlib.error) as error:
            raise ArchiveError(f"{self._file} cannot be read: {error}") from None
