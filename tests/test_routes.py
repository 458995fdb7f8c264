"""The route table says everything about every operation (D26) and agrees with the published one."""

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from openapi_spec_validator import validate

from app.api.adapter import table_of
from app.api.routes import ALL_ROUTES
from app.cli.openapi import openapi_text
from app.http.links import BODIES, GIVES, links_of
from app.http.permissions import ADMINISTRATION, ROLES, VERBS, allows
from app.http.routing import Route, Scope

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED: dict[tuple[str, str], set[tuple[str, str]]] = {}
"""Method and path to the operations on it: one path has two."""
for row in msgspec.json.decode((ROOT / "openapi" / "voucherify-v1-operations.json").read_bytes()):
    operations = PUBLISHED.setdefault((row["method"], re.sub(r"\{\w+\}", "{}", row["path"])), set())
    operations.add((row["operation_id"], row["path"]))
GETS_THAT_WRITE = {"create-publication-1"}
"""The contract has one, for integrations that can only follow a link."""
ONLY_IN_CLIENTS = {
    ("GET", "/v1/consents"),
    ("PUT", "/v1/customers/{customerId}/consents"),
    ("GET", "/client/v1/consents"),
    ("PUT", "/client/v1/customers/{customerId}/consents"),
}
"""Official clients call them; no published document describes them any more."""
LINKS = {route.operation_id: links_of(route, ALL_ROUTES) for route in ALL_ROUTES}
PREFIXES = {Scope.PROJECT: "/v1/", Scope.CLIENT: "/client/v1/", Scope.MANAGEMENT: "/management/v1/"}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


every_route = pytest.mark.parametrize("route", ALL_ROUTES, ids=name_of)


@every_route
def test_a_row_says_all_that_the_edge_the_document_and_the_tests_need(route: Route):
    """Operation id, permission, scope, tag, summary and error keys."""
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]+", route.operation_id)
    assert route.tag
    assert route.summary
    assert route.method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert all(re.fullmatch(r"[a-z_]+", key) for key in route.errors)
    if route.scope is Scope.PUBLIC:
        assert route.permission == ""
        return
    assert route.path.startswith(PREFIXES[route.scope])
    resource, _, verb = route.permission.partition(".")
    assert re.fullmatch(r"[a-z]+([_-][a-z]+)*", resource)
    assert verb in VERBS


@every_route
def test_what_can_be_missing_is_declared_as_an_error(route: Route):
    """A path with an id can be asked for one that does not exist."""
    if "{" in route.path and route.scope is not Scope.PUBLIC:
        assert "not_found" in route.errors


@every_route
def test_an_operation_that_is_published_is_the_published_one(route: Route):
    """The same operation id for the same method and path, with the same names of path parameters."""
    published = PUBLISHED.get((route.method, re.sub(r"\{\w+\}", "{}", route.path)))
    if published is None:
        extension = route.path.startswith(("/v1/engine/", "/management/v1/engine/", "/client/v1/engine/"))
        extension = extension or (route.method, route.path) in ONLY_IN_CLIENTS
        assert extension or route.scope is Scope.PUBLIC, "outside of the contract"
        return
    assert (route.operation_id, route.path) in published


@every_route
def test_reading_needs_no_permission_to_write(route: Route):
    """A viewer can call every GET of a project."""
    resource = route.permission.partition(".")[0]
    if route.operation_id in GETS_THAT_WRITE:
        assert not allows("VIEWER", route.permission)
    elif route.scope is Scope.PROJECT and route.method == "GET" and resource not in ADMINISTRATION:
        assert allows("VIEWER", route.permission)


@every_route
def test_a_viewer_changes_nothing(route: Route):
    """Every other method is closed to the role that only looks."""
    if route.scope is Scope.PROJECT and route.method != "GET" and route.permission != "tokens.use":
        assert not allows("VIEWER", route.permission)
        assert any(allows(role, route.permission) for role in ROLES)


def test_operation_ids_are_unique():
    """A client generator makes one method of each."""
    counts = Counter(route.operation_id for route in ALL_ROUTES)
    assert [operation_id for operation_id, count in counts.items() if count > 1] == []


def test_no_two_paths_match_the_same_requests():
    """The table can be built: no path is shadowed by another with differently named parameters."""
    table = table_of(ALL_ROUTES)
    for route in ALL_ROUTES:
        found = table.find(re.sub(r"\{(\w+)\}", r"x-\1", route.path))
        assert found is not None
        assert found[0][route.method] is route


def test_the_document_is_valid_openapi():
    """OpenAPI 3.1, as its linter reads it."""
    validate(msgspec.json.decode(openapi_text()))


def test_the_document_in_the_repository_is_what_the_routes_say():
    """`vouchsafe openapi --output openapi/vouchsafe.json` after every change of a route or a request."""
    kept = (ROOT / "openapi" / "vouchsafe.json").read_text(encoding="utf-8")
    assert kept == openapi_text()


def test_every_operation_of_the_table_is_in_the_document():
    """Except the pages that show it."""
    document = msgspec.json.decode(openapi_text())
    documented = {
        operation["operationId"] for path in document["paths"].values() for operation in path.values()
    }
    assert documented >= {route.operation_id for route in ALL_ROUTES if route.scope is not Scope.PUBLIC}


@every_route
def test_what_is_asked_for_by_an_id_is_linked_from_what_answers_the_id(route: Route):
    """In the document, so that clients see what follows from what."""
    if "{" in route.path and route.scope is not Scope.PUBLIC:
        linked = any(route.operation_id in links for links in LINKS.values())
        assert linked, "say in app/http/links.py which operation's answer tells the ids of this path"


def test_links_name_operations_that_there_are() -> None:
    """An operation that is renamed takes its links along."""
    ids = {route.operation_id for route in ALL_ROUTES}
    assert set(GIVES) <= ids
    assert set(BODIES) <= ids
    assert {target for targets in BODIES.values() for target in targets} <= ids


def test_an_id_leads_to_all_that_asks_for_it_alone() -> None:
    """Reading, changing and deleting follow from making; what needs a second id, from its own maker."""
    assert {"get-voucher", "update-voucher", "delete-voucher"} <= set(LINKS["create-voucher"])
    assert "get-promotion-stack" not in LINKS["create-campaign"]
    stack = LINKS["create-promotion-stack"]["get-promotion-stack"]["parameters"]
    assert stack == {"campaignId": "$request.path.campaignId", "stackId": "$response.body#/id"}
