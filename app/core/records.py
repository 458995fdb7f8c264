"""What the hot path knows of a voucher and a customer without SQL. Stored as b"<version>:" + msgpack array,
which ends where nothing but defaults follows: a code takes a fifth less (`make bench-memory`), and every
version so far reads it. So fields are only added at the end, and a default never changes.

Versions are microseconds since the epoch, and at least the last one plus one, so that they grow also when a
code is made anew.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct


class VoucherRecord(Struct, array_like=True, kw_only=True):
    """Timestamps are epoch microseconds, amounts minor units."""

    schema: int = 1
    version: int = 0
    id: str
    code: str
    type: str
    active: bool = True
    deleted: bool = False
    campaign_id: str | None = None
    quantity: int | None = None
    redeemed_base: int = 0
    gift_opening: int = 0
    gift_effect: str = "APPLY_TO_ORDER"
    """Of a gift card; empty for its campaign's."""
    discount: dict[str, Any] | None = None
    """Only where the voucher's differs from its campaign's, or for a voucher without campaign."""
    start_date: int | None = None
    expiration_date: int | None = None
    validity: dict[str, Any] | None = None
    holder_id: str | None = None
    publish_count: int = 0
    is_referral_code: bool = False
    category_id: str | None = None
    metadata: dict[str, Any] = {}
    rule_ids: list[str] = []
    """Validation rules assigned to the voucher itself."""
    extensions: dict[str, Any] = {}


class CustomerRecord(Struct, array_like=True, kw_only=True):
    schema: int = 1
    version: int = 0
    id: str
    source_id: str | None = None
    name: str | None = None
    description: str | None = None
    email: str | None = None
    phone: str | None = None
    birthdate: str | None = None
    address: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    system_metadata: dict[str, Any] = {}
    deleted: bool = False
    created_at: int = 0
    updated_at: int | None = None


def _defaults(record: type[Struct]) -> list[Any]:
    """By place; what has none is equal to nothing."""
    return [
        field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        for field in msgspec.structs.fields(record)
    ]


_DEFAULTS: Final = {record: _defaults(record) for record in (VoucherRecord, CustomerRecord)}
_encoder = msgspec.msgpack.Encoder(decimal_format="number")
_voucher_decoder = msgspec.msgpack.Decoder(VoucherRecord)
_customer_decoder = msgspec.msgpack.Decoder(CustomerRecord)


def encode_record(record: VoucherRecord | CustomerRecord) -> bytes:
    values, defaults = msgspec.structs.astuple(record), _DEFAULTS[type(record)]
    said = len(values)
    while values[said - 1] == defaults[said - 1]:
        said -= 1
    return b"%d:%b" % (record.version, _encoder.encode(values[:said]))


def decode_voucher(raw: bytes) -> VoucherRecord:
    return _voucher_decoder.decode(raw[raw.index(b":") + 1 :])


def decode_customer(raw: bytes) -> CustomerRecord:
    return _customer_decoder.decode(raw[raw.index(b":") + 1 :])
