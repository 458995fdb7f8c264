"""Who receives a publication: by id, by source_id, or by e-mail alone, made on the spot.

An e-mail is the same in any case and with spaces around it. The id of a customer who is known by e-mail
alone is derived from it, so that two requests at once mean the same one.
"""

from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.customers import service as customers
from app.api.customers.schemas import CustomerCreate
from app.db.models import Customer
from app.http.errors import ApiError, not_found
from app.redeemables.customers import customer_id_of_email, normalized_email


async def receiver_of(call: Call, sent: CustomerCreate) -> str:
    """The id of the customer, who is there afterwards.

    Raises: ApiError 404 for an unknown id, 400 invalid_customer for one who cannot be told.
    """
    if sent.id is not None:
        await call.barrier()
        async with call.read() as session:
            known = await _by_id(session, call.project_id, sent.id)
        if known is None and not sent.id.startswith("track_"):
            raise not_found("customer", sent.id)
    elif sent.source_id is None:
        email = normalized_email(sent.email)
        if email is None:
            raise ApiError(
                400,
                "invalid_customer",
                "Invalid customer",
                "Customer should have id, source_id or an e-mail address",
            )
        sent = replace(sent, id=await _by_email(call, email, sent.email or email), email=email)
    return await customers.standing(call, sent) or str((await customers.upsert(call, sent))["id"])


async def _by_id(session: AsyncSession, project_id: str, customer_id: str) -> str | None:
    return await session.scalar(
        select(Customer.id).where(
            Customer.project_id == project_id, Customer.id == customer_id, Customer.deleted_at.is_(None)
        )
    )


async def _by_email(call: Call, email: str, as_sent: str) -> str:
    """The oldest customer with the address, else the one that will be made for it."""
    await call.barrier()
    async with call.read() as session:
        known = await session.scalar(
            select(Customer.id)
            .where(
                Customer.project_id == call.project_id,
                Customer.email.in_({email, as_sent}),
                Customer.deleted_at.is_(None),
            )
            .order_by(Customer.created_at, Customer.id)
            .limit(1)
        )
    if known is not None:
        return known
    return customer_id_of_email(await customers.secret_of(call), email)
