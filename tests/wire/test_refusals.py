"""Every error key that operations of campaigns, codes, publications, promotions, rules, categories,
qualifications, redemptions, exports, async actions, stacking rules, customers, orders, products, collections,
segments, events, locations and schemas have, by the published documents or by our own, is produced by a real
request.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from app.api.routes import ALL_ROUTES
from app.db.database import Database
from app.http.routing import Route, Scope
from app.projects import create_key, set_mint_budget
from tests.support.server import Project, RunningServer
from tests.support.shop import created, gift_card, percent_off, redeem, single_voucher, unique
from tests.wire.official_shop import ORIGIN, RULES, TIER, a_campaign
from tests.wire.refusals import CSV, NOBODY, REFUSALS, VOUCHER, Ask, Desk
from tests.wire.refusals_of_data import DATA_REFUSALS
from tests.wire.refusals_of_decisions import DECISIONS, a_ruled_code
from tests.wire.test_official_operations import in_areas

ROOT = Path(__file__).resolve().parents[2]
ROUTES = {route.operation_id: route for route in ALL_ROUTES if in_areas(route)}
ASKED = REFUSALS | DECISIONS | DATA_REFUSALS
PUBLISHED = {
    (row["operation_id"], row["key"]): row["status"]
    for row in msgspec.json.decode((ROOT / "openapi" / "voucherify-v1-errors.json").read_bytes())
    if row["operation_id"] in ROUTES
}
"""What the published documents show: operation and key to status."""
OURS = {("track-custom-event", "not_found"): 404}
"""Published as a 404 inside a 400."""
DECLARED = {(route.operation_id, key) for route in ROUTES.values() for key in route.errors}
NEVER = {
    ("validate-voucher-client-side", "ambiguous_tracking_id"): "tracking ids are not tied to an origin",
    ("create-publication-1", "integration_api_key_required"): "every key may follow the link",
    ("update-campaign", "resource_protected"): "no campaign is protected",
    ("get-campaign", "forbidden"): "areas and stores are not served",
    ("update-campaign", "forbidden"): "areas and stores are not served",
    ("delete-campaign", "forbidden"): "areas and stores are not served",
    ("redeem-voucher", "invalid_customer"): "of loyalty cards, which are not redeemed",
    ("redeem-voucher-client-side", "invalid_customer"): "of loyalty cards, which are not redeemed",
    ("validate-voucher", "missing_reward"): "points are not spent: loyalty programmes are not run",
}
ANSWERED = {
    ("validate-voucher", "not_found"),
    ("validate-voucher-client-side", "not_found"),
    ("validate-promotion-tier", "not_found"),
    ("validate-voucher", "missing_order_items_amount"),
    ("validate-voucher-client-side", "missing_customer"),
}
"""Of the older validations: 200 with `valid: false` and the reason, as for whatever else is in the way."""
NEVER_ANYWHERE = {"missing_required_feature": "there are no plans to pay for"}
BY_CHANCE = "multiple_requests"
"""Two requests in each other's way, again and again: tests/races makes them so; nobody can ask for it."""
RACES = ROOT / "tests" / "races"
VALID: dict[str, Any] = {
    "update-campaign": {},
    "add-promotion-tier-to-campaign": TIER,
    "update-promotion-tier": {"name": "New"},
    "create-promotion-stack": {"name": "stack", "tiers": {"ids": ["promo_nobody"]}},
    "update-promotion-stack": {"name": "New"},
    "update-voucher": {},
    "update-voucher-balance": {"amount": 1},
    "import-vouchers-to-campaign": [{"code": "X"}],
    "update-validation-rule": {"rules": RULES},
    "create-validation-rule-assignment": {"related_object_type": "campaign", "related_object_id": NOBODY},
    "update-category": {"name": "New", "hierarchy": 1},
    "create-stacking-rules": {},
    "update-stacking-rules": {},
    "stop-campaign": {"reason": "leaked"},
    "publish-voucher": {"customer": {"source_id": "ada"}, "voucher": NOBODY},
    "create-metadata-schema": {"related_object": "customer", "properties": {}},
    "update-metadata-schema": {"properties": {}},
    "create-custom-event-schema": {"name": "looked", "schema": {"properties": {}}},
    "update-custom-event-schema": {"schema": {"properties": {}}},
}
"""Bodies that nothing is wrong with, where {} would be refused before anybody looks for the object."""
FORM = {"file": ("codes.csv", CSV, "text/csv")}
PEOPLE = {"file": ("people.csv", b"Name,Source_id\nAda,ada", "text/csv")}
THINGS = {"file": ("things.csv", b"name,source_id,product_id,sku\nMug,mug,mug,mug", "text/csv")}
FILES = {
    "import-customers-using-csv": PEOPLE,
    "import-products-using-csv": THINGS,
    "import-SKUs-using-csv": THINGS,
}


