"""The codes that a customer holds."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.lookup import live_vouchers
from app.db.models import Campaign, Customer, Voucher


async def codes_held(
    session: AsyncSession, project_id: str, customer_id: str, source_id: str | None, limit: int
) -> Sequence[tuple[Voucher, Campaign | None]]:
    """Those that are switched on, the newest first. A source_id may belong to a customer of another id."""
    named = Customer.source_id == source_id if source_id is not None else Customer.id == customer_id
    holder_id = await session.scalar(select(Customer.id).where(Customer.project_id == project_id, named))
    rows = await session.execute(
        live_vouchers(project_id)
        .where(Voucher.holder_id == (holder_id or customer_id), Voucher.active)
        .order_by(Voucher.created_at.desc(), Voucher.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]
