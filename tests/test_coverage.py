"""Served means honoured (D27): what a published request may say is read, or its reason is written down."""

import pytest

from tools.coverage import ECHO, LEVELS, REQUESTS, Body, complaints, operations, read, text

SHARE_MIN = 90
"""Per cent of what served operations may be sent."""


def test_nothing_is_ignored_without_a_reason():
    """Every parameter and property of a served operation is honoured or listed; no reason is left over."""
    assert complaints(operations()) == []


def test_the_operations_that_are_served_are_honoured():
    """Nine tenths of all that they may be sent, and every operation is in the file."""
    found = operations()
    served = [one for one in found if one.served]
    honoured = sum(len(one.honoured) for one in served)
    ignored = sum(len(one.ignored) for one in served)
    assert honoured * 100 >= SHARE_MIN * (honoured + ignored)
    written = text(found)
    assert all(one.operation_id in written for one in found if not one.served or one.ignored)


CAMPAIGN_AREAS = (
    "Async Actions", "Campaigns", "Categories", "Exports", "Promotions", "Publications", "Qualifications",
    "Redemptions", "Validation Rules", "Validations", "Vouchers",
)  # fmt: skip


@pytest.mark.parametrize("area", CAMPAIGN_AREAS)
def test_what_a_campaign_is_made_of_is_served_whole(area):
    """Every published operation of the area, and nine tenths of what each area may be sent."""
    found = [one for one in operations() if one.area == area]
    assert [one.operation_id for one in found if not one.served] == []
    honoured = sum(len(one.honoured) for one in found)
    ignored = sum(not why.startswith(ECHO) for one in found for why in one.ignored.values())
    assert honoured * 100 >= SHARE_MIN * (honoured + ignored)


def test_a_property_is_honoured_only_where_the_request_is_decoded_with_it():
    """References, unions, arrays and open objects are followed; what is in none of them is not read."""
    document = {
        "components": {
            "schemas": {
                "Order": {"type": "object", "properties": {"amount": {"type": "integer"}}},
                "Open": {"type": "object"},
            }
        }
    }
    schema = {
        "type": "object",
        "properties": {
            "order": {"anyOf": [{"$ref": "#/components/schemas/Order"}, {"type": "null"}]},
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
            "metadata": {"$ref": "#/components/schemas/Open"},
        },
    }
    body = Body(document, schema)
    assert all(body.reads(path) for path in ("order", "order.amount", "lines.amount", "metadata.any"))
    assert not any(body.reads(path) for path in ("customer", "order.items", "lines.price"))
    assert not Body(document, None).reads("order")


def test_the_facts_are_of_two_levels():
    """The published requests were read as deep as the tool looks."""
    requests = read(REQUESTS)
    assert max(path.count(".") for row in requests for path in row["body"]) == LEVELS - 1
