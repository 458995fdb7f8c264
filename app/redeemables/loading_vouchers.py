"""Records of vouchers from SQL: what the core does not hold.

The statements are built once. Built for each code that is met for the first time they would cost as much as
running them, and leave cycles for the garbage collector.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.records import VoucherRecord
from app.db.models import ValidationRuleAssignment, Voucher
from app.redeemables.compiling import VALIDITY

_WANTED: Final[BindParameter[Sequence[str]]] = bindparam("wanted", expanding=True)
_VOUCHERS: Final = select(
    Voucher.folded_code,
    Voucher.version,
    Voucher.id,
    Voucher.code,
    Voucher.type,
    Voucher.active,
    Voucher.deleted_at,
    Voucher.campaign_id,
    Voucher.quantity,
    Voucher.redeemed_base,
    Voucher.gift_opening,
    Voucher.start_date,
    Voucher.expiration_date,
    Voucher.holder_id,
    Voucher.publish_count,
    Voucher.is_referral_code,
    Voucher.category_id,
    Voucher.body,
).where(Voucher.project_id == bindparam("project_id"))
_BY_NAME: Final = _VOUCHERS.where(or_(Voucher.folded_code.in_(_WANTED), Voucher.id.in_(_WANTED)))
_BY_ID: Final = _VOUCHERS.where(Voucher.id.in_(_WANTED))
_RULES: Final = (
    select(ValidationRuleAssignment.related_object_id, ValidationRuleAssignment.rule_id)
    .where(
        ValidationRuleAssignment.project_id == bindparam("project_id"),
        ValidationRuleAssignment.related_object_id.in_(_WANTED),
    )
    .order_by(ValidationRuleAssignment.created_at, ValidationRuleAssignment.id)
)


async def load_vouchers(
    session: AsyncSession, project_id: str, wanted: Sequence[str], *, evenly: bool = False
) -> list[tuple[str, VoucherRecord]]:
    """By folded code or v_ id: (folded code, record). evenly: as many statements for those that are not
    there.
    """
    return await _records(session, _BY_NAME, project_id, wanted, evenly=evenly)


async def load_vouchers_by_id(
    session: AsyncSession, project_id: str, voucher_ids: Sequence[str]
) -> list[tuple[str, VoucherRecord]]:
    return await _records(session, _BY_ID, project_id, voucher_ids)


async def _records(
    session: AsyncSession,
    statement: Executable,
    project_id: str,
    wanted: Sequence[str],
    *,
    evenly: bool = False,
) -> list[tuple[str, VoucherRecord]]:
    """A row is read before its assignments: newer rules under an older version can only be STALE."""
    rows = (await session.execute(statement, {"project_id": project_id, "wanted": wanted})).all()
    if not rows and not evenly:
        return []
    of_rows = {"project_id": project_id, "wanted": [row.id for row in rows]}
    rule_ids: dict[str, list[str]] = {}
    for voucher_id, rule_id in await session.execute(_RULES, of_rows):
        rule_ids.setdefault(voucher_id, []).append(rule_id)
    return [(row.folded_code, _voucher_record(row, rule_ids.get(row.id, []))) for row in rows]


def microseconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp() * 1_000_000)


def _voucher_record(row: Row[Any], rule_ids: list[str]) -> VoucherRecord:
    body = row.body
    validity = {name: body[name] for name in VALIDITY if body.get(name) is not None}
    # Of no gift, the default: it is not stored, and nobody asks for it.
    gift_effect = "" if row.type == "GIFT_VOUCHER" else "APPLY_TO_ORDER"
    return VoucherRecord(
        version=row.version,
        id=row.id,
        code=row.code,
        type=row.type,
        active=row.active,
        deleted=row.deleted_at is not None,
        campaign_id=row.campaign_id,
        quantity=row.quantity,
        redeemed_base=row.redeemed_base,
        gift_opening=row.gift_opening,
        gift_effect=(body.get("gift") or {}).get("effect") or gift_effect,
        discount=body.get("discount"),
        start_date=microseconds(row.start_date),
        expiration_date=microseconds(row.expiration_date),
        validity=validity or None,
        holder_id=row.holder_id,
        publish_count=row.publish_count,
        is_referral_code=row.is_referral_code,
        category_id=row.category_id,
        metadata=body.get("metadata") or {},
        rule_ids=rule_ids,
        extensions=body.get("extensions") or {},
    )
