"""What answers of orders look like."""

from typing import Literal

from app.api.validations.order_answers import RedemptionOrder
from app.http.shown import Shown


class Order(RedemptionOrder, kw_only=True):
    """As it is stored, with the amounts of all its redemptions. applied_*: what the last one took off."""


class OrderList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["orders"]
    orders: list[Order]
    total: int
