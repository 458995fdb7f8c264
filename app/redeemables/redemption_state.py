"""What a rollback needs of a redemption without SQL: kept in Redis under its id for an hour (D9)."""

from typing import Any

import msgspec
from msgspec import Struct

from app.core.ops import Op, Put

REDEMPTION_TTL_SECONDS = 3600
"""How long a redemption can be rolled back without SQL (D9)."""


class RedemptionState(Struct, array_like=True, kw_only=True):
    """What a rollback gives back without SQL: kept in Redis under each redemption's id for an hour (D9)."""

    schema: int = 1
    id: str
    parent_id: str | None
    """For a child of a stack: it cannot be rolled back by itself."""
    rolled_back: bool = False
    """Only when read from the ledger: within the hour the count of parts returned tells."""
    children: list[dict[str, Any]] = []
    """Wire objects of what was taken, the parent's last when there is one."""
    postings: list[Any] = []
    """[key without namespace, field, delta, base, until, redeemable number] of every counter that was moved.
    """
    order_id: str | None = None
    order_applied: list[Any] = []
    """What the redemption took off the order, see app.redeemables.order_changes.applied_of."""
    customer_id: str | None = None
    at_us: int = 0


_state_encoder = msgspec.msgpack.Encoder(decimal_format="number")
_state_decoder = msgspec.msgpack.Decoder(RedemptionState)


def state_puts(key: str, state: RedemptionState) -> list[Op]:
    return [Put(key=key, field="d", value=_state_encoder.encode(state), ttl_seconds=REDEMPTION_TTL_SECONDS)]


def decode_state(raw: bytes) -> RedemptionState:
    return _state_decoder.decode(raw)


def without_order(row: dict[str, Any]) -> dict[str, Any]:
    """The order of a single redemption is that of its event; who reads the row puts it back."""
    return {name: value for name, value in row.items() if name != "order"}
