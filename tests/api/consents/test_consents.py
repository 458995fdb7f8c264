"""Consents: /v1/consents and /v1/engine/consents, what customers say to them, and where that counts."""

import json
import uuid
from typing import Any

import httpx
import pytest

from tests.support.server import Project, RunningServer
from tests.support.shop import created, unique

ORIGIN = "https://shop.example"


def made(api: httpx.Client, **more: str) -> dict[str, Any]:
    return created(api.post("/v1/engine/consents", json={"name": unique("consent"), **more}))


def customer(api: httpx.Client) -> str:
    return str(created(api.post("/v1/customers", json={"source_id": unique("person")}))["source_id"])


def give(api: httpx.Client, name: str, said: dict[str, Any], side: str = "") -> httpx.Response:
    return api.put(f"{side}/v1/customers/{name}/consents", json=said)


def kept(api: httpx.Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = created(api.get(f"/v1/customers/{name}"))["extensions"].get("consents", {})
    return found


def said(api: httpx.Client, name: str) -> dict[str, bool]:
    return {one: entry["given"] for one, entry in kept(api, name).items()}


def test_a_consent_is_made_listed_changed_and_deleted(api: httpx.Client, stranger: httpx.Client) -> None:
    """As official clients list them; a change that is based on an older one is refused."""
    answer = api.post("/v1/engine/consents", json={"name": "Mail", "description": "Yes.", "category": "m"})
    consent = created(answer)
    one = f"/v1/engine/consents/{consent['id']}"
    assert (consent["object"], consent["description"], consent["category"]) == ("consent", "Yes.", "m")
    assert consent["id"].startswith("cnst_")
    assert created(api.get(one)) == consent
    changed = created(api.put(one, json={"name": "Post"}, headers={"If-Match": answer.headers["ETag"]}))
    assert (changed["name"], changed["description"]) == ("Post", "Yes.")
    stale = api.put(one, json={"name": "Old"}, headers={"If-Match": answer.headers["ETag"]})
    assert (stale.status_code, stale.json()["key"]) == (412, "precondition_failed")
    listed = created(api.get("/v1/consents"))
    assert changed in listed["consents"]["data"]
    assert created(api.get("/v1/engine/consents")) == listed["consents"]
    assert listed["groups"] == {"object": "list", "data_ref": "data", "data": [], "total": 0}
    assert changed not in created(stranger.get("/v1/consents"))["consents"]["data"]
    assert stranger.delete(one).status_code == 404
    assert (api.delete(one).status_code, api.delete(one).status_code) == (204, 404)
    assert changed not in created(api.get("/v1/consents"))["consents"]["data"]


def test_what_a_customer_says_is_laid_over_what_was_said_before(api: httpx.Client) -> None:
    """By source_id or id, consent by consent; who says the same again keeps the first instant."""
    mail, post = made(api)["id"], made(api)["id"]
    name = customer(api)
    before = created(api.get(f"/v1/customers/{name}"))
    assert "consents" not in before["extensions"]
    assert "extensions" not in created(api.put(f"/v1/customers/{name}", json={"name": "Ann"}))
    assert give(api, name, {}).status_code == 204
    assert give(api, name, {mail: True}).status_code == 204
    first = kept(api, name)
    assert give(api, before["id"], {mail: True, post: False}).status_code == 204
    after = kept(api, name)
    assert (after[mail], after[post]["given"]) == (first[mail], False)
    assert give(api, name, {mail: False}).status_code == 204
    assert said(api, name) == {mail: False, post: False}
    assert kept(api, name)[mail]["updated_at"] > first[mail]["updated_at"]
    created(api.put(f"/v1/customers/{name}", json={"metadata": {"colour": "red"}}))
    assert said(api, name) == {mail: False, post: False}


def test_unsubscribing_takes_every_consent_back(api: httpx.Client) -> None:
    """Also those that were never asked; one cannot be given in the same breath."""
    mail, post = made(api)["id"], made(api)["id"]
    name = customer(api)
    assert give(api, name, {mail: True}).status_code == 204
    both = give(api, name, {"unsubscribed": True, mail: True})
    assert (both.status_code, both.json()["key"]) == (400, "invalid_payload")
    assert give(api, name, {"unsubscribed": False}).status_code == 204
    assert said(api, name) == {mail: True}
    assert give(api, name, {"unsubscribed": True}).status_code == 204
    assert said(api, name).items() >= {mail: False, post: False}.items()
    assert not any(said(api, name).values())


def test_an_unknown_consent_or_customer_keeps_nothing(api: httpx.Client, stranger: httpx.Client) -> None:
    """404, also for another project's; what a project no longer asks for can only be taken back."""
    mail, foreign, old = made(api)["id"], made(stranger)["id"], made(api)["id"]
    name = customer(api)
    for one in ("cnst_none", foreign):
        refused = give(api, name, {mail: True, one: True})
        assert (refused.status_code, refused.json()["resource_id"]) == (404, one)
    assert kept(api, name) == {}
    assert give(api, unique("nobody"), {mail: True}).status_code == 404
    assert give(stranger, name, {foreign: True}).status_code == 404
    for wrong in ({mail: "yes"}, {mail: None}, {"": True}, {f"cnst_{n}": True for n in range(201)}):
        assert give(api, name, wrong).status_code == 400
    assert give(api, name, {old: True}).status_code == 204
    assert api.delete(f"/v1/engine/consents/{old}").status_code == 204
    assert said(api, name) == {old: True}
    assert give(api, name, {old: True}).status_code == 404
    assert give(api, name, {old: False}).status_code == 204
    assert said(api, name) == {old: False}


def test_a_consent_is_seen_by_segments_and_gone_with_the_person(api: httpx.Client) -> None:
    """At once, and told as changes; the export holds it. Whoever is back after an erasure said nothing."""
    mail = made(api)["id"]
    name = customer(api)
    filters = {"junction": "and", f"consents.{mail}.given": {"conditions": {"$is": [True]}}}
    body = {"name": unique("agreed"), "type": "passive", "filter": filters}
    segment = created(api.post("/v1/segments", json=body))["id"]
    for given in (True, False, True):
        assert give(api, name, {mail: given}).status_code == 204
        listed = created(api.get(f"/v1/customers/{name}/segments"))["data"]
        assert (segment in [one["id"] for one in listed]) is given
    told = created(api.get(f"/v1/customers/{name}/activity"))["data"]
    assert [one["type"] for one in told].count("customer.updated") == 3
    data = created(api.get(f"/v1/engine/customers/{name}/data"))
    assert data["customer"]["extensions"]["consents"][mail]["given"] is True
    created(api.post(f"/v1/customers/{name}/permanent-deletion"))
    assert give(api, name, {mail: True}).status_code == 404
    again = created(api.post("/v1/customers", json={"source_id": name}))
    assert mail not in json.dumps(again)
    assert kept(api, name) == {}


@pytest.mark.parametrize("opened", [False, True])
def test_a_page_speaks_for_customers_only_where_the_project_opens_it(
    server: RunningServer, opened: bool
) -> None:
    """Like whatever else a page may store of a customer."""
    settings = {"client_trusted_domains": [ORIGIN], "client_create_customer_enabled": opened}
    shop: Project = server.create_project(f"consents-{uuid.uuid4().hex[:12]}", settings=settings)
    headers = {"X-Client-Application-Id": shop.client_id, "X-Client-Token": shop.client_token}
    with (
        server.client(shop) as back,
        httpx.Client(base_url=server.base_url, headers={**headers, "Origin": ORIGIN}, timeout=30) as page,
    ):
        mail = made(back)
        name = customer(back)
        listed = page.get("/client/v1/consents")
        answer = give(page, name, {mail["id"]: True}, "/client")
        assert (listed.status_code, answer.status_code) == ((200, 204) if opened else (403, 403))
        assert said(back, name) == ({mail["id"]: True} if opened else {})
        if opened:
            assert listed.json()["consents"]["data"] == [mail]
            assert "etag" not in answer.headers
