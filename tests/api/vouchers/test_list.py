"""GET /v1/vouchers."""

import pytest
from voucherify.models.vouchers_list_response_body import VouchersListResponseBody

from tests.support.shop import created, percent_off, unique


@pytest.fixture(scope="module")
def shelf(api):
    """Four vouchers, oldest first; the last two belong to one campaign."""
    sent = {"name": unique("c"), "voucher": {"discount": percent_off(1)}, "category": "Winter"}
    campaign = created(api.post("/v1/campaigns", json=sent))
    bodies = [
        ("AAA", {"discount": percent_off(5), "metadata": {"lot": "1"}}),
        ("bbb", {"gift": {"amount": 5}, "active": False, "category": "Summer"}),
        ("CCC", {"campaign": campaign["name"], "expiration_date": "2020-01-01T00:00:00Z"}),
        ("DDD", {"campaign": campaign["name"], "metadata": {"lot": "2"}}),
    ]
    return campaign, [created(api.post(f"/v1/vouchers/{code}", json=body)) for code, body in bodies]


def codes(api, **params):
    listed = created(api.get("/v1/vouchers", params=params))
    assert (listed["object"], listed["data_ref"]) == ("list", "vouchers")
    assert VouchersListResponseBody.from_dict(listed).total == listed["total"]
    return [voucher["code"] for voucher in listed["vouchers"]]


def test_pages_follow_each_other(api, shelf):
    """Newest first by default; by code when asked; the total counts all pages."""
    assert codes(api) == ["DDD", "CCC", "bbb", "AAA"]
    assert codes(api, limit=3, page=2) == ["AAA"]
    assert codes(api, order="created_at", limit=2) == ["AAA", "bbb"]
    assert codes(api, order="-code") == ["bbb", "DDD", "CCC", "AAA"]
    assert created(api.get("/v1/vouchers", params={"limit": 1}))["total"] == 4


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"code": "AAA"}, ["AAA"]),
        ({"code": "none"}, []),
        ({"category": "Summer"}, ["bbb"]),
        ({"category": "Winter"}, ["DDD", "CCC"]),
        ({"customer": "nobody"}, []),
        ({"created_at[after]": "2090-01-01"}, []),
        ({"[created_at][before]": "2090-01-01T00:00:00.000000+0000", "code": "AAA"}, ["AAA"]),
        ({"filters[metadata.lot][conditions][$in]": "['1', '2']"}, ["DDD", "AAA"]),
        ({"filters[active][conditions][$disabled]": ""}, ["bbb"]),
        ({"filters[active][conditions][$expired]": ""}, ["CCC"]),
        ({"filters[active][conditions][$active]": ""}, ["DDD", "AAA"]),
        ({"filters[type][conditions][$is]": "GIFT_VOUCHER"}, ["bbb"]),
        ({"filters[code][conditions][$contains]": "A"}, ["AAA"]),
    ],
)
def test_filters(api, shelf, params, expected):
    """Each filter leaves what it describes."""
    assert codes(api, **params) == expected


def test_filters_by_campaign_and_ids(api, shelf):
    """By the campaign's id or name, and by the ids of vouchers in every encoding of the official clients."""
    campaign, vouchers = shelf
    assert codes(api, campaign_id=campaign["id"]) == ["DDD", "CCC"]
    assert codes(api, campaign=campaign["name"]) == ["DDD", "CCC"]
    first, second = vouchers[0]["id"], vouchers[2]["id"]
    assert codes(api, ids=f"['{first}', '{second}']") == ["CCC", "AAA"]
    assert codes(api, **{"ids[0]": first, "ids[1]": second}) == ["CCC", "AAA"]


def test_another_projects_vouchers_are_not_listed(api, shelf, stranger):
    """P9."""
    assert codes(stranger) == []


@pytest.mark.parametrize("params", [{"order": "id"}, {"limit": 101}, {"created_at[before]": "soon"}])
def test_400_for_a_query_that_says_nothing(api, params):
    """What cannot be read is refused."""
    answer = api.get("/v1/vouchers", params=params)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_query_params")