def test_every_error_of_these_operations_is_asked_for() -> None:
    """By the tables, by what every path with an id and every idempotent operation is asked below, or it is
    said here why it cannot happen.
    """
    wanted = {pair for pair in DECLARED | set(PUBLISHED) if pair not in {*NEVER, *ANSWERED}}
    wanted = {pair for pair in wanted if pair[1] not in {*NEVER_ANYWHERE, BY_CHANCE}}
    asked = {*ASKED, *UNKNOWN, *KEPT, *UNAUTHORIZED}
    assert sorted(wanted - asked) == []
    assert set(NEVER) <= set(PUBLISHED)
    assert any(BY_CHANCE in file.read_text() for file in RACES.glob("*.py"))


def test_what_is_published_is_declared() -> None:
    """Our own document names every key that the published one names, but for those that never come."""
    common = {"unauthorized", "invalid_payload", "invalid_query_params", *NEVER_ANYWHERE}
    published = {pair for pair in PUBLISHED if pair[1] not in common and pair not in {*NEVER, *ANSWERED}}
    assert sorted(published - DECLARED) == []


# Requests that are the same for many operations
# -----------------------------------------------------------------------------------------------------------


def _unknown(route: Route) -> Ask:
    names = [part.strip("{}") for part in route.path.split("/") if part.startswith("{")]
    files = FORM if "multipart/form-data" in route.consumes else None
    body = VALID.get(route.operation_id, {} if route.body is not None and files is None else None)
    return Ask(dict.fromkeys(names, NOBODY), body=body, files=files)


UNKNOWN = {
    (route.operation_id, "not_found"): route
    for route in ROUTES.values()
    if "{" in route.path and (route.operation_id, "not_found") in DECLARED
    if (route.operation_id, "not_found") not in {*ASKED, *ANSWERED}
}
KEPT = {
    (route.operation_id, "idempotency_key_reused"): route
    for route in ROUTES.values()
    if "idempotency_key_reused" in route.errors
}
UNAUTHORIZED = {
    (route.operation_id, "unauthorized"): route
    for route in ROUTES.values()
    if route.scope is Scope.MANAGEMENT and (route.operation_id, "unauthorized") in PUBLISHED
}


def _taken(desk: Desk, *codes: str) -> dict[str, Any]:
    return redeem(desk.api, *(codes or (_code(desk),)))


def _code(desk: Desk) -> str:
    return str(single_voucher(desk.api, percent_off(10))["code"])


def _card(desk: Desk) -> str:
    return str(gift_card(desk.api, 500)["code"])


def _publication(desk: Desk) -> dict[str, Any]:
    return {"customer": {"source_id": unique("buyer")}, "voucher": _code(desk)}


