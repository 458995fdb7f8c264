"""One imported voucher: how its row looks, and the columns it becomes. Every row is refused alone, with a
reason.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from app.db.models import Campaign
from app.redeemables.codes import refused_characters
from app.redeemables.issuing import inherited
from app.redeemables.metadata_schemas import MetadataSchemas
from rules.compile import RuleError, compile_discount, compile_window

CODE_MAX = 512
TEXT_MAX = 10_000
AMOUNT_MAX = 10**12
"""Minor units (D21)."""
QUANTITY_MAX = 10**9
VALIDITY = ("validity_timeframe", "validity_day_of_week", "validity_hours")
PART_OF = {"DISCOUNT_VOUCHER": "discount", "GIFT_VOUCHER": "gift", "LOYALTY_CARD": "loyalty_card"}
GIFT_EFFECTS = ("APPLY_TO_ORDER", "APPLY_TO_ITEMS")
_OF_ONE_ROW = frozenset(("code", "row", "metadata"))
_encoder = msgspec.json.Encoder(decimal_format="number")
"""Texts and numbers that look alike are told apart."""


class RowRefused(Exception):
    """This row is not imported. The message is the `reason` in the action's result."""


class RowRedemption(Struct, kw_only=True):
    quantity: int | None = None
    redeemed_quantity: int | None = None
    redeemed_amount: int | None = None
    """Minor units of a gift card that were spent before the import."""


class RowGift(Struct, kw_only=True):
    """Minor units; numbers as whole() reads them."""

    amount: Any = None
    balance: Any = None
    """What is left of the amount; without it, all but what was redeemed."""
    effect: str | None = None


class VoucherRow(Struct, kw_only=True, omit_defaults=True):
    """A voucher as imported. `category_id` is looked up from the name by whoever takes the file."""

    code: str | None = None
    category: str | None = None
    category_id: str | None = None
    active: bool | None = None
    type: str | None = None
    start_date: str | None = None
    expiration_date: str | None = None
    validity_timeframe: dict[str, Any] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Any] | None = None
    redemption: RowRedemption | None = None
    additional_info: str | None = None
    metadata: dict[str, Any] | None = None
    discount: dict[str, Any] | None = None
    gift: RowGift | None = None
    loyalty_card: dict[str, Any] | None = None


def row_of(document: Mapping[str, Any]) -> VoucherRow:
    """Raises: RowRefused."""
    if "refused" in document:
        raise RowRefused(str(document["refused"]))
    try:
        return msgspec.convert(document, VoucherRow)
    except msgspec.ValidationError as error:
        raise RowRefused(str(error)) from None


