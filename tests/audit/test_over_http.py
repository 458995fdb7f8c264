"""The audit as its readers have it, over HTTP and on the command line; and what must never be in it."""

import json
import sqlite3
from contextlib import closing

import httpx
import pytest

from app.api.routes import ALL_ROUTES
from tests.durability.load import wait_until
from tests.support.actions import ended, send_csv
from tests.support.answers import LOOKED_AT
from tests.support.server import RunningServer
from tests.support.shop import created, percent_off, public_code, redeem, single_voucher, stack, unique

SECRETS = {
    "email": "planted.person@mail.example",
    "phone": "+4915112345678",
    "line_1": "Planted Avenue 77",
    "name": "Plantina Secretsdottir",
    "postal_code": "PLANT-0815",
    "header": "Bearer planted-header-4711",
}


@pytest.fixture(scope="module")
def talkative(tmp_path_factory):
    """A server of its own that logs all it can."""
    running = RunningServer(
        data_dir=tmp_path_factory.mktemp("talkative") / "data",
        workers=2,
        environment={"VOUCHSAFE_LOG_LEVEL": "debug"},
    )
    running.start()
    yield running
    running.stop()


def entries(api, **filters):
    return created(api.get("/v1/engine/audit", params={"limit": 100, **filters}))["data"]


def test_each_write_is_there_with_actor_operation_and_request(api, project):
    """Made, changed, switched off and deleted, in this order, by this key, under the answers' request ids."""
    _, campaign_id = public_code(api, percent_off(10))
    changed = api.put(f"/v1/campaigns/{campaign_id}", json={"description": "x", "auto_join": True})
    switched = api.post(f"/v1/campaigns/{campaign_id}/disable")
    deleted = api.delete(f"/v1/campaigns/{campaign_id}")
    assert deleted.status_code == 202
    seen = entries(api, related_object_id=campaign_id)[::-1]
    assert [(entry["operation"], entry["action"]) for entry in seen] == [
        ("create-campaign", "created"),
        ("update-campaign", "updated"),
        ("disable-campaign", "updated"),
        ("delete-campaign", "deleted"),
    ]
    assert {json.dumps(entry["actor"]) for entry in seen} == {
        json.dumps({"type": "key", "id": project.app_id})
    }
    assert [entry["request_id"] for entry in seen[1:]] == [
        answer.headers["x-request-id"] for answer in (changed, switched, deleted)
    ]
    assert seen[1]["changed"] == ["auto_join", "description"]
    assert (seen[1]["before"], seen[1]["after"]) == ({"auto_join": False}, {"auto_join": True})
    assert (seen[2]["before"], seen[2]["after"]) == ({"active": True}, {"active": False})


def test_a_refused_write_leaves_no_entry(api):
    """Neither a bad payload nor a duplicate nor an unknown id."""
    voucher = single_voucher(api, percent_off(10))
    before = len(entries(api))
    assert api.post(f"/v1/vouchers/{voucher['code']}", json={"type": "GIFT_VOUCHER"}).status_code == 400
    same = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(1)}
    assert api.post(f"/v1/vouchers/{voucher['code']}", json=same).status_code == 409
    assert api.put("/v1/campaigns/nobody", json={"description": "x"}).status_code == 404
    assert len(entries(api)) == before


def test_entries_are_filtered_and_paged(api, project):
    """By object, actor, operation, action, request and time; pages by number."""
    for _ in range(3):
        single_voucher(api, percent_off(5))
    mine = entries(api)
    assert [entry["number"] for entry in mine] == list(range(mine[0]["number"], 0, -1))
    vouchers = entries(api, related_object_type="voucher")
    assert len(vouchers) == 3
    assert entries(api, operation="create-voucher") == vouchers
    assert entries(api, request_id=vouchers[0]["request_id"])[0] == vouchers[0]
    assert entries(api, actor_id="somebody") == []
    assert entries(api, action="deleted") == []
    assert entries(api, **{"created_at[after]": "2999-01-01"}) == []
    assert len(entries(api, **{"created_at[after]": "2020-01-01"})) == len(mine)
    page = created(api.get("/v1/engine/audit?limit=2"))
    assert page["has_more"] is True
    following = entries(api, starting_after=page["more_starting_after"])
    assert [*page["data"], *following] == mine
    assert api.get("/v1/engine/audit?action=dropped").status_code == 400


