"""What a customer has redeemed, ordered and done so far, for rules and segments that look at it (D15).

It is read with everything else, but only where a compiled rule asks for it; then it is pinned, so that two
orders of one customer cannot both be the first. What is worked out from orders is remembered by the process
under the customer's counters: any change of his orders moves one of them, so nothing old is ever taken.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.core.ops import Equal
from app.core.outcome import CoreUnavailable
from app.ledger.barrier import wait_projected
from app.redeemables.catalogue import Catalogue
from app.redeemables.customers import (
    GIFT_REDEEMED,
    ORDER_CHANGES,
    ORDERS_AMOUNT,
    ORDERS_COUNT,
    POINTS_REDEEMED,
    REDEMPTIONS_ROLLED_BACK,
    REDEMPTIONS_SUCCEEDED,
    summary_of,
)
from app.redeemables.order_history import (
    OrderHistory,
    load_history,
    orders_wire,
    top_collections,
    top_products,
)
from rules.conditions.history import names_of_items
from rules.facts import Candidate, CustomerFacts, Moment, OrderFacts
from rules.happenings import Happening, field_of, happening_of_need
from rules.moment import Now
from rules.segments import HISTORY, LAST_ORDER, SUMMARY, TOP_COLLECTIONS, TOP_PRODUCTS

FIELDS: Final = (
    REDEMPTIONS_SUCCEEDED,
    REDEMPTIONS_ROLLED_BACK,
    GIFT_REDEEMED,
    POINTS_REDEEMED,
    ORDERS_COUNT,
    ORDERS_AMOUNT,
    ORDER_CHANGES,
)
NOTHING: Final[frozenset[str]] = frozenset()
HAPPENINGS_MAX: Final = 1_000
"""Counts of one request: more lines than that ask in vain, and are refused by the rule."""

Raw = Sequence[bytes | None]
Pins = tuple[Equal, ...]


def summary_needs(candidates: Iterable[Candidate]) -> frozenset[str]:
    """What rules of the candidates look at of the customer's past; nothing where none does."""
    found = NOTHING
    for candidate in candidates:
        for rule in candidate.rules:
            if HISTORY in rule.needs:
                found |= rule.needs
    return found


def summary_command(keys: Keys, customer_id: str) -> tuple[str, ...]:
    return ("HMGET", keys.counter("customer", customer_id), *FIELDS)


def events_key(keys: Keys, customer_id: str, window: str = "") -> str:
    """Where a customer's events are counted; window: the calendar window's name."""
    return keys.counter("events", customer_id, window=window)


async def with_summary(
    core: RedemptionCore,
    catalogue: Catalogue,
    keys: Keys,
    facts: CustomerFacts,
    needs: frozenset[str],
    raw: Raw | None,
    moment: Moment,
    order: OrderFacts | None,
) -> tuple[CustomerFacts, Pins]:
    """The customer with what `needs` name of his past, and what pins it: the counters must still be those
    when the script runs.

    raw: the reply to `summary_command`, where the read trip brought it. order: the request's, for counts that
    ask for its products. Somebody without an id has redeemed, ordered and done nothing.

    Raises: CoreUnavailable.
    """
    pins: Pins = ()
    if SUMMARY in needs:
        facts, pins = await _with_orders(core, catalogue, keys, facts, needs, raw, moment)
    asked = [one for need in needs if (one := happening_of_need(need)) is not None]
    if asked and facts.id is not None:
        facts, of_events = await _with_events(core, keys, facts, facts.id, asked, moment, order)
        pins += of_events
    return facts, pins


async def _with_orders(
    core: RedemptionCore,
    catalogue: Catalogue,
    keys: Keys,
    facts: CustomerFacts,
    needs: frozenset[str],
    raw: Raw | None,
    moment: Moment,
) -> tuple[CustomerFacts, Pins]:
    customer_id = facts.id
    history, values = OrderHistory(items=()), tuple[bytes | None, ...]([None] * len(FIELDS))
    if customer_id is not None:
        if raw is None:
            (raw,) = await core.read(keys.partition, [summary_command(keys, customer_id)])
        if isinstance(raw, Exception):
            raise CoreUnavailable(str(raw))
        values = tuple(raw or values)
        if LAST_ORDER in needs:
            with_items = TOP_PRODUCTS in needs or TOP_COLLECTIONS in needs
            history = await _history(core, catalogue, keys, customer_id, values, with_items=with_items)
    counters = {field: int(value or 0) for field, value in zip(FIELDS, values, strict=True)}
    seen = replace(facts, summary=summary_of(counters, history.last_amount, history.last))
    if LAST_ORDER in needs:
        orders = await _worked_out(catalogue, keys.partition.project_id, history, counters, needs, moment)
        seen = replace(seen, extensions={"orders": orders})
    if customer_id is None:
        return seen, ()
    key = keys.counter("customer", customer_id)
    return seen, tuple(
        Equal(key=key, field=field, expected=value) for field, value in zip(FIELDS, values, strict=True)
    )


async def _history(
    core: RedemptionCore,
    catalogue: Catalogue,
    keys: Keys,
    customer_id: str,
    values: tuple[bytes | None, ...],
    *,
    with_items: bool,
) -> OrderHistory:
    """As of these counters, or newer: then the pins do not hold, and the request is decided again."""
    place = (keys.partition.project_id, customer_id)
    known = catalogue.histories.get(place)
    if known is not None and known[0] == values and (known[1].items is not None or not with_items):
        return known[1]
    await wait_projected(core, catalogue.db, keys.partition)
    async with catalogue.db.reading() as session:
        history = await load_history(session, *place, with_items=with_items)
    catalogue.histories.put(place, (values, history))
    return history


async def _worked_out(
    catalogue: Catalogue,
    project_id: str,
    history: OrderHistory,
    counters: dict[str, int],
    needs: frozenset[str],
    moment: Moment,
) -> dict[str, Any]:
    wire = orders_wire(history, counters, moment.now)
    if TOP_PRODUCTS in needs:
        wire[TOP_PRODUCTS] = await top_products(catalogue.products, project_id, history)
    if TOP_COLLECTIONS in needs:
        async with catalogue.db.reading() as session:
            wire[TOP_COLLECTIONS] = await top_collections(
                session, catalogue.products, project_id, history, Now(moment)
            )
    return wire


async def _with_events(
    core: RedemptionCore,
    keys: Keys,
    facts: CustomerFacts,
    customer_id: str,
    asked: Sequence[Happening],
    moment: Moment,
    order: OrderFacts | None,
) -> tuple[CustomerFacts, Pins]:
    names, now = names_of_items(order), Now(moment)
    counts = list(dict.fromkeys(one for happening in asked for one in happening.each(names)))[:HAPPENINGS_MAX]
    if not counts:
        return facts, ()
    places = [
        (
            events_key(keys, customer_id, now.window(one.window)[0] if one.window else ""),
            field_of(one.event, one.member, one.value),
        )
        for one in counts
    ]
    replies = await core.read(keys.partition, [("HGET", key, field) for key, field in places])
    for reply in replies:
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply))
    events = {one: int(reply or 0) for one, reply in zip(counts, replies, strict=True)}
    pins = tuple(
        Equal(key=key, field=field, expected=reply)
        for (key, field), reply in zip(places, replies, strict=True)
    )
    return replace(facts, events=events), pins
