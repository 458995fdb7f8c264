"""Custom events: tracked, checked by schema, counted for rules and segments."""

import concurrent.futures
import uuid

import httpx
import pytest
import voucherify

from tests.support.shop import created, percent_off, public_code, rule, stack, unique, validate

ORIGIN = "https://shop.example"


@pytest.fixture
def management(server, project):
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    base = f"{server.base_url}/management/v1/projects/{project.project_id}/custom-event-schemas"
    with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
        yield client


def schema_of(management, name, **properties):
    return created(management.post("", json={"name": name, "schema": {"properties": properties}}))


def track(api, event, customer, **more):
    return created(api.post("/v1/events", json={"event": event, "customer": customer, **more}))


def events_rule(api, event, conditions, window="", **more):
    body = {"name": f"customer.events.count{window}", "property": event, "conditions": conditions, **more}
    made = created(
        api.post("/v1/validation-rules", json={"name": unique("rule"), "rules": {"1": body, "logic": "1"}})
    )
    return made["id"]


def code_with(api, rule_id):
    return public_code(api, percent_off(10), validation_rules=[rule_id])[0]


def test_an_event_makes_and_changes_its_customer(api):
    """As sent, merged into what is known; the references of programmes are kept with it."""
    name = unique("doer")
    answer = track(
        api,
        "signed_up",
        {"source_id": name, "name": "Ann", "metadata": {"a": 1}},
        referral={"code": "FRIEND", "referrer_id": "cust_1"},
        loyalty={"code": "CARD"},
        metadata={"plan": "gold", "seats": 3},
    )
    assert (answer["object"], answer["type"], answer["referral"], answer["loyalty"]) == (
        "event",
        "signed_up",
        None,
        None,
    )
    assert answer["metadata"] == {"plan": "gold", "seats": 3}
    assert (answer["customer"]["name"], answer["customer"]["source_id"]) == ("Ann", name)
    again = track(api, "signed_up", {"id": answer["customer"]["id"], "metadata": {"b": 2}})
    assert again["customer"]["metadata"] == {"a": 1, "b": 2}
    stored = created(api.get(f"/v1/customers/{name}"))
    assert (stored["id"], stored["metadata"]) == (answer["customer"]["id"], {"a": 1, "b": 2})
    feed = created(api.get(f"/v1/customers/{name}/activity", params={"type": "customer.custom_event"}))
    oldest = feed["data"][-1]["data"]["data"]["event"]
    assert (oldest["referral"]["code"], oldest["loyalty"]) == ("FRIEND", {"code": "CARD"})