def test_another_project_sees_nothing_of_it(api, stranger):
    """The chain is the project's own."""
    voucher = single_voucher(api, percent_off(5))
    assert entries(api, related_object_id=voucher["id"]) != []
    assert entries(stranger, related_object_id=voucher["id"]) == []


def test_management_reads_every_chain(server, project, api):
    """A project's by its id; without one, that of the management keys."""
    voucher = single_voucher(api, percent_off(5))
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    hooks = LOOKED_AT
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=60, event_hooks=hooks) as management:
        path = "/management/v1/engine/audit"
        of_project = created(management.get(path, params={"project_id": project.project_id, "limit": 100}))
        assert of_project["data"][0]["related_object_id"] == voucher["id"]
        keys = [entry for entry in of_project["data"] if entry["related_object_type"] == "api_key"]
        assert {entry["related_object_id"] for entry in keys} == {project.app_id, project.client_id}
        of_none = created(management.get(path, params={"limit": 100}))["data"]
        assert project.management_id in {entry["related_object_id"] for entry in of_none}
        assert management.get(path, params={"project_id": "proj_nobody"}).status_code == 404


def test_the_command_line_lists_and_proves(server, project, api):
    """`audit list` shows the same, `audit verify` prints an end that it accepts again and refuses when
    forged.
    """
    voucher = single_voucher(api, percent_off(5))
    listed = json.loads(
        server.command("audit", "list", "--project", project.name, "--limit", "1", "--json").stdout
    )
    assert listed == entries(api)[:1]
    assert listed[0]["related_object_id"] == voucher["id"]
    end = server.command("audit", "verify", "--project", project.name).stdout.strip().rsplit(" ", 1)[-1]
    number, _, digest = end.partition(":")
    assert (int(number), len(digest)) == (listed[0]["number"], 64)
    verify = ("audit", "verify", "--project", project.name, "--noted")
    assert server.command(*verify, end).returncode == 0
    forged = server.command(*verify, f"{number}:{'0' * 64}", check=False)
    assert (forged.returncode, "not the entry that was noted" in forged.stdout) == (1, True)


def provoke(api, project, before_erasure):
    """Everything that a shop sends with persons in it, the wrong way too. before_erasure: what is told of the
    person goes with her.
    """
    person = {
        "source_id": unique("planted"),
        "name": SECRETS["name"],
        "email": SECRETS["email"],
        "phone": SECRETS["phone"],
        "address": {"line_1": SECRETS["line_1"], "postal_code": SECRETS["postal_code"]},
        "metadata": {"note": SECRETS["line_1"]},
    }
    customer = created(api.post("/v1/customers", json=person))
    api.put(f"/v1/customers/{customer['id']}", json={**person, "phone": "+1" + SECRETS["phone"]})
    api.post("/v1/customers", content=json.dumps(person)[:-5])
    api.post("/v1/customers", json={**person, "metadata": "broken"})
    api.post("/v1/customers", json={**person, "source_id": 5})
    api.get(f"/v1/customers/{SECRETS['email']}")
    api.get("/v1/customers", params={"email": SECRETS["email"], "order": SECRETS["email"]})
    code, campaign_id = public_code(api, percent_off(10), metadata={"owner": SECRETS["email"]})
    api.put(f"/v1/campaigns/{campaign_id}", json={"metadata": {"owner": SECRETS["email"] + ".new"}})
    redeem(api, code, customer=person, metadata={"to": SECRETS["line_1"]})
    api.post(f"/v1/campaigns/{campaign_id}/disable")
    api.post("/v1/redemptions", json=stack(SECRETS["email"], customer=person))
    api.post("/v1/validations", json=stack(code, customer=person, order={"amount": SECRETS["email"]}))
    api.post("/v1/orders", json={"customer": person, "items": [], "metadata": {"to": SECRETS["line_1"]}})
    api.post("/v1/segments", json={"name": unique("s"), "type": "static", "customers": [customer["id"]]})
    api.post("/v1/events", json={"event": "moved", "customer": person, "metadata": {"to": SECRETS["line_1"]}})
    api.post("/v1/events", json={"event": SECRETS["email"], "customer": {"id": SECRETS["email"]}})
    row = f"{unique('planted')},{SECRETS['name']},{SECRETS['email']}"
    for text in (f"Source_id,Name,Email\n{row}\n", f"Source_id,Name,Email\n{row},{SECRETS['phone']}\n"):
        ended(api, send_csv(api, "/v1/customers/importCSV", text))
    api.post("/v1/customers/bulk/async", json=[person, {**person, "source_id": 5}])
    single = single_voucher(api, percent_off(10))["code"]
    created(api.post("/v1/publications", json={"voucher": single, "customer": person, "metadata": person}))
    api.post("/v1/exports", json={"exported_object": "customer", "parameters": {"filters": person}})
    before_erasure()
    api.post(f"/v1/customers/{customer['id']}/permanent-deletion")
    api.delete(f"/v1/customers/{customer['id']}")
    form = {"grant_type": "client_credentials", "scope": "api"}
    token = created(api.post("/v1/oauth/token", data=form))["access_token"]
    api.get("/v1/vouchers", headers={"X-App-Token": project.app_token + "-wrong"})
    bearer = {"Authorization": f"Bearer {token}"}
    httpx.get(f"{api.base_url}/v1/vouchers", headers=bearer, timeout=60)
    httpx.get(f"{api.base_url}/v1/oauth/token?token={token}", headers=bearer, timeout=60)
    api.post("/v1/oauth/token/revoke", data={"access_token": token})
    return token


