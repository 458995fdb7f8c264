"""Keys of a project, through the management side."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.support.answers import LOOKED_AT
from tests.support.receiver import until
from tests.support.shop import created

SOON = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture
def management(server, project):
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    base = f"{server.base_url}/management/v1/engine/projects/{project.project_id}/keys"
    with httpx.Client(base_url=base, headers=headers, timeout=30, event_hooks=LOOKED_AT) as client:
        yield client


def statuses(server, key_id, token, method="GET", path="/v1/vouchers", **more):
    """Of both workers."""
    headers = {"X-App-Id": key_id, "X-App-Token": token}
    answers = [
        httpx.request(method, server.base_url + path, headers=headers, **more).status_code for _ in range(6)
    ]
    assert len(set(answers)) == 1, answers
    return answers[0]


def test_a_key_is_made_used_changed_rotated_and_revoked(server, management):
    """Its token is shown by making and rotating alone; each step holds for the next request."""
    made = created(management.post("", json={"role": "VIEWER", "name": "report", "expires_at": SOON}))
    key_id, token = made["id"], made["token"]
    assert (made["role"], made["name"], made["kind"]) == ("VIEWER", "report", "server")
    assert statuses(server, key_id, token) == 200
    write = {"method": "POST", "path": "/v1/vouchers", "json": {"type": "x"}}
    assert statuses(server, key_id, token, **write) == 403
    changed = created(management.put(f"/{key_id}", json={"role": "USER"}))
    assert (changed["role"], changed["name"]) == ("USER", "report")
    assert statuses(server, key_id, token, **write) == 400
    created(management.put(f"/{key_id}", json={"allowed_addresses": ["192.0.2.0/24"]}))
    assert statuses(server, key_id, token) == 403
    created(management.put(f"/{key_id}", json={"allowed_addresses": None}))
    rotated = created(management.post(f"/{key_id}/rotate", json={"overlap_seconds": 600}))
    assert statuses(server, key_id, token) == statuses(server, key_id, rotated["token"]) == 200
    assert rotated["previous_token_until"]
    last = created(management.post(f"/{key_id}/rotate", json={"overlap_seconds": 0}))
    assert statuses(server, key_id, rotated["token"]) == 401
    assert statuses(server, key_id, last["token"]) == 200

    def shown():
        return next(row for row in created(management.get(""))["data"] if row["id"] == key_id)

    assert "token" not in shown()
    until(lambda: shown()["last_used_at"], "its use is noted, which is done behind the answer")
    assert management.delete(f"/{key_id}").status_code == 204
    assert statuses(server, key_id, last["token"]) == 401
    again = management.post(f"/{key_id}/rotate")
    assert (again.status_code, again.json()["key"]) == (400, "key_revoked")


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "OWNER"},
        {"kind": "management"},
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"expires_at": "2090-01-01T00:00:00"},
        {"allowed_addresses": ["shop.example"]},
        {"allowed_addresses": "192.0.2.1"},
        {"name": "x" * 256},
    ],
    ids=str,
)
def test_a_key_that_cannot_be_is_refused(management, wrong):
    """400, and none is made."""
    before = created(management.get(""))["total"]
    answer = management.post("", json=wrong)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    assert created(management.get(""))["total"] == before


def test_a_key_is_found_within_its_project_alone(server, management, project):
    """Another project's key, a management key and none at all are the same 404."""
    other = server.create_project("other")
    base = str(management.base_url)
    for key_id in (other.app_id, project.management_id, "app_nobody"):
        for method, path, body in (
            ("PUT", f"/{key_id}", {"role": "VIEWER"}),
            ("POST", f"/{key_id}/rotate", {}),
            ("DELETE", f"/{key_id}", None),
        ):
            answer = management.request(method, path, json=body)
            assert (answer.status_code, answer.json()["resource_type"]) == (404, "api_key"), (base, path)
    assert statuses(server, other.app_id, other.app_token) == 200


def test_a_publishable_key_has_no_role_to_change(management):
    """It opens the client side, whatever is asked for."""
    made = created(management.post("", json={"kind": "client", "role": "ADMIN"}))
    assert made["role"] == "CLIENT"
    assert management.put(f"/{made['id']}", json={"role": "ADMIN"}).status_code == 400
