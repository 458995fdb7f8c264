"""Every operation of the route table with every role, kind of key and scope: a new room is in here by
existing.

What is expected is written here once more, by the words of the contract, and not taken from the table of
permissions.
"""

import asyncio
import uuid

import httpx
import pytest

from app.api.routes import ALL_ROUTES
from app.db.database import Database
from app.http.permissions import ROLES
from app.http.routing import Scope
from app.http.scopes import CLIENT_SCOPES, SERVER_SCOPES
from app.projects import create_key
from tests.support.answers import LOOKED_AT
from tests.support.patience import PatientTransport

OF_PROJECT = [route for route in ALL_ROUTES if route.scope is Scope.PROJECT]
ADMINISTRATION = ("/v1/engine/audit", "/v1/engine/extensions")
TOKENS = "/v1/oauth/"
GETS_THAT_WRITE = {"create-publication-1"}
RELEASES = {"release-validation-session"}
ERASES = {"customer-permanently-deletion"}
"""A DELETE that deletes nothing."""
MERCHANT_WRITES = (
    "/v1/publications",
    "/v1/engine/publications",
    "/v1/customers",
    "/v1/orders",
    "/v1/events",
    "/v1/vouchers/publish",
)
SUPPORT_READS = (
    "/v1/vouchers",
    "/v1/customers",
    "/v1/campaigns",
    "/v1/redemptions",
    "/v1/orders",
    "/v1/publications",
)
SUPPORT_WRITES = {
    "add-vouchers-to-campaign",
    "create-publication",
    "create-publication-1",
    "publish-voucher",
    "revoke-publication",
}


def reads(route):
    return route.method == "GET" and route.operation_id not in GETS_THAT_WRITE


def permitted(role, route):
    """What the contract and its extension SUPPORT say in words."""
    if role == "ADMIN" or route.path.startswith(TOKENS):
        return True
    if route.path.startswith(ADMINISTRATION):
        return False
    if role == "USER":
        return True
    if role == "VIEWER":
        return reads(route)
    if role == "USER_RESTRICTED":
        return not deletes(route)
    if role == "MERCHANT":
        writes = route.path.startswith(MERCHANT_WRITES) and not route.path.endswith("/export")
        return reads(route) or (writes and not deletes(route))
    assert role == "SUPPORT", "say here what the new role may do"
    if reads(route):
        return route.permission.partition(".")[0] in {path.rpartition("/")[2] for path in SUPPORT_READS}
    return route.operation_id in SUPPORT_WRITES


def deletes(route):
    """A lock is given back by DELETE, and a customer is erased by POST."""
    if route.operation_id in RELEASES:
        return False
    return route.method == "DELETE" or route.operation_id in ERASES


def path_of(route):
    """With ids that nobody has."""
    path = route.path
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + f"none-{uuid.uuid4().hex[:8]}" + rest.partition("}")[2]
    return path


def asked(http, route, headers):
    """An empty body: who may ask is told so, who may not never hears about the body."""
    return http.request(
        route.method,
        path_of(route),
        headers=headers,
        content=b"{}" if route.body is not None and "application/json" in route.consumes else None,
    )


def is_refused(answer):
    return answer.status_code == 403 and answer.json()["key"] == "missing_required_permission"


@pytest.fixture
def http(server):
    transport = PatientTransport()
    with httpx.Client(
        base_url=server.base_url, timeout=60, transport=transport, event_hooks=LOOKED_AT
    ) as client:
        yield client


@pytest.fixture
def make_key(server, project):
    """Headers of a new server-side key of a role, whether that is one or not."""

    async def made(role):
        database = Database(f"sqlite:///{server.data_dir / 'vouchsafe.db'}")
        pair = await create_key(database, "server", project_id=project.project_id, role=role)
        await database.close()
        return {"X-App-Id": pair.id, "X-App-Token": pair.token}

    return lambda role: asyncio.run(made(role))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_the_operations_that_are_its_own_and_no_other(http, make_key, role):
    """All routes, one role: 403 with the same key wherever it may not, and only there."""
    headers = make_key(role)
    wrong = []
    for route in OF_PROJECT:
        answer = asked(http, route, headers)
        assert answer.status_code < 500, (route.operation_id, answer.text)
        if is_refused(answer) is permitted(role, route):
            wrong.append((route.operation_id, "may" if permitted(role, route) else "may not"))
    assert wrong == []