def provoke_webhooks(server, project):
    """Secrets of a webhook, where somebody listens to what is told of persons and does not answer."""
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    base = f"{server.base_url}/management/v1"
    path = f"projects/{project.project_id}/webhooks"
    body = {
        "target_url": "https://receiver.invalid/hooks",
        "events": ["customer.created", "customer.updated", "redemption.succeeded"],
        "extensions": {"headers": {"Authorization": SECRETS["header"]}},
    }
    with httpx.Client(headers=headers, timeout=30, event_hooks=LOOKED_AT) as manage:
        made = created(manage.post(f"{base}/{path}", json=body))
        manage.post(f"{base}/{path}", json={**body, "target_url": f"ftp://{SECRETS['email']}/"})
        rotated = created(manage.post(f"{base}/engine/{path}/{made['id']}/secret/rotate"))
    return [made["extensions"]["secret"], rotated["secret"]]


def attempted(server):
    """Until somebody was told something, in vain: what is logged of that is there then."""
    with closing(sqlite3.connect(server.data_dir / "vouchsafe.db")) as database:
        wait_until(
            lambda: database.execute("SELECT count(*) FROM webhook_attempts").fetchone()[0],
            lambda: "no webhook was tried",
        )


def test_nothing_planted_is_in_a_log_line_an_audit_row_or_a_metric(talkative):
    """Of e-mail, telephone, address, name, tokens, and secrets of keys and webhooks, at the most talkative
    level.
    """
    project = talkative.create_project("planted")
    secrets = provoke_webhooks(talkative, project)
    with talkative.client(project) as api:
        token = provoke(api, project, before_erasure=lambda: attempted(talkative))
    key = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    metrics = httpx.get(f"{talkative.base_url}/management/v1/engine/metrics", headers=key, timeout=60).text
    assert "# TYPE" in metrics, "there are no metrics: the test would prove nothing"
    for command in (("audit", "list"), ("audit", "list", "--project", "planted", "--json")):
        metrics += talkative.command(*command).stdout
    tokens = [token, project.app_token, project.client_token, project.management_token]
    planted = [*SECRETS.values(), *tokens, *secrets]
    connection = sqlite3.connect(talkative.data_dir / "vouchsafe.db")
    audit = ""
    for table in ("audit_entries", "audit_details"):
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        assert rows, f"{table} is empty: the test would prove nothing"
        audit += repr(rows)
    connection.close()
    log = talkative.log.read_text(errors="replace")
    assert log, "the log is empty: the test would prove nothing"
    for text in planted:
        assert text not in audit
        assert text not in log
        assert text not in metrics


def test_the_audit_is_for_administrators():
    """No other role reads who did what."""
    routes = [route for route in ALL_ROUTES if "audit" in route.path]
    assert len(routes) == 2
    assert {route.permission for route in routes} == {"audit.read"}
