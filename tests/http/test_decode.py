"""A body is decoded strictly, and what is wrong is said in the contract's words."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct

from app.http.decode import DEPTH_MAX, decode_body
from app.http.errors import ApiError


class Part(Struct):
    id: str
    quantity: Annotated[int, Meta(ge=1, le=30)] = 1


class Body(Struct):
    name: Annotated[str, Meta(max_length=5)]
    parts: Annotated[list[Part], Meta(min_length=1)] | None = None
    rate: Decimal | None = None
    kind: Literal["A", "B"] = "A"
    active: bool = True
    note: str | None = None
    metadata: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("raw", "details"),
    [
        (b"{}", "Payload should have required property 'name'"),
        (b"[]", "Payload must be object"),
        (b'"x"', "Payload must be object"),
        (b"null", "Payload must be object"),
        (b'{"name":1}', "Property .name must be string"),
        (b'{"name":null}', "Property .name must be string"),
        (b'{"name":"toolong"}', "Property .name must NOT have more than 5 characters"),
        (b'{"name":"x","parts":[]}', "Property .parts must NOT have fewer than 1 items"),
        (b'{"name":"x","parts":[{"id":"a"},{}]}', "Property .parts[1] should have required property 'id'"),
        (b'{"name":"x","parts":[{"id":"a","quantity":31}]}', "Property .parts[0].quantity must be <= 30"),
        (b'{"name":"x","parts":[{"id":"a","quantity":1.5}]}', "Property .parts[0].quantity must be integer"),
        (b'{"name":"x","parts":[{"id":"a","quantity":"1"}]}', "Property .parts[0].quantity must be integer"),
        (b'{"name":"x","active":"true"}', "Property .active must be boolean"),
        (b'{"name":"x","note":1}', "Property .note must be string"),
        (b'{"name":"x","kind":"C"}', "Property .kind must be equal to one of the allowed values"),
        (b'{"name":"x","metadata":[]}', "Property .metadata must be object"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(raw, details):
    """In the style of the published errors."""
    with pytest.raises(ApiError) as refused:
        decode_body(Body, raw)
    assert (refused.value.status, refused.value.key) == (400, "invalid_payload")
    assert refused.value.details == details


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nonsense",
        b'{"name":"x"} trailing',
        b'{"name":"\xff"}',
        b'{"name":"\\ud800"}',
        b'{"name":"\\u0000"}',
        b'{"name":"x","metadata":{"\\u0000":1}}',
        b'{"name":"x","rate":NaN}',
        b'{"name":"x","rate":1e999}',
        b'{"name":"x","rate":1e-999}',
        b'{"name":"x","metadata":{"a":99999999999999999999}}',
        b'{"name":"x","metadata":{"a":1e300}}',
        b'{"name":"x","metadata":{"a":0.' + b"1" * 60 + b"}}",
        b'{"name":"x","metadata":{"a":' + b"9" * 5000 + b"}}",
        b'{"name":"x","metadata":' + b'{"a":' * 60 + b"1" + b"}" * 61,
        b"[" * 200_000,
        b'{"name":"x","metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_400_for_what_no_client_means(raw):
    """Not JSON, not UTF-8, too deep, too big: never a fault."""
    with pytest.raises(ApiError) as refused:
        decode_body(Body, raw)
    assert (refused.value.status, refused.value.key) == (400, "invalid_payload")


def test_fractions_are_exact():
    """19.99 is nineteen and ninety-nine hundredths, in typed and in free properties (D21)."""
    body = decode_body(Body, b'{"name":"x","rate":19.99,"metadata":{"a":[0.1]}}')
    assert body.rate == Decimal("19.99")
    assert body.metadata == {"a": [Decimal("0.1")]}


def test_long_digits_in_a_text_are_no_number():
    """A card number in metadata is a text."""
    body = decode_body(Body, b'{"name":"x","metadata":{"a":"99999999999999999999","b":"\\\\u0000"}}')
    assert body.metadata == {"a": "99999999999999999999", "b": "\\u0000"}


def test_nesting_up_to_the_bound_is_accepted_and_brackets_in_texts_do_not_count():
    """Width is not depth."""
    inner = "[" * (DEPTH_MAX - 2) + "]" * (DEPTH_MAX - 2)
    decode_body(Body, f'{{"name":"x","metadata":{{"a":{inner}}}}}'.encode())
    decode_body(Body, ('{"name":"x","metadata":{"a":"' + "[" * 500 + '"}}').encode())
    wide = decode_body(Body, ('{"name":"x","metadata":{"a":[' + ",".join(["[]"] * 500) + "]}}").encode())
    assert len(wide.metadata["a"]) == 500


def test_an_absent_body_is_an_empty_object_or_none():
    """None where it is not required and {} does not fit."""
    assert decode_body(Body, b"", required=False) is None
    assert decode_body(None, b"x") is None
    with pytest.raises(ApiError):
        decode_body(Body, b"  ", required=True)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 40 + b'"' + b'\\"' * 2_000_000,
        b"[" * 40 + b'"' + b'\\"' * 2_000_000 + b"\\",
        b"[" * 40 + b'"' * 4_000_000,
        b"[" * 4_000_000,
        b"[" * 2_000_000 + b"]" * 2_000_000,
        b"[" + b"{}," * 1_300_000 + b"{}]",
    ],
)
def test_no_body_is_read_more_than_once(body):
    """Strings without an end and brackets without end: each would take hours where a look goes back."""
    with pytest.raises(ApiError) as refused:
        decode_body(dict[str, Any], body)
    assert refused.value.key == "invalid_payload"


def test_brackets_within_strings_are_no_depth():
    """Nor is an escaped quote the end of a string."""
    text = '"' + "[{" * 50 + '\\"' + "[{" * 50 + '"'
    assert "a" in decode_body(dict[str, Any], b'{"a":%b}' % text.encode())
