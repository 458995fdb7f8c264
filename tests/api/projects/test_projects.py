"""Projects under management: made with their keys, changed for the next request, deleted for good."""

import sqlite3
import time

import httpx
import pytest
import redis
import voucherify

from app.jobs.project_removal import KEPT, tables_to_empty
from tests.support.answers import LOOKED_AT
from tests.support.shop import CART, amount_off, created, percent_off, public_code, redeem, stack, unique

PATH = "/management/v1/projects"
REMOVAL_SECONDS_MAX = 300


@pytest.fixture
def management(server, project):
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=30, event_hooks=LOOKED_AT) as client:
        yield client


def body(**more):
    return {
        "name": unique("project"),
        "timezone": "Europe/Berlin",
        "currency": "EUR",
        "case_sensitive_codes": True,
        **more,
    }


def made(management, **more):
    return created(management.post(PATH, json=body(**more)))


def client_of(server, pair):
    headers = {"X-App-Id": pair["app_id"], "X-App-Token": pair["app_token"]}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=30, event_hooks=LOOKED_AT)


def test_a_new_project_comes_with_its_keys_shown_once(server, management):
    """They open it at once, on the server side and, from a trusted origin, on the client side."""
    answer = management.post(PATH, json=body(client_trusted_domains=["https://shop.example"]))
    project = created(answer)
    assert answer.headers["cache-control"] == "no-store"
    with client_of(server, project["server_side_key"]) as api:
        code, _ = public_code(api, percent_off(10))
        assert redeem(api, code)["redemptions"][0]["result"] == "SUCCESS"
    pair = project["client_side_key"]
    browser = {
        "X-Client-Application-Id": pair["app_id"],
        "X-Client-Token": pair["app_token"],
        "Origin": "https://shop.example",
    }
    validated = httpx.post(
        f"{server.base_url}/client/v1/validations",
        headers=browser,
        json={"redeemables": [{"object": "voucher", "id": code}], "order": CART},
    )
    assert validated.status_code == 200, validated.text
    shown = created(management.get(f"{PATH}/{project['id']}"))
    assert {"server_side_key", "client_side_key", "secret"} & set(shown) == set()
    assert (shown["name"], shown["timezone"], shown["currency"]) == (project["name"], "Europe/Berlin", "EUR")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": None},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"currency": "EURO"},
        {"case_sensitive_codes": "yes"},
        {"api_version": "v2099-01-01"},
        {"webhook_version": "v1"},
        {"client_trusted_domains": "https://shop.example"},
        {"client_redeem_enabled": 1},
        {"users": [{"login": "ada", "role": "ADMIN"}]},
    ],
    ids=str,
)
def test_a_project_that_cannot_be_is_refused(management, wrong):
    """400, and none is made."""
    before = created(management.get(PATH))["total"]
    answer = management.post(PATH, json=body(**wrong))
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    assert created(management.get(PATH))["total"] == before


@pytest.mark.parametrize("missing", ["name", "timezone", "currency", "case_sensitive_codes"])
def test_what_the_contract_requires_is_required(management, missing):
    """The answer names it."""
    sent = {name: value for name, value in body().items() if name != missing}
    answer = management.post(PATH, json=sent)
    assert answer.json()["details"] == f"Payload should have required property '{missing}'"


@pytest.mark.parametrize(("sent", "kept"), [("GMT+2", "Etc/GMT-2"), ("UTC-5", "Etc/GMT+5"), ("GMT", "GMT")])
def test_offsets_from_greenwich_are_understood(management, sent, kept):
    """The IANA names count the other way round."""
    assert made(management, timezone=sent)["timezone"] == kept


def test_every_member_that_is_sent_is_kept_and_changed_alone(management):
    """Create, read, update: what is not sent stays."""
    notifications = {"webhooks": {"email": True, "in_app": False, "emails": []}}
    sent = {
        "description": "for tests",
        "dial_code": "+49",
        "client_redeem_enabled": True,
        "client_publish_enabled": True,
        "client_list_vouchers_enabled": True,
        "client_create_customer_enabled": True,
        "client_loyalty_events_enabled": True,
        "client_set_voucher_expiration_date_enabled": True,
        "client_trusted_domains": ["a.example", "*.b.example"],
        "webhooks_callout_notifications": notifications,
        "api_usage_notifications": {"messages": {"enabled": False}},
        "hide_code_state": True,
        "webhook_version": "v2024-01-01",
        "api_version": "v2018-08-01",
    }
    project = made(management, **sent)
    assert {name: project[name] for name in sent} == sent
    one = f"{PATH}/{project['id']}"
    changes = {
        "name": unique("renamed"),
        "timezone": "Asia/Tokyo",
        "currency": "jpy",
        "description": None,
        "client_redeem_enabled": False,
        "client_trusted_domains": [],
        "default_code_config": {"charset": "ABCDEF"},
    }
    for name, value in changes.items():
        before = created(management.get(one))
        created(management.put(one, json={name: value}))
        after = created(management.get(one))
        expected = "JPY" if name == "currency" else value
        assert {key for key in after if after[key] != before.get(key)} == {name}
        assert after[name] == expected
    listed = created(management.get(PATH))
    assert (listed["object"], listed["data_ref"]) == ("list", "data")
    assert next(row for row in listed["data"] if row["id"] == project["id"]) == created(management.get(one))
    assert len(created(management.get(PATH, params={"limit": 1}))["data"]) == 1


def test_a_change_is_not_written_over_another(management):
    """If-Match with an old version is 412, and nothing is changed."""
    project = made(management)
    one = f"{PATH}/{project['id']}"
    tag = management.get(one).headers["etag"]
    assert management.put(one, json={"name": "first"}, headers={"If-Match": tag}).status_code == 200
    assert management.put(one, json={"name": "second"}, headers={"If-Match": tag}).status_code == 412
    assert created(management.get(one))["name"] == "first"


