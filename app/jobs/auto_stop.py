"""Campaigns watched by their own rules: what the ledger has seen of them lately is counted every second, and
one that passes a limit is disabled like by hand, with its reason on it and in the audit (D17).
"""

from typing import Any, Final

import structlog
from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.chain import Actor, audited
from app.core.keys import Partition
from app.core.outbox import Position
from app.db.models import Campaign, LedgerEvent, LedgerPosting, SnapshotDue
from app.engine import Engine
from app.identifiers import next_version
from app.jobs.publications import publish_noted
from app.ledger.entries import REDEMPTION, ROLLBACK
from app.ledger.partitions import State, read_state
from app.ledger.positions import beyond, up_to
from app.ledger.versions import remember_versions
from app.redeemables.auto_stop import HOUR, AutoStop, Breach, Lately, auto_stop_of, stopped

AUTO_STOP_SECONDS: Final = 1.0
CAMPAIGN_KEY: Final = "n:campaign:"

log = structlog.get_logger("vouchsafe.background")


class Watched(Struct, frozen=True):
    rule: AutoStop
    since: int
    """Epoch second from which the rules count."""


class _Partition(Struct):
    """What was counted of one partition, up to where."""

    campaigns: frozenset[str]
    position: Position
    lately: dict[str, Lately]


class AutoStops:
    """Holds the last hour of every watched campaign. A new process reads that hour from the ledger."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._partitions: dict[Partition, _Partition] = {}

    async def watch(self) -> None:
        """One look at everything that is watched."""
        watched = await self._watched()
        for gone in self._partitions.keys() - watched.keys():
            del self._partitions[gone]
        for partition, campaigns in watched.items():
            for campaign_id, breach in await self._look(partition, campaigns):
                await stop(self._engine, partition.project_id, campaign_id, breach)

    async def _watched(self) -> dict[Partition, dict[str, Watched]]:
        found: dict[Partition, dict[str, Watched]] = {}
        async with self._engine.db.reading() as session:
            rows = await session.execute(
                select(Campaign.project_id, Campaign.id, Campaign.body).where(
                    Campaign.watched, Campaign.active, Campaign.deleted_at.is_(None)
                )
            )
            for project_id, campaign_id, body in rows:
                rule = auto_stop_of(body.get("extensions"))
                if rule is not None:
                    since = int(body.get("auto_stop_since") or 0)
                    found.setdefault(Partition(project_id), {})[campaign_id] = Watched(rule, since)
        return found

    async def _look(self, partition: Partition, campaigns: dict[str, Watched]) -> list[tuple[str, Breach]]:
        now = int(self._engine.now().timestamp())
        async with self._engine.db.reading() as session:
            state = await read_state(session, partition)
            if state is None:
                return []
            known = self._partitions.get(partition)
            if known is None or not campaigns.keys() <= known.campaigns:
                known = _Partition(frozenset(campaigns), await _an_hour_ago(session, state, now), {})
            await _count(session, state, known)
        self._partitions[partition] = known
        breaches = []
        for campaign_id, watched in campaigns.items():
            lately = known.lately.get(campaign_id)
            if lately is None:
                continue
            lately.forget(now)
            breach = lately.breach(watched.rule, now, watched.since)
            if breach is not None:
                breaches.append((campaign_id, breach))
        return breaches


async def _an_hour_ago(session: AsyncSession, state: State, now: int) -> Position:
    """Where the last hour's events begin."""
    event = LedgerEvent
    row = (
        await session.execute(
            select(event.epoch, event.seq)
            .where(
                event.project_id == state.partition.project_id,
                event.part == state.partition.name,
                event.at_us > (now - HOUR) * 1_000_000,
            )
            .order_by(event.at_us)
            .limit(1)
        )
    ).one_or_none()
    return state.cursor if row is None else Position(row[0], max(0, row[1] - 1))


async def _count(session: AsyncSession, state: State, known: _Partition) -> None:
    """Add what was ledgered since the last look, summed by second."""
    if state.cursor <= known.position:
        return
    posting, event = LedgerPosting, LedgerEvent
    second: Any = (event.at_us // 1_000_000).label("second")
    rows = await session.execute(
        select(posting.key, posting.field, event.kind, second, func.sum(posting.delta))
        .join(
            event,
            (event.part == posting.part) & (event.epoch == posting.epoch) & (event.seq == posting.seq),
        )
        .where(
            posting.part == state.partition.name,
            beyond(posting, known.position),
            up_to(posting, state.cursor),
            posting.key.in_([CAMPAIGN_KEY + campaign_id for campaign_id in known.campaigns]),
            posting.field.in_(("used", "discount")),
            event.kind.in_((REDEMPTION, ROLLBACK)),
        )
        .group_by(posting.key, posting.field, event.kind, "second")
    )
    for key, field, kind, at, total in rows:
        lately = known.lately.setdefault(key[len(CAMPAIGN_KEY) :], Lately(seconds={}))
        if kind == ROLLBACK:
            lately.add(int(at), returned=-int(total) if field == "used" else 0)
        elif field == "used":
            lately.add(int(at), redeemed=int(total))
        else:
            lately.add(int(at), discount=int(total))
    known.position = state.cursor


async def stop(engine: Engine, project_id: str, campaign_id: str, breach: Breach) -> bool:
    """Disable a campaign and publish it, as by hand; whether it was still running.

    Raises: CoreUnavailable after the commit: the publication is repeated by whoever repeats all of them.
    """
    now = engine.now()
    actor = Actor(kind="rule", id=campaign_id, operation=f"auto-stop:{breach.rule}")
    async with audited(engine.db, project_id, actor) as session:
        campaign = await session.get(Campaign, (project_id, campaign_id), with_for_update=True)
        if campaign is None or not campaign.active or campaign.deleted_at is not None:
            return False
        campaign.active = False
        campaign.body = stopped(campaign.body, breach, now)
        campaign.version = next_version(campaign.version)
        campaign.updated_at = now
        guards = {"c:" + campaign_id: campaign.version}
        await remember_versions(session, project_id, guards)
        due = SnapshotDue(project_id=project_id, at=now, guards=guards, records=[])
        session.add(due)
    log.warning(
        "a campaign was stopped by its own rule",
        project=project_id,
        campaign=campaign_id,
        rule=breach.rule,
        limit=breach.limit,
        value=breach.value,
    )
    await publish_noted(engine, [due])
    return True
