"""The body of the project's extensions."""

from typing import Any, Literal

from msgspec import Struct


class OfferLimit(Struct, kw_only=True, omit_defaults=True):
    """At most so many per customer and calendar window over all campaigns."""

    limit: int
    window: Literal["day", "week", "month"]
    of: Literal["redemptions", "publications"] = "redemptions"
    exempt_categories: list[str] = []
    """Ids or names of categories whose offers do not count."""
    missing: Literal["pass", "refuse"] = "pass"
    """What happens when nobody says who redeems."""


class ProjectExtensions(Struct, kw_only=True, omit_defaults=True):
    """PUT replaces all of them; null or absent takes one away. See docs/how-to/extensions.md.

    Margins, places, groups and messages have the shape that they have on campaigns, tiers and vouchers.
    """

    margin: dict[str, Any] | None = None
    geo: dict[str, Any] | None = None
    messages: dict[str, Any] | None = None
    item_discounts: Literal["BEST"] | None = None
    """BEST: of item-level discounts each line takes the best one only."""
    units_application_mode: Literal["EXCLUSIVE"] | None = None
    """EXCLUSIVE: a unit that one redeemable discounted or bought is not there for the next."""
    share_order_discounts: bool | None = None
    """Lines answer their share of order-level discounts as `extensions.order_share`."""
    offer_pressure: list[OfferLimit] | None = None
