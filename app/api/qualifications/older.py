"""The older qualifications: public codes, campaigns and promotion tiers that apply, each kind by its own
operation (behaviour 4.10). Decided as POST /v1/qualifications decides, answered in their own shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.api.call import Answer, Call
from app.api.campaigns.wire import campaign_wires
from app.api.promotions.service import tier_wires
from app.api.qualifications.answers import CampaignQualification, PromotionsValidation, VoucherQualification
from app.api.qualifications.queries import Search, Source, campaigns, tiers, vouchers
from app.api.qualifications.service import Context, context_of, decided
from app.api.single_requests import SingleRequest
from app.api.stack_requests import refusals_as_errors
from app.api.vouchers.wire import voucher_wires
from app.db.models import Campaign, Project, PromotionTier, Voucher
from app.http.filtering import Field, filter_condition
from app.http.query import Filters
from app.http.routing import Route
from app.http.wire import iso, listing
from app.identifiers import new_id
from app.redeemables.answer import listed, tracking_of, validation_order
from app.redeemables.options import Position
from app.redeemables.qualifying import Qualified
from rules.qualification import SCENARIOS

LISTED_MAX = 50
LOOKED_AT_MAX = 1_000
TIERS_LOOKED_AT_MAX = 150
"""The newest ones, as published."""
BATCH = 50
NEWEST_FIRST = "-created_at"

Wire = dict[str, Any]


async def qualify_vouchers(call: Call) -> Answer:
    """Codes that anybody may use, and that this customer and cart may use now."""

    async def wires(found: Sequence[Qualified]) -> list[Wire]:
        by_id = {one.option.id: one for one in found}
        async with call.read() as session:
            rows = await session.execute(
                select(Voucher, Campaign)
                .outerjoin(
                    Campaign,
                    (Campaign.project_id == Voucher.project_id) & (Campaign.id == Voucher.campaign_id),
                )
                .where(Voucher.project_id == call.project_id, Voucher.id.in_(by_id))
            )
            project = await session.get(Project, call.project_id)
            assert project is not None  # the key belongs to it
            pairs = [(row[0], row[1]) for row in rows]
            shown = await voucher_wires(session, project, pairs, call.engine.settings.public_url)
        return [{**wire, **_lists(by_id[wire["id"]])} for wire in shown]

    return await _listing(call, vouchers, ("created_at", "updated_at", "code"), wires)


async def qualify_campaigns(call: Call) -> Answer:
    """Campaigns whose next code this customer and cart may use now."""

    async def wires(found: Sequence[Qualified]) -> list[Wire]:
        ids = [one.option.id for one in found]
        async with call.read() as session:
            rows = await session.scalars(
                select(Campaign).where(Campaign.project_id == call.project_id, Campaign.id.in_(ids))
            )
            return await campaign_wires(session, call.project_id, rows.all())

    # A campaign has no code, and is its own campaign.
    return await _listing(
        call, campaigns, ("created_at", "updated_at", "type", "code", "category", "campaign"), wires
    )


async def validate_promotions(call: Call) -> Answer:
    """Promotion tiers that apply, the most important first; `valid` says whether there is one."""
    request: SingleRequest = call.body() or SingleRequest()
    filters = call.query.filters()
    with refusals_as_errors:
        context = await context_of(call, request)
        wanted = await _wanted_tiers(call, context, filters)
        found = await _found(call, context, tiers, TIERS_LOOKED_AT_MAX, TIERS_LOOKED_AT_MAX, wanted)
    async with call.read() as session:
        rows = await session.execute(
            select(PromotionTier, Campaign)
            .join(
                Campaign,
                (Campaign.project_id == PromotionTier.project_id)
                & (Campaign.id == PromotionTier.campaign_id),
            )
            .where(
                PromotionTier.project_id == call.project_id,
                PromotionTier.id.in_([one.option.id for one in found]),
            )
        )
        wires = {
            wire["id"]: wire
            for wire in await tier_wires(session, call.project_id, [(row[0], row[1]) for row in rows])
        }
    tracking = tracking_of(context.gathered)
    expand = (request.options.expand if request.options else None) or []
    promotions = [
        _promotion(one, wires[one.option.id], tracking, categories="category" in expand)
        for one in found
        if one.option.id in wires
    ]
    promotions.sort(key=lambda wire: wire["hierarchy"])  # stable: the newer first among equals
    answer: Wire = {"valid": bool(promotions), "promotions": promotions}
    if tracking is not None:
        answer["tracking_id"] = tracking
    return Answer(answer)


async def _listing(
    call: Call,
    source: Source,
    sortable: Sequence[str],
    wires: Callable[[Sequence[Qualified]], Any],
) -> Answer:
    request: SingleRequest = call.body() or SingleRequest()
    limit = call.query.integer("limit", low=1, high=LISTED_MAX) or LISTED_MAX
    order = call.query.order(sortable, NEWEST_FIRST)
    by_age = order.field == "created_at" and order.descending
    with refusals_as_errors:
        context = await context_of(call, request)
        found = await _found(call, context, source, limit if by_age else LOOKED_AT_MAX, LOOKED_AT_MAX)
    data = await wires(found) if found else []
    data.sort(key=lambda wire: wire["id"], reverse=order.descending)
    data.sort(key=lambda wire: _place(wire, order.field), reverse=order.descending)
    answer = {
        **listing("data", data[:limit], min(len(data), limit)),
        "id": new_id("qfl_"),
        "created_at": iso(call.engine.now()),
    }
    tracking = tracking_of(context.gathered)
    if tracking is not None:
        answer["tracking_id"] = tracking
    return Answer(answer)


def _place(wire: Mapping[str, Any], field: str) -> str:
    """What a row is sorted by; a campaign's own name is its `campaign`."""
    name = {"type": "campaign_type", "campaign": "name"}.get(field, field)
    return str(wire.get(name) or "")


