"""Scripts that people have written against the published API, byte for byte as their clients send them."""

import time
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.api.routes import ALL_ROUTES
from app.http.routing import Route, Scope
from tests.support.server import Project, RunningServer
from tests.support.shop import created, percent_off, public_code, redeem, single_voucher, unique
from tests.wire.test_official_operations import TAGS

SECONDS_MAX = 180.0
JSON = {"Content-Type": "application/json"}
VOUCHER = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10)}
CSV = "Code,Voucher Type,Value,Discount Type\r\n{},DISCOUNT_VOUCHER,10.5,PERCENT\r\n{},GIFT_VOUCHER,12.34,"
BOUNDARY = "----WebKitFormBoundaryx"


@pytest.fixture(scope="module")
def project(server: RunningServer) -> Project:
    return server.create_project(unique("scripts"))


@pytest.fixture(scope="module")
def api(server: RunningServer, project: Project) -> Any:
    with server.client(project) as client:
        yield client


def bare(api: httpx.Client, method: str, path: str, **heads: str) -> httpx.Response:
    """A request without a body, which says so, as the clients do."""
    request = api.build_request(method, path, headers={"Content-Length": "0", **heads})
    return api.send(request)


def until(api: httpx.Client, path: str, member: str, wanted: Any) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS_MAX
    while (found := created(api.get(path)))[member] != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def campaign(api: httpx.Client, **more: Any) -> dict[str, Any]:
    return created(api.post("/v1/campaigns", json={"name": unique("c"), "voucher": VOUCHER} | more))


def test_a_campaign_of_a_name_and_a_voucher(api: httpx.Client) -> None:
    """Its type is what it can only be; codes are added without a body, by a bare number and by the query."""
    made = campaign(api)
    assert made["vouchers_generation_status"] in ("IN_PROGRESS", "DONE")
    assert (made["campaign_type"], made["type"]) == ("DISCOUNT_COUPONS", "AUTO_UPDATE")
    path = f"/v1/campaigns/{made['id']}"
    for heads in ({}, JSON):
        assert bare(api, "POST", path + "/vouchers", **heads).json()["campaign_id"] == made["id"]
    assert bare(api, "POST", f"{path}/vouchers/{unique('CHOSEN')}", **JSON).status_code == 200
    several = api.post(path + "/vouchers", content=b"5", headers=JSON)
    assert several.status_code == 202
    until(api, f"/v1/async-actions/{several.json()['async_action_id']}", "operation_status", "SUCCESS")
    assert until(api, path, "vouchers_count", 8)["vouchers_generation_status"] == "DONE"
    listed = created(api.get("/v1/vouchers", params={"campaign": made["name"], "limit": 100}))
    assert (listed["total"], len(listed["vouchers"])) == (8, 8)


@pytest.mark.parametrize("heads", [{}, JSON])
def test_a_switch_needs_no_body(api: httpx.Client, heads: dict[str, str]) -> None:
    """Campaigns, codes and tiers are switched by a POST of nothing, with or without a content type."""
    tiers = [{"name": "Ten", "action": {"discount": percent_off(10)}}]
    promotion = campaign(api, voucher=None, promotion={"tiers": tiers})
    tier_id = promotion["promotion"]["tiers"][0]["id"]
    code = single_voucher(api, percent_off(10))["code"]
    one = f"/v1/campaigns/{campaign(api)['id']}"
    for path in (one, f"/v1/vouchers/{code}", f"/v1/promotions/tiers/{tier_id}"):
        for verb, active in (("disable", False), ("enable", True)):
            assert bare(api, "POST", f"{path}/{verb}", **heads).status_code == 200
            assert created(api.get(path))["active"] is active


@pytest.mark.parametrize("into_campaign", [False, True])
def test_a_file_of_codes_is_imported_and_waited_for(api: httpx.Client, *, into_campaign: bool) -> None:
    """The form as a browser sends it, without a newline at the end of the file; SUCCESS, and the codes."""
    codes = [unique("CSV"), unique("CSV")]
    path, text = "/v1/vouchers/importCSV", CSV.format(*codes)
    if into_campaign:
        path = f"/v1/campaigns/{campaign(api)['id']}/importCSV"
        text = "Code,Active\n{},true\n{},false".format(*codes)
    form = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="codes.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{text}\r\n--{BOUNDARY}--\r\n"
    )
    heads = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    started = created(api.post(path, content=form.encode(), headers=heads))
    done = until(api, f"/v1/async-actions/{started['async_action_id']}", "operation_status", "SUCCESS")
    assert (done["status"], done["progress"], done["result"]["done_count"]) == ("DONE", 100, 2)
    first, second = (created(api.get(f"/v1/vouchers/{code}")) for code in codes)
    if into_campaign:
        assert (first["active"], second["active"]) == (True, False)
    else:
        assert first["discount"]["percent_off"] == 10.5
        assert second["gift"]["balance"] == 1_234


def test_one_code_for_one_address(api: httpx.Client) -> None:
    """By the campaign's name and an e-mail alone, with the nulls that models send; however it is written."""
    made = campaign(api, join_once=True)
    nothing = dict.fromkeys(("voucher", "source_id", "metadata", "channel"))
    codes = set()
    for email in ("bob@example.com", " Bob@Example.COM"):
        customer = {"email": email, "id": None, "source_id": None, "name": None, "address": None}
        body = {"campaign": {"name": made["name"]}, "customer": customer, **nothing}
        answer = created(api.post("/v1/publications", json=body))
        assert (answer["result"], answer["channel"]) == ("SUCCESS", "API")
        codes.add(answer["voucher"]["code"])
    assert len(codes) == 1


