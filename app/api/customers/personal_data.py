"""GET /v1/engine/customers/{customerId}/data: all that is kept of one person, in one answer."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.card_transactions import transaction_wire
from app.api.customers import service
from app.api.customers.redeemables import held_vouchers
from app.api.lookup import live_vouchers
from app.api.publications.wire import publication_wire
from app.db.models import (
    Customer,
    CustomEvent,
    Order,
    Publication,
    Redemption,
    SegmentMove,
    Voucher,
    VoucherTransaction,
)
from app.http.wire import iso

ROWS_MAX: Final = 5_000
"""Of each kind, the newest; `complete` says whether that was all."""


async def personal_data(call: Call, name: str) -> dict[str, Any]:
    """What lists show of the person one by one, with everything that was acknowledged before.

    Raises: ApiError 404 for an unknown customer.
    """
    row = await service.stored(call, name)
    customer = await service.get(call, row.id)
    segments = await service.list_segments(call, row.id)
    data: dict[str, list[Any]] = {"segments": segments["data"]}
    async with call.read() as session:
        for kind, (model, by, wire) in _KINDS.items():
            statement = (
                select(model)
                .where(model.project_id == call.project_id, model.customer_id == row.id)
                .order_by(by.desc(), model.id.desc())
                .limit(ROWS_MAX + 1)
            )
            data[kind] = [wire(one) for one in await session.scalars(statement)]
        data["vouchers"] = await held_vouchers(session, call, row, ROWS_MAX + 1)
        data["transactions"] = await _transactions(session, call, row)
    return {
        "object": "personal_data",
        "created_at": iso(call.engine.now()),
        "complete": all(len(rows) <= ROWS_MAX for rows in data.values()),
        "customer": customer,
        **{kind: rows[:ROWS_MAX] for kind, rows in data.items()},
    }


async def _transactions(session: AsyncSession, call: Call, row: Customer) -> list[dict[str, Any]]:
    """Movements of the cards that the person holds."""
    held = live_vouchers(call.project_id).where(Voucher.holder_id == row.id).with_only_columns(Voucher.id)
    statement = (
        select(VoucherTransaction)
        .where(VoucherTransaction.project_id == call.project_id, VoucherTransaction.voucher_id.in_(held))
        .order_by(VoucherTransaction.created_at.desc(), VoucherTransaction.id.desc())
        .limit(ROWS_MAX + 1)
    )
    return [transaction_wire(one) for one in await session.scalars(statement)]


def _event(row: CustomEvent) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "event",
        "type": row.name,
        "created_at": iso(row.at),
        **{name: row.body.get(name) for name in ("metadata", "referral", "loyalty", "channel")},
    }


def _move(row: SegmentMove) -> dict[str, Any]:
    return {
        "type": f"customer.segment.{'entered' if row.entered else 'left'}",
        "created_at": iso(row.at),
        "segment": {"id": row.segment_id, "name": row.segment_name, "object": "segment"},
    }


def _redemption(row: Redemption) -> dict[str, Any]:
    return {**row.body, "status": row.status, "result": row.result}


_KINDS: Final[dict[str, tuple[Any, Any, Callable[[Any], Any]]]] = {
    "orders": (Order, Order.created_at, lambda row: row.body),
    "redemptions": (Redemption, Redemption.date, _redemption),
    "publications": (Publication, Publication.created_at, lambda row: publication_wire(row, None)),
    "events": (CustomEvent, CustomEvent.at, _event),
    "segment_moves": (SegmentMove, SegmentMove.at, _move),
}
