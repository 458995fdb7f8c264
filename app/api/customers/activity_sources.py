"""Where a customer's activities are told from: redemptions, orders, publications, custom events, the audit.
Each source says which types it has, how its rows are found, and how one looks in the feed.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.sql.selectable import Select

from app.db.models import AuditEntry, Campaign, CustomEvent, Order, Publication, Redemption
from app.http.errors import invalid_query
from app.http.wire import iso

PREFIX: Final = "evcus_"
ACTION, EFFECT = "ACTION", "EFFECT"
_ID: Final = re.compile(PREFIX + r"([0-9a-f]{14})([a-z])(.{1,80})")
CREATED, UPDATED = "a", "u"
_EVENT, _ORDER_MADE, _ORDER_CHANGED, _PUBLISHED, _REDEEMED = "eocpr"
_ORDER_TYPES: Final = {
    "CREATED": "customer.order.updated",
    "PAID": "customer.order.paid",
    "CANCELED": "customer.order.canceled",
    "PROCESSING": "customer.order.processing",
    "FULFILLED": "customer.order.fulfilled",
}


class Position(Struct, frozen=True, order=True):
    """Where an activity stands: epoch microseconds, kind of source, id of its row."""

    at_us: int
    kind: str
    row_id: str

    @property
    def activity_id(self) -> str:
        return f"{PREFIX}{self.at_us:014x}{self.kind}{self.row_id}"

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.at_us / 1_000_000, UTC)


def position_of(activity_id: str) -> Position:
    """Raises: ApiError 400 invalid_query_params for what is no activity's id."""
    found = _ID.fullmatch(activity_id)
    if found is None:
        raise invalid_query("Query .starting_after_id must be the id of an activity")
    return Position(int(found[1], 16), found[2], found[3])


class Activity(Struct, frozen=True):
    """One of the feed. data: what the type shows, without the customer."""

    position: Position
    type: str
    data: dict[str, Any]
    channel: str = "API"
    key_id: str | None = None
    request_id: str | None = None


class Wanted(Struct, kw_only=True, frozen=True):
    """Whose activities, and which. Bounds of time are part of it."""

    project_id: str
    customer_id: str
    created_at: datetime
    """Of the customer."""
    descending: bool = True
    limit: int = 10
    after: Position | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    campaign_id: str | None = None
    campaign_type: str | None = None
    product_id: str | None = None
    category: str | None = None
    type: str | None = None

    @property
    def of_campaigns(self) -> bool:
        return self.campaign_id is not None or self.campaign_type is not None


class Source(Struct, frozen=True):
    kind: str
    category: str
    types: tuple[str, ...]
    statement: Callable[[Wanted], Select[*tuple[Any, ...]]]
    """Rows of the customer, with the instant as `at` and the id as `row_id` first."""
    at: Any
    row_id: Any
    wire: Callable[[Any], Activity]
    typed: Callable[[str], ColumnElement[bool]]
    """Of one of its types the condition that picks it."""


def microseconds(instant: datetime) -> int:
    """Since the epoch."""
    return round(instant.timestamp() * 1_000_000)


def _named(wanted: Wanted, body: Any) -> ColumnElement[bool]:
    if wanted.product_id is None:
        return true()
    return cast(body, Text).contains(f'"{wanted.product_id}"', autoescape=True)


def _in_campaign(wanted: Wanted, column: Any) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if wanted.campaign_id is not None:
        conditions.append(column == wanted.campaign_id)
    if wanted.campaign_type is not None:
        conditions.append(
            column.in_(
                select(Campaign.id).where(
                    Campaign.project_id == wanted.project_id, Campaign.campaign_type == wanted.campaign_type
                )
            )
        )
    return and_(*conditions)


# Redemptions


