"""Campaigns are made, changed, switched and removed here. Every change is a new version, published before the
answer.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import UNSET
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.api.call import Call
from app.api.campaigns import queries
from app.api.campaigns.changes import apply_terms, changes_terms, keep_terms_of_issued
from app.api.campaigns.definition import campaign_type_of, checked_code, type_of, voucher_document
from app.api.campaigns.schemas import CampaignCreate, CampaignUpdate
from app.api.campaigns.wire import campaign_wires
from app.api.lookup import campaign_named, project_of
from app.api.metadata_checks import check_metadata
from app.api.promotions.service import add_tier, touch_campaign
from app.api.publishing import CatalogueWrite
from app.api.terms import (
    NAME_MAX,
    Windows,
    apply_windows,
    assign_rules,
    category_id_of,
    checked_duration,
    checked_extensions,
    checked_text,
)
from app.api.vouchers.service import Own, default_charset_of, issue
from app.db.models import Campaign
from app.http.errors import ApiError, invalid_payload
from app.http.wire import listing
from app.identifiers import new_id, next_version
from app.jobs.actions import run_slice, start_action
from app.jobs.generation import TYPE as GENERATE
from app.jobs.generation import generation_payload
from app.jobs.progress import SliceDelayed
from app.jobs.removal import TYPE as REMOVE
from app.jobs.removal import removal_payload
from app.redeemables.auto_stop import auto_stop_of, counted_anew
from app.redeemables.codes import CodeConfig, code_config_of

GUESSES_MIN = 10
"""Guesses per code below which a pattern is refused; readiness asks for far more."""
VOUCHERS_COUNT_MAX = 10_000_000
"""Codes of one request for generation."""


async def create_campaign(call: Call, body: CampaignCreate) -> dict[str, Any]:
    """POST /v1/campaigns, in one transaction."""
    async with call.write() as write:
        campaign = await new_campaign(call, write, body)
        return write.answer((await campaign_wires(write.session, call.project_id, [campaign]))[0])


async def new_campaign(call: Call, write: CatalogueWrite, body: CampaignCreate) -> Campaign:
    """The row, its tiers or its one code, and the generation of its codes.

    Raises: ApiError 400, 404, 409.
    """
    campaign_type = campaign_type_of(body)
    kind = type_of(body, campaign_type)
    count = checked_count(body.vouchers_count or 0)
    if body.validation_rules is not None and len(body.validation_rules) > 1:
        raise invalid_payload("Property .validation_rules must NOT have more than 1 items")
    now = call.engine.now()
    project = await project_of(write.session, call.project_id)
    voucher = voucher_document(body, campaign_type, default_charset_of(project))
    await _check_name(write, body.name)
    campaign = await _new_row(write, body, campaign_type, kind, voucher, now)
    await _check_metadata(write, campaign.body)
    write.session.add(campaign)
    try:
        await write.session.flush()
    except IntegrityError:
        raise duplicate_campaign(body.name) from None
    await assign_rules(write, body.validation_rules or [], "campaign", campaign.id)
    if campaign_type == "PROMOTION":
        for tier in (body.promotion.tiers or []) if body.promotion is not None else []:
            await add_tier(write, campaign, tier, now)
    elif kind == "STANDALONE":
        code = checked_code((body.voucher and body.voucher.code) or "")
        await issue(write, project, campaign, Own(windows=Windows()), now, code=code)
    elif count:
        config = code_config_of((voucher or {}).get("code_config"))
        check_keyspace(config, 0, count)
        campaign.creation_status = campaign.vouchers_generation_status = "IN_PROGRESS"
        start_generation(call, write, campaign, generation_payload(campaign.id, count), now)
    write.guard("c:" + campaign.id, campaign.version)
    await write.session.flush()
    await write.session.refresh(campaign)
    return campaign


async def _check_metadata(write: CatalogueWrite, document: dict[str, Any]) -> None:
    """By the schema of vouchers, which get the campaign's metadata, or by its own (contract 1.9)."""
    kind = "voucher" if document.get("use_voucher_metadata_schema", True) else "campaign"
    await check_metadata(write.session, write.project_id, kind, document.get("metadata"))


