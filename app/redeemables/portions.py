"""Part of a redemption taken back: which units come back, what was back before, and what follows from both
(D9).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import select

from app.core.keys import Keys, Partition
from app.core.ops import Add
from app.db.database import Database
from app.db.models import Redemption
from app.redeemables.checks import Refused
from app.redeemables.customers import GIFT_REDEEMED
from app.redeemables.redemption_state import RedemptionState
from app.redeemables.returns import CUSTOMER_COUNTER
from app.redeemables.shares import Sold

NEVER, WHEN_COMPLETE, ALWAYS = "never", "when_complete", "always"
RESTORE_USE = (NEVER, WHEN_COMPLETE, ALWAYS)
ITEMS_MAX = 500


class ReturnedItem(Struct):
    """Units of an order line that come back, named as in the order."""

    quantity: Annotated[int, Meta(ge=1, le=10**6)]
    product_id: str | None = None
    sku_id: str | None = None
    source_id: str | None = None

    def names(self, item: Mapping[str, Any]) -> bool:
        """Whether everything that was sent is the line's."""
        given = {name: getattr(self, name) for name in ("product_id", "sku_id", "source_id")}
        sent = {name: value for name, value in given.items() if value is not None}
        return bool(sent) and all(item.get(name) == value for name, value in sent.items())


class Progress(Struct, array_like=True):
    """What earlier parts took back. parts: how many; units: by line; uses: whether uses are back."""

    parts: int = 0
    complete: bool = False
    units: dict[int, int] = {}
    uses: bool = False


class Portion(Struct, frozen=True, kw_only=True):
    """One part: what it gives back. discounts and credits are of each redemption, in their order."""

    before: Progress
    after: Progress
    discounts: tuple[int, ...]
    credits: tuple[int, ...]
    gross: int
    """What the units of this part cost before any discount."""
    items: list[dict[str, Any]]
    """The units of this part, as answered and kept with the rollback."""
    applied: list[list[Any]]
    """What comes off the stored order's discounts (app.redeemables.order_changes)."""
    sold: Sold

    @property
    def complete(self) -> bool:
        return self.after.complete

    def adds(self, keys: Keys, state: RedemptionState) -> list[Add]:
        """The counters' way back: of each posting, what is back now less what was back before."""
        adds: list[Add] = []
        for key, field, delta, base, until, redeemable_no in state.postings:
            if key.startswith(CUSTOMER_COUNTER) and field != GIFT_REDEEMED:
                continue
            now = self.sold.posted(key, field, delta, self.after.units, uses=self.after.uses)
            then = self.sold.posted(key, field, delta, self.before.units, uses=self.before.uses)
            if now != then:
                adds.append(
                    Add(
                        key=keys.base + key,
                        field=field,
                        delta=then - now,
                        base=base,
                        until=until,
                        redeemable_no=redeemable_no,
                    )
                )
        return adds

    def wire(self, number: int | None = None) -> dict[str, Any]:
        """`extensions` of a rollback: of one redemption of a stack, or of all of it."""
        discount = sum(self.discounts) if number is None else self.discounts[number]
        wire: dict[str, Any] = {"partial": not self.complete, "discount": discount, "items": self.items}
        if number is None:
            wire["amount"] = self.gross
            wire["refund"] = self.gross - discount
            wire["uses_restored"] = self.after.uses
        return wire


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Progress)


def encode_progress(progress: Progress) -> bytes:
    return _encoder.encode(progress)


def decode_progress(raw: bytes) -> Progress:
    return _decoder.decode(raw)


async def progress_of(db: Database, partition: Partition, redemption_id: str) -> Progress:
    """From the rollbacks that SQL knows; the caller has passed the barrier."""
    async with db.reading() as session:
        rows = await session.scalars(
            select(Redemption.body).where(
                Redemption.project_id == partition.project_id,
                Redemption.redemption_id == redemption_id,
                Redemption.object == "redemption_rollback",
                Redemption.result == "SUCCESS",
            )
        )
        bodies = list(rows)
    progress = Progress(units={})
    for body in bodies:
        extensions = body.get("extensions") or {}
        progress.parts += 1
        if extensions.get("partial") is not True:
            progress.complete = True
        progress.uses = progress.uses or extensions.get("uses_restored") is True
        for item in extensions.get("items") or ():
            progress.units[item["line"]] = progress.units.get(item["line"], 0) + item["quantity"]
    return progress