def _redemptions(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return select(Redemption.date, Redemption.id, Redemption).where(
        Redemption.project_id == wanted.project_id,
        Redemption.customer_id == wanted.customer_id,
        _in_campaign(wanted, Redemption.campaign_id),
        _named(wanted, Redemption.body),
    )


def _redemption_type(row: Redemption) -> str:
    what = "redemption.rollback" if row.object == "redemption_rollback" else "redemption"
    return f"customer.{what}.{'succeeded' if row.result == 'SUCCESS' else 'failed'}"


def _redemption_typed(name: str) -> ColumnElement[bool]:
    rollback = Redemption.object == "redemption_rollback"
    succeeded = Redemption.result == "SUCCESS"
    return and_(
        rollback if ".rollback." in name else ~rollback,
        succeeded if name.endswith("succeeded") else ~succeeded,
    )


def _redemption(found: Any) -> Activity:
    row: Redemption = found[2]
    body = row.body
    data: dict[str, Any] = {"redemption": body, "order": body.get("order")}
    for name in ("voucher", "promotion_tier"):
        if body.get(name):
            data[name] = body[name]
    channel = body.get("channel") or {}
    return Activity(
        Position(microseconds(row.date), _REDEEMED, row.id),
        _redemption_type(row),
        data,
        key_id=channel.get("channel_id"),
    )


# Orders


def _orders(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return select(Order.created_at, Order.id, Order.body).where(
        Order.project_id == wanted.project_id,
        Order.customer_id == wanted.customer_id,
        false() if wanted.of_campaigns else true(),
        _named(wanted, Order.body),
    )


def _changed_orders(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return (
        select(_CHANGED_AT, Order.id, Order.body, Order.status)
        .where(
            Order.project_id == wanted.project_id,
            Order.customer_id == wanted.customer_id,
            false() if wanted.of_campaigns else true(),
            _named(wanted, Order.body),
        )
        .where(or_(Order.updated_at.is_not(None), Order.status != "CREATED"))
    )


_CHANGED_AT: Final = func.coalesce(Order.updated_at, Order.created_at)


def _order_made(found: Any) -> Activity:
    position = Position(microseconds(found[0]), _ORDER_MADE, found[1])
    return Activity(position, "customer.order.created", {"order": found[2]})


def _order_changed(found: Any) -> Activity:
    position = Position(microseconds(found[0]), _ORDER_CHANGED, found[1])
    return Activity(position, _ORDER_TYPES.get(found[3], "customer.order.updated"), {"order": found[2]})


def _order_typed(name: str) -> ColumnElement[bool]:
    return Order.status.in_([status for status, known in _ORDER_TYPES.items() if known == name])


# Publications, events, the customer himself


def _publications(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return select(Publication.created_at, Publication.id, Publication).where(
        Publication.project_id == wanted.project_id,
        Publication.customer_id == wanted.customer_id,
        _in_campaign(wanted, Publication.campaign_id),
        false() if wanted.product_id is not None else true(),
    )


def _publication(found: Any) -> Activity:
    row: Publication = found[2]
    publication = {
        "id": row.id,
        "object": "publication",
        "created_at": iso(row.created_at),
        "customer_id": row.customer_id,
        "channel": row.channel,
        "source_id": row.source_id,
        "result": row.result,
        "metadata": row.body.get("metadata") or {},
        "vouchers_id": row.body.get("voucher_ids") or [row.voucher_id],
    }
    campaign = {"id": row.campaign_id, "name": row.body.get("campaign"), "object": "campaign"}
    return Activity(
        Position(microseconds(row.created_at), _PUBLISHED, row.id),
        "customer.publication.succeeded",
        {"publication": publication, "campaign": campaign if row.campaign_id else None},
        key_id=row.actor_key_id,
    )


def _events(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return select(CustomEvent.at, CustomEvent.id, CustomEvent).where(
        CustomEvent.project_id == wanted.project_id,
        CustomEvent.customer_id == wanted.customer_id,
        false() if wanted.of_campaigns else true(),
        _named(wanted, CustomEvent.body),
    )


def _event(found: Any) -> Activity:
    row: CustomEvent = found[2]
    event = {
        "id": row.id,
        "object": "event",
        "type": row.name,
        "metadata": row.body.get("metadata") or {},
        "referral": row.body.get("referral"),
        "loyalty": row.body.get("loyalty"),
        "created_at": iso(row.at),
    }
    return Activity(
        Position(microseconds(row.at), _EVENT, row.id),
        "customer.custom_event",
        {
            "event": event,
            "event_schema": {"id": row.body.get("schema_id"), "name": row.name},
            "referral": None,
            "loyalty": None,
        },
        channel=row.body.get("channel") or "API",
        key_id=row.body.get("key_id"),
        request_id=row.body.get("request_id"),
    )


def _updates(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return select(AuditEntry.at_us, cast(AuditEntry.seq, Text), AuditEntry).where(
        AuditEntry.project_id == wanted.project_id,
        AuditEntry.object_id == wanted.customer_id,
        AuditEntry.object_type == "customer",
        AuditEntry.action == "updated",
        false() if wanted.of_campaigns or wanted.product_id is not None else true(),
    )


def _update(found: Any) -> Activity:
    entry: AuditEntry = found[2]
    return Activity(
        Position(entry.at_us, UPDATED, str(entry.seq)),
        "customer.updated",
        {},
        key_id=entry.actor_id if entry.actor_kind == "key" else None,
        request_id=entry.request_id or None,
    )


def _any(name: str) -> ColumnElement[bool]:
    return literal(value=True)


SOURCES: Final = (
    Source(
        _REDEEMED,
        ACTION,
        tuple(
            f"customer.redemption.{what}{result}"
            for what in ("", "rollback.")
            for result in ("succeeded", "failed")
        ),
        _redemptions,
        Redemption.date,
        Redemption.id,
        _redemption,
        _redemption_typed,
    ),
    Source(
        _ORDER_MADE,
        ACTION,
        ("customer.order.created",),
        _orders,
        Order.created_at,
        Order.id,
        _order_made,
        _any,
    ),
    Source(
        _ORDER_CHANGED,
        ACTION,
        tuple(_ORDER_TYPES.values()),
        _changed_orders,
        _CHANGED_AT,
        Order.id,
        _order_changed,
        _order_typed,
    ),
    Source(
        _PUBLISHED,
        EFFECT,
        ("customer.publication.succeeded",),
        _publications,
        Publication.created_at,
        Publication.id,
        _publication,
        _any,
    ),
    Source(
        _EVENT,
        ACTION,
        ("customer.custom_event",),
        _events,
        CustomEvent.at,
        CustomEvent.id,
        _event,
        _any,
    ),
    Source(
        UPDATED,
        ACTION,
        ("customer.updated",),
        _updates,
        AuditEntry.at_us,
        cast(AuditEntry.seq, Text),
        _update,
        _any,
    ),
)
