"""The campaign object (behaviour 2.1). Dates and windows that are not set are absent, as clients expect."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.api.promotions.service import tier_wires, tiers_of
from app.api.terms import (
    VALIDITY,
    assignments_of,
    assignments_wire,
    categories_of,
    category_wire,
    windows_wire,
)
from app.db.models import Campaign, Category, ValidationRuleAssignment
from app.http.wire import iso

OPTIONAL = (
    "description",
    "activity_duration_after_publishing",
    "referral_program",
    "loyalty_tiers_expiration",
    "extensions",
)


def campaign_wire(
    row: Campaign,
    assignments: Sequence[ValidationRuleAssignment],
    category: Category | None,
    tiers: Sequence[dict[str, Any]],
    *,
    expand_category: bool = True,
) -> dict[str, Any]:
    """One campaign. `tiers`: wire objects of a promotion's tiers."""
    body = row.body
    answer: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "campaign_type": row.campaign_type,
        "type": row.type,
    }
    if body.get("voucher") is not None:
        answer["voucher"] = _voucher_wire(row)
    answer |= {
        "auto_join": bool(body.get("auto_join")),
        "join_once": bool(body.get("join_once")),
        "use_voucher_metadata_schema": bool(body.get("use_voucher_metadata_schema", True)),
        **{name: body[name] for name in OPTIONAL if body.get(name) is not None},
        **windows_wire(row, body),
        "active": row.active,
        "metadata": body.get("metadata") or {},
        "created_at": iso(row.created_at),
    }
    if row.updated_at is not None:
        answer["updated_at"] = iso(row.updated_at)
    if row.campaign_type == "PROMOTION":
        answer["promotion"] = {
            "object": "list",
            "data_ref": "tiers",
            "tiers": list(tiers),
            "total": len(tiers),
            "has_more": False,
        }
    else:
        answer["vouchers_count"] = row.vouchers_count
    if category is not None:
        answer["category"] = category.name
    return answer | {
        "creation_status": row.creation_status,
        "vouchers_generation_status": row.vouchers_generation_status,
        "protected": False,
        "validation_rules_assignments": assignments_wire(assignments),
        "category_id": None if category is None else category.id,
        "categories": [category_wire(category)] if category is not None and expand_category else [],
        "object": "campaign",
    }


def _voucher_wire(row: Campaign) -> dict[str, Any]:
    """`code_config` is always there: official clients refuse a campaign without it."""
    voucher: Mapping[str, Any] = row.body["voucher"]
    return {
        **voucher,
        "code_config": voucher.get("code_config") or {},
        **windows_wire(row, row.body, VALIDITY),
    }


async def campaign_wires(
    session: AsyncSession, project_id: str, rows: Sequence[Campaign], *, expand_category: bool = True
) -> list[dict[str, Any]]:
    """Answers for campaigns: a fixed number of reads, however many there are."""
    if not rows:
        return []
    assignments = await assignments_of(session, project_id, [row.id for row in rows])
    categories = await categories_of(session, project_id, [row.category_id for row in rows])
    promotions = {row.id: row for row in rows if row.campaign_type == "PROMOTION"}
    tiers: dict[str, list[dict[str, Any]]] = {}
    if promotions:
        found = await tiers_of(session, project_id, promotions)
        pairs = [(tier, promotions[campaign_id]) for campaign_id, of in found.items() for tier in of]
        for wire in await tier_wires(session, project_id, pairs):
            tiers.setdefault(wire["campaign_id"], []).append(wire)
    return [
        campaign_wire(
            row,
            assignments.get(row.id, ()),
            categories.get(row.category_id or ""),
            tiers.get(row.id, ()),
            expand_category=expand_category,
        )
        for row in rows
    ]