async def _found(
    call: Call,
    context: Context,
    source: Source,
    wanted: int,
    looked_at_max: int,
    allowed: frozenset[str] | None = None,
) -> list[Qualified]:
    """Up to `wanted` of one source that apply, the newest first. allowed: ids to look at; None for all."""
    scenario = SCENARIOS["AUDIENCE_ONLY" if call.query.flag("audienceRulesOnly") else "ALL"]
    search = Search(
        project_id=call.project_id,
        # What a customer holds is no public code: these operations list what anybody may use.
        customer_id=None,
        now=context.now,
        filters=Filters(),
    )
    found: list[Qualified] = []
    position: Position | None = None
    looked_at = 0
    while looked_at < looked_at_max and len(found) < wanted:
        count = min(BATCH, looked_at_max - looked_at)
        async with call.read() as session:
            options = await source(session, search, position, count)
        looked_at += len(options)
        chosen = [one for one in options if allowed is None or one.id in allowed]
        found += await decided(call, context, chosen, scenario)
        if len(options) < count:
            break
        position = (options[-1].created_at, options[-1].id)
    return found[:wanted]


async def _wanted_tiers(call: Call, context: Context, filters: Filters) -> frozenset[str] | None:
    """Those that the filters name: `promotion_id` is the campaign's id, as in the tier object."""
    if not filters:
        return None
    condition = filter_condition(
        filters,
        {"promotion_id": Field(PromotionTier.campaign_id)},
        context.now,
        metadata=PromotionTier.body["metadata"],
    )
    async with call.read() as session:
        rows = await session.scalars(
            select(PromotionTier.id).where(PromotionTier.project_id == call.project_id, condition)
        )
        return frozenset(rows)


def _lists(one: Qualified) -> Wire:
    result = one.results[0]
    return {
        "applicable_to": listed(result.applicable_to),
        "inapplicable_to": listed(result.inapplicable_to),
    }


def _promotion(one: Qualified, tier: Mapping[str, Any], tracking: str | None, *, categories: bool) -> Wire:
    campaign = dict(tier["campaign"])
    if categories:
        campaign["categories"] = tier["categories"]
    wire: Wire = {"valid": True, **_lists(one)}
    if tracking is not None:
        wire["tracking_id"] = tracking
    if one.order is not None:
        wire["order"] = validation_order(one.order, one.gathered)
    wire |= {
        "id": tier["id"],
        "name": tier["name"],
        "banner": tier["banner"],
        "discount": (tier["action"] or {}).get("discount"),
        "campaign": campaign,
        "hierarchy": tier["hierarchy"],
        "metadata": tier["metadata"],
        "object": "promotion_tier",
    }
    if one.order is not None and one.deal:
        wire["discount_amount"] = one.order.total_discount_amount
        wire["applied_discount_amount"] = one.deal
    return wire


ERRORS = ("invalid_payload", "invalid_order", "invalid_query_params", "multiple_requests")

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/vouchers/qualification",
        operation_id="examine-vouchers-qualification",
        handler=qualify_vouchers,
        permission="qualifications.write",
        tag="Qualifications",
        summary="List public codes that apply, in the older shape",
        body=SingleRequest,
        body_required=False,
        query=("audienceRulesOnly", "limit", "order"),
        answer=VoucherQualification,
        errors=ERRORS,
        hot=True,
    ),
    Route(
        method="POST",
        path="/v1/campaigns/qualification",
        operation_id="examine-campaign-qualification",
        handler=qualify_campaigns,
        permission="qualifications.write",
        tag="Qualifications",
        summary="List campaigns whose codes would apply, in the older shape",
        body=SingleRequest,
        body_required=False,
        query=("audienceRulesOnly", "limit", "order"),
        answer=CampaignQualification,
        errors=ERRORS,
        hot=True,
    ),
    Route(
        method="POST",
        path="/v1/promotions/validation",
        operation_id="validate-promotions",
        handler=validate_promotions,
        permission="validations.write",
        tag="Validations",
        summary="List promotion tiers that apply, in the older shape",
        body=SingleRequest,
        body_required=False,
        query=("audienceRulesOnly", "filters"),
        answer=PromotionsValidation,
        errors=ERRORS,
        hot=True,
    ),
)
