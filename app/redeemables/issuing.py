"""Vouchers come into being here, one or five hundred at a time, for the rooms and for generation alike.

A code of a campaign keeps only what is its own: discount, dates and windows stay the campaign's and are read
from it when the code is decided on. Its redemption limit and a gift card's opening amount are copied: the
latter is the base of a counter (D2) and never changes.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.bulk import AlikeRows, can_copy, copy_free
from app.db.models import Campaign, Project, Voucher
from app.identifiers import new_id, new_ids, next_version
from app.redeemables.codes import CodeConfig

BATCH_MAX = 500
"""Rows of one transaction on SQLite (D17): about 20 ms, for which every other writer waits."""
COPY_MAX = 5_000
"""Rows of one transaction on PostgreSQL, where writers of other rows do not wait."""
COPY_MIN = 20
"""Below it a plain insert takes fewer trips."""
DRAWS_MAX = 4
"""Rounds of drawing a batch: in the last ones only what the others have drawn already comes up."""
OWN = ("id", "code", "folded_code")
"""What no two new vouchers have in common: id, then code, then its folded form."""
_COLUMNS_PER_ROW = 24
_PARAMETERS_MAX = 30_000
"""SQLite takes 32 766 parameters and PostgreSQL 65 535; a statement of BATCH_MAX rows stays below both."""
assert BATCH_MAX * _COLUMNS_PER_ROW < _PARAMETERS_MAX

VOUCHER_TYPES = {
    "DISCOUNT_COUPONS": "DISCOUNT_VOUCHER",
    "REFERRAL_PROGRAM": "DISCOUNT_VOUCHER",
    "GIFT_VOUCHERS": "GIFT_VOUCHER",
    "LOYALTY_PROGRAM": "LOYALTY_CARD",
}


def fold(project: Project, code: str) -> str:
    """The code as it is looked up."""
    return code if project.case_sensitive_codes else code.upper()


def voucher_values(
    project: Project,
    code: str,
    *,
    now: datetime,
    type: str,  # noqa: A002  the column's name
    campaign_id: str | None = None,
    body: dict[str, Any] | None = None,
    **columns: Any,
) -> dict[str, Any]:
    """A row of vouchers with every column named, so that one statement fits all."""
    values: dict[str, Any] = {
        "project_id": project.id,
        "id": new_id("v_"),
        "created_at": now,
        "updated_at": None,
        "version": next_version(),
        "code": code,
        "folded_code": fold(project, code),
        "campaign_id": campaign_id,
        "type": type,
        "active": True,
        "category_id": None,
        "start_date": None,
        "expiration_date": None,
        "quantity": None,
        "redeemed_base": 0,
        "gift_opening": 0,
        "holder_id": None,
        "is_referral_code": False,
        "publish_count": 0,
        "redeemed_quantity": 0,
        "redeemed_amount": 0,
        "body": body or {},
        "deleted_at": None,
    }
    values.update(columns)
    return values


def alike_vouchers(
    project: Project, codes: Mapping[str, str], *, now: datetime, **columns: Any
) -> AlikeRows:
    """New rows for codes, by their folded form, that have everything else in common. columns: arguments of
    `voucher_values`.
    """
    ids = new_ids("v_", len(codes))
    rows = [(identity, code, folded) for identity, (folded, code) in zip(ids, codes.items(), strict=True)]
    values = voucher_values(project, "", now=now, **columns)
    for name in OWN:
        del values[name]
    return AlikeRows(names=OWN, own=rows, shared=values)


def mixed_vouchers(
    project: Project, codes: Mapping[str, str], terms: Mapping[str, dict[str, Any]], *, now: datetime
) -> AlikeRows:
    """New rows for codes, each with terms of its own: arguments of `voucher_values` by the folded code. Their
    ids are in the order of the codes.
    """
    different = {id(columns): columns for columns in terms.values()}
    names = tuple(dict.fromkeys(name for columns in different.values() for name in columns))
    alike = alike_vouchers(project, codes, now=now, type="")
    values = {
        key: tuple(columns.get(name, alike.shared[name]) for name in names)
        for key, columns in different.items()
    }
    return AlikeRows(
        names=(*OWN, *names),
        own=[(*own, *values[id(terms[own[2]])]) for own in alike.own],
        shared={name: value for name, value in alike.shared.items() if name not in names},
    )


def inherited(campaign: Campaign) -> dict[str, Any]:
    """Columns and body that a new code of a campaign copies from it."""
    voucher: dict[str, Any] = campaign.body.get("voucher") or {}
    body: dict[str, Any] = {}
    metadata = campaign.body.get("metadata")
    if metadata and campaign.body.get("use_voucher_metadata_schema", True):
        body["metadata"] = metadata
    loyalty_card = voucher.get("loyalty_card")
    if loyalty_card:
        body["loyalty_card"] = {"points": loyalty_card.get("points") or 0}
    return {
        "type": voucher.get("type") or VOUCHER_TYPES.get(campaign.campaign_type, "DISCOUNT_VOUCHER"),
        "campaign_id": campaign.id,
        "quantity": (voucher.get("redemption") or {}).get("quantity"),
        "gift_opening": (voucher.get("gift") or {}).get("amount") or 0,
        "is_referral_code": bool(voucher.get("is_referral_code")),
        "body": body,
    }


def batch_rows(session: AsyncSession) -> int:
    """How many new codes one transaction may make."""
    return COPY_MAX if can_copy(session) else BATCH_MAX


async def insert_free(session: AsyncSession, rows: AlikeRows) -> list[str]:
    """Insert those whose code is free in the project and return their ids, in no order. The constraint
    decides, not a look.
    """
    if len(rows.own) >= COPY_MIN and can_copy(session) and await copy_vouchers(session, rows):
        return [own[0] for own in rows.own]
    return await insert_unless_taken(session, rows.documents())


async def copy_vouchers(session: AsyncSession, rows: AlikeRows) -> bool:
    """All of them, on PostgreSQL; False, and none, when a code is taken."""
    table = Voucher.__table__
    assert isinstance(table, Table)
    return await copy_free(session, table, rows)


async def insert_unless_taken(session: AsyncSession, rows: Iterable[dict[str, Any]]) -> list[str]:
    """The way that asks for each row; the ids of those that were free."""
    insert = postgresql.insert if can_copy(session) else sqlite.insert
    found: list[str] = []
    left = iter(rows)
    while batch := list(islice(left, BATCH_MAX)):
        inserted = await session.scalars(
            insert(Voucher)
            .on_conflict_do_nothing(index_elements=["project_id", "folded_code"])
            .returning(Voucher.id),
            batch,
        )
        found += inserted
    return found


async def count_vouchers(session: AsyncSession, campaign: Campaign, added: int) -> None:
    """Move the campaign's vouchers_count. No decision looks at it, so the version stays."""
    await session.execute(
        update(Campaign)
        .where(Campaign.project_id == campaign.project_id, Campaign.id == campaign.id)
        .values(vouchers_count=Campaign.vouchers_count + added)
    )


async def issued_count(session: AsyncSession, campaign: Campaign) -> int:
    """Codes that the campaign has, deleted ones included: they stay reserved."""
    count = await session.scalar(
        select(func.count()).where(
            Voucher.project_id == campaign.project_id, Voucher.campaign_id == campaign.id
        )
    )
    return count or 0


def draw_batch(project: Project, config: CodeConfig, wanted: int) -> dict[str, str]:
    """At most `wanted` different codes by their folded form; fewer when the same ones come up again and
    again.
    """
    drawn: dict[str, str] = {}
    for _ in range(DRAWS_MAX):
        for code in config.draw(wanted - len(drawn)):
            drawn.setdefault(fold(project, code), code)
        if len(drawn) == wanted:
            break
    return drawn