def test_settings_hold_for_the_next_request(server, management):
    """The default charset of codes, and the origins that a browser may come from."""
    project = made(management)
    one = f"{PATH}/{project['id']}"
    created(management.put(one, json={"default_code_config": {"charset": "XY"}}))
    with client_of(server, project["server_side_key"]) as api:
        voucher = created(
            api.post("/v1/vouchers", json={"type": "DISCOUNT_VOUCHER", "discount": amount_off(100)})
        )
        assert set(voucher["code"]) <= {"X", "Y"}
    pair = project["client_side_key"]
    browser = {
        "X-Client-Application-Id": pair["app_id"],
        "X-Client-Token": pair["app_token"],
        "Origin": "https://new.example",
    }
    seen = []
    for number, domains in enumerate(([], ["https://new.example"], ["https://old.example"]), 2):
        created(management.put(one, json={"client_trusted_domains": domains}))
        # An address of its own each time: one may ask five times in five seconds.
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{number}")
        with httpx.Client(transport=transport, headers=browser) as page:
            for _ in range(4):  # both workers
                answer = page.get(
                    f"{server.base_url}/client/v1/promotions/tiers", headers={"Connection": "close"}
                )
                seen.append(answer.status_code)
    assert seen == [403] * 4 + [200] * 4 + [403] * 4


def everything_of(server, project_id):
    """Rows by table, and keys of Redis, that are the project's."""
    connection = sqlite3.connect(server.data_dir / "vouchsafe.db", timeout=30)
    rows = {}
    for table in tables_to_empty():
        column, value = (
            ("project_id", project_id) if "project_id" in table.c else ("part", f"{project_id}.0")
        )
        (count,) = connection.execute(
            f"SELECT count(*) FROM {table.name} WHERE {column} = ?", (value,)
        ).fetchone()
        if count:
            rows[table.name] = count
    connection.close()
    store = redis.Redis.from_url(server.status()["redis_url"])
    keys = list(store.scan_iter(match=f"{{{project_id}.0}}:*"))
    store.close()
    return rows, keys


def test_a_deleted_project_opens_nothing_and_is_removed_whole(server, management, api):
    """With the answer its keys are dead on every worker; then rows and keys go, but for the audit; other
    projects keep theirs.
    """
    project = made(management)
    mine, _ = public_code(api, percent_off(10))
    with client_of(server, project["server_side_key"]) as doomed:
        code, _ = public_code(doomed, percent_off(10))
        redeem(doomed, code, customer={"source_id": "ada", "email": "ada@example.com"})
        created(doomed.get("/v1/redemptions"))
        rows, keys = everything_of(server, project["id"])
        assert {"vouchers", "campaigns", "ledger_events", "ledger_postings", "orders"} <= set(rows)
        assert keys
        assert management.delete(f"{PATH}/{project['id']}").status_code == 204
        for _ in range(4):
            assert doomed.get("/v1/vouchers").status_code == 401
            assert doomed.post("/v1/redemptions", json=stack(code)).status_code == 401
    for answer in (management.get(f"{PATH}/{project['id']}"), management.delete(f"{PATH}/{project['id']}")):
        assert (answer.status_code, answer.json()["resource_type"]) == (404, "project")
    deadline = time.monotonic() + REMOVAL_SECONDS_MAX
    while everything_of(server, project["id"]) != ({"async_actions": 1}, []):
        assert time.monotonic() < deadline, everything_of(server, project["id"])
        time.sleep(0.2)
    assert redeem(api, mine)["redemptions"][0]["result"] == "SUCCESS"
    history = created(
        management.get("/management/v1/engine/audit", params={"project_id": project["id"]})
    )["data"]
    assert [entry["action"] for entry in history if entry["related_object_type"] == "project"] == [
        "deleted",
        "created",
    ]
    assert server.command("audit", "verify", "--project", project["id"]).returncode == 0


def test_every_table_is_emptied_or_kept_on_purpose():
    """A table that nobody thought of would outlive the project."""
    from app.db.base import Base

    emptied = {table.name for table in tables_to_empty()}
    assert emptied | KEPT >= set(Base.metadata.tables)
    assert emptied & KEPT == set()


def test_a_sandbox_is_not_deleted(server, management):
    """As the contract says."""
    sandbox = server.create_project(unique("sandbox"), is_sandbox=True)
    answer = management.delete(f"{PATH}/{sandbox.project_id}")
    assert (answer.status_code, answer.json()["key"]) == (400, "resource_protected")
    assert management.get(f"{PATH}/{sandbox.project_id}").json()["is_sandbox"] is True


def test_the_official_client_understands_every_answer(server, project):
    """Create, get, list, update and delete through its models."""
    configuration = voucherify.Configuration(
        host=server.base_url,
        api_key={
            "X-Management-Id": project.management_id,
            "X-Management-Token": project.management_token,
        },
    )
    with voucherify.ApiClient(configuration) as client:
        api = voucherify.ManagementApi(client)
        new = api.create_project(voucherify.ManagementProjectsCreateRequestBody(**body(description="by SDK")))
        assert new.server_side_key.app_token
        assert api.get_project(new.id).description == "by SDK"
        changed = api.update_project(
            new.id, voucherify.ManagementProjectsUpdateRequestBody(client_redeem_enabled=True)
        )
        assert changed.client_redeem_enabled is True
        assert new.id in {row.id for row in api.list_projects().data}
        api.delete_project(new.id)
        assert new.id not in {row.id for row in api.list_projects().data}
        client.rest_client.pool_manager.clear()