def portion_of(
    state: RedemptionState,
    before: Progress,
    returned: Sequence[ReturnedItem] | None,
    restore_use: str,
) -> Portion:
    """returned None: all that is left.

    Raises: Refused invalid_rollback_params.
    """
    # The order of a single redemption is that of its event.
    of_event = state.order.body if state.order is not None else None
    family = [child if "order" in child else {**child, "order": of_event} for child in state.children]
    children = [child for child in family if child["related_object_type"] != "redemption"]
    order = next(child for child in family if child["id"] == state.id).get("order") or {}
    sold = Sold.of(children, order)
    if not sold.lines and returned is not None:
        raise _invalid("The redemption's order has no items")
    now = _allotted(order, sold, before.units, returned)
    units = {line: before.units.get(line, 0) + now.get(line, 0) for line in sold.units}
    complete = sold.is_whole(units)
    uses = before.uses or restore_use == ALWAYS or (restore_use == WHEN_COMPLETE and complete)
    after = Progress(before.parts + 1, complete, units, uses)
    return Portion(
        before=before,
        after=after,
        discounts=_difference(sold.given(units), sold.given(before.units)),
        credits=_difference(sold.credits_back(units), sold.credits_back(before.units)),
        gross=sold.gross(units) - sold.gross(before.units),
        items=_items_wire(order, now),
        applied=_applied(state, sold, before, after),
        sold=sold,
    )


def _invalid(details: str) -> Refused:
    return Refused(400, "invalid_rollback_params", "Invalid rollback params", details)


def _difference(now: Sequence[int], then: Sequence[int]) -> tuple[int, ...]:
    return tuple(new - old for new, old in zip(now, then, strict=True))


def _allotted(
    order: Mapping[str, Any], sold: Sold, before: Mapping[int, int], returned: Sequence[ReturnedItem] | None
) -> dict[int, int]:
    """Units of this part by line; several lines of one product are filled in their order."""
    left = {line: quantity - before.get(line, 0) for line, quantity in sold.units.items()}
    if returned is None:
        return {line: count for line, count in left.items() if count}
    now: dict[int, int] = {}
    items = order.get("items") or []
    for number, wanted in enumerate(returned):
        missing = wanted.quantity
        lines = [line for line, item in enumerate(items) if wanted.names(item)]
        if not lines:
            raise _invalid(f"Property .extensions.items[{number}] names no item of the redemption's order")
        for line in lines:
            taken = min(missing, left[line] - now.get(line, 0))
            if taken:
                now[line] = now.get(line, 0) + taken
                missing -= taken
        if missing:
            raise _invalid(
                f"Property .extensions.items[{number}].quantity is more than is left to be returned"
                f" ({wanted.quantity - missing})"
            )
    return now


def _items_wire(order: Mapping[str, Any], now: Mapping[int, int]) -> list[dict[str, Any]]:
    items = order.get("items") or []
    wires = []
    for line, quantity in sorted(now.items()):
        named = {
            name: items[line][name]
            for name in ("product_id", "sku_id", "source_id")
            if items[line].get(name) is not None
        }
        wires.append({"line": line, **named, "quantity": quantity})
    return wires


def _applied(state: RedemptionState, sold: Sold, before: Progress, after: Progress) -> list[list[Any]]:
    """As `applied_of`, of this part alone. What cannot be divided, free units and shipping, comes last."""
    lines = {line.key: number for number, line in enumerate(sold.lines)}

    def of_line(number: int, progress: Progress) -> int:
        return sum(sold.line_shares(number, progress.units))

    def of_rest(progress: Progress) -> int:
        return sum(sold.rest_shares(progress.units))

    applied: list[list[Any]] = []
    for key, discount, free, added, added_amount in state.order_applied:
        if key is None:
            given = discount - of_rest(before) if after.complete else of_rest(after) - of_rest(before)
            applied.append([None, given, 0, 0, 0])
        elif isinstance(key, str):
            if after.complete:
                applied.append([key, discount, 0, 0, 0])
        else:
            number = lines.get((key[0], key[1], key[2], key[3]))
            if number is None:
                if after.complete:
                    applied.append([key, discount, free, added, added_amount])
                continue
            given = of_line(number, after) - of_line(number, before)
            if after.complete:
                applied.append([key, discount - of_line(number, before), free, added, added_amount])
            else:
                applied.append([key, given, 0, 0, 0])
    return applied