def _accepted(operation: str, desk: Desk) -> Ask:
    """A request that makes or moves something."""
    if operation == "create-publication-1":
        return Ask(params={"customer[source_id]": unique("buyer"), "voucher": _code(desk)})
    if operation in ("create-publication", "create-publication-client-side", "publish-voucher"):
        return Ask(body=_publication(desk))
    if operation.startswith("redeem-stacked"):
        body = {"redeemables": [{"object": "voucher", "id": _code(desk)}], "order": {"amount": 500}}
        return Ask(body=body)
    if operation.startswith("redeem-voucher"):
        code = _code(desk)
        return Ask({"code": code}, body={"order": {"amount": 500}}, params={"code": code})
    if operation == "rollback-redemption":
        return Ask({"redemptionId": _taken(desk)["redemptions"][0]["id"]}, body={})
    if operation == "rollback-stacked-redemptions":
        parent = _taken(desk, _code(desk), _card(desk))["parent_redemption"]["id"]
        return Ask({"parentRedemptionId": parent}, body={})
    if operation.endswith("using-csv"):
        return Ask({"campaignId": a_campaign(desk.api)}, files=FILES.get(operation, FORM))
    bodies: dict[str, Any] = {
        "create-campaign": {"name": unique("c"), "voucher": VOUCHER},
        "import-vouchers-to-campaign": [{"code": unique("IMPORTED")}],
        "import-vouchers": [VOUCHER | {"code": unique("IMPORTED")}],
        "generate-random-code": VOUCHER,
        "create-voucher": VOUCHER,
        "update-vouchers-in-bulk": [{"code": NOBODY, "metadata": {"lot": 1}}],
        "update-vouchers-metadata-in-bulk": {"codes": [NOBODY], "metadata": {"lot": 1}},
        "update-voucher-balance": {"amount": 5},
        "track-custom-event-client-side": {"event": "looked", "customer": {"source_id": unique("buyer")}},
        "track-custom-event": {"event": "looked", "customer": {"source_id": unique("buyer")}},
        "redeem-promotion": {"order": {"amount": 500}},
        "import-orders": [{"source_id": unique("order"), "amount": 500}],
        "update-customers-in-bulk": [{"source_id": unique("buyer")}],
        "update-customers-metadata-in-bulk": {"source_ids": [unique("buyer")], "metadata": {"lot": 1}},
        "update-products-in-bulk": [{"source_id": unique("mug")}],
        "update-products-metadata-in-bulk": {"source_ids": [unique("mug")], "metadata": {"lot": 1}},
    }
    path = {"campaignId": a_campaign(desk.api), "code": unique("CODE")}
    if operation == "update-voucher-balance":
        path["code"] = _card(desk)
    if operation == "redeem-promotion":
        made = created(
            desk.api.post("/v1/campaigns", json={"name": unique("p"), "promotion": {"tiers": [TIER]}})
        )
        path["promotionTierId"] = made["promotion"]["tiers"][0]["id"]
    return Ask(path, body=bodies.get(operation))


# The desk, and asking
# -----------------------------------------------------------------------------------------------------------

OPEN = {
    "client_trusted_domains": [ORIGIN],
    "client_redeem_enabled": True,
    "client_publish_enabled": True,
    "client_list_vouchers_enabled": True,
    "client_create_customer_enabled": True,
}


def _sides(server: RunningServer, project: Project) -> dict[str, httpx.Client]:
    heads = {
        "v1": project.headers,
        "client": {
            "X-Client-Application-Id": project.client_id,
            "X-Client-Token": project.client_token,
            "Origin": ORIGIN,
        },
        "management": {
            "X-Management-Id": project.management_id,
            "X-Management-Token": project.management_token,
        },
    }
    return {
        side: httpx.Client(base_url=server.base_url, headers=head, timeout=30) for side, head in heads.items()
    }


def _poor_keys(server: RunningServer, project: Project) -> dict[str, dict[str, str]]:
    async def made() -> dict[str, dict[str, str]]:
        db = Database(f"sqlite:///{server.data_dir / 'vouchsafe.db'}")
        try:
            pairs = {}
            for side, kind in (("v1", "server"), ("client", "client")):
                pairs[side] = await create_key(db, kind, project_id=project.project_id)
                await set_mint_budget(db, pairs[side].id, 0, None)
        finally:
            await db.close()
        return {
            "v1": {"X-App-Id": pairs["v1"].id, "X-App-Token": pairs["v1"].token},
            "client": {
                "X-Client-Application-Id": pairs["client"].id,
                "X-Client-Token": pairs["client"].token,
            },
        }

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, made()).result()


@pytest.fixture(scope="module")
def desk(server: RunningServer) -> Iterator[Desk]:
    project = server.create_project(unique("refusals"), settings=OPEN)
    other = server.create_project(
        unique("strict"), settings=OPEN | {"client_redeem_enabled": False}, is_sandbox=True
    )
    sides, strict_sides = _sides(server, project), _sides(server, other)
    limits = [{"limit": 1, "window": "month", "of": "publications"}]
    created(strict_sides["v1"].put("/v1/engine/extensions", json={"offer_pressure": limits}))
    lot = {"lot": {"type": "number", "optional": True, "array": False}}
    schemas = f"/management/v1/projects/{other.project_id}"
    for kind in ("publication", "redemption", "customer", "order", "product"):
        body = {"related_object": kind, "properties": lot}
        created(strict_sides["management"].post(f"{schemas}/metadata-schemas", json=body))
    event = {"name": "counted", "schema": {"properties": lot}}
    created(strict_sides["management"].post(f"{schemas}/custom-event-schemas", json=event))
    strict = Desk(strict_sides["v1"], strict_sides, other.project_id)
    yield Desk(sides["v1"], sides, project.project_id, strict, _poor_keys(server, project))
    for client in (*sides.values(), *strict_sides.values()):
        client.close()


