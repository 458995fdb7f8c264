"""Taking back what was handed out: the codes of a publication are switched off, and it says since when and
why.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct
from sqlalchemy import select

from app.api.call import Call
from app.api.publications.wire import publication_wire
from app.db.models import Customer, Publication, PublicationVoucher, Voucher
from app.http.errors import not_found
from app.http.wire import iso
from app.identifiers import next_version


class PublicationRevoke(Struct, kw_only=True):
    reason: Annotated[str, Meta(max_length=1_000)] | None = None


async def revoke(call: Call, publication_id: str, body: PublicationRevoke) -> dict[str, Any]:
    """After the answer none of its unique codes is redeemed on any worker. Repeating it changes nothing.

    Raises: ApiError 404.
    """
    now = call.engine.now()
    async with call.write() as write:
        session = write.session
        row = await session.get(Publication, (call.project_id, publication_id), with_for_update=True)
        if row is None:
            raise not_found("publication", publication_id)
        customer = await session.get(Customer, (call.project_id, row.customer_id))
        if row.body.get("revoked_at"):
            return publication_wire(row, customer)
        vouchers = await session.scalars(
            select(Voucher)
            .join(
                PublicationVoucher,
                (PublicationVoucher.project_id == Voucher.project_id)
                & (PublicationVoucher.voucher_id == Voucher.id),
            )
            .where(
                Voucher.project_id == call.project_id,
                PublicationVoucher.publication_id == row.id,
                Voucher.holder_id == row.customer_id,
            )
            .with_for_update(of=Voucher)
        )
        for voucher in vouchers:
            voucher.active = False
            voucher.updated_at = now
            voucher.version = next_version(voucher.version)
            write.voucher(voucher.id)
        row.body = {**row.body, "revoked_at": iso(now), "revoke_reason": body.reason}
        await session.flush()
        return publication_wire(row, customer)
