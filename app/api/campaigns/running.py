"""Campaigns that run, what is left of their budgets, and when those will be used up if it goes on like this.

What is used is read from the core and exact; the speed is counted from the ledger's last events, a bounded
number of them, however busy the project is.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Answer, Call
from app.api.campaigns.answers import RunningCampaignList
from app.api.campaigns.rule_names import Condition, cap_of, conditions_by_object
from app.core.outbox import Position
from app.db.models import Campaign, LedgerEvent, LedgerPosting, PromotionTier, Voucher
from app.http.routing import Route
from app.http.wire import iso
from app.ledger.partitions import read_state
from app.ledger.positions import beyond, up_to
from rules.facts import Moment
from rules.moment import Now

LIMIT: Final = 50
LIMIT_MAX: Final = 100
WINDOW: Final = timedelta(minutes=15)
EVENTS_MAX: Final = 10_000
"""Of the ledger, that a speed is counted from."""
HORIZON: Final = timedelta(days=3650)
"""A cap that is reached later than this is not reached."""
KEY: Final = "n:campaign:"


class Cap(Struct, frozen=True):
    """A rule that may limit a campaign as a whole. unit: what it counts. of_code: its counter is the public
    code's, which is the whole campaign. window: "d", "w" or "m", for one that begins anew.
    """

    name: str
    unit: str
    field: str
    of_code: bool = False
    window: str = ""


def _windowed(name: str, *, of_code: bool) -> Iterator[Cap]:
    for word, window in (("daily", "d"), ("weekly", "w"), ("monthly", "m")):
        yield Cap(f"{name}.{word}", "redemptions", "used", of_code, window)


CAPS: Final = (
    Cap("campaign.redemptions.count", "redemptions", "used"),
    *_windowed("campaign.redemptions.count", of_code=False),
    *_windowed("redemption.count", of_code=True),
    Cap("campaign.orders.amount_discounted", "amount", "discount"),
    Cap("campaign.orders.amount", "orders_amount", "orders"),
    Cap("redemption.gift.amount", "credits", "credits"),
)
TOTALS: Final = ("used", "discount")
"""Counters of a campaign that are moved whether or not anything limits them."""
QUANTITY: Final = "voucher.redemption.quantity"

Counter = tuple[str, str, str]
"""Id of the campaign or code, field, and the name of the window, if any."""


class Limit(Struct, frozen=True):
    """A cap of one campaign. until: when it begins anew, in epoch seconds; 0: never."""

    cap: Cap
    most: int
    counter: Counter
    until: int = 0


class Speed(Struct, frozen=True):
    """What was counted since an instant."""

    since: datetime
    moved: Mapping[tuple[str, str], int]
    """By campaign id and field."""

    def per_minute(self, campaign: Campaign, field: str, now: datetime) -> float:
        """Counted from the campaign's own beginning where that is later, over a minute at least."""
        begun = max(filter(None, (self.since, campaign.created_at, campaign.start_date)))
        seconds = max(60.0, (now - begun).total_seconds())
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
    zone = (await call.engine.catalogue.project(call.project_id)).zone
    clock = Now(Moment(now, zone))
    limits = {one.id: _limits(one, codes.get(one.id), conditions.get(one.id, []), clock) for one in shown}
    used = await _used(call, shown, codes, limits)
    return Answer(
        {
            "object": "list",
            "data_ref": "campaigns",
            "campaigns": [
                _wire(one, limits[one.id], used, speed, now) for one in shown
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
            posting.field.in_({*TOTALS, *(cap.field for cap in CAPS)}),
            posting.kind == "a",
        )
        .group_by(posting.key, posting.field)
    )
    return Speed(since, {(key.removeprefix(KEY), field): int(total) for key, field, total in rows})


def _limits(
    campaign: Campaign, code: Voucher | None, conditions: Sequence[Condition], clock: Now
) -> list[Limit]:
    found = []
    for cap in CAPS:
        most = cap_of(conditions, cap.name)
        if most is None or (cap.of_code and code is None):
            continue
        owner = code.id if cap.of_code and code is not None else campaign.id
        window, until = clock.window(cap.window) if cap.window else ("", 0)
        found.append(Limit(cap, most, (owner, cap.field, window), until))
    if code is not None and code.quantity is not None:
        cap = Cap(QUANTITY, "redemptions", "used", of_code=True)
        found.append(Limit(cap, code.quantity, (code.id, "used", "")))
    return found


async def _used(
    call: Call,
    campaigns: Sequence[Campaign],
    codes: Mapping[str, Voucher],
    limits: Mapping[str, Sequence[Limit]],
) -> dict[Counter, int]:
    """As the core has them."""
    core, partition = call.engine.core, call.partition
    keys = await core.open(partition)
    asked: dict[Counter, tuple[str, ...]] = {}
    for campaign in campaigns:
        code = codes.get(campaign.id)
        for field in TOTALS:
            asked[campaign.id, field, ""] = ("HGET", keys.counter("campaign", campaign.id), field)
        for limit in limits[campaign.id]:
            owner, field, window = limit.counter
            scope = "voucher" if limit.cap.of_code else "campaign"
            asked[limit.counter] = ("HGET", keys.counter(scope, owner, window=window), field)
        if code is not None:
            asked[code.id, "used", ""] = ("HGET", keys.voucher_used(code.id), code.id)
    if not asked:
        return {}
    replies = await core.read(partition, list(asked.values()))
    bases = {(code.id, "used", ""): code.redeemed_base for code in codes.values()}
    return {
        name: bases.get(name, 0) if reply is None else int(reply)
        for name, reply in zip(asked, replies, strict=True)
    }


def _wire(
    campaign: Campaign,
    limits: Sequence[Limit],
    used: Mapping[Counter, int],
    speed: Speed,
    now: datetime,
) -> dict[str, Any]:
    extensions = campaign.body.get("extensions") or {}
    redeemed = speed.per_minute(campaign, "used", now)
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
        "redemptions": used[campaign.id, "used", ""],
        "redemptions_per_minute": round(redeemed, 2),
        "discounted": used[campaign.id, "discount", ""],
        "discounted_per_minute": round(speed.per_minute(campaign, "discount", now), 2),
        "budgets": [
            _budget(one, used[one.counter], speed.per_minute(campaign, one.cap.field, now), now)
            for one in limits
        ],
    }


def _budget(limit: Limit, used: int, rate: float, now: datetime) -> dict[str, Any]:
    """reached_at: null also when the budget begins anew before it is used up."""
    left = max(0, limit.most - used)
    minutes = 0.0 if not left else (left / rate if rate else None)
    lasts = HORIZON
    if limit.until:
        lasts = min(lasts, datetime.fromtimestamp(limit.until, UTC) - now)
    reached = minutes is not None and (not left or minutes < lasts.total_seconds() / 60)
    return {
        "name": limit.cap.name,
        "unit": limit.cap.unit,
        "limit": limit.most,
        "used": used,
        "left": left,
        "percent_used": 100 if not limit.most else min(100, used * 100 // limit.most),
        "per_minute": round(rate, 2),
        "reached_at": iso(now + timedelta(minutes=minutes)) if reached and minutes is not None else None,
        "begins_anew_at": iso(datetime.fromtimestamp(limit.until, UTC)) if limit.until else None,
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
        answer=RunningCampaignList,
    ),
)
