"""No input to these rooms gives a 5xx (P10)."""

from urllib.parse import quote

import msgspec
import pytest

from app.api.campaigns.schemas import CampaignCreate, CampaignUpdate, CampaignVouchersCreate
from app.api.promotions.schemas import TierCreate, TierUpdate
from app.api.validation_rules.schemas import AssignmentCreate, RuleCreate, RuleUpdate
from app.api.vouchers.schemas import VoucherCreate, VoucherUpdate
from tests.api.campaigns.test_change import made
from tests.support.shop import created, percent_off, unique

VALUES = (
    1,
    -1,
    10**18,
    1.5,
    "",
    "x" * 2_000,
    "2020-13-45T99:00:00Z",
    True,
    [],
    [None],
    [{}],
    ["a"],
    {},
    {"a": None},
    {"type": []},
    {"discount": {"type": "PERCENT", "percent_off": {"a": 1}}},
    {"discount": {"type": "UNIT", "units": [5]}},
    {"gift": {"amount": 1e300}},
    {"loyalty_card": {"points": "x"}},
    {"tiers": [{"action": {"discount": 5}}]},
    {"interval": 5, "duration": []},
    {"daily": [{"start_time": 5}]},
    {"1": {"name": 5}, "logic": 7},
    {"included": {"a": 1}},
    {"pattern": "#" * 300},
    {"charset": "", "length": 1e300},
    {"quantity": 10**16},
)


@pytest.fixture(scope="module")
def routes(api):
    campaign = made(api)
    promotion = made(api, voucher=None, campaign_type="PROMOTION", promotion={"tiers": []})
    body = {"action": {"discount": percent_off(1)}}
    tier = created(api.post(f"/v1/promotions/{promotion['id']}/tiers", json=body))
    voucher = created(api.post("/v1/vouchers", json={"discount": percent_off(1)}))
    rule = created(api.post("/v1/validation-rules", json={"name": "r"}))
    discount = {"voucher": {"discount": percent_off(1)}}
    return [
        ("POST", "/v1/campaigns", CampaignCreate, lambda: {"name": unique("bad"), **discount}),
        ("PUT", f"/v1/campaigns/{campaign['id']}", CampaignUpdate, dict),
        ("POST", f"/v1/campaigns/{campaign['id']}/vouchers", CampaignVouchersCreate, dict),
        ("POST", "/v1/vouchers", VoucherCreate, lambda: {"discount": percent_off(1)}),
        ("PUT", f"/v1/vouchers/{voucher['code']}", VoucherUpdate, dict),
        ("POST", f"/v1/promotions/{promotion['id']}/tiers", TierCreate, lambda: dict(body)),
        ("PUT", f"/v1/promotions/tiers/{tier['id']}", TierUpdate, dict),
        ("POST", "/v1/validation-rules", RuleCreate, lambda: {"name": "r"}),
        ("PUT", f"/v1/validation-rules/{rule['id']}", RuleUpdate, dict),
        (
            "POST",
            f"/v1/validation-rules/{rule['id']}/assignments",
            AssignmentCreate,
            lambda: {"related_object_id": voucher["id"]},
        ),
    ]


def test_no_value_of_any_property_gives_a_5xx(api, routes):
    """Every property of every body, with values of every wrong kind, is answered 2xx or 4xx."""
    wrong = []
    for method, path, shape, base in routes:
        for field in msgspec.structs.fields(shape):
            for value in VALUES:
                answer = api.request(method, path, json=base() | {field.name: value})
                if answer.status_code >= 500 or (answer.status_code >= 400 and not answer.json().get("key")):
                    wrong.append((method, path, field.name, value, answer.status_code, answer.text))
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["\x00", "a\x00b", "\ud800", "x" * 3_000, "../..", "%", "import", "💥", "' OR 1=1 --", " "]
)
def test_no_name_in_a_path_gives_a_5xx(api, name):
    """Whatever is asked for by code, id or name is 4xx when it is not there."""
    encoded = quote(name.encode(errors="surrogatepass"), safe="")
    for path in (
        "vouchers/{}",
        "campaigns/{}",
        "promotions/tiers/{}",
        "validation-rules/{}",
        "async-actions/{}",
    ):
        answer = api.get("/v1/" + path.format(encoded))
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text)


@pytest.mark.parametrize(
    "content", [b"[]", b'"5"', b"5.5", b"true", b"-5", b"{", b"\xff", b"1e400", b"99999999999"]
)
def test_no_body_for_codes_gives_a_5xx(api, routes, content):
    """A number is a count, an object a body, the rest is refused."""
    path = routes[2][1]
    answer = api.post(path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
