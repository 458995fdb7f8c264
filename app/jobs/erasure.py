"""A person is forgotten (D12): what tells of a customer goes from every table and every key; ids, amounts and
digests stay, so that the ledger, the counters and the audit chain remain whole.

The list of the forgotten holds ids alone. It is kept for ever: whatever is restored from a backup is brought
up to it. An erasure that was begun is finished by the background process, and doing it twice does no harm.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from msgspec import Struct
from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.keys import Partition
from app.db.models import (
    Customer,
    CustomEvent,
    Erasure,
    EventBody,
    FailureTrace,
    LedgerEvent,
    LedgerPosting,
    Order,
    Publication,
    Redemption,
    Segment,
    SegmentCheck,
    SegmentMember,
    SegmentMove,
    Voucher,
    VoucherTransaction,
    WebhookDelivery,
    WebhookEvent,
)
from app.db.noted import be_quiet
from app.engine import Engine
from app.identifiers import new_id, next_version
from app.jobs.erasure_files import forget_in_files
from app.jobs.erasure_keys import forget_in_core, rewrite_file
from app.jobs.erasure_list import note_beside_backups
from app.ledger.entries import BALANCE
from app.ledger.refusals import drain_refusals
from app.ledger.versions import remember_versions
from app.redeemables.customers import summary_of

ERASURES_SECONDS: Final = 30.0
PATIENCE: Final = timedelta(seconds=30)
"""Younger than this, an erasure is still in the hands of the request that began it."""
BEGUN, DONE = "IN_PROGRESS", "DONE"
CHUNK: Final = 200
"""Rows of one transaction (D17)."""
KEPT_OF_REDEMPTION: Final[tuple[str, ...]] = (
    "id",
    "object",
    "date",
    "amount",
    "redemption",
    "result",
    "status",
    "related_redemptions",
    "failure_code",
    "channel",
    "related_object_type",
    "related_object_id",
)
"""Members that tell nothing of a person: which code, when, how much."""

_TOLD: Final[tuple[tuple[Any, Any], ...]] = (
    (WebhookDelivery, WebhookDelivery.event_id),
    (WebhookEvent, WebhookEvent.id),
)

log = structlog.get_logger("vouchsafe.erasure")


class Person(Struct):
    """Whom to forget. names: under which the customer was known, until the erasure is done."""

    project_id: str
    customer_id: str
    names: list[str]
    order_ids: list[str] = []
    order_names: list[str] = []
    redemption_ids: list[str] = []

    @property
    def all_names(self) -> list[str]:
        return [self.customer_id, *self.names]


async def begin_erasure(session: AsyncSession, row: Customer, now: datetime) -> Erasure:
    """In the caller's transaction: the customer is gone, and it is on the list. Publish the customer after
    the commit, then call `finish_erasure`.
    """
    names = [name for name in (row.source_id, row.email) if name]
    erasure = Erasure(
        project_id=row.project_id,
        id=new_id("del_"),
        at=now,
        customer_id=row.id,
        status=BEGUN,
        counts={"names": names},
    )
    session.add(erasure)
    blank(row, now)
    return erasure


def blank(row: Customer, now: datetime) -> None:
    """A tombstone under the same id."""
    row.deleted_at = row.updated_at = now
    row.source_id = row.name = row.email = None
    row.body, row.summary = {}, summary_of({})
    row.version = next_version(row.version)


async def finish_erasure(engine: Engine, project_id: str, erasure_id: str) -> dict[str, int]:
    """Forget what was begun; how many rows of what. Harmless when it was done before.

    Raises: CoreUnavailable; the background process then finishes it.
    """
    partition = Partition(project_id)
    await engine.ledger.barrier(partition)
    await drain_refusals(engine.core, engine.db, [partition])
    async with engine.db.reading() as session:
        erasure = await session.get(Erasure, (project_id, erasure_id))
        if erasure is None or erasure.status == DONE:
            return {} if erasure is None else dict(erasure.counts)
        person = await _person(session, erasure)
    counts = {"customer": 1}
    counts["orders"] = await _orders(engine, person)
    counts["redemptions"] = await _redemptions(engine, person)
    counts["events"] = await _bodies(engine, person)
    counts["customer_events"] = await _rest(engine, person)
    counts["segments"] = await _segments(engine, person)
    counts["files"] = await forget_in_files(engine, person)
    await forget_in_core(engine, person)
    await note_beside_backups(engine, erasure)
    async with engine.db.writing() as session:
        erasure = await session.get(Erasure, (project_id, erasure_id), with_for_update=True)
        if erasure is not None:
            erasure.status, erasure.counts = DONE, counts
    await engine.db.checkpoint()
    await rewrite_file(engine, partition)
    log.info("erased", project=project_id, customer_id=person.customer_id, counts=counts)
    return counts


async def resume_erasures(engine: Engine) -> None:
    """Those that a crash left begun."""
    async with engine.db.reading() as session:
        begun = (
            await session.execute(
                select(Erasure.project_id, Erasure.id).where(
                    Erasure.status == BEGUN, Erasure.at < engine.now() - PATIENCE
                )
            )
        ).all()
    for project_id, erasure_id in begun:
        await finish_erasure(engine, project_id, erasure_id)


async def apply_list(engine: Engine, project_id: str, customer_id: str, at: datetime) -> bool:
    """Forget somebody who is on a list that is newer than the database; whether there was anything."""
    async with engine.db.writing() as session:
        row = await session.get(Customer, (project_id, customer_id), with_for_update=True)
        known = await session.scalar(
            select(Erasure.id).where(
                Erasure.project_id == project_id, Erasure.customer_id == customer_id, Erasure.at >= at
            )
        )
        if row is None or known is not None or row.created_at > at:
            return False
        erasure = await begin_erasure(session, row, engine.now())
        erasure_id = erasure.id
    await engine.catalogue.publish(Partition(project_id), {}, [("customer", customer_id)])
    await finish_erasure(engine, project_id, erasure_id)
    return True


async def _person(session: AsyncSession, erasure: Erasure) -> Person:
    person = Person(erasure.project_id, erasure.customer_id, list(erasure.counts.get("names") or ()))
    orders = await session.execute(
        select(Order.id, Order.source_id).where(
            Order.project_id == person.project_id, Order.customer_id == person.customer_id
        )
    )
    for order_id, source_id in orders:
        person.order_ids.append(order_id)
        if source_id:
            person.order_names.append(source_id)
    found = await session.scalars(
        select(Redemption.id).where(
            Redemption.project_id == person.project_id, Redemption.customer_id == person.customer_id
        )
    )
    person.redemption_ids = list(found)
    for ids in _chunks(person.order_ids):
        more = await session.scalars(
            select(Redemption.id).where(
                Redemption.project_id == person.project_id, Redemption.order_id.in_(ids)
            )
        )
        person.redemption_ids += [one for one in more if one not in person.redemption_ids]
    return person


def _chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]


async def _orders(engine: Engine, person: Person) -> int:
    for ids in _chunks(person.order_ids):
        async with engine.db.writing() as session:
            await _overwrite(session)
            await session.execute(
                delete(Order).where(Order.project_id == person.project_id, Order.id.in_(ids))
            )
    return len(person.order_ids)


async def _redemptions(engine: Engine, person: Person) -> int:
    """Which code was used when stays; who, for what and with what words goes."""
    for ids in _chunks(person.redemption_ids):
        async with engine.db.writing() as session:
            await _overwrite(session)
            rows = await session.scalars(
                select(Redemption).where(Redemption.project_id == person.project_id, Redemption.id.in_(ids))
            )
            for row in rows:
                kept = {name: row.body[name] for name in KEPT_OF_REDEMPTION if name in row.body}
                for name in ("voucher", "promotion_tier"):
                    if isinstance(row.body.get(name), dict):
                        kept[name] = {
                            key: row.body[name][key]
                            for key in ("id", "code", "name", "object")
                            if key in row.body[name]
                        }
                row.body = {**kept, "customer_id": row.customer_id, "metadata": {}, "customer": None}
            await session.execute(
                delete(FailureTrace).where(
                    FailureTrace.project_id == person.project_id, FailureTrace.id.in_(ids)
                )
            )
    return len(person.redemption_ids)


async def _bodies(engine: Engine, person: Person) -> int:
    """The erasable halves of events: of the customer, of redemptions for the customer's orders, and of cards
    that the customer holds, where somebody wrote why a balance was changed.
    """
    part = Partition(person.project_id).name
    positions: set[tuple[int, int]] = set()
    async with engine.db.reading() as session:
        own = await session.execute(
            select(EventBody.epoch, EventBody.seq)
            .join(
                LedgerEvent,
                (LedgerEvent.part == EventBody.part)
                & (LedgerEvent.epoch == EventBody.epoch)
                & (LedgerEvent.seq == EventBody.seq),
            )
            .where(EventBody.part == part, EventBody.customer_id == person.customer_id)
        )
        positions.update((row[0], row[1]) for row in own)
        for ids in _chunks(person.redemption_ids):
            of_redemptions = await session.execute(
                select(Redemption.epoch, Redemption.seq).where(
                    Redemption.project_id == person.project_id,
                    Redemption.id.in_(ids),
                    Redemption.epoch.is_not(None),
                )
            )
            positions.update((int(row[0] or 0), int(row[1] or 0)) for row in of_redemptions)
        cards = await session.execute(
            select(LedgerEvent.epoch, LedgerEvent.seq)
            .join(
                LedgerPosting,
                (LedgerPosting.part == LedgerEvent.part)
                & (LedgerPosting.epoch == LedgerEvent.epoch)
                & (LedgerPosting.seq == LedgerEvent.seq),
            )
            .where(
                LedgerEvent.part == part,
                LedgerEvent.kind == BALANCE,
                LedgerPosting.field.in_(
                    select(Voucher.id).where(
                        Voucher.project_id == person.project_id, Voucher.holder_id == person.customer_id
                    )
                ),
            )
        )
        positions.update((row[0], row[1]) for row in cards)
    ordered = sorted(positions)
    for start in range(0, len(ordered), CHUNK):
        async with engine.db.writing() as session:
            await _overwrite(session)
            for epoch, sequence in ordered[start : start + CHUNK]:
                await session.execute(
                    delete(EventBody).where(
                        EventBody.part == part, EventBody.epoch == epoch, EventBody.seq == sequence
                    )
                )
    return len(ordered)


async def _rest(engine: Engine, person: Person) -> int:
    """Custom events, publications' words, reasons of balances, and what was to be told of it."""
    project_id, customer_id = person.project_id, person.customer_id
    async with engine.db.writing() as session:
        await _overwrite(session)
        done: Any = await session.execute(
            delete(CustomEvent).where(
                CustomEvent.project_id == project_id, CustomEvent.customer_id == customer_id
            )
        )
        for model in (SegmentMember, SegmentMove, SegmentCheck):
            await session.execute(
                delete(model).where(model.project_id == project_id, model.customer_id == customer_id)
            )
        publications = await session.scalars(
            select(Publication).where(
                Publication.project_id == project_id, Publication.customer_id == customer_id
            )
        )
        for row in publications:
            row.body = {
                name: row.body[name] for name in ("codes", "voucher_ids", "campaign") if name in row.body
            }
            row.source_id = row.reason = row.agent = None
        held = select(Voucher.id).where(Voucher.project_id == project_id, Voucher.holder_id == customer_id)
        await session.execute(
            update(VoucherTransaction)
            .where(VoucherTransaction.project_id == project_id, VoucherTransaction.voucher_id.in_(held))
            .values(source_id=None, reason=None)
        )
        told = list(
            await session.scalars(
                select(WebhookEvent.id).where(
                    WebhookEvent.project_id == project_id,
                    or_(
                        WebhookEvent.customer_id == customer_id,
                        WebhookEvent.object_key.contains(customer_id, autoescape=True),
                    ),
                )
            )
        )
        for ids in _chunks(told):
            for table, column in _TOLD:
                await session.execute(delete(table).where(table.project_id == project_id, column.in_(ids)))
    return int(max(0, done.rowcount))


async def _segments(engine: Engine, person: Person) -> int:
    """Lists name customers by id, or by a source_id that was nobody's when the list was made."""
    changed: dict[str, int] = {}
    names = set(person.all_names)
    async with engine.db.writing() as session:
        await _overwrite(session)
        rows = await session.scalars(
            select(Segment).where(Segment.project_id == person.project_id, Segment.type == "static")
        )
        for row in rows:
            members = row.body.get("customers") or []
            left = [member for member in members if member not in names]
            if len(left) != len(members):
                row.body = {**row.body, "customers": left}
                row.version = next_version(row.version)
                changed["seg:" + row.id] = row.version
        count = len(changed)
        await remember_versions(session, person.project_id, changed)
    if changed:
        await engine.catalogue.publish(Partition(person.project_id), changed, [])
    return count


async def _overwrite(session: AsyncSession) -> None:
    """SQLite leaves what was deleted in its file unless it is told to write over it; and nobody is to be told
    of these changes.
    """
    be_quiet(session)
    if session.get_bind().dialect.name == "sqlite":
        await session.execute(text("PRAGMA secure_delete = ON"))
