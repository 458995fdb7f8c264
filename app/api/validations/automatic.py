"""What applies by itself (S7): tiers with `extensions.auto_apply`, and such codes that the customer holds.

A validation with `auto=true` decides each of them alone, then all that apply together with what was asked
for, the best first; the project's stacking rules say how many fit. What does not apply leaves no trace in
the answer.
"""

from typing import Any

from msgspec.structs import replace
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.alone import decide_alone, discount_of
from app.api.call import Answer, Call
from app.api.client_side import changed
from app.api.validations.service import validate_request
from app.db.models import Campaign, PromotionTier, Voucher
from app.identifiers import new_id
from app.redeemables.customers import identity
from app.redeemables.offer_changes import changes_commands, changes_told, offers_as_of
from app.redeemables.offer_rows import applies_itself
from app.redeemables.offers import ProjectOffers
from app.redeemables.request import REDEEMABLES_MAX, RedeemableRequest, StackRequest

AUTOMATIC_MAX = 10
"""Decided for one request; the newest ones."""


async def validate_with_automatic(call: Call, request: StackRequest) -> Answer:
    """As without `auto`, with more in `redeemables`: those carry `automatic: true`."""
    named = {one.id for one in request.redeemables}
    found = [one for one in await _automatic(call, request) if one.id not in named]
    decided = [(one, await decide_alone(call, request, one)) for one in found]
    applying = [(one, discount_of(entry)) for one, entry in decided if entry["status"] == "APPLICABLE"]
    applying.sort(key=lambda pair: -pair[1])
    added = [one for one, _ in applying][: REDEEMABLES_MAX - len(request.redeemables)]
    if not added and not request.redeemables:
        return await _nothing(call)
    if not added:
        return await validate_request(call, request)
    everything = replace(request, redeemables=[*request.redeemables, *added])
    answer = await validate_request(call, everything)
    automatic = {one.id for one in added}
    body: dict[str, Any] = answer.body
    if not body["valid"] and request.redeemables:
        # What was asked for must not fail for what nobody asked for.
        return await validate_request(call, request)
    shown = dict(body)
    shown["redeemables"] = [
        {**entry, "automatic": True} if entry["id"] in automatic else entry for entry in body["redeemables"]
    ]
    for name in ("skipped_redeemables", "inapplicable_redeemables"):
        kept = [entry for entry in body.get(name, ()) if entry["id"] not in automatic]
        shown.pop(name, None)
        if kept:
            shown[name] = kept
    return changed(answer, shown)


async def _nothing(call: Call) -> Answer:
    """Nothing was asked for and nothing applies by itself."""
    await call.admission.ask()
    project = await call.engine.catalogue.project(call.project_id)
    return Answer(
        {
            "id": new_id("valid_"),
            "valid": False,
            "redeemables": [],
            "stacking_rules": project.stacking_wire,
        }
    )


async def _automatic(call: Call, request: StackRequest) -> list[RedeemableRequest]:
    project = await call.engine.catalogue.project(call.project_id)
    customer_id, source_id = identity(project.secret, request.customer, request.tracking_id)
    holder_id = customer_id
    if customer_id is not None:
        known = await call.engine.catalogue.hydrate_customer(call.partition, source_id or customer_id)
        holder_id = known.id if known is not None else None
    offers = await _offers(call)
    async with call.read() as session:
        tiers = (
            offers.automatic(AUTOMATIC_MAX)
            if offers is not None
            else await _tiers(session, call.project_id)
        )
        codes = await _codes(session, call.project_id, holder_id) if holder_id is not None else []
    found = [RedeemableRequest(id=code, object="voucher") for code in codes]
    found += [RedeemableRequest(id=tier_id, object="promotion_tier") for tier_id in tiers]
    return found[:AUTOMATIC_MAX]


async def _offers(call: Call) -> ProjectOffers | None:
    """As new as the last acknowledged change; None: the tables have to be looked through."""
    core = call.engine.core
    keys = await core.open(call.partition)
    replies = await core.read(call.partition, changes_commands(core, keys))
    changes = changes_told(core, keys, replies)
    return await offers_as_of(call.engine.catalogue, call.project_id, changes)


async def _tiers(session: AsyncSession, project_id: str) -> list[str]:
    rows = await session.scalars(
        select(PromotionTier.id)
        .join(
            Campaign,
            (Campaign.project_id == PromotionTier.project_id) & (Campaign.id == PromotionTier.campaign_id),
        )
        .where(
            PromotionTier.project_id == project_id,
            PromotionTier.active,
            Campaign.active,
            Campaign.deleted_at.is_(None),
            or_(applies_itself(PromotionTier), applies_itself(Campaign)),
        )
        .order_by(PromotionTier.created_at.desc(), PromotionTier.id.desc())
        .limit(AUTOMATIC_MAX)
    )
    return list(rows)


async def _codes(session: AsyncSession, project_id: str, holder_id: str) -> list[str]:
    rows = await session.scalars(
        select(Voucher.code)
        .outerjoin(
            Campaign, (Campaign.project_id == Voucher.project_id) & (Campaign.id == Voucher.campaign_id)
        )
        .where(
            Voucher.project_id == project_id,
            Voucher.holder_id == holder_id,
            Voucher.deleted_at.is_(None),
            Voucher.active,
            or_(applies_itself(Voucher), applies_itself(Campaign)),
        )
        .order_by(Voucher.created_at.desc(), Voucher.id.desc())
        .limit(AUTOMATIC_MAX)
    )
    return list(rows)
