"""Which events rows of the ledger's projections mean: redemptions and rollbacks, those that were refused, and
the movements of cards.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from app.api.card_transactions import transaction_wire
from app.api.customers.wire import customer_wire
from app.api.telling.shapes import ORDER, TIER, Shapes, short
from app.db.models import Customer, CustomEventSchema, VoucherTransaction
from app.http.wire import iso
from app.webhooks.outbox import INTERNAL, Told

REDEMPTIONS: Final = "redemptions"
REFUSALS: Final = "refusals"
TRANSACTIONS: Final = "transactions"
CUSTOM_EVENTS: Final = "custom_events"
SEGMENT_MOVES: Final = "segment_moves"
STRANGER: Final = ("id", "object")
_ROLLBACK: Final = "redemption_rollback"
_CARDS: Final = {"CREDITS": "gift", "POINTS": "loyalty_card"}
_FURTHER: Final = {
    "CREDITS_ADDITION": "voucher.gift.balance_added",
    "POINTS_ADDITION": "voucher.loyalty_card.points_added",
    "POINTS_ACCRUAL": "voucher.loyalty_card.points_added",
    "POINTS_EXPIRATION": "voucher.loyalty_card.points_expired",
}
"""By the type of a movement, what it is beside a movement."""

Row = Mapping[str, Any]


async def redemptions(rows: Sequence[Row], shapes: Shapes) -> list[Told]:
    """One event for each, a stack's parent included."""
    await shapes.load(
        vouchers=[row["voucher_id"] for row in rows],
        campaigns=[row["campaign_id"] for row in rows],
        redemptions=[row["redemption_id"] for row in rows],
    )
    return [_redemption(row, shapes) for row in rows]


def _redemption(row: Row, shapes: Shapes) -> Told:
    body: Mapping[str, Any] = row["body"]
    is_rollback = row["object"] == _ROLLBACK
    has_failed = row["result"] == "FAILURE"
    wire = shapes.redeemed(body)
    holder = shapes.holder(row["voucher_id"])
    redemption = wire
    if is_rollback:
        # A rollback that failed may be told before the redemption is projected.
        known = shapes.redemption(row["redemption_id"])
        redemption = known or {"id": row["redemption_id"], "object": "redemption"}
    customer_id = _person_of(row, body, redemption, holder)
    if holder is not None and holder["id"] != customer_id:
        holder = short(holder, STRANGER)  # An event tells of one person, so that it can be erased with them.
    data: dict[str, Any] = {
        "customer": body.get("customer"),
        "order": short(body.get("order"), ORDER),
        "campaign": shapes.campaign(row["campaign_id"]),
        "voucher": shapes.voucher(row["voucher_id"]),
        "holder": holder,
        "promotion_tier": short(body.get("promotion_tier"), TIER),
        "promotion_stack": None,
        "redemption": redemption,
    }
    if is_rollback:
        data["redemption_rollback"] = wire
    else:
        data["created_at"] = body.get("date")
    outcome = "failed" if has_failed else "succeeded"
    return Told(
        kind=f"redemption.rollback.{outcome}" if is_rollback else f"redemption.{outcome}",
        object_key=f"redemption:{row['redemption_id'] or row['id']}",
        entity_id=row["id"],
        data=data,
        customer_id=customer_id,
        event_id=f"ev_{row['id'].partition('_')[2]}" if has_failed else None,
        source=_source(body),
    )


def _person_of(row: Row, body: Row, redemption: Row | None, holder: Row | None) -> str | None:
    """Whom the event tells of: the customer of it, of what it took back, or the holder of the code."""
    for one in (row["customer_id"], body.get("customer_id"), (redemption or {}).get("customer_id")):
        if one:
            return str(one)
    customers = (body.get("customer"), (redemption or {}).get("customer"), holder)
    return next((str(one["id"]) for one in customers if one and one.get("id")), None)


def _source(body: Mapping[str, Any]) -> Mapping[str, Any]:
    channel = body.get("channel") or {}
    if not channel.get("channel_id"):
        return INTERNAL
    kind = "CLIENT_API" if channel.get("channel_type") == "CLIENT" else "API"
    return {"channel": kind, "user": None, "api_key": {"name": None, "app_id": channel["channel_id"]}}