@pytest.mark.parametrize(
    "body",
    [
        {"customer": {"source_id": "c"}},
        {"event": "", "customer": {"source_id": "c"}},
        {"event": "x" * 301, "customer": {"source_id": "c"}},
        {"event": "x"},
        {"event": "x", "customer": {"source_id": "c"}, "referral": {}},
        {"event": "x", "customer": {"source_id": "c"}, "loyalty": {"code": ""}},
        {"event": "x", "customer": {"source_id": "c"}, "metadata": []},
    ],
)
def test_what_is_no_event_is_refused(api, body):
    """With the path of what is wrong; nobody is made."""
    answer = api.post("/v1/events", json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload"), answer.text


def test_an_unknown_id_is_nobody(api, stranger):
    """An id makes no customer, and another project's customer is none."""
    theirs = created(stranger.post("/v1/customers", json={"source_id": unique("c")}))["id"]
    for name in ("cust_unknown", theirs):
        answer = api.post("/v1/events", json={"event": "x", "customer": {"id": name}})
        assert (answer.status_code, answer.json()["resource_id"]) == (404, name)


def test_a_schema_says_what_an_event_may_carry(api, management):
    """Types, what must be there, what is no longer; properties that it does not name are taken."""
    name = unique("review")
    made = schema_of(
        management,
        name,
        stars={"type": "number", "optional": False},
        published={"type": "boolean", "optional": True},
        day={"type": "date", "optional": True},
        at={"type": "datetime", "optional": True},
        text={"type": "string", "optional": True},
    )
    assert (made["object"], made["name"], made["updated_at"]) == ("custom-event-schema", name, None)
    who = {"source_id": unique("c")}
    sound = {"stars": 5, "published": True, "day": "2026-02-28", "at": "2026-02-28T10:00:00Z", "more": []}
    track(api, name, who, metadata=sound)
    for wrong in (
        {},
        {"stars": "5"},
        {"stars": True},
        {"stars": 1, "published": "yes"},
        {"stars": 1, "day": "2026-02-30"},
        {"stars": 1, "at": "noon"},
        {"stars": 1, "text": 1},
        {"stars": None},
    ):
        answer = api.post("/v1/events", json={"event": name, "customer": who, "metadata": wrong})
        assert (answer.status_code, answer.json()["key"]) == (400, "metadata_validation_failed"), wrong
    assert (
        "stars: must be a number (actual value is '5')"
        in (
            api.post("/v1/events", json={"event": name, "customer": who, "metadata": {"stars": "5"}}).json()[
                "details"
            ]
        )
    )
    changed = {"schema": {"properties": {"stars": {"type": "string", "optional": True, "deleted": True}}}}
    updated = created(management.put(f"/{made['id']}", json=changed))
    assert set(updated["schema"]["properties"]) == {"stars", "published", "day", "at", "text"}
    track(api, name, who, metadata={})


def test_schemas_are_managed(management, project):
    """Made once per name, listed, read, deleted; of another project none is found."""
    name = unique("s")
    made = schema_of(management, name)
    assert management.post("", json={"name": name, "schema": {"properties": {}}}).status_code == 409
    assert management.post("", json={"name": name}).status_code == 400
    wrong = {"name": unique("s"), "schema": {"properties": {"a": {"type": "array", "optional": True}}}}
    assert management.post("", json=wrong).status_code == 400
    listed = created(management.get(""))
    assert made["id"] in [one["id"] for one in listed["data"]]
    assert listed["total"] == len(listed["data"])
    assert created(management.get(f"/{made['id']}")) == made
    assert management.delete(f"/{made['id']}").status_code == 204
    assert management.get(f"/{made['id']}").status_code == 404
    elsewhere = str(management.base_url).replace(project.project_id, "proj_unknown")
    assert management.get(elsewhere).status_code == 404


def test_a_rule_counts_events(server, project, api):
    """Of the customer alone, in the window, seen by the next validation on whichever worker."""
    event = unique("looked")
    code = code_with(api, events_rule(api, event, {"$more_than_or_equal": [3]}, ".monthly"))
    who, other = {"source_id": unique("c")}, {"source_id": unique("o")}
    track(api, event, other)
    for count in range(1, 5):
        track(api, event, who)
        for _ in range(2):
            with server.client(project) as client:
                assert validate(client, code, customer=who)["valid"] is (count >= 3)
    assert validate(api, code, customer=other)["valid"] is False
    answer = validate(api, code)
    assert answer["inapplicable_redeemables"][0]["result"]["error"]["key"] == "missing_customer"


def test_a_value_is_counted_by_itself(api, management):
    """Only of properties that the schema counts: for one value, or for what lies in the cart."""
    event = unique("viewed")
    counted = {"type": "string", "optional": True, "extensions": {"counted": True}}
    schema_of(management, event, product=counted, page={"type": "string", "optional": True})
    blue = code_with(api, events_rule(api, event, {"$more_than_or_equal": [2]}, where={"product": "blue"}))
    in_cart = code_with(
        api, events_rule(api, event, {"$more_than_or_equal": [2]}, where={"product": "$order.items"})
    )
    uncounted = code_with(api, events_rule(api, event, {"$more_than": [0]}, where={"page": "home"}))
    who = {"source_id": unique("c")}
    for product in ("mug", "blue", "mug"):
        track(api, event, who, metadata={"product": product, "page": "home"})
    assert [validate(api, one, customer=who)["valid"] for one in (blue, in_cart, uncounted)] == [
        False,
        True,
        False,
    ]
    track(api, event, who, metadata={"product": "blue"})
    assert validate(api, blue, customer=who)["valid"]
    rest = {"items": [{"source_id": "lamp", "quantity": 1, "price": 10}]}
    assert not validate(api, in_cart, customer=who, order=rest)["valid"]


def test_a_segment_counts_events(api):
    """As the contract names it, `events.<name>.count`; and by day, week and month."""
    event = unique("a.dotted.name")
    found = []
    for ending in ("count", "count.daily"):
        body = {
            "name": unique("s"),
            "type": "passive",
            "filter": {f"events.{event}.{ending}": {"conditions": {"$more_than": [1]}}},
        }
        found.append(created(api.post("/v1/segments", json=body))["id"])
    code = code_with(api, rule(api, "customer.segment", {"$is": [found[0]]}))
    who = {"source_id": unique("c")}
    track(api, event, who)
    assert not validate(api, code, customer=who)["valid"]
    track(api, event, who)
    assert validate(api, code, customer=who)["valid"]
    of = created(api.get(f"/v1/customers/{who['source_id']}/segments"))["data"]
    assert {one["id"] for one in of} >= set(found)


def test_events_at_once_are_all_counted_and_a_repeated_one_once(server, project, api):
    """Each request counts; the same Idempotency-Key counts one time, and other content under it none."""
    event = unique("rush")
    exact = code_with(api, events_rule(api, event, {"$is": [21]}))
    who = {"source_id": unique("c")}

    def once(headers):
        with server.client(project) as client:
            body = {"event": event, "customer": who}
            return client.post("/v1/events", json=body, headers=headers).status_code

    key = {"Idempotency-Key": unique("key")}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(once, [{}] * 20 + [key] * 6))
    assert statuses == [200] * 26
    assert validate(api, exact, customer=who)["valid"]
    other = api.post("/v1/events", json={"event": "other", "customer": who}, headers=key)
    assert (other.status_code, other.json()["key"]) == (422, "idempotency_key_reused")


