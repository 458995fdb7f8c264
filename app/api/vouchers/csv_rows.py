"""Files of vouchers as rows of an import, as `app.jobs.voucher_rows.row_of` reads them. Amounts are major
units with the currency's digits, as in exported files.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from app.api.csv_files import CellRefused, Layout, Row, minor_units, number_of, whole_of
from app.api.terms import NAME_MAX

_COUNTS: Final = {
    ("redemption", "redeemed_quantity"): "Redeemed Quantity",
    ("redemption", "quantity"): "Redemption Limit",
    ("loyalty_card", "points"): "Loyalty Points",
}
_AMOUNTS: Final = {("gift", "amount"): "Gift Amount", ("redemption", "redeemed_amount"): "Redeemed Amount"}
_DISCOUNTS: Final = {"AMOUNT": "amount_off", "PERCENT": "percent_off", "FIXED": "fixed_amount"}
_OF_CAMPAIGN: Final[Mapping[str, str]] = {
    "code": "code",
    "category": "category",
    "active": "active",
    "redeemed_quantity": "redemption.redeemed_quantity",
    "redeemed_amount": "redemption.redeemed_amount",
    "loyalty_points": "loyalty_card.points",
    "gift_amount": "gift.amount",
}
_SINGLE: Final[Mapping[str, str]] = {
    "code": "code",
    "category": "category",
    "active": "active",
    "redeemed_quantity": "redemption.redeemed_quantity",
    "redeemed_amount": "redemption.redeemed_amount",
    "voucher_type": "type",
    "value": "value",
    "discount_type": "discount_type",
    "start_date": "start_date",
    "expiration_date": "expiration_date",
    "redemption_limit": "redemption.quantity",
    "additional_info": "additional_info",
}


def single_layout(digits: int) -> Layout:
    """digits: of minor units of the project's currency."""
    return _layout(_SINGLE, digits)


def campaign_layout(digits: int) -> Layout:
    """Codes of a campaign, which have their terms from it."""
    return _layout(_OF_CAMPAIGN, digits)


def _layout(fields: Mapping[str, str], digits: int) -> Layout:
    return Layout(
        fields=fields,
        required=("code",),
        key="code",
        finish=partial(_finish, digits),
        is_key_apart=True,
    )


def _finish(digits: int, row: Row) -> None:
    """Raises: CellRefused."""
    for name in ("type", "discount_type"):
        if name in row:
            row[name] = row[name].upper()
    if "active" in row:
        if row["active"].lower() not in ("true", "false"):
            raise CellRefused(f"Active must be true or false (actual value is '{row['active']}')")
        row["active"] = row["active"].lower() == "true"
    for (parent, member), header in _COUNTS.items():
        if member in row.get(parent, {}):
            row[parent][member] = whole_of(row[parent][member], header)
    for (parent, member), header in _AMOUNTS.items():
        if member in row.get(parent, {}):
            row[parent][member] = minor_units(row[parent][member], header, digits)
    if len(row.get("category", "")) > NAME_MAX:
        raise CellRefused(f"Category must NOT have more than {NAME_MAX} characters")
    _settle_value(digits, row)


def _settle_value(digits: int, row: Row) -> None:
    """`Value` means what the types of voucher and discount say."""
    value, kind = row.pop("value", None), row.pop("discount_type", None)
    voucher_type = row.get("type")
    if voucher_type == "GIFT_VOUCHER":
        if value is not None:
            row["gift"] = {"amount": minor_units(value, "Value", digits)}
    elif kind is not None:
        if kind not in _DISCOUNTS:
            raise CellRefused(f"Discount Type must be one of {', '.join(_DISCOUNTS)}")
        if value is None:
            raise CellRefused("Value is required")
        number = number_of(value, "Value") if kind == "PERCENT" else minor_units(value, "Value", digits)
        whole = number if number != int(number) else int(number)
        row["discount"] = {"type": kind, _DISCOUNTS[kind]: whole, "effect": "APPLY_TO_ORDER"}
    elif value is not None:
        raise CellRefused("Discount Type is required" if voucher_type else "Voucher Type is required")
