"""How facts of the API are worded on a page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rules.currencies import exponent_of

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400


def money(minor: int | None, currency: str | None = None) -> str:
    """Minor units as people write them."""
    if minor is None:
        return "no limit"
    digits = exponent_of(currency)
    text = f"{minor / 10**digits:,.{digits}f}"
    return f"{text} {currency}" if currency else text


def number(value: float | None) -> str:
    if value is None:
        return "no limit"
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.1f}"


def moment(text: str | None) -> str:
    """An instant of the API, to the second."""
    return "" if not text else text.replace("T", " ")[:19] + " UTC"


def ago(text: str | None, now: datetime | None = None) -> str:
    """How long an instant lies back."""
    if not text:
        return ""
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(text)).total_seconds())
    if seconds < MINUTE:
        return "just now"
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return ""


def duration(seconds: float) -> str:
    """3 h 10 min, without false exactness."""
    minutes = int(seconds // MINUTE)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} days"


def until(text: str, now: datetime | None = None) -> str:
    """In how long an instant comes."""
    seconds = (datetime.fromisoformat(text) - (now or datetime.now(UTC))).total_seconds()
    return f"in {duration(max(0.0, seconds))}"


def worth(document: Mapping[str, Any] | None, currency: str | None = None) -> str:
    """What a code gives, from a voucher, or from what a campaign says of its vouchers."""
    if not document:
        return ""
    currency = (document.get("extensions") or {}).get("currency") or currency
    gift = document.get("gift")
    if gift:
        return f"gift card of {money(gift.get('amount') or 0, currency)}"
    points = document.get("loyalty_card")
    if points:
        return f"{points.get('points') or 0} points"
    discount = document.get("discount") or {}
    kind = discount.get("type")
    if kind == "PERCENT":
        most = discount.get("amount_limit")
        limited = f", at most {money(most, currency)}" if most else ""
        return f"{discount.get('percent_off'):g} % off{limited}" if _plain(discount, "percent_off") else ""
    if kind == "AMOUNT" and _plain(discount, "amount_off"):
        return f"{money(discount['amount_off'], currency)} off"
    if kind == "FIXED" and _plain(discount, "fixed_amount"):
        return f"for {money(discount['fixed_amount'], currency)}"
    if kind == "UNIT":
        return f"{discount.get('unit_off') or ''} {discount.get('unit_type') or 'units'} free".strip()
    return str(kind or "").lower()


def _plain(discount: Mapping[str, Any], name: str) -> bool:
    return isinstance(discount.get(name), int | float)


def person(customer: Mapping[str, Any] | None) -> str:
    """A customer in a line."""
    if not customer:
        return "a customer who was erased"
    for names in (("name", "email"), ("name",), ("email",), ("source_id",), ("id",)):
        values = [customer.get(name) for name in names]
        if all(values):
            return f"{values[0]} ({values[1]})" if len(values) == 2 else str(values[0])
    return ""


FILTERS: Final = {
    "money": money,
    "number": number,
    "moment": moment,
    "ago": ago,
    "until": until,
    "worth": worth,
    "person": person,
}
