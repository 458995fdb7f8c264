"""What the catalogue reads of customers from SQL."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.records import CustomerRecord
from app.db.models import Customer
from app.redeemables.customers import record_of


async def load_customers_named(
    session: AsyncSession, project_id: str, identities: Sequence[str]
) -> dict[str, CustomerRecord]:
    """By what each is asked for by, its id or source_id; the id wins."""
    rows = (
        await session.scalars(
            select(Customer).where(
                Customer.project_id == project_id,
                or_(Customer.id.in_(identities), Customer.source_id.in_(identities)),
            )
        )
    ).all()
    by_name = {row.source_id: row for row in rows if row.source_id is not None}
    by_name.update((row.id, row) for row in rows)
    return {name: record_of(by_name[name]) for name in identities if name in by_name}


async def load_customers(
    session: AsyncSession, project_id: str, customer_ids: Sequence[str]
) -> list[CustomerRecord]:
    rows = await session.scalars(
        select(Customer).where(Customer.project_id == project_id, Customer.id.in_(customer_ids))
    )
    return [record_of(row) for row in rows]
