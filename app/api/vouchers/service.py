"""Vouchers are made, changed, switched and removed here. Every change is published before it is
acknowledged.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct
from sqlalchemy import delete

from app.api.call import Call
from app.api.campaigns.definition import (
    PART_OF,
    checked_code,
    checked_code_config,
    gift_effect_of,
    part_document,
    quantity_of,
    voucher_type_of,
)
from app.api.campaigns.schemas import CampaignVouchersCreate
from app.api.lookup import campaign_named, project_of, voucher_named
from app.api.metadata_checks import check_metadata
from app.api.publishing import CatalogueWrite
from app.api.terms import (
    Dates,
    Windows,
    apply_windows,
    assign_rules,
    category_id_of,
    checked_amount,
    checked_discount,
    checked_extensions,
    checked_text,
    refusal,
)
from app.api.vouchers import queries
from app.api.vouchers.balances import set_amount
from app.api.vouchers.schemas import VoucherCreate, VoucherUpdate
from app.api.vouchers.wire import voucher_wires
from app.core.outcome import CoreUnavailable
from app.db.models import Campaign, Project, ValidationRuleAssignment, Voucher
from app.http.errors import ApiError
from app.http.wire import listing
from app.identifiers import next_version
from app.redeemables.codes import CodeConfig, code_config_of
from app.redeemables.documents import overlaid
from app.redeemables.issuing import count_vouchers, inherited, insert_unless_taken, voucher_values

DRAWS_MAX = 200
"""Tries to find a free code: of a keyspace that is nine tenths used, one request in a thousand million
fails."""


class Own(Struct, kw_only=True):
    """What a new voucher has of its own, whether asked for alone or through its campaign."""

    windows: Windows
    columns: dict[str, Any] = {}
    body: dict[str, Any] = {}
    validation_rules: list[str] = []


async def issue(
    write: CatalogueWrite,
    project: Project,
    campaign: Campaign | None,
    own: Own,
    now: datetime,
    *,
    code: str | None,
    config: CodeConfig | None = None,
) -> Voucher:
    """One voucher with a chosen code, or with one drawn from `config`.

    Raises: ApiError 409 for a code that is taken, 400 invalid_code_config when no free code was found.
    """
    terms = inherited(campaign) if campaign is not None else {}
    body = {**terms.pop("body", {}), **own.body}
    dates = Dates()
    apply_windows(dates, own.windows, body)
    columns = {
        **terms,
        "start_date": dates.start_date,
        "expiration_date": dates.expiration_date,
        **own.columns,
    }
    voucher_id = None
    for _ in range(1 if code is not None else DRAWS_MAX):
        tried = code if code is not None else (config or code_config_of(None)).draw(1)[0]
        inserted = await insert_unless_taken(
            write.session, [voucher_values(project, tried, now=now, body=body, **columns)]
        )
        if inserted:
            voucher_id = inserted[0]
            break
    if voucher_id is None:
        if code is not None:
            raise duplicate_voucher(code)
        raise refusal("invalid_code_config", f"No free code was found in {DRAWS_MAX} draws")
    if campaign is not None:
        await count_vouchers(write.session, campaign, 1)
    await assign_rules(write, own.validation_rules, "voucher", voucher_id)
    write.voucher(voucher_id)
    write.created("voucher", voucher_id)
    voucher = await write.session.get(Voucher, (project.id, voucher_id))
    assert voucher is not None
    return voucher


def duplicate_voucher(code: str) -> ApiError:
    return ApiError(
        409,
        "duplicate_found",
        "Duplicated resource found",
        f"Duplicated voucher exists with id {code}",
        resource_id=code,
        resource_type="voucher",
    )


async def own_parts(write: CatalogueWrite, body: VoucherCreate | CampaignVouchersCreate) -> Own:
    """The members that single vouchers and codes of campaigns share, checked.

    Raises: ApiError 400 and 404.
    """
    columns: dict[str, Any] = {"active": body.active is not False}
    columns["category_id"] = await category_id_of(write, body.category_id, body.category)
    if body.redemption is not None and body.redemption.quantity is not UNSET:
        columns["quantity"] = quantity_of(body.redemption)
    document: dict[str, Any] = {}
    if body.additional_info is not None:
        document["additional_info"] = checked_text(body.additional_info, "additional_info")
    if body.metadata:
        await check_metadata(write.session, write.project_id, "voucher", body.metadata)
        document["metadata"] = body.metadata
    if body.extensions:
        document["extensions"] = checked_extensions(body.extensions)
    return Own(windows=body, columns=columns, body=document)


async def create_voucher(call: Call, body: VoucherCreate, path_code: str | None = None) -> dict[str, Any]:
    """POST /v1/vouchers and /v1/vouchers/{code}; the path's code wins."""
    code = path_code if path_code is not None else body.code
    if code is not None:
        checked_code(code)
    now = call.engine.now()
    async with call.write() as write:
        project = await project_of(write.session, call.project_id)
        named = body.campaign_id or body.campaign
        campaign = await campaign_named(write.session, call.project_id, named) if named else None
        own = await own_parts(write, body)
        own.validation_rules = body.validation_rules or []
        if campaign is None and not body.metadata:
            await check_metadata(write.session, call.project_id, "voucher", None)
        _take_type(body, campaign, own)
        config = _config_of(project, campaign, body) if code is None else None
        voucher = await issue(write, project, campaign, own, now, code=code, config=config)
        pairs = [(voucher, campaign)]
        wires = await voucher_wires(write.session, project, pairs, call.engine.settings.public_url)
        return write.answer(wires[0])


