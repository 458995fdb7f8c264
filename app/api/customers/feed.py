"""The feed of a customer's activities on the wire, in the newer way (a cursor) and in the older one."""

from typing import Any, Final

from app.api.call import Call
from app.api.customers import activities
from app.api.customers.activity_sources import ACTION, EFFECT, Activity, Position, Wanted, position_of
from app.api.customers.service import stored
from app.db.models import Customer
from app.http.wire import iso

CAMPAIGN_TYPES: Final = (
    "PROMOTION",
    "GIFT_VOUCHERS",
    "REFERRAL_PROGRAM",
    "DISCOUNT_COUPONS",
    "LOYALTY_PROGRAM",
)


async def list_activity(call: Call, name: str) -> dict[str, Any]:
    """Newest first unless `order` says otherwise. Raises: ApiError 404."""
    row = await stored(call, name)
    wanted = _wanted(call, row)
    async with call.read() as session:
        found = await activities.page(session, wanted)
    return _listing(row, found[: wanted.limit - 1], has_more=len(found) == wanted.limit)


async def list_activities(call: Call, name: str) -> dict[str, Any]:
    """The older operation: with a total, and an instant as cursor. Raises: ApiError 404."""
    row = await stored(call, name)
    instant = call.query.instant("starting_after")
    wanted = _wanted(call, row, product_id=call.query.text("product_id"))
    if instant is not None and wanted.after is None:
        at_us = round(instant.timestamp() * 1_000_000)
        # The instant on the wire has milliseconds: those of that very millisecond are passed.
        after = Position(at_us, "", "") if wanted.descending else Position(at_us + 999, "~", "")
        wanted = _wanted(call, row, product_id=wanted.product_id, after=after)
    async with call.read() as session:
        found = await activities.page(session, wanted)
        total = await activities.total(session, wanted)
    answer = _listing(row, found[: wanted.limit - 1], has_more=len(found) == wanted.limit)
    return {**answer, "total": total}


def _wanted(
    call: Call, row: Customer, *, product_id: str | None = None, after: Position | None = None
) -> Wanted:
    query = call.query
    cursor = query.text("starting_after_id")
    return Wanted(
        project_id=call.project_id,
        customer_id=row.id,
        created_at=row.created_at,
        descending=query.order(("created_at",), "-created_at").descending,
        limit=query.limit + 1,
        after=position_of(cursor) if cursor is not None else after,
        start_date=query.instant("start_date"),
        end_date=query.instant("end_date"),
        campaign_id=query.text("campaign_id"),
        campaign_type=query.choice("campaign_type", CAMPAIGN_TYPES),
        product_id=product_id,
        category=query.choice("category", (ACTION, EFFECT)),
        type=query.text("type"),
    )


def _listing(row: Customer, found: list[Activity], *, has_more: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "object": "list",
        "data_ref": "data",
        "data": [_wire(row, one) for one in found],
        "has_more": has_more,
    }
    if has_more:
        answer["more_starting_after"] = found[-1].position.activity_id
    return answer


def _wire(row: Customer, one: Activity) -> dict[str, Any]:
    customer = {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "source_id": row.source_id,
        "metadata": row.body.get("metadata") or {},
        "object": "customer",
    }
    source: dict[str, Any] = {"channel": one.channel}
    if one.key_id is not None:
        source["api_key"] = {"name": one.key_id, "app_id": one.key_id}
    return {
        "id": one.position.activity_id,
        "type": one.type,
        "data": {"data": {"customer": customer, **one.data}, "event_source": source},
        "created_at": iso(one.position.at),
        "group_id": one.request_id or one.position.activity_id,
    }