def test_each_kind_of_key_opens_its_own_side_alone(http, project):
    """Server, client and management keys on all routes: 401 everywhere but at home; without a key too."""
    keys = {
        Scope.PROJECT: project.headers,
        Scope.CLIENT: {
            "X-Client-Application-Id": project.client_id,
            "X-Client-Token": project.client_token,
            "Origin": "https://shop.example",
        },
        Scope.MANAGEMENT: {
            "X-Management-Id": project.management_id,
            "X-Management-Token": project.management_token,
        },
        None: {},
    }
    wrong = []
    for route in ALL_ROUTES:
        for scope, headers in keys.items():
            if route.scope is Scope.PUBLIC or (scope is route.scope and route.method == "DELETE"):
                continue
            status = (asked(http, route, headers)).status_code
            if (status == 401) is (scope is route.scope):
                wrong.append((route.operation_id, scope, status))
    assert wrong == []


def test_a_role_that_is_not_in_the_table_opens_nothing(http, make_key):
    """A key whose role was mistyped in the database is no administrator."""
    headers = make_key("OWNER")
    opened = [route.operation_id for route in OF_PROJECT if not is_refused(asked(http, route, headers))]
    assert opened == []


def scopes_of_path(path):
    """The contract's words: all endpoints whose path starts with the scope's name."""
    plain = path.replace("/v1/engine/", "/v1/")
    if plain.startswith("/client/v1/"):
        name = "client_" + plain.split("/")[3]
        return {"client_api"} | ({name} & set(CLIENT_SCOPES))
    name = plain.split("/")[2]
    return {"api", name} if name in SERVER_SCOPES else {"api"}


def test_a_scope_opens_the_paths_of_its_name_and_no_other(http, project):
    """All routes of both sides, every scope, with a token of an administrator's key."""
    wrong = []
    routes = [
        route
        for route in ALL_ROUTES
        if route.scope in (Scope.PROJECT, Scope.CLIENT) and not route.path.startswith(TOKENS)
    ]
    for scope in (*SERVER_SCOPES, *CLIENT_SCOPES):
        form = {"grant_type": "client_credentials", "scope": scope}
        made = http.post("/v1/oauth/token", headers=project.headers, data=form)
        bearer = {
            "Authorization": f"Bearer {made.json()['access_token']}",
            "Origin": "https://shop.example",
        }
        for route in routes:
            opens = scope in scopes_of_path(route.path)
            # One token that opens and one that does not, of each side, is enough for each route.
            if not opens and scope not in ("api", "client_api", "vouchers", "rewards"):
                continue
            if is_refused(asked(http, route, bearer)) is opens:
                wrong.append((route.operation_id, scope, opens))
    assert wrong == []


def test_tokens_are_refused_where_keys_alone_are_asked(http, project):
    """The making of tokens and the management side, with the widest token there is. A token may be ended by
    whoever has it.
    """
    form = {"grant_type": "client_credentials", "scope": "api client_api"}
    made = http.post("/v1/oauth/token", headers=project.headers, data=form)
    bearer = {"Authorization": f"Bearer {made.json()['access_token']}"}
    for route in ALL_ROUTES:
        if route.scope is Scope.MANAGEMENT:
            assert (asked(http, route, bearer)).status_code == 401, route.operation_id
        elif route.path.startswith(TOKENS) and route.operation_id != "revoke-oauth-token":
            assert is_refused(asked(http, route, bearer)), route.operation_id


def test_head_needs_what_get_needs(http, make_key):
    """The length of an answer is part of it."""
    headers = make_key("USER")
    answer: httpx.Response = http.head("/v1/engine/audit", headers=headers)
    assert answer.status_code == 403
