"""Movements of gift cards, listed by cursor: of one voucher, or of all vouchers of a campaign (behaviour
2.3).
"""

from typing import Any

from sqlalchemy import ColumnElement, select

from app.api.call import Call
from app.db.models import VoucherTransaction
from app.http.filtering import Field, filter_condition
from app.http.wire import iso

QUERY = ("limit", "order", "starting_after_id")
FILTERED = (*QUERY, "filters")
FIELDS = {"id": Field(VoucherTransaction.id), "voucher_id": Field(VoucherTransaction.voucher_id)}


async def list_transactions(call: Call, owner: ColumnElement[bool]) -> dict[str, Any]:
    """One page of the cursor envelope (behaviour 1.6), newest first unless `order` is `id`."""
    query = call.query
    order = query.order(("id",), "-id")
    after = query.text("starting_after_id")
    limit = query.limit
    row = VoucherTransaction
    statement = select(row).where(
        row.project_id == call.project_id, owner, filter_condition(query.filters(), FIELDS, call.engine.now())
    )
    if after is not None:
        statement = statement.where(row.id < after if order.descending else row.id > after)
    statement = statement.order_by(row.id.desc() if order.descending else row.id).limit(limit + 1)
    await call.barrier()
    async with call.read() as session:
        rows = (await session.scalars(statement)).all()
    page = rows[:limit]
    answer: dict[str, Any] = {
        "object": "list",
        "data_ref": "data",
        "data": [transaction_wire(one) for one in page],
        "has_more": len(rows) > limit,
    }
    if len(rows) > limit:
        answer["more_starting_after"] = page[-1].id
    return answer


def transaction_wire(row: VoucherTransaction) -> dict[str, Any]:
    return {
        "id": row.id,
        "source_id": row.source_id,
        "voucher_id": row.voucher_id,
        "campaign_id": row.campaign_id,
        "source": row.source,
        "reason": row.reason,
        "type": row.type,
        "details": row.details,
        "related_transaction_id": None,
        "created_at": iso(row.created_at),
    }