async def _new_row(
    write: CatalogueWrite,
    body: CampaignCreate,
    campaign_type: str,
    kind: str,
    voucher: dict[str, Any] | None,
    now: datetime,
) -> Campaign:
    document: dict[str, Any] = {
        "auto_join": bool(body.auto_join),
        "join_once": joins_once(campaign_type, kind, body.join_once),
        "use_voucher_metadata_schema": body.use_voucher_metadata_schema is not False,
    }
    if voucher is not None:
        document["voucher"] = voucher
    for name in ("metadata", "referral_program", "loyalty_tiers_expiration"):
        value = getattr(body, name)
        if value is not None:
            document[name] = value
    if body.extensions is not None:
        document["extensions"] = checked_extensions(body.extensions)
    if body.description is not None:
        document["description"] = checked_text(body.description, "description")
    if body.activity_duration_after_publishing is not None:
        document["activity_duration_after_publishing"] = checked_duration(
            body.activity_duration_after_publishing, "activity_duration_after_publishing"
        )
    campaign = Campaign(
        project_id=write.project_id,
        id=new_id("camp_"),
        created_at=now,
        updated_at=None,
        version=next_version(),
        name=body.name,
        campaign_type=campaign_type,
        type=kind,
        active=body.active is not False,
        start_date=None,
        expiration_date=None,
        category_id=await category_id_of(write, body.category_id, body.category),
        vouchers_count=0,
        creation_status="DONE",
        vouchers_generation_status="DONE",
        body={},
        deleted_at=None,
    )
    apply_windows(campaign, body, document)
    campaign.body = document
    campaign.watched = _stops_itself(document)
    return campaign


def _stops_itself(document: Mapping[str, Any]) -> bool:
    """Whether the campaign's own rules may stop it.

    Raises: ApiError 400 invalid_payload for rules that are malformed.
    """
    try:
        return auto_stop_of(document.get("extensions")) is not None
    except ValueError as error:
        raise invalid_payload(str(error)) from None


def joins_once(campaign_type: str, kind: str, sent: bool | None) -> bool:
    """Loyalty members join once, a generic code is never joined."""
    if campaign_type == "LOYALTY_PROGRAM":
        return True
    return kind != "STANDALONE" and bool(sent)


async def _check_name(write: CatalogueWrite, name: str) -> None:
    if not name.strip():
        raise invalid_payload("Property .name must NOT have fewer than 1 characters")
    checked_text(name, "name", NAME_MAX)
    taken = await write.session.scalar(
        select(Campaign.id).where(Campaign.project_id == write.project_id, Campaign.name == name)
    )
    if taken is not None:
        raise duplicate_campaign(name)


def duplicate_campaign(name: str) -> ApiError:
    return ApiError(
        409,
        "duplicate_found",
        "Duplicated resource found",
        f"Duplicated campaign exists with name {name}",
        resource_id=name,
        resource_type="campaign",
    )


def checked_count(count: int) -> int:
    """Raises: ApiError 400 invalid_payload."""
    if not 0 <= count <= VOUCHERS_COUNT_MAX:
        raise invalid_payload(f"Property .vouchers_count must be between 0 and {VOUCHERS_COUNT_MAX}")
    return count


def check_keyspace(config: CodeConfig, issued: int, wanted: int) -> None:
    """Refused before the work starts, with the numbers: one guess in GUESSES_MIN would be a code.

    Raises: ApiError 400 invalid_code_config.
    """
    if (issued + wanted) * GUESSES_MIN > config.keyspace:
        raise ApiError(
            400,
            "invalid_code_config",
            "Invalid code config",
            f"The pattern has {config.keyspace} codes: {issued} are issued, {wanted} more are wanted. "
            f"It should have {GUESSES_MIN} times as many, or codes can be guessed.",
        )


def start_generation(
    call: Call, write: CatalogueWrite, campaign: Campaign, payload: dict[str, Any], now: datetime
) -> str:
    """The id of the async action."""
    campaign.vouchers_generation_status = "IN_PROGRESS"
    return start_action(write.session, call.project_id, GENERATE, payload, now, call.request_id).id


async def get_campaign(call: Call, id_or_name: str) -> dict[str, Any]:
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, id_or_name)
        call.tag(campaign.version)
        return (await campaign_wires(session, call.project_id, [campaign]))[0]


async def list_campaigns(call: Call) -> dict[str, Any]:
    paging = call.query.paging()
    expand = call.query.texts("expand") or ()
    async with call.read() as session:
        rows, total = await queries.page_of_campaigns(
            session, call.project_id, call.query, paging, call.engine.now()
        )
        wires = await campaign_wires(session, call.project_id, rows, expand_category="category" in expand)
        return listing("campaigns", wires, total)


