"""Objects as events show them (webhooks of the contract): whole, as their rooms answer them, or short."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.campaigns.wire import campaign_wires
from app.api.customers.wire import customer_wire
from app.api.promotions.service import tier_wires
from app.api.vouchers.wire import voucher_wires
from app.db.models import Campaign, Customer, Project, PromotionTier, Redemption, Voucher
from app.webhooks.payloads import (
    EventCampaign,
    EventCustomer,
    EventOrder,
    EventPromotionTier,
    EventRedemption,
    EventVoucher,
)

Wire = dict[str, Any]

CUSTOMER: Final = EventCustomer.__struct_fields__
VOUCHER: Final = EventVoucher.__struct_fields__
CAMPAIGN: Final = EventCampaign.__struct_fields__
TIER: Final = EventPromotionTier.__struct_fields__
ORDER: Final = EventOrder.__struct_fields__
REDEMPTION: Final = EventRedemption.__struct_fields__
_UNUSED: Final[Wire] = {"quantity": None, "redeemed_quantity": 0}
_PLAIN: Final[Wire] = dict.fromkeys(("length", "charset", "prefix", "postfix", "pattern"))


def short(whole: Mapping[str, Any] | None, names: tuple[str, ...]) -> Wire | None:
    """The members of an object that events show of it."""
    return None if whole is None else {name: whole[name] for name in names if name in whole}


class Shapes:
    """What one transaction's events need to read, read once, as the transaction leaves it."""

    def __init__(
        self, session: AsyncSession, project: Project, created_campaigns: frozenset[str] = frozenset()
    ) -> None:
        """created_campaigns: ids of those that the transaction itself made."""
        self.session = session
        self.project = project
        self.created_campaigns = created_campaigns
        self._vouchers: dict[str, Wire] = {}
        self._campaigns: dict[str, Wire] = {}
        self._customers: dict[str, Wire] = {}
        self._redemptions: dict[str, Wire] = {}

    async def load(
        self,
        *,
        vouchers: Iterable[str | None] = (),
        campaigns: Iterable[str | None] = (),
        customers: Iterable[str | None] = (),
        redemptions: Iterable[str | None] = (),
    ) -> None:
        """Read what is not known yet: a fixed number of statements, however many there are. The holders and
        campaigns of vouchers come along.
        """
        missing = _missing(vouchers, self._vouchers)
        holders: set[str] = set()
        if missing:
            rows = await self._rows(Voucher, missing)
            of = await self._rows(Campaign, {row.campaign_id for row in rows if row.campaign_id})
            named = {row.id: row for row in of}
            pairs = [(row, named.get(row.campaign_id or "")) for row in rows]
            for wire in await voucher_wires(self.session, self.project, pairs):
                self._vouchers[wire["id"]] = wire
            holders = {row.holder_id for row in rows if row.holder_id}
            campaigns = [*campaigns, *named]
        missing = _missing(campaigns, self._campaigns)
        if missing:
            rows = await self._rows(Campaign, missing)
            for wire in await campaign_wires(self.session, self.project.id, rows):
                self._campaigns[wire["id"]] = wire
        missing = _missing([*customers, *holders], self._customers)
        for row in await self._rows(Customer, missing) if missing else ():
            self._customers[row.id] = customer_wire(row)
        missing = _missing(redemptions, self._redemptions)
        for row in await self._rows(Redemption, missing) if missing else ():
            self._redemptions[row.id] = {**row.body, "status": row.status}

    async def _rows(self, model: Any, ids: set[str]) -> Any:
        if not ids:
            return []
        statement = select(model).where(model.project_id == self.project.id, model.id.in_(ids))
        return (await self.session.scalars(statement)).all()

    async def whole_voucher(self, row: Voucher) -> Wire:
        """Of a row that may be gone."""
        campaign = None
        if row.campaign_id is not None:
            campaign = await self.session.get(Campaign, (self.project.id, row.campaign_id))
            await self.load(campaigns=[row.campaign_id])
        return (await voucher_wires(self.session, self.project, [(row, campaign)]))[0]

    async def whole_campaign(self, row: Campaign) -> Wire:
        return (await campaign_wires(self.session, self.project.id, [row]))[0]

    async def whole_tier(self, row: PromotionTier) -> Wire | None:
        campaign = await self.session.get(Campaign, (self.project.id, row.campaign_id))
        if campaign is None:
            return None
        return (await tier_wires(self.session, self.project.id, [(row, campaign)]))[0]

    def voucher(self, voucher_id: str | None) -> Wire | None:
        """Short, of those that were loaded."""
        return short(self._vouchers.get(voucher_id or ""), VOUCHER)

    def voucher_whole(self, voucher_id: str) -> Wire | None:
        return self._vouchers.get(voucher_id)

    def holder(self, voucher_id: str | None) -> Wire | None:
        known = self._vouchers.get(voucher_id or "")
        return None if known is None else self.customer(known.get("holder_id"))

    def campaign(self, campaign_id: str | None) -> Wire | None:
        wire = short(self._campaigns.get(campaign_id or ""), CAMPAIGN)
        terms = wire.get("voucher") if wire is not None else None
        if wire is not None and terms:
            wire["voucher"] = {
                **terms,
                "redemption": {**_UNUSED, **(terms.get("redemption") or {})},
                "code_config": {**_PLAIN, **(terms.get("code_config") or {})},
            }
        return wire

    def customer(self, customer_id: str | None) -> Wire | None:
        return short(self._customers.get(customer_id or ""), CUSTOMER)

    def redemption(self, redemption_id: str | None) -> Wire | None:
        return self.redeemed(self._redemptions.get(redemption_id or ""))

    def redeemed(self, body: Mapping[str, Any] | None) -> Wire | None:
        """A redemption or rollback, short. Its voucher as it was then, and what was not said of it then."""
        wire = short(body, REDEMPTION)
        if wire is None:
            return None
        for name, names in (
            ("order", ORDER), ("customer", CUSTOMER), ("voucher", VOUCHER), ("promotion_tier", TIER)
        ):  # fmt: skip
            if isinstance(wire.get(name), Mapping):
                wire[name] = short(wire[name], names)
        then = wire.get("voucher")
        now = self.voucher(then.get("id")) if then else None
        if then and now is not None:
            gift = {**(now.get("gift") or {}), **(then.get("gift") or {})} or None
            wire["voucher"] = {**now, **then, "gift": gift}
        return wire


def _missing(ids: Iterable[str | None], known: Mapping[str, Any]) -> set[str]:
    return {one for one in ids if one} - known.keys()
