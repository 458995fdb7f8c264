"""A small shop for tests of the ledger: one project, redemptions as the script takes them, a drain and a
projector by hand.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from app.core.core import RedemptionCore
from app.core.keys import Partition
from app.core.ops import Add, Apply, Claim, Hold, Op, Release
from app.core.outbox import Position
from app.core.outcome import Code, Outcome
from app.db.database import Database
from app.db.models import Project, Voucher
from app.identifiers import new_id, next_version
from app.ledger.customer_writes import CustomerRules
from app.ledger.drain import BATCH_MAX, ledger_entries
from app.ledger.entries import (
    HOLD,
    ORDER,
    REDEMPTION,
    ROLLBACK,
    Event,
    Lock,
    Posting,
    Private,
    Taken,
    encode_event,
    encode_private,
)
from app.ledger.partitions import announce, open_partition, read_state
from app.ledger.project import Projector
from app.ledger.recovery import Recovery, recover
from app.redeemables.customers import merge_patch, record_of, summary_of

CAMPAIGN = "camp_summer"
FAR_MS = 4_000_000_000_000
"""A deadline that no test reaches."""
CUSTOMER = CustomerRules(merge=merge_patch, record=record_of, summary=summary_of)


def now_us() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000_000)


class Shop:
    """One project on one core and one database."""

    def __init__(self, core: RedemptionCore, db: Database, project_id: str) -> None:
        self.core = core
        self.db = db
        self.partition = Partition(project_id)
        self.projector = Projector(core, db, CUSTOMER)
        self.past_us = 0
        """How long ago what is done next happened, microseconds."""

    async def found(self) -> None:
        """Create the project and open its partition."""
        async with self.db.writing() as session:
            session.add(
                Project(
                    id=self.partition.project_id,
                    name=self.partition.project_id,
                    settings={},
                    stacking_rules={},
                    secret=b"s" * 32,
                    version=next_version(),
                    created_at=datetime.now(UTC),
                    updated_at=None,
                    deleted_at=None,
                    currency=None,
                )
            )
        await open_partition(self.core, self.db, self.partition)

    async def add_voucher(self, voucher_id: str, **columns: Any) -> None:
        async with self.db.writing() as session:
            session.add(
                Voucher(
                    project_id=self.partition.project_id,
                    id=voucher_id,
                    code=voucher_id.upper(),
                    folded_code=voucher_id.upper(),
                    type="DISCOUNT_VOUCHER",
                    active=True,
                    version=next_version(),
                    created_at=datetime.now(UTC),
                    body={},
                    **columns,
                )
            )

    async def redeem(
        self,
        voucher_id: str = "v_1",
        *,
        customer_id: str | None = None,
        cap: int | None = None,
        rid: str | None = None,
        order: dict[str, Any] | None = None,
        patch: dict[str, Any] | None = None,
        redemption_id: str | None = None,
        until: int = 0,
        source_id: str | None = None,
        customer_known: bool = False,
    ) -> Outcome:
        """One use of a voucher and of its campaign's budget; with a customer also of its summary."""
        keys = await self.core.open(self.partition)
        adds = [
            Add(key=keys.voucher_used(voucher_id), field=voucher_id, delta=1, cap=cap),
            Add(key=keys.counter("campaign", CAMPAIGN), field="used", delta=1),
        ]
        if until:
            adds.append(
                Add(key=keys.counter("campaign", CAMPAIGN, window="d"), field="used", delta=1, until=until)
            )
        if customer_id:
            adds.append(Add(key=keys.counter("customer", customer_id), field="redemptions", delta=1))
        redemption_id = redemption_id or new_id("r_")
        taken = Taken(
            id=redemption_id,
            object="redemption",
            related_object_type="voucher",
            related_object_id=voucher_id,
            voucher_id=voucher_id,
            campaign_id=CAMPAIGN,
        )
        customer = None
        if customer_id:
            customer = {
                "id": customer_id, "source_id": source_id, "created": not customer_known, "at_us": now_us(),
                "patch": patch or {},
            }  # fmt: skip
        private = Private(
            redemptions=[
                {"id": redemption_id, "object": "redemption", "result": "SUCCESS", "status": "SUCCEEDED"}
            ],
            order=order,
            customer=customer,
        )
        ops: list[Op] = list(adds)
        if customer_id and source_id:
            ops.append(Claim(key=keys.source_claim(source_id), field=source_id, value=customer_id.encode()))
        return await self.apply(
            REDEMPTION, ops, "R", [taken], private, rid=rid, customer_id=customer_id, order=order
        )

    async def roll_back(self, redemption_id: str, voucher_id: str = "v_1") -> Outcome:
        keys = await self.core.open(self.partition)
        rollback_id = new_id("rr_")
        taken = Taken(
            id=rollback_id,
            object="redemption_rollback",
            related_object_type="voucher",
            related_object_id=voucher_id,
            voucher_id=voucher_id,
            campaign_id=CAMPAIGN,
            redemption_id=redemption_id,
        )
        private = Private(
            redemptions=[{"id": rollback_id, "object": "redemption_rollback", "result": "SUCCESS"}]
        )
        ops: list[Op] = [
            Add(key=keys.voucher_used(voucher_id), field=voucher_id, delta=-1, floor=0),
            Add(key=keys.counter("campaign", CAMPAIGN), field="used", delta=-1, floor=0),
        ]
        return await self.apply(ROLLBACK, ops, "B", [taken], private)

    async def spend(self, voucher_id: str, amount: int, opening: int) -> Outcome:
        """Use a gift card."""
        keys = await self.core.open(self.partition)
        ops: list[Op] = [
            Add(key=keys.balance(voucher_id), field=voucher_id, delta=-amount, base=opening, floor=0)
        ]
        redemption_id = new_id("r_")
        taken = Taken(
            id=redemption_id,
            object="redemption",
            related_object_type="voucher",
            related_object_id=voucher_id,
            voucher_id=voucher_id,
            amount=amount,
        )
        return await self.apply(REDEMPTION, ops, "R", [taken], Private(redemptions=[{"id": redemption_id}]))

    async def hold(self, voucher_id: str, amount: int = 1, *, release: int = 0) -> Outcome:
        keys = await self.core.open(self.partition)
        place = {"key": keys.voucher_used(voucher_id), "field": voucher_id}
        ops: list[Op] = [Release(**place, amount=release)] if release else []
        if amount:
            ops.append(Hold(**place, amount=amount, cap=100))
        lock = Lock("digest", voucher_id, FAR_MS, [(place["key"].split(":", 2)[2], voucher_id, amount, 0)])
        return await self.apply(HOLD, ops, "H", [], None, locks=[lock])

    async def put_order(self, order: dict[str, Any]) -> Outcome:
        return await self.apply(ORDER, [], "R", [], Private(order=order), order=order)

    async def apply(
        self,
        kind: str,
        ops: list[Op],
        mode: str,
        taken: list[Taken],
        private: Private | None,
        *,
        rid: str | None = None,
        customer_id: str | None = None,
        order: dict[str, Any] | None = None,
        locks: list[Lock] | None = None,
    ) -> Outcome:
        rid = rid or new_id("q_")
        kinds = {Add: "a", Hold: "h", Release: "r"}
        event = Event(
            kind=kind,
            rid=rid,
            project_id=self.partition.project_id,
            at_us=now_us() - self.past_us,
            postings=[
                Posting(
                    key=op.key.split(":", 2)[2],
                    field=op.field,
                    delta=op.delta if isinstance(op, Add) else op.amount,
                    kind=kinds[type(op)],
                    base=getattr(op, "base", 0),
                    until=getattr(op, "until", 0),
                )
                for op in ops
                if isinstance(op, Add | Hold | Release)
            ],
            taken=taken,
            customer_id=customer_id,
            order_id=order["id"] if order else None,
            locks=locks or [],
        )
        call = Apply(
            partition=self.partition,
            mode=mode,
            rid=rid,
            guards={},
            ops=ops,
            event=encode_event(event),
            private=encode_private(private) if private is not None else b"",
        )
        return await self.core.apply(call)

    async def recover(self, **options: bool) -> Recovery:
        """As the background process does it; this process looks at the partition anew."""
        done = await recover(self.core, self.db, self.partition, **options)
        await self.core.refresh(self.partition)
        return done

    async def redeem_many(self, count: int, **options: Any) -> list[str]:
        """Ids of the events; every one was accepted."""
        outcomes = [await self.redeem(**options) for _ in range(count)]
        assert all(outcome.code is Code.OK for outcome in outcomes)
        return [outcome.event_id for outcome in outcomes]

    async def drain(self) -> Position:
        """Ledger everything that waits."""
        async with self.db.reading() as session:
            state = await read_state(session, self.partition)
        assert state is not None
        cursor = state.cursor
        while entries := await self.core.read_outbox(self.partition, str(cursor), BATCH_MAX):
            moved = await ledger_entries(self.db, self.partition, cursor, entries)
            assert moved is not None
            cursor = moved
        await announce(self.core, self.partition, ledgered=cursor)
        return cursor

    async def project(self) -> int:
        return await self.projector.project_all(self.partition)

    async def settle(self) -> None:
        await self.drain()
        await self.project()

    async def count(self, model: Any, *conditions: Any) -> int:
        async with self.db.reading() as session:
            return int(await session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0)

    async def rows(self, model: Any, *conditions: Any) -> list[Any]:
        async with self.db.reading() as session:
            return list(await session.scalars(select(model).where(*conditions)))

    async def counters(self) -> dict[str, int]:
        """Every counter of the partition as Redis holds it, by bare key and field."""
        keys = (await self.core.refresh(self.partition)).keys
        found: dict[str, int] = {}
        for family in ("v:*", "g:*", "n:*"):
            (reply,) = await self.core.read(self.partition, [("KEYS", keys.base + family)])
            for key in sorted(reply):
                (flat,) = await self.core.read(self.partition, [("HGETALL", key)])
                for field, value in zip(flat[::2], flat[1::2], strict=True):
                    found[f"{key.decode().removeprefix(keys.base)} {field.decode()}"] = int(value)
        return found


@contextlib.asynccontextmanager
async def open_core(url: str) -> AsyncIterator[RedemptionCore]:
    core = RedemptionCore(url)
    await core.start()
    try:
        yield core
    finally:
        await core.close()
