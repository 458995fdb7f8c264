"""Rules that stop a campaign, on either kind of database: what is counted, and what is not."""

from sqlalchemy import select, update

from app.core.keys import Partition
from app.db.models import AuditEntry, Campaign, LedgerEvent, LedgerPosting, PartitionState, Project
from app.engine import Engine
from app.identifiers import new_id, next_version
from app.jobs.auto_stop import AutoStops


async def watched_campaign(engine: Engine, project: Project, **rules: float) -> str:
    campaign_id = new_id("camp_")
    async with engine.db.writing() as session:
        session.add(
            Campaign(
                project_id=project.id,
                id=campaign_id,
                name=campaign_id,
                campaign_type="DISCOUNT_COUPONS",
                type="STATIC",
                active=True,
                watched=True,
                version=next_version(),
                created_at=engine.now(),
                body={"extensions": {"auto_stop": rules}},
            )
        )
    return campaign_id


async def ledger(
    engine: Engine, project: Project, campaign_id: str, *, kind: str, seconds_ago: int, discount: int = 0
) -> None:
    """One redemption or rollback as the drain writes it."""
    part = Partition(project.id).name
    sign = 1 if kind == "redemption" else -1
    async with engine.db.writing() as session:
        state = await session.get(PartitionState, part)
        assert state is not None
        sequence = state.cursor_seq + 1
        epoch = state.epoch
        at_us = int((engine.now().timestamp() - seconds_ago) * 1_000_000)
        session.add(
            LedgerEvent(
                part=part,
                epoch=epoch,
                seq=sequence,
                rid=new_id("q_"),
                project_id=project.id,
                kind=kind,
                schema=1,
                at_us=at_us,
                body=b"",
            )
        )
        for number, (field, delta) in enumerate((("used", sign), ("discount", sign * discount))):
            session.add(
                LedgerPosting(
                    part=part,
                    epoch=epoch,
                    seq=sequence,
                    n=number,
                    key=f"n:campaign:{campaign_id}",
                    field=field,
                    delta=delta,
                    kind="a",
                    after=0,
                    until=0,
                    redeemable_no=0,
                )
            )
        await session.execute(
            update(PartitionState)
            .where(PartitionState.part == part)
            .values(cursor_epoch=epoch, cursor_seq=sequence)
        )


async def is_active(engine: Engine, project: Project, campaign_id: str) -> bool:
    async with engine.db.reading() as session:
        campaign = await session.get(Campaign, (project.id, campaign_id))
    assert campaign is not None
    return campaign.active


async def test_only_the_last_minute_and_hour_count(engine: Engine, project: Project) -> None:
    """What is older does not stop a campaign; what comes between two looks is counted once."""
    campaign_id = await watched_campaign(engine, project, redemptions_per_minute=2, discount_per_hour=1_000)
    stops = AutoStops(engine)
    for seconds_ago in (4_000, 3_700, 200, 150, 100):
        discount = 900 if seconds_ago > 3_600 else 100
        await ledger(
            engine, project, campaign_id, kind="redemption", seconds_ago=seconds_ago, discount=discount
        )
    for _ in range(3):
        await stops.watch()
    assert await is_active(engine, project, campaign_id)
    await ledger(engine, project, campaign_id, kind="redemption", seconds_ago=0, discount=700)
    await stops.watch()
    assert await is_active(engine, project, campaign_id)
    await ledger(engine, project, campaign_id, kind="redemption", seconds_ago=0, discount=1)
    await stops.watch()
    assert not await is_active(engine, project, campaign_id)
    async with engine.db.reading() as session:
        campaign = await session.get(Campaign, (project.id, campaign_id))
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.object_id == campaign_id))
    assert campaign is not None
    assert campaign.body["extensions"]["stopped"]["rule"] == "discount_per_hour"
    assert entry is not None
    assert (entry.actor_kind, entry.operation) == ("rule", "auto-stop:discount_per_hour")


async def test_a_new_process_counts_the_hour_before_it(engine: Engine, project: Project) -> None:
    """Returns against redemptions, read from the ledger by a background process that saw none of them."""
    campaign_id = await watched_campaign(engine, project, refund_share=0.5, refund_minimum=2)
    for kind in ("redemption", "redemption", "rollback", "rollback"):
        await ledger(engine, project, campaign_id, kind=kind, seconds_ago=1_800)
    await AutoStops(engine).watch()
    assert not await is_active(engine, project, campaign_id)
