"""Versions: what answers, what is served and should not be begun with, and that a change is told."""

from datetime import UTC, datetime

import httpx

from app.api.routes import ALL_ROUTES
from app.http.deprecation import Deprecation
from app.settings import VERSION
from tests.support.server import RunningServer


def test_the_version_is_told_to_everybody(server: RunningServer) -> None:
    """Of program, API and schema, without a key."""
    answer = httpx.get(f"{server.base_url}/v1/engine/version").json()
    assert (answer["version"], answer["api_version"]) == (VERSION, "v2018-08-01")
    assert answer["schema"]


def test_the_version_of_the_api_may_be_sent(api: httpx.Client) -> None:
    """As the official clients do; there is one."""
    answer = api.get("/v1/campaigns", headers={"X-Voucherify-API-Version": "v2018-08-01"})
    assert answer.status_code == 200


def test_older_operations_say_what_to_use(api: httpx.Client) -> None:
    """With every answer, also a refusal; and the document marks them."""
    old = api.post("/v1/vouchers/NOBODY-HAS-IT/validate", json={"order": {"amount": 100}})
    assert old.headers["deprecation"].startswith("@")
    assert old.headers["link"] == '</v1/validations>; rel="successor-version"'
    assert "deprecation" not in api.get("/v1/campaigns").headers
    document = api.get("/openapi.json").json()
    marked = {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
        if operation.get("deprecated")
    }
    assert marked == {route.operation_id for route in ALL_ROUTES if route.deprecated is not None}
    successors = {
        route.deprecated.successor for route in ALL_ROUTES if route.deprecated and route.deprecated.successor
    }
    assert successors <= {route.path for route in ALL_ROUTES}


def test_a_sunset_is_a_date_of_http() -> None:
    """RFC 8594 wants the form of other HTTP dates, RFC 9745 seconds."""
    when = datetime(2027, 1, 1, tzinfo=UTC)
    assert Deprecation(when, "/v1/new", sunset=when).headers() == {
        "Deprecation": "@1798761600",
        "Sunset": "Fri, 01 Jan 2027 00:00:00 GMT",
        "Link": '</v1/new>; rel="successor-version"',
    }
