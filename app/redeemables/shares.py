"""How much of a redemption belongs to the units that come back: whole minor units, exact at the end.

Everything is a function of how many units of each line are back in all. What one partial rollback gives is
the difference of two values of it, so that any sequence of parts ends exactly where a whole rollback does,
and no part gives back more than its units had.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from app.redeemables.order_changes import ItemKey, item_keys

Back = Mapping[int, int]
"""Units that are back, by line."""

USES = frozenset({"used", "units"})
"""Fields that count uses and units: they are not divided, they come back or they do not."""
VOUCHER_USES = "v:"
"""Keys of the vouchers' own counters of uses, whose fields are the vouchers' ids."""


class SoldLine(Struct, frozen=True):
    """A line of the redeemed order. discounts: of each redemption of the stack, in their order."""

    key: ItemKey
    quantity: int
    amount: int
    weight: int
    discounts: tuple[int, ...]


class Sold(Struct, frozen=True):
    """A redeemed order as its redemptions left it. rest: what each took off the order as a whole; totals: off
    everything. credits: of each, None for what is no gift card. owners: voucher, tier and campaign of each.
    """

    lines: tuple[SoldLine, ...]
    rest: tuple[int, ...]
    totals: tuple[int, ...]
    credits: tuple[int | None, ...]
    owners: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, children: Sequence[Mapping[str, Any]], order: Mapping[str, Any]) -> "Sold":
        """children: wire objects of the redemptions with their orders; order: the root one."""
        items = order.get("items") or []
        keys = item_keys(items)
        by_child = [_line_discounts(child.get("order") or {}) for child in children]
        lines = tuple(
            SoldLine(
                key=key,
                quantity=item["quantity"],
                amount=item.get("amount") or 0,
                weight=max(0, item.get("subtotal_amount") or 0),
                discounts=tuple(discounts.get(key, 0) for discounts in by_child),
            )
            for key, item in zip(keys, items, strict=True)
        )
        totals = tuple(
            (child.get("order") or {}).get("total_applied_discount_amount", 0) for child in children
        )
        rest = tuple(
            max(0, total - sum(line.discounts[number] for line in lines))
            for number, total in enumerate(totals)
        )
        return cls(
            lines=lines,
            rest=rest,
            totals=totals,
            credits=tuple((child.get("gift") or {}).get("amount") for child in children),
            owners=tuple(_owners(child) for child in children),
        )

    @property
    def units(self) -> dict[int, int]:
        return {number: line.quantity for number, line in enumerate(self.lines)}

    def is_whole(self, back: Back) -> bool:
        return all(back.get(number, 0) >= line.quantity for number, line in enumerate(self.lines))

    def fraction(self, back: Back) -> Fraction:
        """Of the order: by what its lines cost after their own discounts, else by what they cost, else by
        units.
        """
        for weights in (
            [line.weight for line in self.lines],
            [line.amount for line in self.lines],
            [line.quantity for line in self.lines],
        ):
            if sum(weights):
                returned = sum(
                    Fraction(weight * back.get(number, 0), line.quantity)
                    for number, (line, weight) in enumerate(zip(self.lines, weights, strict=True))
                    if line.quantity
                )
                return Fraction(returned) / sum(weights)
        return Fraction(0)

    def gross(self, back: Back) -> int:
        """What the units cost before any discount."""
        return sum(
            line.amount * back.get(number, 0) // line.quantity
            for number, line in enumerate(self.lines)
            if line.quantity
        )

    def line_shares(self, number: int, back: Back) -> tuple[int, ...]:
        """Of each redemption's discount on one line."""
        line = self.lines[number]
        if not line.quantity:
            return (0,) * len(line.discounts)
        return tuple(discount * back.get(number, 0) // line.quantity for discount in line.discounts)

    def rest_shares(self, back: Back) -> tuple[int, ...]:
        """Of each redemption's discount on the order as a whole."""
        fraction = self.fraction(back)
        return tuple(rest * fraction.numerator // fraction.denominator for rest in self.rest)

    def given(self, back: Back) -> tuple[int, ...]:
        """Of everything that each redemption took off."""
        shares = list(self.rest_shares(back))
        for number in range(len(self.lines)):
            for child, share in enumerate(self.line_shares(number, back)):
                shares[child] += share
        return tuple(shares)

    def credits_back(self, back: Back) -> tuple[int, ...]:
        """Of the credits that each redemption used."""
        fraction = self.fraction(back)
        whole = self.is_whole(back)
        shares = []
        for used, given, total in zip(self.credits, self.given(back), self.totals, strict=True):
            if not used:
                shares.append(0)
            elif whole:
                shares.append(used)
            elif total:
                shares.append(used * given // total)
            else:
                shares.append(used * fraction.numerator // fraction.denominator)
        return tuple(shares)

    def posted(self, key: str, field: str, delta: int, back: Back, *, uses: bool) -> int:
        """Of one posting: what came back of its `delta`, with the sign of delta. uses: whether uses are
        back.
        """
        if field in USES or key.startswith(VOUCHER_USES):
            return delta if uses else 0
        if self.is_whole(back):
            return delta
        chosen = self._chosen(key, field)
        if field == "discount":
            part = sum(share for share, mine in zip(self.given(back), chosen, strict=True) if mine)
            whole = sum(total for total, mine in zip(self.totals, chosen, strict=True) if mine)
        elif field == "orders":
            part, whole = self.gross(back), sum(line.amount for line in self.lines)
        else:
            part = sum(share for share, mine in zip(self.credits_back(back), chosen, strict=True) if mine)
            whole = sum(used or 0 for used, mine in zip(self.credits, chosen, strict=True) if mine)
        if not whole:
            return 0
        share = abs(delta) * part // whole
        return share if delta > 0 else -share

    def _chosen(self, key: str, field: str) -> list[bool]:
        """Which redemptions a counter is about: those of its voucher, tier or campaign; else all."""
        named = {field, *key.split(":")}
        chosen = [bool(owners & named) for owners in self.owners]
        return chosen if any(chosen) else [True] * len(self.owners)


def _line_discounts(order: Mapping[str, Any]) -> dict[ItemKey, int]:
    items = order.get("items") or []
    return {
        key: item["applied_discount_amount"]
        for key, item in zip(item_keys(items), items, strict=True)
        if item.get("applied_discount_amount")
    }


def _owners(child: Mapping[str, Any]) -> frozenset[str]:
    redeemed = child.get("voucher") or child.get("promotion_tier") or {}
    return frozenset(
        identifier
        for identifier in (child.get("related_object_id"), redeemed.get("campaign_id"))
        if identifier
    )