def _take_type(body: VoucherCreate, campaign: Campaign | None, own: Own) -> None:
    """Type and its part: required of a voucher that stands alone, the campaign's where there is one."""
    kind = voucher_type_of(body)
    if campaign is None:
        if kind is None:
            raise refusal("invalid_voucher", "Property 'discount' or 'gift' is required")
        if kind == "LOYALTY_CARD":
            raise refusal("invalid_voucher", "Property 'campaign' is required for LOYALTY_CARD voucher")
        if getattr(body, PART_OF[kind]) is None:
            raise refusal("invalid_voucher", f"Property '{PART_OF[kind]}' is required for {kind} voucher")
        own.columns["type"] = kind
    else:
        if campaign.campaign_type == "PROMOTION":
            raise refusal("invalid_campaign", "A PROMOTION campaign has no vouchers.")
        shared = inherited(campaign)["type"]
        if kind is None or getattr(body, PART_OF[kind]) is None:
            return
        if kind != shared:
            raise refusal("invalid_voucher", f"Voucher type {kind} differs from the campaign's type {shared}")
    document = part_document(body, PART_OF[kind])
    if kind == "GIFT_VOUCHER":
        own.columns["gift_opening"] = document["amount"]
        document = {"effect": document["effect"]}
    own.body[PART_OF[kind]] = document


def _config_of(project: Project, campaign: Campaign | None, body: VoucherCreate) -> CodeConfig:
    default_charset = default_charset_of(project)
    if campaign is None:
        return checked_code_config(body.code_config, default_charset)
    if campaign.type == "STANDALONE":
        raise refusal("invalid_campaign", "You can not generate vouchers for STANDALONE type campaign.")
    if body.code_config is not None:
        return checked_code_config(body.code_config, default_charset)
    return code_config_of((campaign.body.get("voucher") or {}).get("code_config"))


def default_charset_of(project: Project) -> str | None:
    """The project's own default for codes (behaviour 1.12)."""
    charset = (project.settings.get("default_code_config") or {}).get("charset")
    return charset if isinstance(charset, str) and charset else None


async def get_voucher(call: Call, code: str) -> dict[str, Any]:
    await call.barrier()
    async with call.read() as session:
        project = await project_of(session, call.project_id)
        pair = await voucher_named(session, call.project_id, code)
        call.tag(pair[0].version)
        return (await voucher_wires(session, project, [pair], call.engine.settings.public_url))[0]


async def list_vouchers(call: Call) -> dict[str, Any]:
    paging = call.query.paging(("created_at", "updated_at", "code"))
    await call.barrier()
    async with call.read() as session:
        project = await project_of(session, call.project_id)
        rows, total = await queries.page_of_vouchers(session, project, call.query, paging, call.engine.now())
        wires = await voucher_wires(session, project, rows, call.engine.settings.public_url)
        return listing("vouchers", wires, total)


