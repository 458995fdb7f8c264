"""Campaigns that run, what is left of their budgets, and when those will be used up if it goes on like this.

What is used is read from the core and exact; the speed is counted from the ledger's last events, a bounded
number of them, however busy the project is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Answer, Call
from app.api.campaigns.rule_names import Condition, cap_of, conditions_by_object
from app.core.outbox import Position
from app.db.models import Campaign, LedgerEvent, LedgerPosting, PromotionTier, Voucher
from app.http.routing import Route
from app.http.wire import iso
from app.ledger.partitions import read_state
from app.ledger.positions import beyond, up_to

LIMIT: Final = 50
LIMIT_MAX: Final = 100
WINDOW: Final = timedelta(minutes=15)
EVENTS_MAX: Final = 10_000
"""Of the ledger, that a speed is counted from."""
HORIZON: Final = timedelta(days=3650)
"""A cap that is reached later than this is not reached."""
CAPS: Final = (
    ("campaign.redemptions.count", "redemptions", "used"),
    ("campaign.orders.amount_discounted", "amount", "discount"),
)
"""Rule, what it counts, and the counter's field."""
KEY: Final = "n:campaign:"


class Speed(Struct, frozen=True):
    """What was counted since an instant."""

    since: datetime
    moved: Mapping[tuple[str, str], int]
    """By campaign id and field."""

    def per_minute(self, campaign: Campaign, field: str, now: datetime) -> float:
        """Counted from the campaign's own beginning where that is later."""
        begun = max(filter(None, (self.since, campaign.created_at, campaign.start_date)))
        seconds = max(1.0, (now - begun).total_seconds())
        return max(0, self.moved.get((campaign.id, field), 0)) * 60 / seconds


async def list_running(call: Call) -> Answer:
    """Also those that were stopped and wait for somebody to resume or end them."""
    limit = call.query.integer("limit", low=1, high=LIMIT_MAX) or LIMIT
    now = call.engine.now()
    async with call.read() as session:
        campaigns = await _campaigns(session, call.project_id, now, limit + 1)
        shown = campaigns[:limit]
        codes = await _public_codes(session, call.project_id, shown)
        conditions = await _conditions(session, call.project_id, shown, codes)
        speed = await _speed(session, call, shown, now)
    used = await _used(call, shown, codes)
    return Answer(
        {
            "object": "list",
            "data_ref": "campaigns",
            "campaigns": [
                _wire(one, codes.get(one.id), conditions.get(one.id, []), used, speed, now) for one in shown
            ],
            "has_more": len(campaigns) > limit,
            "as_of": iso(now),
            "counted_since": iso(speed.since),
        }
    )


async def _campaigns(
    session: AsyncSession, project_id: str, now: datetime, limit: int
) -> Sequence[Campaign]:
    row = Campaign
    stopped = row.body["extensions"]["stopped"]["by"].as_string().is_not(None)
    rows = await session.scalars(
        select(row)
        .where(
            row.project_id == project_id,
            row.deleted_at.is_(None),
            or_(row.active, stopped),
            or_(row.start_date.is_(None), row.start_date <= now),
            or_(row.expiration_date.is_(None), row.expiration_date > now),
        )
        .order_by(row.created_at.desc(), row.id.desc())
        .limit(limit)
    )
    return rows.all()


async def _public_codes(
    session: AsyncSession, project_id: str, campaigns: Iterable[Campaign]
) -> dict[str, Voucher]:
    """The one code of each campaign that has one for everybody."""
    ids = [one.id for one in campaigns if one.type == "STANDALONE" and one.campaign_type != "PROMOTION"]
    rows = await session.scalars(
        select(Voucher).where(
            Voucher.project_id == project_id, Voucher.campaign_id.in_(ids), Voucher.deleted_at.is_(None)
        )
    )
    return {str(row.campaign_id): row for row in rows}


async def _conditions(
    session: AsyncSession, project_id: str, campaigns: Sequence[Campaign], codes: Mapping[str, Voucher]
) -> dict[str, list[Condition]]:
    """Of the rules of each campaign, of its code and of its tiers."""
    owners = {one.id: one.id for one in campaigns} | {code.id: of for of, code in codes.items()}
    tiers = await session.execute(
        select(PromotionTier.id, PromotionTier.campaign_id).where(
            PromotionTier.project_id == project_id,
            PromotionTier.campaign_id.in_([one.id for one in campaigns]),
        )
    )
    owners |= {row[0]: row[1] for row in tiers}
    found: dict[str, list[Condition]] = defaultdict(list)
    for object_id, conditions in (await conditions_by_object(session, project_id, owners)).items():
        found[owners[object_id]] += conditions
    return found