@pytest.fixture(scope="module")
def lot(api: httpx.Client) -> list[str]:
    """Three codes, each redeemed once."""
    codes = [unique("LOT") for _ in range(3)]
    for code in codes:
        created(api.post(f"/v1/vouchers/{code}", json=VOUCHER | {"metadata": {"lot": codes[0]}}))
        redeem(api, code)
    return codes


IN = (
    "filters[{0}][conditions][$in]=['{1}', '{2}']",
    "filters%5B{0}%5D%5Bconditions%5D%5B%24in%5D=%5B%27{1}%27%2C%20%27{2}%27%5D",
    "filters[{0}][conditions][$in][0]={1}&filters[{0}][conditions][$in][1]={2}",
    (
        "filters%5B{0}%5D%5Bconditions%5D%5B%24in%5D%5B0%5D={1}"
        "&filters%5B{0}%5D%5Bconditions%5D%5B%24in%5D%5B1%5D={2}"
    ),
    "[filters][{0}][conditions][$in][0]={1}&[filters][{0}][conditions][$in][1]={2}",
    "filters[{0}][conditions][$in][]={1}&filters[{0}][conditions][$in][]={2}",
)


@pytest.mark.parametrize("encoding", range(len(IN)))
@pytest.mark.parametrize(
    ("path", "field", "rows", "shown"),
    [
        ("/v1/vouchers", "code", "vouchers", lambda row: row["code"]),
        ("/v1/redemptions", "voucher_code", "redemptions", lambda row: row["voucher"]["code"]),
    ],
)
def test_a_filter_is_read_in_every_encoding(
    api: httpx.Client, lot: list[str], encoding: int, path: str, field: str, rows: str, shown: Any
) -> None:
    """Python's text of a list, indices, empty brackets, brackets first, encoded or not."""
    query = IN[encoding].format(field, lot[0], lot[2])
    found = created(api.get(f"{path}?{query}&created_at[before]=&limit=100&order=-created_at"))
    assert [shown(row) for row in found[rows]] == [lot[2], lot[0]]


@pytest.mark.parametrize(("junction", "count"), [("AND", 0), ("and", 0), ("OR", 2), ("or", 2)])
def test_conditions_are_joined_in_either_case(
    api: httpx.Client, lot: list[str], junction: str, count: int
) -> None:
    """The clients do not agree on upper and lower case."""
    one = "filters[code][conditions][$is]={}&filters[metadata.lot][conditions][$is]=nothing"
    other = "&filters[id][conditions][$is]={}&filters[junction]={}"
    second = created(api.get(f"/v1/vouchers/{lot[1]}"))["id"]
    query = one.format(lot[0]) + other.format(second, junction)
    assert created(api.get(f"/v1/vouchers?{query}"))["total"] == count


@pytest.mark.parametrize(
    "moment",
    [
        "2020-01-02",
        "2020-01-02T03:04:05.678000%2B0000",
        "2020-01-02T03:04:05.678000",
        "2020-01-02T03:04:05",
        "2020-01-02T03:04:05.678Z",
        "2020-01-02T03%3A04%3A05.678%2B00%3A00",
    ],
)
def test_a_moment_is_read_as_every_client_writes_it(api: httpx.Client, lot: list[str], moment: str) -> None:
    """With and without a zone, with and without its colon; both ends, and one that is null."""
    ids = f"ids=['{created(api.get(f'/v1/vouchers/{lot[0]}'))['id']}']"
    for bounds, count in (("[after]={}&created_at[before]=", 1), ("[before]={}&created_at[after]=", 0)):
        query = f"{ids}&created_at{bounds.format(moment)}"
        assert created(api.get(f"/v1/vouchers?{query}"))["total"] == count


READS = [
    route
    for route in ALL_ROUTES
    if route.tag in TAGS and route.method == "GET" and route.scope is Scope.PROJECT and "{" not in route.path
    if route.operation_id != "create-publication-1"
]


@pytest.mark.parametrize("route", READS, ids=lambda route: route.path)
def test_a_slash_at_the_end_changes_nothing(api: httpx.Client, route: Route) -> None:
    """The same answer, without a redirection."""
    plain, slashed = api.get(route.path), api.get(route.path + "/")
    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert slashed.json().keys() == plain.json().keys()


def test_a_slash_at_the_end_of_what_is_written(api: httpx.Client) -> None:
    """Also with an id before it, and with characters in the code that mean something in a path."""
    code = unique("AB C/d?é#+%")
    quoted = quote(code, safe="")
    made = created(
        api.post(f"/v1/vouchers/{quoted}/", json=VOUCHER | {"weather": "unknown members are let be"})
    )
    assert made["code"] == code
    assert created(api.get(f"/v1/vouchers/{quoted}/"))["id"] == made["id"]
    assert created(api.post("/v1/vouchers/", json=VOUCHER))["type"] == "DISCOUNT_VOUCHER"
    public, campaign_id = public_code(api, percent_off(10))
    body = {"redeemables": [{"object": "voucher", "id": public}], "order": {"amount": 100}}
    assert created(api.post("/v1/validations/", json=body))["valid"] is True
    assert "inapplicable_redeemables" not in created(api.post("/v1/validations/", json=body))
    gone = created(api.put(f"/v1/campaigns/{campaign_id}/", json={"expiration_date": "2090-01-01T00:00:00Z"}))
    assert gone["expiration_date"]
    gone = created(api.put(f"/v1/campaigns/{campaign_id}/", json={"expiration_date": None}))
    assert "expiration_date" not in gone
    assert api.delete(f"/v1/vouchers/{quoted}/").status_code == 204
    assert [api.delete(f"/v1/vouchers/{quoted}").status_code for _ in range(2)] == [404, 404]
