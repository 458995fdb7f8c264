"""Metadata against definitions: every type, every bound, in the words of the contract."""

from decimal import Decimal

import pytest

from rules.metadata import ELEMENTS_MAX, compile_metadata


def schema(custom=None, *, allow_defined_only=False, **definitions):
    documents = {
        name: {"optional": True, "array": False, **document} for name, document in definitions.items()
    }
    return compile_metadata(documents, allow_defined_only=allow_defined_only, custom=custom)


PICTURE = "must be a URL pointing to JPG/JPEG or PNG resource"
REFUSED = [
    ({"type": "string"}, 5, "must be a string (actual value is '5')"),
    ({"type": "string"}, True, "must be a string (actual value is 'true')"),
    (
        {"type": "string", "min_length": 2},
        "a",
        "must be a string, must have minimum length of 2 (actual value is 'a')",
    ),
    (
        {"type": "string", "max_length": 2},
        "abc",
        "must be a string, must have maximum length of 2 (actual value is 'abc')",
    ),
    (
        {"type": "string", "exact_length": 2},
        "abc",
        "must be a string, must have exact length of 2 (actual value is 'abc')",
    ),
    (
        {"type": "string", "eq": ["a", "b"]},
        "c",
        "must be a string, must be equal to one of a,b (actual value is 'c')",
    ),
    ({"type": "number"}, "5", "must be a number (actual value is '5')"),
    ({"type": "number"}, True, "must be a number (actual value is 'true')"),
    (
        {"type": "number", "eq": [1, 2]},
        3,
        "must be a number, must be equal to one of 1,2 (actual value is '3')",
    ),
    (
        {"type": "number", "ne": [1, 2]},
        2,
        "must be a number, must not be equal to any of 1,2 (actual value is '2')",
    ),
    ({"type": "number", "lt": 5}, 5, "must be a number, must be less than 5 (actual value is '5')"),
    (
        {"type": "number", "lte": 5},
        6,
        "must be a number, must be less than or equal to 5 (actual value is '6')",
    ),
    ({"type": "number", "gt": 5}, 5, "must be a number, must be greater than 5 (actual value is '5')"),
    (
        {"type": "number", "gte": Decimal("0.3")},
        0.29,
        "must be a number, must be greater than or equal to 0.3 (actual value is '0.29')",
    ),
    ({"type": "boolean"}, "true", "must be a boolean (actual value is 'true')"),
    ({"type": "date"}, "2026-02-30", "must be a date formatted as YYYY-MM-DD (actual value is '2026-02-30')"),
    ({"type": "date"}, "20260228", "must be a date formatted as YYYY-MM-DD (actual value is '20260228')"),
    ({"type": "datetime"}, "soon", "must be a date and time in ISO 8601 (actual value is 'soon')"),
    (
        {"type": "geopoint"},
        "geo:91,0",
        "must be a geopoint formatted as geo:latitude,longitude (actual value is 'geo:91,0')",
    ),
    ({"type": "image_url"}, "http.com", f"{PICTURE} (actual value is 'http.com')"),
    ({"type": "image_url"}, "ftp://a.example/b.png", f"{PICTURE} (actual value is 'ftp://a.example/b.png')"),
    ({"type": "object"}, [1], "must be an object (actual value is '1')"),
]


@pytest.mark.parametrize(("definition", "value", "words"), REFUSED, ids=[str(row[:2]) for row in REFUSED])
def test_a_value_that_is_not_as_defined_is_named_with_all_that_it_should_be(definition, value, words):
    """One sentence: the property, its requirements, and what was sent."""
    assert schema(it=definition).problems({"it": value}) == [f"it: {words}"]


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ({"type": "string", "min_length": 1, "max_length": 3}, "ab"),
        ({"type": "number", "gte": 1, "lt": 2}, Decimal("1.5")),
        ({"type": "number", "eq": [Decimal("0.1")]}, Decimal("0.10")),
        ({"type": "boolean"}, False),
        ({"type": "date"}, "2028-02-29"),
        ({"type": "datetime"}, "2026-11-22T10:00:00.123Z"),
        ({"type": "datetime"}, "2026-11-22T10:00:00+02:00"),
        ({"type": "geopoint"}, "geo:-47.01,28.86"),
        ({"type": "image_url"}, "https://a.example/b/c.JPEG?size=2"),
        ({"type": "object"}, {"anything": [1]}),
        ({"type": "string", "array": True}, []),
        ({"type": "string"}, None),
        ({"type": "number", "deleted": True, "optional": False}, "no longer asked"),
    ],
    ids=str,
)
def test_a_value_as_defined_passes(definition, value):
    """Nothing is said."""
    assert schema(it=definition).problems({"it": value}) == []


def test_an_array_asks_for_every_element():
    """The contract's own sentence."""
    allowed = schema(location_id={"type": "string", "array": True, "eq": ["L1", "L2", "L3"]})
    assert allowed.problems({"location_id": ["L1", "L3"]}) == []
    words = "must be an array, and every element: must be a string, must be equal to one of L1,L2,L3"
    assert allowed.problems({"location_id": "L1"}) == [f"location_id: {words} (actual value is 'L1')"]
    assert allowed.problems({"location_id": ["L1", "L4"]}) == [f"location_id: {words} (actual value is 'L4')"]
    assert len(allowed.problems({"location_id": ["L1"] * (ELEMENTS_MAX + 1)})) == 1


def test_what_is_required_must_be_there_and_must_not_be_null():
    """Unless the document is only a part."""
    required = schema(it={"type": "string", "optional": False})
    assert required.problems({}) == ["it: is required"]
    assert required.problems({"it": None}) == ["it: is required"]
    assert required.problems({}, is_whole=False) == []


def test_only_what_is_defined_where_nothing_else_is_allowed():
    """A definition that was deleted is none."""
    closed = schema(allow_defined_only=True, a={"type": "string"}, b={"type": "string", "deleted": True})
    assert closed.problems({"a": "x"}) == []
    assert closed.problems({"b": "x", "c": 1}) == [
        "b: is not defined in the metadata schema",
        "c: is not defined in the metadata schema",
    ]


def test_a_nested_object_is_asked_by_its_own_schema():
    """With the path of what is wrong in it; an array of objects element by element."""
    payment = schema(allow_defined_only=True, tax={"type": "number", "optional": False})
    order = schema(
        custom={"Payment": payment},
        one={"type": "object", "object_type": "Payment"},
        many={"type": "object", "object_type": "Payment", "array": True},
        free={"type": "object", "object_type": "unknown"},
    )
    assert order.problems({"one": {"tax": 1}, "many": [{"tax": 2}], "free": {"a": {}}}) == []
    assert order.problems({"one": {"tax": "1"}}) == ["one.tax: must be a number (actual value is '1')"]
    assert order.problems({"many": [{"tax": 1}, {}]}) == ["many.tax: is required"]
    assert order.problems({"one": {"tax": 1, "more": 1}}) == [
        "one.more: is not defined in the metadata schema"
    ]


def test_a_value_too_long_to_show_is_cut():
    """Answers stay short whatever was sent."""
    (problem,) = schema(it={"type": "number"}).problems({"it": "x" * 10_000})
    assert len(problem) < 200
