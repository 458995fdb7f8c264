"""GET /v1/campaigns."""

import pytest
from voucherify.models.campaigns_list_response_body import CampaignsListResponseBody

from tests.api.campaigns.test_change import made
from tests.support.shop import created, unique

GIFT = {"gift": {"amount": 100}}


@pytest.fixture(scope="module")
def campaigns(api):
    """Four campaigns, oldest first."""
    return [
        made(api, name=unique("alpha"), metadata={"region": "north"}),
        made(api, name=unique("beta"), voucher=GIFT, expiration_date="2020-01-01T00:00:00Z"),
        made(api, name=unique("gamma"), voucher=None, promotion={"tiers": []}, metadata={"region": "south"}),
        made(api, name=unique("delta"), category="Winter", start_date="2090-01-01T00:00:00Z"),
    ]


def ids(api, **params):
    listed = created(api.get("/v1/campaigns", params=params))
    assert (listed["object"], listed["data_ref"]) == ("list", "campaigns")
    assert CampaignsListResponseBody.from_dict(listed).total == listed["total"]
    return [campaign["id"] for campaign in listed["campaigns"]]


def test_pages_follow_each_other(api, campaigns):
    """Newest first by default; pages neither overlap nor leave anything out; the order can be turned."""
    own = [campaign["id"] for campaign in campaigns]
    assert ids(api) == own[::-1]
    assert ids(api, limit=1, page=2) == [own[2]]
    assert ids(api, limit=3, page=2) == [own[0]]
    assert ids(api, order="created_at") == own
    assert created(api.get("/v1/campaigns", params={"limit": 1}))["total"] == 4


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"campaign_type": "GIFT_VOUCHERS"}, [1]),
        ({"campaign_status": "DONE"}, [3, 2, 1, 0]),
        ({"is_referral_code": "true"}, []),
        ({"filters[voucher_type][conditions][$is]": "GIFT_VOUCHER"}, [1]),
        ({"filters[metadata.region][conditions][$is]": "north"}, [0]),
        ({"filters[metadata.region][conditions][$in]": "['north', 'south']"}, [2, 0]),
        ({"filters[metadata.region][conditions][$has_value]": ""}, [2, 0]),
        ({"filters[status][conditions][$expired]": ""}, [1]),
        ({"filters[status][conditions][$before_start]": ""}, [3]),
        ({"filters[type][conditions][$in][0]": "BULK"}, [3, 1, 0]),
        ({"filters[type][conditions][$is]": "PROMOTION"}, [2]),
        ({"[filters][campaigns][conditions][$starts_with]": "alpha"}, [0]),
        (
            {
                "filters[campaigns][conditions][$starts_with]": "alpha",
                "filters[voucher_type][conditions][$is]": "GIFT_VOUCHER",
                "filters[junction]": "OR",
            },
            [1, 0],
        ),
        ({"filters[expiration_date][conditions][$before]": "2021-01-01"}, [1]),
        ({"filters[active][conditions][$is]": "false"}, []),
    ],
)
def test_filters(api, campaigns, params, expected):
    """Each documented filter, in the encodings of the official clients, leaves what it describes."""
    assert ids(api, **params) == [campaigns[index]["id"] for index in expected]


def test_expand_category(api, campaigns):
    """Lists name categories in full only when asked to."""
    plain = created(api.get("/v1/campaigns"))["campaigns"][0]
    expanded = created(api.get("/v1/campaigns", params={"expand": "category"}))["campaigns"][0]
    assert (plain["category"], plain["categories"]) == ("Winter", [])
    assert expanded["categories"][0]["name"] == "Winter"


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"page": 0},
        {"order": "name"},
        {"campaign_type": "X"},
        {"filters[nonsense][conditions][$is]": "x"},
        {"filters[campaigns][conditions][$nonsense]": "x"},
        {"filters[campaigns]": "x"},
    ],
)
def test_400_for_a_query_that_says_nothing(api, params):
    """What cannot be read is refused, never passed over."""
    answer = api.get("/v1/campaigns", params=params)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_query_params")


def test_another_projects_campaigns_are_not_listed(api, campaigns, stranger):
    """P9."""
    assert ids(stranger) == []
    assert len(ids(api)) == len(campaigns)
