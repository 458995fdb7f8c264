"""Records are as short as they can be, and every version of the engine reads those of every other one."""

from typing import Any

import msgspec
import pytest
from msgspec import Struct

from app.core.records import (
    CustomerRecord,
    VoucherRecord,
    decode_customer,
    decode_voucher,
    encode_record,
)
from app.identifiers import new_id

VERSION = 1_763_853_234_123_456


class FormerVoucherRecord(Struct, array_like=True, kw_only=True):
    """As versions up to 0.3.0 declare it: they wrote all of it, and "" for the effect of what is no gift."""

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
    discount: dict[str, Any] | None = None
    start_date: int | None = None
    expiration_date: int | None = None
    validity: dict[str, Any] | None = None
    holder_id: str | None = None
    publish_count: int = 0
    is_referral_code: bool = False
    category_id: str | None = None
    metadata: dict[str, Any] = {}
    rule_ids: list[str] = []
    extensions: dict[str, Any] = {}
    created_at: int = 0


def plain(**own: Any) -> VoucherRecord:
    return VoucherRecord(
        version=VERSION,
        id=new_id("v_"),
        code="h2Xk9aQ0Zt",
        type="DISCOUNT_VOUCHER",
        campaign_id=new_id("camp_"),
        quantity=1,
        **own,
    )


RECORDS = [
    plain(),
    plain(active=False),
    plain(metadata={"season": "spring"}),
    plain(rule_ids=["val_1"]),
    plain(extensions={"cost": 1}),
    plain(publish_count=2, holder_id="cust_1"),
    plain(expiration_date=VERSION, validity={"validity_hours": {}}),
    VoucherRecord(version=VERSION, id="v_1", code="GIFT", type="GIFT_VOUCHER", gift_effect=""),
    VoucherRecord(version=VERSION, id="v_1", code="GIFT", type="GIFT_VOUCHER", gift_opening=5),
    VoucherRecord(version=VERSION, id="v_1", code="GONE", type="", active=False, deleted=True),
]


@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_the_version_before_reads_the_same(record: VoucherRecord) -> None:
    """What is left out are the defaults that it fills in itself, and a date that it looks at nowhere."""
    raw = encode_record(record)
    assert decode_voucher(raw) == record
    former = msgspec.msgpack.decode(raw.partition(b":")[2], type=FormerVoucherRecord)
    told = msgspec.structs.asdict(former)
    assert told.pop("created_at") == 0
    assert told == msgspec.structs.asdict(record)
    assert raw.startswith(b"%d:" % VERSION)


@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_what_the_version_before_wrote_is_read(record: VoucherRecord) -> None:
    """It wrote every field, and one more."""
    former = FormerVoucherRecord(**msgspec.structs.asdict(record), created_at=VERSION)
    assert decode_voucher(b"%d:" % VERSION + msgspec.msgpack.encode(former)) == record


def test_a_code_of_a_campaign_takes_nothing_for_what_it_does_not_have() -> None:
    """Its versions, its names, its campaign's and how often."""
    record = plain()
    named = sum(map(len, (record.id, record.code, record.type, record.campaign_id or "")))
    assert len(encode_record(record)) < named + 2 * len(str(VERSION)) + 10


def test_a_customer_without_a_profile_is_as_short() -> None:
    """Its versions and its names."""
    record = CustomerRecord(version=VERSION, id=new_id("cust_"), source_id="customer-1")
    raw = encode_record(record)
    assert decode_customer(raw) == record
    assert len(raw) < len(record.id) + len("customer-1") + 2 * len(str(VERSION))