def test_an_event_that_is_counted_between_validation_and_redemption_is_seen(api):
    """A redemption is decided on the count as it is when it is taken."""
    event = unique("once")
    code = code_with(api, events_rule(api, event, {"$less_than": [1]}))
    who = {"source_id": unique("c")}
    assert validate(api, code, customer=who)["valid"]
    track(api, event, who)
    answer = api.post("/v1/redemptions", json=stack(code, customer=who))
    assert (answer.status_code, answer.json()["key"]) == (400, "customer_rules_violated")


@pytest.mark.parametrize(
    "wrong",
    [
        {"property": ""},
        {"property": "x" * 301},
        {"where": {"a": 1, "b": 2}},
        {"where": {"a": {}}},
        {"where": []},
        {"conditions": {"$more_than": ["many"]}},
    ],
)
def test_a_rule_on_events_that_makes_no_sense_is_refused(api, wrong):
    """When it is written."""
    body = {"name": "customer.events.count", "property": "x", "conditions": {"$is": [1]}, **wrong}
    answer = api.post("/v1/validation-rules", json={"name": "r", "rules": {"1": body}})
    assert answer.status_code == 400, answer.text


def test_pages_track_where_the_project_lets_them(server):
    """A shop's page needs no flag for an event, one for events of cards; the answer tells it nothing new, and
    without the flag for customers nobody is stored.
    """
    settings = {"client_trusted_domains": [ORIGIN]}
    project = server.create_project(f"events-{uuid.uuid4().hex[:8]}", settings=settings)
    headers = {
        "X-Client-Application-Id": project.client_id,
        "X-Client-Token": project.client_token,
        "Origin": ORIGIN,
    }
    with server.client(project) as back, httpx.Client(base_url=server.base_url, headers=headers) as page:
        known = created(
            back.post("/v1/customers", json={"source_id": "known", "name": "Ann", "metadata": {"a": 1}})
        )
        body = {"event": "looked", "customer": {"source_id": "known", "metadata": {"b": 2}}}
        answer = created(page.post("/client/v1/events", json=body))
        assert (answer["object"], answer["type"]) == ("event", "looked")
        assert (answer["customer"]["id"], answer["customer"]["name"]) == (known["id"], None)
        created(page.post("/client/v1/events", json={"event": "looked", "customer": {"source_id": "new"}}))
        card = {"event": "looked", "customer": {"source_id": "known"}, "loyalty": {"code": "C"}}
        assert page.post("/client/v1/events", json=card).status_code == 403
        stored = created(back.get("/v1/customers/known"))
        assert stored["metadata"] == {"a": 1}
        assert back.get("/v1/customers/new").status_code == 404
        feed = created(back.get("/v1/customers/known/activity", params={"type": "customer.custom_event"}))
        assert feed["data"][0]["data"]["event_source"]["channel"] == "CLIENT_API"


def test_the_official_client_reads_the_answer(official):
    """Through its own models."""
    body = voucherify.EventsCreateRequestBody(
        event="x", customer=voucherify.Customer(source_id=unique("c")), metadata={"a": 1}
    )
    answer = voucherify.EventsApi(official).track_custom_event(body)
    assert (answer.type, answer.metadata) == ("x", {"a": 1})
