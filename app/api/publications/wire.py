"""The publication object (behaviour 2.11)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.customers.wire import customer_wire
from app.db.models import Customer, Publication
from app.http.wire import iso


def publication_wire(
    row: Publication, customer: Customer | None, voucher: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`voucher`: the whole object where there is one code; lists show a short one."""
    codes: list[str] = row.body.get("codes") or [row.voucher_code]
    answer: dict[str, Any] = {
        "id": row.id,
        "object": "publication",
        "created_at": iso(row.created_at),
        "customer_id": row.customer_id,
        "tracking_id": customer.source_id if customer is not None else None,
        "metadata": row.body.get("metadata") or {},
        "channel": row.channel,
        "source_id": row.source_id,
        "result": row.result,
        "customer": customer_wire(customer) if customer is not None else None,
        "vouchers_id": row.body.get("voucher_ids") or [row.voucher_id],
    }
    if len(codes) == 1:
        answer["voucher"] = dict(voucher) if voucher is not None else _short(row)
    else:
        answer["vouchers"] = codes
    extensions = {
        name: value
        for name, value in {
            "reason": row.reason,
            "agent": row.agent,
            **{name: row.body.get(name) for name in ("holder_only", "warnings", "revoked_at")},
        }.items()
        if value is not None
    }
    if extensions:
        answer["extensions"] = extensions
    return answer


def _short(row: Publication) -> dict[str, Any]:
    return {
        "id": row.voucher_id,
        "code": row.voucher_code,
        "object": "voucher",
        "type": row.voucher_type,
        "campaign": row.body.get("campaign"),
        "campaign_id": row.campaign_id,
        "is_referral_code": row.is_referral_code,
    }


async def publication_wires(
    session: AsyncSession, project_id: str, rows: Sequence[Publication]
) -> list[dict[str, Any]]:
    """Answers for a list: one read for all customers."""
    ids = {row.customer_id for row in rows}
    found = await session.scalars(
        select(Customer).where(Customer.project_id == project_id, Customer.id.in_(ids))
    )
    customers = {row.id: row for row in found}
    return [publication_wire(row, customers.get(row.customer_id)) for row in rows]