async def update_campaign(call: Call, id_or_name: str, body: CampaignUpdate) -> dict[str, Any]:
    """PUT: what is sent is laid over what is there; what cannot change is passed over in silence, as the
    contract says.

    New terms are for codes that are neither published nor redeemed; the others first get the old terms as
    their own.
    """
    now = call.engine.now()
    if changes_terms(body):
        await call.barrier()
        await keep_terms_of_issued(call, id_or_name)
    async with call.write() as write:
        campaign = await campaign_named(write.session, call.project_id, id_or_name, lock=True)
        call.require_version(campaign.version)
        document = dict(campaign.body)
        apply_windows(campaign, body, document)
        _apply_plain(campaign, body, document)
        if body.metadata is not None or body.unset_metadata_fields:
            await _check_metadata(write, document)
        if body.category_id is not UNSET or body.category is not UNSET:
            campaign.category_id = await category_id_of(
                write, body.category_id or None, body.category or None
            )
        await apply_terms(write, campaign, body, document, now)
        campaign.body = document
        campaign.watched = _stops_itself(document)
        touch_campaign(write, campaign, now)
        call.tag(campaign.version)
        return (await campaign_wires(write.session, call.project_id, [campaign]))[0]


def _apply_plain(campaign: Campaign, body: CampaignUpdate, document: dict[str, Any]) -> None:
    if body.description is not UNSET:
        document["description"] = checked_text(body.description, "description")
    if body.activity_duration_after_publishing is not UNSET:
        document["activity_duration_after_publishing"] = checked_duration(
            body.activity_duration_after_publishing, "activity_duration_after_publishing"
        )
    if campaign.type != "STANDALONE" and campaign.campaign_type != "PROMOTION":
        if body.type in ("AUTO_UPDATE", "STATIC"):
            campaign.type = body.type
        elif body.type is not None and body.type != "STANDALONE":
            raise invalid_payload(
                "Property .type must be equal to one of the allowed values: AUTO_UPDATE, STATIC"
            )
    if body.join_once is not None:
        document["join_once"] = joins_once(campaign.campaign_type, campaign.type, body.join_once)
    if body.auto_join is not None:
        document["auto_join"] = body.auto_join
    if body.metadata is not None or body.unset_metadata_fields:
        metadata = {**(document.get("metadata") or {}), **(body.metadata or {})}
        for name in body.unset_metadata_fields or []:
            metadata.pop(name, None)
        document["metadata"] = metadata
    for name in ("referral_program", "loyalty_tiers_expiration"):
        value = getattr(body, name)
        if value is not None:
            document[name] = value
    if body.extensions is not None:
        document["extensions"] = checked_extensions(body.extensions)


async def set_active(call: Call, id_or_name: str, *, active: bool) -> dict[str, Any]:
    """Enable or disable; after the answer no worker redeems on the old state (P6). Enabling forgets why a
    campaign was stopped by its own rules, and they count anew.
    """
    async with call.write() as write:
        campaign = await campaign_named(write.session, call.project_id, id_or_name, lock=True)
        if active and not campaign.active:
            campaign.body = counted_anew(campaign.body, call.engine.now())
        campaign.active = active
        touch_campaign(write, campaign, call.engine.now())
    return {}


async def delete_campaign(call: Call, id_or_name: str, *, force: bool) -> dict[str, Any]:
    """The campaign is gone with the answer; its codes follow as an async action, of which the first slice is
    done at once.

    In the bin name and codes stay reserved. Forced, the name is free at once and each code when its row is
    gone.
    """
    now = call.engine.now()
    async with call.write() as write:
        campaign = await campaign_named(write.session, call.project_id, id_or_name, lock=True)
        call.require_version(campaign.version)
        campaign.deleted_at = now
        if force:
            campaign.name = campaign.id
        touch_campaign(write, campaign, now)
        action = start_action(
            write.session,
            call.project_id,
            REMOVE,
            removal_payload(campaign.id, campaign.vouchers_count, force=force),
            now,
            call.request_id,
        )
    with suppress(SliceDelayed):
        await run_slice(call.engine, call.project_id, action.id)
    return {"async_action_id": action.id}
