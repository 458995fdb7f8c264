"""Archives read back: every byte, no gap, every posting after the one before it; and, from the first archive
on, the very counters that the database goes on from.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import select

from app.core.keys import Partition
from app.core.outbox import Position
from app.db.database import Database
from app.db.models import LedgerArchive
from app.ledger.archive_file import ArchivedEvent, ArchiveError, ArchiveReader, Footer, Header
from app.ledger.archived import TABLES, read_archived
from app.ledger.batch import bare_key
from app.ledger.entries import decode_event
from app.ledger.replay import PROBLEMS_MAX, Place, Replay, Replayed, begun, follow

BEAT_EVENTS: Final = 2_000
NOTHING: Final = Position(0, 0)

Beat = Callable[[], Awaitable[None]]
"""Called now and then in what takes long."""


async def no_beat() -> None:
    """For who holds no lease."""


class Checked(Struct, kw_only=True):
    """One file. chained: whether its counters could be followed from the first event of the partition on.
    known: whether the database went on from it.
    """

    file: str
    partition: str = ""
    before: str = ""
    first: str = ""
    last: str = ""
    events: int = 0
    postings: int = 0
    chained: bool = False
    known: bool = False
    problems: list[str] = []
    problem_count: int = 0

    def blame(self, sentence: str) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(sentence)


async def check_file(
    file: Path, counters: dict[Place, Replayed] | None, beat: Beat = no_beat
) -> tuple[Checked, Header, Footer, Replay]:
    """Read a file whole. counters: as they stood before its first event, and moved by it; None when nobody
    knows, and then only the events are looked at.

    Raises: ArchiveError.
    """
    reader = ArchiveReader(file)
    header = reader.header
    checked = Checked(
        file=file.name, partition=header.partition, before=header.before, chained=counters is not None
    )
    rows = _postings(reader, checked, beat)
    if counters is None:
        replay = Replay()
        async for _ in rows:
            replay.postings += 1
    else:
        replay = await follow(rows, counters)
        for problem in replay.problems:
            checked.blame(problem)
        checked.problem_count += replay.problem_count - len(replay.problems)
    checked.events, checked.postings = reader.footer.events, reader.footer.postings
    if checked.last != header.last:
        checked.blame(f"it ends at {checked.last}, not at {header.last}")
    return checked, header, reader.footer, replay


async def _postings(
    reader: ArchiveReader, checked: Checked, beat: Beat
) -> AsyncIterator[tuple[int, int, str, str, int, str, int, int]]:
    """Rows for the replay; events are looked at on the way."""
    project_id = Partition.parse(reader.header.partition).project_id
    before = Position.parse(reader.header.after)
    for number, event in enumerate(reader.events()):
        position = Position(event.epoch, event.seq)
        following = before.sequence + 1 if position.epoch == before.epoch else 1
        if position <= before or position.sequence != following:
            checked.blame(f"{position} follows {before}")
        before = position
        checked.first = checked.first or str(position)
        if event.project_id != project_id or not _says_the_same(event):
            checked.blame(f"{position}: the rows contradict the event's body")
        for one in event.postings:
            yield event.epoch, event.seq, one.key, one.field, one.delta, one.kind, one.after, one.until
        if number % BEAT_EVENTS == BEAT_EVENTS - 1:
            await beat()
    checked.last = str(before)


def _says_the_same(event: ArchivedEvent) -> bool:
    try:
        body = decode_event(event.body)
    except msgspec.DecodeError:
        return False
    told = [(bare_key(one.key), one.field, one.delta, one.kind) for one in body.postings]
    rows = [(one.key, one.field, one.delta, one.kind) for one in event.postings]
    numbers = [one.n for one in event.postings]
    return body.rid == event.rid and told == rows and numbers == list(range(len(rows)))


async def check_archives(db: Database, files: Iterable[Path]) -> list[Checked]:
    """Every file; those of a partition in the order in which they were made. What begins with the first event
    of a partition and ends where the database goes on must leave the counters that it goes on from.
    """
    found: list[tuple[Path, Header | None, str]] = []
    for file in files:
        try:
            found.append((file, ArchiveReader(file).header, ""))
        except ArchiveError as error:
            found.append((file, None, str(error)))
    checked: list[Checked] = []
    reached: tuple[str, str, dict[Place, Replayed]] | None = None
    for file, header, sentence in sorted(found, key=_by_place):
        if header is None:
            one = Checked(file=file.name)
            one.blame(sentence)
            checked.append(one)
            continue
        counters: dict[Place, Replayed] | None = None
        if Position.parse(header.after) == NOTHING:
            counters = {}
        elif reached is not None and reached[:2] == (header.partition, header.after):
            counters = reached[2]
        try:
            one, _, footer, replay = await check_file(file, counters)
        except ArchiveError as error:
            one = Checked(file=file.name, partition=header.partition, before=header.before)
            one.blame(str(error))
            checked.append(one)
            reached = None
            continue
        reached = None if counters is None else (header.partition, header.last, counters)
        await _compare(db, one, header, footer, replay)
        checked.append(one)
    return checked


def _by_place(found: tuple[Path, Header | None, str]) -> tuple[Any, ...]:
    file, header, _ = found
    if header is None:
        return ("", NOTHING, str(file))
    return (header.partition, Position.parse(header.last), str(file))


async def _compare(db: Database, checked: Checked, header: Header, footer: Footer, replay: Replay) -> None:
    """What the file says and what the database remembers of it."""
    last = Position.parse(header.last)
    async with db.snapshot(TABLES) as session:
        row = await session.scalar(
            select(LedgerArchive).where(
                LedgerArchive.part == header.partition,
                LedgerArchive.epoch == last.epoch,
                LedgerArchive.seq == last.sequence,
            )
        )
        if row is None:
            return
        checked.known = True
        if (row.sha256, row.events, row.postings) != (footer.sha256, footer.events, footer.postings):
            checked.blame("the database went on from another file of the same events")
        archived = await read_archived(session, header.partition)
        if not checked.chained or archived.last != last:
            return
        kept = await begun(session, header.partition, archived)
    for place, counter in kept.items():
        if replay.counters.get(place) != counter:
            checked.blame(f"{place[0]} {place[1]}: the database goes on from another value")
    for place in replay.counters.keys() - kept.keys():
        if not replay.counters[place].until:
            checked.blame(f"{place[0]} {place[1]}: the database has forgotten it")