async def transactions(rows: Sequence[Row], shapes: Shapes) -> list[Told]:
    """The movement; and what it is beside, when credits or points came by hand or ran out."""
    named = [row["details"].get(name) for row in rows for name in ("redemption", "rollback")]
    causes = [one["id"] for one in named if one]
    await shapes.load(vouchers=[row["voucher_id"] for row in rows], redemptions=causes)
    told = []
    for row in rows:
        card = _CARDS.get(row["type"].partition("_")[0])
        if card is None:
            continue
        wire = transaction_wire(VoucherTransaction(**row))
        details = row["details"]
        holder = shapes.holder(row["voucher_id"])
        holder_id = holder["id"] if holder is not None else None
        cause = _cause_of(details, shapes)
        person_id = (cause["rollback"] or cause["redemption"] or {}).get("customer_id") or holder_id
        balance = details.get("balance")
        data = {
            "transaction": wire,
            "voucher": shapes.voucher_whole(row["voucher_id"]),
            "campaign": shapes.campaign(row["campaign_id"]),
            "holder": holder if holder_id == person_id else short(holder, STRANGER),
            "balance": balance,
            **cause,
        }
        told.append(_movement(f"voucher.{card}.transaction.created", row, data, person_id))
        further = _FURTHER.get(row["type"])
        if further is not None:
            more = {
                "voucher": shapes.voucher(row["voucher_id"]),
                "balance": balance,
                "campaign": data["campaign"],
                "transaction": wire,
            }
            told.append(_movement(further, row, more, holder_id))
    return told


def _cause_of(details: Row, shapes: Shapes) -> dict[str, Any]:
    """The redemption that moved a card, or the rollback, and their order, as far as they are known."""
    found: dict[str, Any] = {}
    for name in ("redemption", "rollback"):
        named = details.get(name)
        found[name] = named and (shapes.redemption(named["id"]) or named)
    order = (found["rollback"] or found["redemption"] or {}).get("order")
    return {**found, "order": order or details.get("order")}


async def custom_events(rows: Sequence[Row], shapes: Shapes) -> list[Told]:
    """What a shop itself tells of its customers, passed on."""
    await shapes.load(customers=[row["customer_id"] for row in rows])
    schemas = await _schemas({row["name"] for row in rows}, shapes)
    return [_custom_event(row, schemas.get(row["name"]), shapes) for row in rows]


async def segment_moves(rows: Sequence[Row], shapes: Shapes) -> list[Told]:
    """Customers who entered an active segment, or left it."""
    found = await shapes.session.scalars(
        select(Customer).where(
            Customer.project_id == shapes.project.id, Customer.id.in_({row["customer_id"] for row in rows})
        )
    )
    customers = {row.id: customer_wire(row) for row in found}
    return [
        Told(
            kind=f"customer.segment.{'entered' if row['entered'] else 'left'}",
            object_key=f"customer:{row['customer_id']}",
            entity_id=row["customer_id"],
            data={
                "customer": customers[row["customer_id"]],
                "segment": {"id": row["segment_id"], "name": row["segment_name"], "object": "segment"},
            },
            customer_id=row["customer_id"],
        )
        for row in rows
        if row["customer_id"] in customers
    ]


async def _schemas(names: set[str], shapes: Shapes) -> dict[str, str]:
    """Ids of the schemas of events, by the name of the event."""
    found = await shapes.session.execute(
        select(CustomEventSchema.name, CustomEventSchema.id).where(
            CustomEventSchema.project_id == shapes.project.id, CustomEventSchema.name.in_(names)
        )
    )
    return {name: schema_id for name, schema_id in found}  # noqa: C416  rows are no pairs to the types


def _custom_event(row: Row, schema_id: str | None, shapes: Shapes) -> Told:
    body: Mapping[str, Any] = row["body"]
    customer = shapes.customer(row["customer_id"])
    channel = "CLIENT_API" if body.get("channel") == "CLIENT_API" else "API"
    event = {
        "id": row["id"],
        "object": "event",
        "type": row["name"],
        "customer": customer,
        "referral": body.get("referral"),
        "loyalty": body.get("loyalty"),
        "metadata": body.get("metadata") or {},
        "created_at": iso(row["at"]),
    }
    return Told(
        kind="customer.custom_event",
        object_key=f"customer:{row['customer_id']}",
        entity_id=row["customer_id"],
        data={
            "event": event,
            "event_schema": {"id": schema_id, "name": row["name"]},
            "customer": customer,
            "referral": body.get("referral"),
            "loyalty": body.get("loyalty"),
        },
        customer_id=row["customer_id"],
        source={"channel": channel, "user": None, "api_key": None},
        group_id=body.get("request_id"),
    )


def _movement(kind: str, row: Row, data: Mapping[str, Any], holder_id: str | None) -> Told:
    return Told(
        kind=kind,
        object_key=f"voucher:{row['voucher_id']}",
        entity_id=row["voucher_id"],
        data=data,
        customer_id=holder_id,
    )