async def _speed(session: AsyncSession, call: Call, campaigns: Sequence[Campaign], now: datetime) -> Speed:
    """From the last quarter of an hour, or from as many events as are looked at."""
    since = now - WINDOW
    state = await read_state(session, call.partition)
    if state is None or not campaigns:
        return Speed(since, {})
    cursor, event, posting = state.cursor, LedgerEvent, LedgerPosting
    start = Position(cursor.epoch, max(0, cursor.sequence - EVENTS_MAX))
    if start.sequence:
        at_us = await session.scalar(
            select(event.at_us).where(
                event.part == call.partition.name, event.epoch == start.epoch, event.seq == start.sequence
            )
        )
        since = max(since, datetime.fromtimestamp((at_us or 0) / 1_000_000, UTC))
    first = await session.execute(
        select(event.epoch, event.seq)
        .where(
            event.project_id == call.project_id,
            event.part == call.partition.name,
            event.at_us >= int(since.timestamp() * 1_000_000),
        )
        .order_by(event.at_us)
        .limit(1)
    )
    begins = first.one_or_none()
    if begins is None:
        return Speed(since, {})
    after = max(start, Position(begins[0], max(0, begins[1] - 1)))
    rows = await session.execute(
        select(posting.key, posting.field, func.sum(posting.delta))
        .where(
            posting.part == call.partition.name,
            beyond(posting, after),
            up_to(posting, cursor),
            posting.key.in_([KEY + one.id for one in campaigns]),
            posting.field.in_([field for _, _, field in CAPS]),
            posting.kind == "a",
        )
        .group_by(posting.key, posting.field)
    )
    return Speed(since, {(key.removeprefix(KEY), field): int(total) for key, field, total in rows})


async def _used(
    call: Call, campaigns: Sequence[Campaign], codes: Mapping[str, Voucher]
) -> dict[tuple[str, str], int]:
    """Counters of campaigns by id and field, and of public codes by id and "used", as the core has them."""
    core, partition = call.engine.core, call.partition
    keys = await core.open(partition)
    asked = [(one.id, field) for one in campaigns for _, _, field in CAPS]
    commands: list[tuple[str, ...]] = [("HGET", keys.counter("campaign", of), field) for of, field in asked]
    commands += [("HGET", keys.voucher_used(code.id), code.id) for code in codes.values()]
    if not commands:
        return {}
    replies = await core.read(partition, commands)
    used = {name: int(reply or 0) for name, reply in zip(asked, replies[: len(asked)], strict=True)}
    for code, reply in zip(codes.values(), replies[len(asked) :], strict=True):
        used[code.id, "used"] = code.redeemed_base if reply is None else int(reply)
    return used


def _wire(
    campaign: Campaign,
    code: Voucher | None,
    conditions: Sequence[Condition],
    used: Mapping[tuple[str, str], int],
    speed: Speed,
    now: datetime,
) -> dict[str, Any]:
    extensions = campaign.body.get("extensions") or {}
    budgets = []
    for name, unit, field in CAPS:
        limit = cap_of(conditions, name)
        if limit is not None:
            rate = speed.per_minute(campaign, field, now)
            budgets.append(_budget(name, unit, limit, used[campaign.id, field], rate, now))
    if code is not None and code.quantity is not None:
        rate = speed.per_minute(campaign, "used", now)
        taken = used[code.id, "used"]
        budgets.append(
            _budget("voucher.redemption.quantity", "redemptions", code.quantity, taken, rate, now)
        )
    return {
        "id": campaign.id,
        "object": "running_campaign",
        "name": campaign.name,
        "campaign_type": campaign.campaign_type,
        "type": campaign.type,
        "active": campaign.active,
        "stopped": extensions.get("stopped"),
        "currency": extensions.get("currency"),
        "expiration_date": iso(campaign.expiration_date),
        "redemptions": used[campaign.id, "used"],
        "redemptions_per_minute": round(speed.per_minute(campaign, "used", now), 2),
        "discounted": used[campaign.id, "discount"],
        "discounted_per_minute": round(speed.per_minute(campaign, "discount", now), 2),
        "budgets": budgets,
    }


def _budget(name: str, unit: str, limit: int, used: int, rate: float, now: datetime) -> dict[str, Any]:
    left = max(0, limit - used)
    minutes = left / rate if rate else None
    reached = left == 0 or (minutes is not None and minutes < HORIZON.total_seconds() / 60)
    return {
        "name": name,
        "unit": unit,
        "limit": limit,
        "used": used,
        "left": left,
        "percent_used": 100 if not limit else min(100, used * 100 // limit),
        "per_minute": round(rate, 2),
        "reached_at": iso(now + timedelta(minutes=(minutes or 0) if left else 0)) if reached else None,
    }


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/engine/campaigns/running",
        operation_id="list-running-campaigns",
        handler=list_running,
        permission="campaigns.read",
        tag="Campaigns",
        summary="Campaigns that run, their budgets, and when those will be used up",
        query=("limit",),
        answer=dict,
    ),
)