class RowReader:
    """Reads the rows of one piece. Equal terms are read once, equal discounts compiled once."""

    def __init__(self, campaign: Campaign | None, schemas: MetadataSchemas | None) -> None:
        self.campaign = campaign
        self._schemas = schemas
        self._checked: dict[bytes, dict[str, Any]] = {}
        self._terms: dict[bytes, dict[str, Any]] = {}
        self._instants: dict[tuple[str, str | None], datetime | None] = {}
        self._shared = inherited(campaign) if campaign is not None else {}

    def read(self, document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The code as it was sent, and the other arguments of `voucher_values`: the same object for all rows
        that differ in nothing but code and number; what they have in common is read once also where each
        has metadata of its own.

        Raises: RowRefused.
        """
        code, metadata = document.get("code"), document.get("metadata")
        key = _encoder.encode({name: value for name, value in document.items() if name not in _OF_ONE_ROW})
        known = self._terms.get(key)
        if known is None or not isinstance(code, str) or not isinstance(metadata, dict | None):
            row = row_of(document)
            row.metadata = None
            known = self._terms[key] = self._columns(row)
        code, shared = checked_code(code), known["body"].get("metadata")
        if not metadata:
            self.check_metadata(shared)
            return code, known
        merged = {**(shared or {}), **metadata}
        self.check_metadata(merged)
        return code, {**known, "body": {**known["body"], "metadata": merged}}

    def _columns(self, row: VoucherRow) -> dict[str, Any]:
        """Raises: RowRefused."""
        code = checked_code(row.code)
        terms = dict(self._shared)
        body: dict[str, Any] = dict(terms.pop("body", {}))
        kind = self._kind(row)
        columns: dict[str, Any] = {**terms, "type": kind, **own_columns(row)}
        body |= own_body(row, body)
        for name in ("start_date", "expiration_date"):
            columns[name] = self._instant(getattr(row, name), name)
        check_window(columns["start_date"], columns["expiration_date"], body)
        if kind == "GIFT_VOUCHER":
            self._take_gift(row, columns, body)
        elif kind == "LOYALTY_CARD":
            self._take_points(row, body)
        elif row.discount is not None:
            discount = self.discount(row.discount)
            if self.campaign is None or discount != (self._voucher().get("discount") or {}):
                body["discount"] = discount
        elif self.campaign is None:
            raise RowRefused(f"Property 'discount' is required for {code}")
        return {**columns, "body": body}

    def discount(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Raises: RowRefused."""
        key = _encoder.encode(document)
        known = self._checked.get(key)
        if known is None:
            try:
                compile_discount(document)
            except RuleError as error:
                raise RowRefused(error.details or error.key) from None
            known = self._checked[key] = dict(document)
        return known

    def _instant(self, text: str | None, name: str) -> datetime | None:
        """Raises: RowRefused."""
        key = name, text
        if key not in self._instants:
            self._instants[key] = instant_of(text, name)
        return self._instants[key]

    def check_metadata(self, metadata: Mapping[str, Any] | None) -> None:
        """Raises: RowRefused."""
        problem = self._schemas.problem("voucher", metadata) if self._schemas is not None else None
        if problem is not None:
            raise RowRefused(problem)

    def _voucher(self) -> Mapping[str, Any]:
        return (self.campaign.body.get("voucher") or {}) if self.campaign is not None else {}

    def _kind(self, row: VoucherRow) -> str:
        kind = row.type
        if kind is None:
            named = [kind for kind, part in PART_OF.items() if getattr(row, part) is not None]
            kind = named[0] if named else self._shared.get("type")
        if kind is None:
            raise RowRefused("Voucher Type is required")
        if kind not in PART_OF:
            raise RowRefused(f"Voucher Type must be one of {', '.join(PART_OF)}")
        if self.campaign is not None:
            shared = self._shared["type"]
            if kind != shared:
                raise RowRefused(f"Voucher type {kind} differs from the campaign's type {shared}")
        elif kind == "LOYALTY_CARD":
            raise RowRefused("A LOYALTY_CARD must be imported to its campaign")
        return str(kind)

    def _take_gift(self, row: VoucherRow, columns: dict[str, Any], body: dict[str, Any]) -> None:
        """The opening balance is what is left now; what was spent before is kept beside it."""
        gift = row.gift or RowGift()
        if gift.amount is None and self.campaign is None:
            raise RowRefused("Property 'gift.amount' is required")
        amount = int(columns.get("gift_opening") or 0)
        if gift.amount is not None:
            amount = whole(gift.amount, "gift.amount", AMOUNT_MAX)
        spent = row.redemption.redeemed_amount if row.redemption is not None else None
        if spent is None and gift.balance is not None:
            spent = amount - whole(gift.balance, "gift.balance", AMOUNT_MAX)
        spent = spent or 0
        if not 0 <= spent <= amount:
            raise RowRefused("Redeemed Amount must be between 0 and the gift's amount")
        columns["gift_opening"] = amount - spent
        own = dict(body.get("gift") or {})
        if gift.effect is not None:
            if gift.effect not in GIFT_EFFECTS:
                raise RowRefused(f"Property gift.effect must be one of {', '.join(GIFT_EFFECTS)}")
            own["effect"] = gift.effect
        if spent:
            own["redeemed_before"] = spent
        if own:
            body["gift"] = own

    def _take_points(self, row: VoucherRow, body: dict[str, Any]) -> None:
        points = (row.loyalty_card or {}).get("points")
        if points is not None:
            body["loyalty_card"] = {"points": whole(points, "loyalty_card.points", AMOUNT_MAX)}


def own_columns(row: VoucherRow) -> dict[str, Any]:
    """What any imported voucher may have of its own.

    Raises: RowRefused.
    """
    columns: dict[str, Any] = {"active": row.active is not False, "category_id": row.category_id}
    redemption = row.redemption
    if redemption is not None:
        if redemption.quantity is not None:
            columns["quantity"] = whole(redemption.quantity, "redemption.quantity", QUANTITY_MAX)
        if redemption.redeemed_quantity:
            columns["redeemed_base"] = whole(
                redemption.redeemed_quantity, "redemption.redeemed_quantity", QUANTITY_MAX
            )
    return columns


def own_body(row: VoucherRow, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Raises: RowRefused."""
    body: dict[str, Any] = {}
    if row.additional_info is not None:
        if len(row.additional_info) > TEXT_MAX:
            raise RowRefused(f"Property additional_info must NOT have more than {TEXT_MAX} characters")
        body["additional_info"] = row.additional_info
    if row.metadata:
        body["metadata"] = {**(shared.get("metadata") or {}), **row.metadata}
    for name in VALIDITY:
        value = getattr(row, name)
        if value is not None:
            body[name] = value
    return body


def checked_code(code: str | None) -> str:
    """Raises: RowRefused."""
    if code is None or not code.strip():
        raise RowRefused("Code is required")
    if len(code) > CODE_MAX:
        raise RowRefused(f"Code must not have more than {CODE_MAX} characters")
    refused = refused_characters(code)
    if refused is not None:
        raise RowRefused(refused)
    return code


def check_window(
    start_date: datetime | None, expiration_date: datetime | None, body: Mapping[str, Any]
) -> None:
    """Raises: RowRefused."""
    windows = {name: body[name] for name in VALIDITY if body.get(name) is not None}
    if start_date is None and expiration_date is None and not windows:
        return
    document = {"start_date": start_date, "expiration_date": expiration_date, "active": True, **windows}
    try:
        compile_window(document)
    except RuleError as error:
        raise RowRefused(error.details or error.key) from None


def instant_of(text: str | None, name: str) -> datetime | None:
    """ISO 8601, also YYYY-MM-DDTHH; without a zone UTC. A bare date as an expiration is meant to its end.

    Raises: RowRefused.
    """
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise RowRefused(f"Property {name} must be a date in ISO 8601 (actual value is '{text}')") from None
    try:
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        if name == "expiration_date" and len(text) == len("2020-03-11"):
            instant += timedelta(days=1, milliseconds=-1)
    except OverflowError:
        raise RowRefused(f"Property {name} is out of range") from None
    return instant


def whole(value: Any, name: str, highest: int) -> int:
    """A whole number that is not negative, also when it was written as a fraction.

    Raises: RowRefused.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RowRefused(f"Property {name} must be number")
    if not 0 <= value <= highest or value != int(value):
        raise RowRefused(f"Property {name} must be a whole number between 0 and {highest}")
    return int(value)
