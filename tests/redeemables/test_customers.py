"""The customer of a request: identity, merged facts, what is kept."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from app.core.records import CustomerRecord, decode_customer, encode_record
from app.db.models import Customer
from app.redeemables.customers import (
    CustomerPayload,
    customer_facts,
    derive_customer_id,
    identity,
    merge_patch,
    patch_of,
    record_of,
    source_of,
    summary_of,
    tracking_id,
)

SECRET = b"k" * 32
OTHER = b"o" * 32


def stored(**columns):
    values = {
        "project_id": "p",
        "id": "cust_1",
        "source_id": "u1",
        "name": "Stored",
        "email": None,
        "body": {},
        "summary": {},
        "version": 7,
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "updated_at": None,
        "deleted_at": None,
    }
    return Customer(**(values | columns))


def test_an_id_is_derived_from_the_source_id_and_the_projects_secret():
    """The same source_id is the same customer, in one project only."""
    first = derive_customer_id(SECRET, "u1")
    assert first == derive_customer_id(SECRET, "u1")
    assert first.startswith("cust_")
    assert len(first) == len("cust_") + 26
    assert len({first, derive_customer_id(SECRET, "u2"), derive_customer_id(OTHER, "u1")}) == 3


@pytest.mark.parametrize("source_id", ["u", "bob@example.com", "ż" * 300, "x" * 64, "a b/c?"])
def test_a_tracking_id_is_opened_only_by_its_project(source_id):
    """What a project gave out it recognises again; nobody else reads it, and nobody can make one."""
    tracking = tracking_id(SECRET, source_id)
    assert tracking.startswith("track_")
    assert source_id not in tracking
    assert tracking == tracking_id(SECRET, source_id)
    assert source_of(SECRET, tracking) == source_id
    assert source_of(OTHER, tracking) is None
    flipped = tracking[:-2] + ("A" if tracking[-2] != "A" else "B") + tracking[-1]
    assert source_of(SECRET, flipped) is None


@pytest.mark.parametrize("text", ["", "track_", "track_!", "track_AAAA", "bob", "track_" + "A" * 40])
def test_other_texts_are_no_tracking_ids(text):
    """A text that this project did not give out is taken as it is."""
    assert source_of(SECRET, text) is None


def test_the_id_wins_over_the_source_id_and_both_over_the_tracking_id():
    """Who is meant, by the order in which identities count (behaviour 2.6)."""
    derived = derive_customer_id(SECRET, "u1")
    assert identity(SECRET, CustomerPayload(id="cust_9", source_id="u1"), "t") == ("cust_9", None)
    assert identity(SECRET, CustomerPayload(source_id="u1"), "t") == (derived, "u1")
    assert identity(SECRET, CustomerPayload(name="x"), "u1") == (derived, "u1")
    assert identity(SECRET, None, tracking_id(SECRET, "u1")) == (derived, "u1")
    assert identity(SECRET, CustomerPayload(id=tracking_id(SECRET, "u1")), None) == (derived, "u1")
    assert identity(SECRET, CustomerPayload(source_id=""), "") == (None, None)
    assert identity(SECRET, None, None) == (None, None)


def test_sent_values_lie_over_stored_ones_for_one_call():
    """Metadata and address key by key, everything else whole; the stored record stays as it was."""
    record = CustomerRecord(
        version=3,
        id="cust_1",
        source_id="u1",
        name="Stored",
        email="stored@example.com",
        address={"city": "Rome", "country": "IT"},
        metadata={"level": "gold", "rate": 1.5},
        created_at=1_000_000,
    )
    payload = CustomerPayload(name="Sent", address={"city": "Oslo"}, metadata={"rate": Decimal("2.5")})
    facts = customer_facts(record, payload, {"orders": {}})
    assert (facts.id, facts.name, facts.email) == ("cust_1", "Sent", "stored@example.com")
    assert facts.address == {"city": "Oslo", "country": "IT"}
    assert facts.metadata == {"level": "gold", "rate": Decimal("2.5")}
    assert facts.created_at == datetime.fromtimestamp(1, UTC)
    assert record.metadata == {"level": "gold", "rate": 1.5}


def test_rules_never_see_a_float():
    """Fractions that went through the core's encoding are exact numbers again (D21)."""
    record = CustomerRecord(id="cust_1", metadata={"rate": Decimal("1.1"), "list": [{"x": Decimal("0.3")}]})
    facts = customer_facts(decode_customer(encode_record(record)), None)
    assert facts.metadata == {"rate": Decimal("1.1"), "list": [{"x": Decimal("0.3")}]}


def test_a_deleted_customer_counts_as_none():
    """Nothing of a deleted profile is seen by the rules."""
    record = CustomerRecord(id="cust_1", name="Gone", metadata={"x": 1}, deleted=True)
    facts = customer_facts(record, CustomerPayload(email="e@example.com"), None, "cust_1")
    assert (facts.id, facts.name, facts.email, facts.metadata) == ("cust_1", None, "e@example.com", {})


def test_a_patch_holds_only_what_was_sent():
    """A null or an absent property changes nothing; what is sent is read back from the row."""
    payload = msgspec.json.decode(
        b'{"source_id":"u1","name":null,"email":"a@b.c","birthday":"2000-02-29T10:00:00.000Z",'
        b'"address":{"city":"Rome","planet":"Mars"},"metadata":{"a":null},"unknown":1}',
        type=CustomerPayload,
    )
    patch = patch_of(payload)
    assert patch == {
        "email": "a@b.c",
        "birthdate": "2000-02-29",
        "address": {"city": "Rome"},
        "metadata": {"a": None},
    }
    row = stored(body={"metadata": {"b": 1}, "address": {"country": "IT"}})
    assert merge_patch(row, patch)
    assert not merge_patch(row, patch)
    record = record_of(row)
    assert (record.version, record.name, record.email, record.birthdate) == (
        7,
        "Stored",
        "a@b.c",
        "2000-02-29",
    )
    assert record.metadata == {"a": None, "b": 1}
    assert record.address == {"city": "Rome", "country": "IT"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"birthdate":"soon"}',
        b'{"birthdate":"2001-02-29"}',
        b'{"address":{"city":1}}',
        b'{"id":"' + b"x" * 65 + b'"}',
        b'{"name":5}',
    ],
)
def test_what_cannot_be_kept_is_refused(body):
    """A payload that no row could hold is refused when it is decoded."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=CustomerPayload)


def test_the_summary_is_made_of_counters():
    """The average is rounded half up; without orders everything is zero."""
    assert summary_of({})["orders"]["average_amount"] == 0
    summary = summary_of({"orders_count": 2, "orders_amount": 25, "redemptions": 3, "rolled_back": 1}, 5)
    assert summary["orders"]["average_amount"] == 13
    assert summary["orders"]["last_order_amount"] == 5
    assert summary["redemptions"]["total_succeeded"] == 3
    assert summary["redemptions"]["total_rolled_back"] == 1
