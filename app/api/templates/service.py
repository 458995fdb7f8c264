"""Templates are kept here, and campaigns and tiers made from them: with a validation rule of their own for
each that the original had, in one transaction.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.campaigns.service import new_campaign
from app.api.campaigns.wire import campaign_wires
from app.api.lookup import campaign_named, tier_named
from app.api.promotions.service import new_tier, tier_wires
from app.api.publishing import CatalogueWrite
from app.api.templates import definition
from app.api.templates.schemas import CampaignSetup, TemplateCreate, TemplateUpdate, TierSetup
from app.api.terms import assign_rules, assignments_of
from app.api.validation_rules.service import checked_rule, new_rule
from app.db.models import CampaignTemplate, ValidationRule
from app.http.errors import ApiError, invalid_payload, invalid_query, not_found
from app.http.filtering import Field, filter_condition
from app.http.wire import iso
from app.identifiers import new_id, next_version

FIELDS = {
    "id": Field(CampaignTemplate.id),
    "name": Field(CampaignTemplate.name),
    "campaign_type": Field(CampaignTemplate.campaign_type),
}


async def create(call: Call, body: TemplateCreate) -> dict[str, Any]:
    """Raises: ApiError 400, 404, 409."""
    async with call.write() as write:
        campaign_type, document = await _kept(call, write, body)
        await _check_name(write, body.name)
        row = CampaignTemplate(
            project_id=call.project_id,
            id=new_id("camp_tpl_"),
            created_at=call.engine.now(),
            updated_at=None,
            version=next_version(),
            name=body.name,
            description=body.description,
            campaign_type=campaign_type,
            body=document,
        )
        write.session.add(row)
        await _flush(write, body.name)
        return wire(row)


async def _kept(call: Call, write: CatalogueWrite, body: TemplateCreate) -> tuple[str, dict[str, Any]]:
    """The campaign's type and the template's document."""
    session = write.session
    if (body.campaign_id is None) == (body.promotion_tier_id is None):
        raise invalid_payload("One of campaign_id and promotion_tier_id is required")
    if body.campaign_id is not None:
        campaign = await campaign_named(session, call.project_id, body.campaign_id)
        kept = {"definition": definition.of_campaign(campaign)}
        return campaign.campaign_type, {**kept, **await _rules(session, call.project_id, campaign.id)}
    tier, _ = await tier_named(session, call.project_id, body.promotion_tier_id or "")
    document: dict[str, Any] = {"definition": definition.of_tier(tier), "banner": tier.body.get("banner")}
    return "DISCOUNT_COUPONS", {**document, **await _rules(session, call.project_id, tier.id)}


async def _rules(session: AsyncSession, project_id: str, object_id: str) -> dict[str, Any]:
    assignments = (await assignments_of(session, project_id, [object_id])).get(object_id, [])
    rows = [await session.get(ValidationRule, (project_id, one.rule_id)) for one in assignments]
    return {"validation_rules": definition.rules_of([row for row in rows if row is not None])}


async def _check_name(write: CatalogueWrite, name: str, but: str = "") -> None:
    taken = select(CampaignTemplate.id).where(
        CampaignTemplate.project_id == write.project_id,
        CampaignTemplate.name == name,
        CampaignTemplate.id != but,
    )
    if await write.session.scalar(taken) is not None:
        raise _duplicate(name)


async def _flush(write: CatalogueWrite, name: str) -> None:
    """Two requests with one name at once: the second finds it taken here."""
    try:
        await write.session.flush()
    except IntegrityError:
        raise _duplicate(name) from None


def _duplicate(name: str) -> ApiError:
    return ApiError(
        409,
        "duplicate_found",
        "Duplicated resource found",
        f"Duplicated campaign_template exists with name {name}",
        resource_id=name,
        resource_type="campaign_template",
    )


def wire(row: CampaignTemplate) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": row.id, "name": row.name}
    if row.description is not None:
        answer["description"] = row.description
    answer |= {"campaign_type": row.campaign_type, "created_at": iso(row.created_at)}
    if row.updated_at is not None:
        answer["updated_at"] = iso(row.updated_at)
    return answer | {"object": "campaign_template"}


async def _named(
    session: AsyncSession, project_id: str, template_id: str, *, lock: bool = False
) -> CampaignTemplate:
    """Raises: ApiError 404."""
    found = await session.get(CampaignTemplate, (project_id, template_id), with_for_update=lock or None)
    if found is None:
        raise not_found("campaign_template", template_id)
    return found


async def get(call: Call, template_id: str) -> dict[str, Any]:
    """Raises: ApiError 404; 400 for an unknown expansion."""
    expand = call.query.texts("expand") or ()
    if set(expand) - {"json_template"}:
        raise invalid_query("Query .expand must be equal to one of the allowed values: json_template")
    async with call.read() as session:
        row = await _named(session, call.project_id, template_id)
        call.tag(row.version)
        return wire(row) | ({"json_template": row.body} if expand else {})


async def list_all(call: Call) -> dict[str, Any]:
    """One page of the cursor envelope (behaviour 1.6), oldest first unless `order` is `-id`."""
    query, row = call.query, CampaignTemplate
    order, limit, after = query.order(("id",), "id"), query.limit, query.text("starting_after_id")
    own = row.project_id == call.project_id
    statement = select(row).where(own, filter_condition(query.filters(), FIELDS, call.engine.now()))
    if after is not None:
        statement = statement.where(row.id < after if order.descending else row.id > after)
    statement = statement.order_by(row.id.desc() if order.descending else row.id).limit(limit + 1)
    answer: dict[str, Any] = {"object": "list", "data_ref": "data"}
    async with call.read() as session:
        rows = (await session.scalars(statement)).all()
        if query.flag("include_total"):
            answer["total"] = await session.scalar(select(func.count()).select_from(row).where(own)) or 0
    page = rows[:limit]
    answer |= {"data": [wire(one) for one in page], "has_more": len(rows) > limit}
    if len(rows) > limit:
        answer["more_starting_after"] = page[-1].id
    return answer


async def update(call: Call, template_id: str, body: TemplateUpdate) -> dict[str, Any]:
    """Name and description; what was kept stays as it is. Raises: ApiError 404, 409, 412."""
    async with call.write() as write:
        row = await _named(write.session, call.project_id, template_id, lock=True)
        call.require_version(row.version)
        if body.name is not UNSET:
            await _check_name(write, body.name, but=row.id)
            row.name = body.name
        if body.description is not UNSET:
            row.description = body.description
        row.version, row.updated_at = next_version(row.version), call.engine.now()
        await _flush(write, row.name)
        call.tag(row.version)
        return wire(row)


async def remove(call: Call, template_id: str) -> None:
    """For good; what was made from it stays. Raises: ApiError 404, 412."""
    async with call.write() as write:
        row = await _named(write.session, call.project_id, template_id, lock=True)
        call.require_version(row.version)
        await write.session.delete(row)


async def set_up_campaign(call: Call, template_id: str, body: CampaignSetup) -> dict[str, Any]:
    """A campaign with its rules, whole or not at all. Raises: ApiError 400, 404, 409."""
    async with call.write() as write:
        row = await _named(write.session, call.project_id, template_id)
        asked = definition.campaign_of(row.campaign_type, row.body["definition"], body)
        campaign = await new_campaign(call, write, asked)
        created = await _rules_of_its_own(call, write, row.body, "campaign", campaign.id)
        wires = await campaign_wires(write.session, call.project_id, [campaign])
        answer = {"created_resources": created, "campaign": wires[0], "object": "campaign_setup"}
        return write.answer(answer)


async def set_up_tier(call: Call, template_id: str, body: TierSetup) -> dict[str, Any]:
    """A tier with its rules, whole or not at all. Raises: ApiError 400, 404."""
    async with call.write() as write:
        row = await _named(write.session, call.project_id, template_id)
        if row.campaign_type != "DISCOUNT_COUPONS":
            raise definition.not_supported()
        asked = definition.tier_of(row.body["definition"], row.body.get("banner"), body)
        pair = await new_tier(call, write, body.campaign_id, asked)
        created = await _rules_of_its_own(call, write, row.body, "promotion_tier", pair[0].id)
        tiers = await tier_wires(write.session, call.project_id, [pair])
        answer = {"created_resources": created, "promotion_tier": tiers[0], "object": "promotion_tier_setup"}
        return write.answer(answer)


async def _rules_of_its_own(
    call: Call, write: CatalogueWrite, document: Mapping[str, Any], kind: str, object_id: str
) -> list[dict[str, str]]:
    """A copy of each rule of the original, assigned: changing it changes nothing else."""
    ids = []
    for rule in document.get("validation_rules") or ():
        rule_id = new_id("val_")
        checked_rule(rule_id, rule["name"], rule["body"])
        new_rule(call, write, rule_id, rule["name"], dict(rule["body"]))
        ids.append(rule_id)
    await write.session.flush()
    await assign_rules(write, ids, kind, object_id)
    return [{"id": rule_id, "object": "validation_rules"} for rule_id in ids]