async def update_voucher(call: Call, code: str, body: VoucherUpdate) -> dict[str, Any]:
    """PUT: what is sent is laid over what is there; the discount's type stays. A gift card's amount moves its
    balance, last of all, so that a request that is refused for anything else moves nothing.
    """
    amount = None
    if body.gift is not None and body.gift.amount is not None:
        amount = checked_amount(body.gift.amount, "gift.amount")
        call.engine.ledger.require()
    event_id = ""
    async with call.write() as write:
        row, campaign = await voucher_named(write.session, call.project_id, code, lock=True)
        call.require_version(row.version)
        document = dict(row.body)
        apply_windows(row, body, document)
        if body.category_id is not UNSET or body.category is not UNSET:
            row.category_id = await category_id_of(write, body.category_id or None, body.category or None)
        if body.active is not None:
            row.active = body.active
        if body.additional_info is not UNSET:
            document["additional_info"] = checked_text(body.additional_info, "additional_info")
        if body.metadata is not None:
            document["metadata"] = overlaid(document.get("metadata") or {}, body.metadata)
            await check_metadata(write.session, call.project_id, "voucher", document["metadata"])
        if body.redemption is not None and body.redemption.quantity is not UNSET:
            row.quantity = quantity_of(body.redemption)
        if body.extensions is not None:
            document["extensions"] = checked_extensions(body.extensions)
        _change_part(row, campaign, body, document)
        row.body = document
        touch(write, row, call.engine.now())
        if amount is not None and row.type == "GIFT_VOUCHER":
            event_id = await set_amount(call, row, amount)
    if event_id:
        await call.engine.ledger.acknowledged(call.partition, event_id)
    return await _settled(call, row.id)


def _change_part(
    row: Voucher, campaign: Campaign | None, body: VoucherUpdate, document: dict[str, Any]
) -> None:
    """The discount, of the same type; a gift's effect."""
    if body.discount is not None and row.type == "DISCOUNT_VOUCHER":
        shared = (campaign.body.get("voucher") or {}) if campaign is not None else {}
        current = document.get("discount") or shared.get("discount") or {}
        sent = {"type": current.get("type"), **body.discount}
        if sent["type"] != current.get("type"):
            raise refusal("invalid_voucher", "It is not possible to change Voucher discount type")
        document["discount"] = checked_discount(sent)
    if body.gift is not None and body.gift.effect is not None and row.type == "GIFT_VOUCHER":
        document["gift"] = {**(document.get("gift") or {}), "effect": gift_effect_of(body.gift)}


def touch(write: CatalogueWrite, row: Voucher, now: datetime) -> None:
    """A new version, published with this transaction."""
    row.version = next_version(row.version)
    row.updated_at = now
    write.voucher(row.id)


async def set_active(call: Call, code: str, *, active: bool) -> dict[str, Any]:
    async with call.write() as write:
        row, _ = await voucher_named(write.session, call.project_id, code, lock=True)
        row.active = active
        touch(write, row, call.engine.now())
    return await _settled(call, row.id)


async def _settled(call: Call, voucher_id: str) -> dict[str, Any]:
    """The voucher after a write. A projector that is behind delays its counts, never the switch itself."""
    with suppress(CoreUnavailable):
        await call.barrier()
    async with call.read() as session:
        project = await project_of(session, call.project_id)
        pair = await voucher_named(session, call.project_id, voucher_id)
        call.tag(pair[0].version)
        return (await voucher_wires(session, project, [pair], call.engine.settings.public_url))[0]


async def delete_voucher(call: Call, code: str, *, force: bool) -> None:
    """Into the bin, where its code stays reserved; or for good, which leaves a tombstone in the core (D4)."""
    async with call.write() as write:
        row, campaign = await voucher_named(write.session, call.project_id, code, lock=True)
        call.require_version(row.version)
        if campaign is not None:
            await count_vouchers(write.session, campaign, -1)
        if force:
            await remove_for_good(write, row)
        else:
            row.deleted_at = call.engine.now()
            touch(write, row, row.deleted_at)


async def remove_for_good(write: CatalogueWrite, row: Voucher) -> None:
    """The row and its assignments go; its record becomes a tombstone."""
    await write.session.execute(
        delete(ValidationRuleAssignment).where(
            ValidationRuleAssignment.project_id == write.project_id,
            ValidationRuleAssignment.related_object_id == row.id,
        )
    )
    write.deleted_voucher(row.id, row.folded_code, next_version(row.version))
    await write.session.delete(row)
