"""What of a project could be offered at all, read from SQL for the index of offers: who is switched on, from
when to when, and under which rules. Terms are not read here: whoever applies is decided from its program.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Campaign, PromotionStack, PromotionTier, ValidationRule, ValidationRuleAssignment
from app.redeemables.options import Option
from rules.compile import RuleError, compile_rule
from rules.index import Requirement, requirement_of
from rules.qualification import SCENARIOS

CHUNK: Final = 200
"""Rows that are looked at before others get their turn."""
OFFERED_TYPES: Final = ("DISCOUNT_COUPONS", "GIFT_VOUCHERS", "REFERRAL_PROGRAM")
"""Campaigns that stand for a code that nobody has yet."""
OMISSIONS: Final = tuple(dict.fromkeys(scenario.omitted for scenario in SCENARIOS.values()))
"""Names of rules that a scenario leaves out, each set once."""

Row = tuple[Any, ...]


class Entry(Struct, frozen=True):
    """One offer that is switched on, as is its campaign. Between `start` and `end`, both inside, both are
    live.
    """

    option: Option
    campaign_id: str
    start: datetime | None
    end: datetime | None
    rules: tuple[str, ...]
    automatic: bool = False
    """Whether it applies without being asked for (`extensions.auto_apply`)."""

    def is_live(self, now: datetime) -> bool:
        return (self.start is None or self.start <= now) and (self.end is None or now <= self.end)


class _Kind(Struct, frozen=True):
    """One table of offers."""

    table: Any
    columns: tuple[Any, ...]
    where: ColumnElement[bool]


def applies_itself(owner: Any) -> ColumnElement[bool]:
    """`extensions.auto_apply` of a row."""
    mark: ColumnElement[bool] = owner.body["extensions"]["auto_apply"].as_boolean().is_(True)
    return mark


def _of_campaign(owner: Any) -> ColumnElement[bool]:
    return and_(Campaign.project_id == owner.project_id, Campaign.id == owner.campaign_id)


_ON: Final = and_(Campaign.active, Campaign.deleted_at.is_(None))
TIERS: Final = _Kind(
    PromotionTier,
    (
        PromotionTier.id,
        PromotionTier.created_at,
        Campaign.id,
        PromotionTier.start_date,
        PromotionTier.expiration_date,
        Campaign.start_date,
        Campaign.expiration_date,
        or_(applies_itself(PromotionTier), applies_itself(Campaign)),
    ),
    and_(PromotionTier.active, _ON),
)
STACKS: Final = _Kind(
    PromotionStack,
    (
        PromotionStack.id,
        PromotionStack.created_at,
        Campaign.id,
        Campaign.start_date,
        Campaign.expiration_date,
        PromotionStack.tier_ids,
        PromotionStack.name,
    ),
    _ON,
)
CAMPAIGNS: Final = _Kind(
    Campaign,
    (
        Campaign.id,
        Campaign.created_at,
        Campaign.id,
        Campaign.start_date,
        Campaign.expiration_date,
        Campaign.body["voucher"],
    ),
    and_(_ON, Campaign.type != "STANDALONE", Campaign.campaign_type.in_(OFFERED_TYPES)),
)
KINDS: Final = (TIERS, STACKS, CAMPAIGNS)


def _rows(kind: _Kind, project_id: str, columns: Sequence[Any]) -> Select[Any]:
    statement = (
        select(*columns).select_from(kind.table).where(kind.table.project_id == project_id, kind.where)
    )
    return statement if kind.table is Campaign else statement.join(Campaign, _of_campaign(kind.table))


def _pieces(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))


async def count_offers(session: AsyncSession, project_id: str) -> int:
    counts = [await session.scalar(_rows(kind, project_id, [func.count()])) for kind in KINDS]
    return sum(count or 0 for count in counts)


async def entries_after(
    session: AsyncSession, project_id: str, kind: _Kind, after: str, campaign_ids: Sequence[str] | None = None
) -> list[Entry]:
    """The next CHUNK of a table by id, those of some campaigns alone if they are named."""
    statement = _rows(kind, project_id, kind.columns).where(kind.table.id > after)
    if campaign_ids is not None:
        statement = statement.where(Campaign.id.in_(campaign_ids))
    rows = (await session.execute(statement.order_by(kind.table.id).limit(CHUNK))).all()
    owners = dict.fromkeys(row[0] for row in rows)
    owners.update(dict.fromkeys(row[2] for row in rows))
    rules = await _assigned(session, project_id, list(owners))
    return [_entry(kind, row, rules) for row in rows]


async def entries_of(session: AsyncSession, project_id: str, campaign_ids: Sequence[str]) -> list[Entry]:
    """Every offer of some campaigns."""
    found: list[Entry] = []
    for chunk in _pieces(campaign_ids):
        for kind in KINDS:
            async for entries in chunks(session, project_id, kind, chunk):
                found += entries
    return found


async def chunks(
    session: AsyncSession, project_id: str, kind: _Kind, campaign_ids: Sequence[str] | None = None
) -> AsyncIterator[list[Entry]]:
    """A table of offers, piece by piece."""
    after = ""
    while True:
        entries = await entries_after(session, project_id, kind, after, campaign_ids)
        if entries:
            yield entries
        if len(entries) < CHUNK:
            return
        after = entries[-1].option.id


async def _assigned(session: AsyncSession, project_id: str, owners: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = await session.execute(
        select(ValidationRuleAssignment.related_object_id, ValidationRuleAssignment.rule_id).where(
            ValidationRuleAssignment.project_id == project_id,
            ValidationRuleAssignment.related_object_id.in_(owners),
        )
    )
    for owner, rule_id in rows:
        found.setdefault(owner, []).append(rule_id)
    return found


def _entry(kind: _Kind, row: Any, assigned: Mapping[str, list[str]]) -> Entry:
    identifier, created_at, campaign_id = row[:3]
    automatic = False
    if kind is TIERS:
        start, end = _latest(row[3], row[5]), _earliest(row[4], row[6])
        automatic = bool(row[7])
        option = Option(
            kind="promotion_tier", id=identifier, requested=identifier, created_at=created_at
        )
        rules = (*assigned.get(identifier, ()), *assigned.get(campaign_id, ()))
    elif kind is STACKS:
        start, end = row[3], row[4]
        option = Option(
            kind="promotion_stack",
            id=identifier,
            requested=identifier,
            created_at=created_at,
            tier_ids=tuple(str(tier_id) for tier_id in row[5]),
            campaign_id=campaign_id,
            name=row[6],
        )
        # Its tiers may do without each other, so none of their rules is the stack's.
        rules = ()
    else:
        start, end = row[3], row[4]
        option = campaign_option(identifier, created_at, row[5])
        rules = tuple(assigned.get(identifier, ()))
    return Entry(option, campaign_id, start, end, rules, automatic)


def campaign_option(identifier: str, created_at: datetime, voucher: Mapping[str, Any] | None) -> Option:
    """What stands for a code of the campaign that nobody has yet. voucher: as the campaign's document says
    it.
    """
    voucher = voucher or {}
    return Option(
        kind="campaign",
        id=identifier,
        requested=identifier,
        created_at=created_at,
        voucher_type=voucher.get("type") or "DISCOUNT_VOUCHER",
        gift_amount=(voucher.get("gift") or {}).get("amount") or 0,
    )


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one is not None and other is not None else one or other


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one is not None and other is not None else one or other


async def load_requirements(
    session: AsyncSession, project_id: str, rule_ids: Iterable[str]
) -> dict[str, tuple[Requirement, ...]]:
    """What each rule requires, for each of OMISSIONS; nothing for one that does not exist or no longer
    compiles: it binds nobody.
    """
    found: dict[str, tuple[Requirement, ...]] = {}
    for chunk in _pieces(list(rule_ids)):
        found.update(dict.fromkeys(chunk, ()))
        rows = await session.execute(
            select(ValidationRule.id, ValidationRule.body).where(
                ValidationRule.project_id == project_id, ValidationRule.id.in_(chunk)
            )
        )
        for rule_id, body in rows:
            try:
                compiled = compile_rule(rule_id, body, collections={}, segments={})
            except RuleError:
                continue
            found[rule_id] = tuple(requirement_of(compiled.program, omitted) for omitted in OMISSIONS)
    return found