def asked(desk: Desk, route: Route, ask: Ask, **heads: str) -> httpx.Response:
    """The answer to a request; what came too fast is asked again."""
    by = ask.by or desk
    path = route.path
    for name, value in ask.path.items():
        path = path.replace("{" + name + "}", value if value == "%20" else quote(value, safe=""))
    side = path.split("/")[1]
    client = by.sides.get(side, by.api)
    said: dict[str, Any] = {"headers": {**ask.headers, **heads}, "params": dict(ask.params)}
    if ask.files is not None:
        said["files"] = ask.files
    elif ask.body is not None:
        said["json"] = ask.body
    return client.request(route.method, path, **said)


def assert_refused(answer: httpx.Response, operation: str, key: str) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    body = answer.json()
    assert body["key"] == key, body
    assert body["code"] == answer.status_code == (PUBLISHED | OURS).get((operation, key), answer.status_code)
    assert body["message"]
    assert body["request_id"]


@pytest.mark.parametrize(("operation", "key"), ASKED)
def test_what_is_wrong_has_its_key(desk: Desk, operation: str, key: str) -> None:
    """The documented status, key, message and the request's id."""
    ask = ASKED[operation, key](desk)
    assert_refused(asked(desk, ROUTES[operation], ask), operation, key)


@pytest.mark.parametrize(("operation", "key"), sorted(ANSWERED))
def test_older_validations_say_what_is_in_the_way(desk: Desk, operation: str, key: str) -> None:
    """Every reason is an answer there, never an error."""
    card = created(
        desk.api.post(
            f"/v1/vouchers/{unique('CARD')}",
            json={"type": "GIFT_VOUCHER", "gift": {"amount": 500, "effect": "APPLY_TO_ITEMS"}},
        )
    )
    code = {
        "not_found": NOBODY,
        "missing_order_items_amount": card["code"],
        "missing_customer": a_ruled_code(desk, "redemption.count.per_customer", {"$less_than_or_equal": [1]}),
    }[key]
    ask = Ask({"code": code, "tierId": code}, params={"code": code, "amount": "500"})
    if operation == "validate-voucher":
        ask = Ask(ask.path, body={"order": {"amount": 500, "items": [{"product_id": NOBODY, "quantity": 1}]}})
    answer = asked(desk, ROUTES[operation], ask)
    assert answer.status_code == 200, answer.text
    assert answer.json()["valid"] is False
    assert answer.json()["reason"]


@pytest.mark.parametrize("operation", [operation for operation, _ in UNKNOWN])
def test_what_is_not_there_is_not_found(desk: Desk, operation: str) -> None:
    """404, whatever is asked of it."""
    assert_refused(asked(desk, ROUTES[operation], _unknown(ROUTES[operation])), operation, "not_found")


@pytest.mark.parametrize("operation", [operation for operation, _ in KEPT])
def test_an_idempotency_key_is_for_one_request(desk: Desk, operation: str) -> None:
    """The same request again is answered as the first time, another one under its key is refused."""
    route, ask, key = ROUTES[operation], _accepted(operation, desk), unique("key")
    first = asked(desk, route, ask, **{"Idempotency-Key": key})
    assert first.is_success, first.text
    again = asked(desk, route, ask, **{"Idempotency-Key": key})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = Ask(ask.path, ask.body, {**ask.params, "other": "1"}, ask.headers, ask.files)
    assert_refused(asked(desk, route, other, **{"Idempotency-Key": key}), operation, "idempotency_key_reused")


@pytest.mark.parametrize("operation", [operation for operation, _ in UNAUTHORIZED])
def test_management_is_closed_without_its_key(desk: Desk, operation: str) -> None:
    """Also to a key of the project."""
    heads = {"X-Management-Id": "mgm_nobody", "X-Management-Token": "wrong"}
    answer = asked(desk, ROUTES[operation], _unknown(ROUTES[operation]), **heads)
    assert_refused(answer, operation, "unauthorized")
