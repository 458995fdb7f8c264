"""Partitions as SQL knows them: their rows, and the opening of a new one."""

import secrets
import sys
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.core import RedemptionCore
from app.core.keys import Keys, Partition
from app.core.outbox import Position
from app.core.outcome import Code, CoreUnavailable
from app.core.watermarks import LEDGERED, PROJECTED
from app.db.database import Database
from app.db.models import PartitionState, Project, Webhook
from app.ledger.lease import leased
from app.ledger.versions import catalogue_versions

FIRST_EPOCH: Final = 1
_STATES: Final[Any] = PartitionState.__table__
_STATE: Final = select(_STATES)


class State(Struct, frozen=True):
    """A partition's row: its epoch, and how far it is ledgered, projected and verified."""

    partition: Partition
    epoch: int
    namespace: str
    cursor: Position
    projected: Position
    verified: Position
    told: bool = False
    """Whether anybody wants to hear of what happens in it."""
    watched: bool = False
    """Whether the project has active segments."""


def recovery_lease(partition: Partition) -> str:
    """The name of the lease under which a partition is opened or recovered."""
    return f"recover:{partition.name}"


def namespace_of(epoch: int) -> str:
    """The namespace that begins with an epoch; a kept one outlives the epoch it is named after."""
    return f"e{epoch}"


def epoch_of(namespace: str) -> int:
    """The epoch with which a namespace began; a namespace of another kind counts as the newest."""
    number = namespace.removeprefix("e")
    return int(number) if number.isdecimal() else sys.maxsize


def _state(row: Any) -> State:
    return State(
        partition=Partition.parse(row.part),
        epoch=row.epoch,
        namespace=row.namespace,
        cursor=Position(row.cursor_epoch, row.cursor_seq),
        projected=Position(row.projected_epoch, row.projected_seq),
        verified=Position(row.verified_epoch, row.verified_seq),
        told=row.told,
        watched=row.watched,
    )


async def read_state(session: AsyncSession, partition: Partition) -> State | None:
    found = await session.execute(_STATE.where(PartitionState.part == partition.name))
    row = found.one_or_none()
    return None if row is None else _state(row)


async def live_partitions(session: AsyncSession) -> list[State]:
    """Partitions of all projects that are not deleted."""
    rows = await session.scalars(
        select(PartitionState)
        .join(Project, Project.id == PartitionState.project_id)
        .where(Project.deleted_at.is_(None))
        .order_by(PartitionState.part)
    )
    return [_state(row) for row in rows]


async def partitions_of(db: Database, project: str | None = None) -> list[Partition]:
    """Partitions of one project, by its name or id, or of all that are not deleted."""
    statement = (
        select(PartitionState.part)
        .join(Project, Project.id == PartitionState.project_id)
        .where(Project.deleted_at.is_(None))
        .order_by(PartitionState.part)
    )
    if project is not None:
        statement = statement.where(or_(Project.id == project, Project.name == project))
    async with db.reading() as session:
        return [Partition.parse(part) for part in await session.scalars(statement)]


async def open_partition(core: RedemptionCore, db: Database, partition: Partition) -> None:
    """Make a new project ready to take redemptions: the SQL row first, then the certificate. Calling it again
    is harmless.

    Under the recovery's lease: the background process that meets the new row before its certificate stands
    would otherwise recover it, and close it once more after it was said to be open.

    Raises: CoreUnavailable when the core is away; the row stands, and the background process opens the
    partition later.
    """
    async with leased(db, recovery_lease(partition), f"open:{secrets.token_hex(8)}"):
        await _open(core, db, partition)


async def _open(core: RedemptionCore, db: Database, partition: Partition) -> None:
    async with db.writing() as session:
        # Whoever makes its first webhook holds the project's row: it is seen here, or finds this partition.
        await session.execute(select(Project.id).where(Project.id == partition.project_id).with_for_update())
        values: dict[str, Any] = {
            "part": partition.name,
            "project_id": partition.project_id,
            "epoch": FIRST_EPOCH,
            "namespace": namespace_of(FIRST_EPOCH),
            "cursor_epoch": FIRST_EPOCH,
            "cursor_seq": 0,
            "projected_epoch": FIRST_EPOCH,
            "projected_seq": 0,
            "verified_epoch": 0,
            "verified_seq": 0,
            "told": (
                await session.scalar(
                    select(Webhook.id).where(Webhook.project_id == partition.project_id).limit(1)
                )
            )
            is not None,
        }
        insert: Any = sqlite.insert(PartitionState) if db.is_sqlite else postgresql.insert(PartitionState)
        await session.execute(insert.values(values).on_conflict_do_nothing(index_elements=["part"]))
    async with db.reading() as session:
        state = await read_state(session, partition)
        versions = await catalogue_versions(session, partition.project_id)
    assert state is not None
    meta = await core.meta(partition)
    if meta.epoch:
        return  # open, or a matter for the recovery
    if state.epoch != FIRST_EPOCH or state.cursor.sequence:
        return
    await core.fill(Keys(partition, state.namespace), versions, ())
    code = await core.certify(
        partition,
        expected_epoch=0,
        server=meta.server,
        epoch=FIRST_EPOCH,
        sequence=0,
        namespace=state.namespace,
    )
    if code is Code.EPOCH:
        return  # The background process met the new row first and opened it.
    if code is not Code.OK:
        raise CoreUnavailable(f"partition {partition.name} could not be opened ({code.name})")


async def move_epoch(db: Database, state: State, epoch: int, namespace: str) -> bool:
    """End the epoch in SQL, by compare-and-swap: from here on nothing of it can be ledgered (I13)."""
    async with db.writing() as session:
        done: Any = await session.execute(
            update(PartitionState)
            .where(
                PartitionState.part == state.partition.name,
                PartitionState.epoch == state.epoch,
                PartitionState.cursor_epoch == state.cursor.epoch,
                PartitionState.cursor_seq == state.cursor.sequence,
            )
            .values(epoch=epoch, namespace=namespace, cursor_epoch=epoch, cursor_seq=0)
        )
    return bool(done.rowcount == 1)


async def announce(
    core: RedemptionCore,
    partition: Partition,
    *,
    ledgered: Position | None = None,
    projected: Position | None = None,
) -> None:
    """Tell everybody who waits how far the ledger has come."""
    marks = {LEDGERED: ledgered, PROJECTED: projected}
    told = {stage: str(position) for stage, position in marks.items() if position is not None}
    if told:
        await core.watermarks.announce(partition, **told)
