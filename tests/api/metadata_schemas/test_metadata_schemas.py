"""Metadata schemas over HTTP: written under management, read with a project's key, held against every object
that has metadata, by every worker from the next request on.
"""

import httpx
import pytest

from tests.support.answers import LOOKED_AT
from tests.support.shop import (
    CART,
    created,
    percent_off,
    public_code,
    redeem,
    single_voucher,
    stack,
    tier,
    unique,
)

TEXT = {"type": "string", "optional": True, "array": False}
NUMBER = {"type": "number", "optional": True, "array": False}


@pytest.fixture(scope="module")
def management(server, project):
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=30, event_hooks=LOOKED_AT) as client:
        yield client


@pytest.fixture(scope="module")
def path(project):
    return f"/management/v1/projects/{project.project_id}/metadata-schemas"


def fresh(server):
    """A project of its own with its two clients: schemas of it are in nobody's way."""
    project = server.create_project(unique("schemas"))
    headers = {"X-Management-Id": project.management_id, "X-Management-Token": project.management_token}
    management = httpx.Client(base_url=server.base_url, headers=headers, timeout=30, event_hooks=LOOKED_AT)
    path = f"/management/v1/projects/{project.project_id}/metadata-schemas"
    return server.client(project), management, path


def define(management, path, related_object, **more):
    return created(management.post(path, json={"related_object": related_object, **more}))


def refused(answer, key="metadata_validation_failed"):
    assert (answer.status_code, answer.json().get("key")) == (400, key), answer.text
    return answer.json()["details"]


def test_a_schema_is_written_read_and_changed(api, management, path):
    """Every member comes back: snake_case under management, camelCase to the project's own key."""
    kind = unique("Payment")
    definitions = {
        "method": {**TEXT, "eq": ["card", "cash"], "min_length": 1, "max_length": 9},
        "code": {**TEXT, "optional": False, "exact_length": 5},
        "tax": {**NUMBER, "gt": 0, "gte": 1, "lt": 100, "lte": 99.5, "ne": [7]},
        "stores": {**TEXT, "array": True},
    }
    made = define(management, path, kind, properties=definitions, allow_defined_only=True)
    shown = {name: {"object_type": None, **body} for name, body in definitions.items()}
    assert (made["related_object"], made["properties"], made["allow_defined_only"]) == (kind, shown, True)
    assert (made["object"], made["updated_at"]) == ("metadata_schema", None)
    one = f"{path}/{made['id']}"
    assert created(management.get(one)) == made
    listed = created(management.get(path))
    assert (listed["data_ref"], listed["total"]) == ("data", len(listed["data"]))
    assert made in listed["data"]

    own = created(api.get(f"/v1/metadata-schemas/{kind}"))
    assert own["properties"]["method"] == {
        **TEXT,
        "objectType": None,
        "eq": ["card", "cash"],
        "minLength": 1,
        "maxLength": 9,
    }
    assert own["properties"]["code"]["exactLength"] == 5
    everything = created(api.get("/v1/metadata-schemas"))
    assert everything["data_ref"] == "schemas"
    assert own in everything["schemas"]

    changes = {"method": {**TEXT, "deleted": True}, "colour": TEXT}
    changed = created(management.put(one, json={"properties": changes, "allow_defined_only": False}))
    assert changed["properties"]["method"] == {**TEXT, "object_type": None, "deleted": True}
    assert changed["properties"]["tax"] == shown["tax"]
    assert "colour" in changed["properties"]
    assert changed["allow_defined_only"] is False
    assert changed["updated_at"] is not None


@pytest.mark.parametrize(
    ("definition", "details"),
    [
        ({**NUMBER, "eq": ["1"]}, ".eq.0 must be number"),
        ({**TEXT, "eq": ["1", 2]}, ".eq.1 must be string"),
        ({**TEXT, "lt": 1}, ".lt is not allowed for type string"),
        ({**NUMBER, "max_length": 1}, ".max_length is not allowed for type number"),
        ({**TEXT, "min_length": 2, "max_length": 1}, ".min_length must be <= max_length"),
        ({**TEXT, "type": "text"}, "must be equal to one of the allowed values"),
        ({"type": "string", "array": False}, "should have required property 'optional'"),
        ({**TEXT, "type": "object", "object_type": "Nowhere"}, "there is no metadata schema Nowhere"),
        ({**TEXT, "type": "object", "object_type": "campaign"}, "there is no metadata schema campaign"),
        ({**TEXT, "type": "object", "object_type": "nested"}, "a nested object cannot nest another"),
    ],
    ids=str,
)
def test_a_definition_that_cannot_be_is_refused(management, path, definition, details):
    """400, and nothing is stored."""
    before = created(management.get(path))["total"]
    kind = unique("Own") if definition.get("object_type") == "nested" else "reward"
    answer = management.post(path, json={"related_object": kind, "properties": {"it": definition}})
    assert details in refused(answer, "invalid_payload")
    assert created(management.get(path))["total"] == before


def test_a_schema_exists_once_and_keeps_its_types(management, path):
    """409 for a second one of a kind; a type does not change; 404 for none; an old version is not written
    over.
    """
    kind = unique("Once")
    made = define(management, path, kind, properties={"a": TEXT})
    again = management.post(path, json={"related_object": kind, "properties": {}})
    assert (again.status_code, again.json()["key"]) == (409, "duplicate_found")
    assert again.json()["details"] == f"Duplicated metadata schema exists with related_object {kind}"
    assert (again.json()["resource_id"], again.json()["resource_type"]) == (kind, "metadata schema")
    one = f"{path}/{made['id']}"
    assert "cannot be changed" in refused(
        management.put(one, json={"properties": {"a": NUMBER}}), "invalid_payload"
    )
    too_many = {f"p{number}": TEXT for number in range(100)}
    assert "more than 100" in refused(management.put(one, json={"properties": too_many}), "invalid_payload")
    tag = management.get(one).headers["etag"]
    assert management.put(one, json={"properties": {"b": TEXT}}).status_code == 200
    stale = management.put(one, json={"properties": {"c": TEXT}}, headers={"If-Match": tag})
    assert stale.status_code == 412
    assert set(created(management.get(one))["properties"]) == {"a", "b"}
    none = f"{path}/ms_none"
    for answer in (management.get(none), management.put(none, json={"properties": {}})):
        assert (answer.status_code, answer.json()["resource_type"]) == (404, "metadata schema")
    assert management.get("/management/v1/projects/proj_none/metadata-schemas").status_code == 404


def test_an_unknown_resource_is_not_found_and_a_stranger_sees_nothing(api, stranger, management, path):
    """P9, and the contract's own words."""
    kind = unique("Mine")
    define(management, path, kind, properties={})
    assert created(stranger.get("/v1/metadata-schemas"))["total"] == 0
    answer = stranger.get(f"/v1/metadata-schemas/{kind}")
    assert answer.json()["details"] == f"Cannot find metadata schema with id {kind}"
    assert (answer.status_code, answer.json()["resource_type"]) == (404, "metadata schema")


KINDS = (
    "campaign", "customer", "order", "order_item", "product", "promotion_tier", "publication", "redemption",
    "voucher",
)  # fmt: skip


def poster(api, path, **body):
    return lambda metadata: api.post(path, json={**body, "metadata": metadata})


def putter(api, path):
    return lambda metadata: api.put(path, json={"metadata": metadata})


def writes_of_offers(api):
    """By kind: what writes such an object with the given metadata."""
    promotion = tier(api, percent_off(1))
    voucher = single_voucher(api, percent_off(1))
    plain = {
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(5)},
    }
    own = {**plain, "use_voucher_metadata_schema": False}
    pool = created(api.post("/v1/campaigns", json={**own, "name": unique("pool")}))
    receiver = {"campaign": {"name": pool["name"]}, "customer": {"source_id": unique("c")}}
    coupon = {"type": "DISCOUNT_VOUCHER", "discount": percent_off(1)}
    tiers = f"/v1/promotions/{promotion['campaign']['id']}/tiers"
    return {
        "campaign": [
            lambda m: api.post("/v1/campaigns", json={**own, "name": unique("c"), "metadata": m}),
            putter(api, f"/v1/campaigns/{pool['id']}"),
        ],
        "promotion_tier": [
            poster(api, tiers, name="t", action={"discount": percent_off(1)}),
            putter(api, f"/v1/promotions/tiers/{promotion['id']}"),
        ],
        "publication": [poster(api, "/v1/publications", **receiver)],
        "voucher": [
            lambda m: api.post(f"/v1/vouchers/{unique('V')}", json={**coupon, "metadata": m}),
            putter(api, f"/v1/vouchers/{voucher['code']}"),
            poster(api, f"/v1/campaigns/{pool['id']}/vouchers/{unique('V')}"),
            lambda m: api.post("/v1/campaigns", json={**plain, "name": unique("c"), "metadata": m}),
        ],
    }


def writes_of_sales(api):
    """The same for what is sold, and to whom."""
    code, _ = public_code(api, percent_off(10))
    parent = created(api.post("/v1/products", json={"source_id": unique("p")}))
    skus = f"/v1/products/{parent['id']}/skus"
    sku = created(api.post(skus, json={"source_id": unique("s")}))
    customer = created(api.post("/v1/customers", json={"source_id": unique("c")}))
    order = created(api.post("/v1/orders", json={"source_id": unique("o"), "amount": 1}))

    def ask(verb, **body):
        return api.post(f"/v1/{verb}", json={**stack(code), **body})

    def buyer(metadata):
        return {"source_id": unique("c"), "metadata": metadata}

    def item(metadata):
        return {"items": [{"source_id": "mug", "price": 5, "metadata": metadata}]}

    def override(metadata):
        product = {"override": True, "metadata": metadata}
        return {"items": [{"source_id": unique("new"), "price": 5, "product": product}]}

    return {
        "customer": [
            lambda m: api.post("/v1/customers", json=buyer(m)),
            putter(api, f"/v1/customers/{customer['id']}"),
            lambda m: ask("redemptions", customer=buyer(m)),
            lambda m: api.post("/v1/orders", json={"customer": buyer(m)}),
        ],
        "order": [
            poster(api, "/v1/orders", amount=5),
            putter(api, f"/v1/orders/{order['id']}"),
            lambda m: ask("redemptions", order={"amount": 5, "metadata": m}),
            lambda m: ask("validations", order={"amount": 5, "metadata": m}),
        ],
        "order_item": [
            lambda m: api.post("/v1/orders", json=item(m)),
            lambda m: ask("redemptions", order=item(m)),
        ],
        "product": [
            lambda m: api.post("/v1/products", json={"source_id": unique("p"), "metadata": m}),
            putter(api, f"/v1/products/{parent['id']}"),
            poster(api, skus, sku="s"),
            putter(api, f"{skus}/{sku['id']}"),
            lambda m: api.post("/v1/orders", json=override(m)),
            lambda m: ask("redemptions", order=override(m)),
        ],
        "redemption": [lambda m: ask("redemptions", metadata=m), lambda m: ask("validations", metadata=m)],
    }


def test_every_object_with_metadata_is_held_to_its_schema(server):
    """Each way of writing each kind: refused before anything is stored, accepted as defined, and free again
    for what is not defined.
    """
    api, management, path = fresh(server)
    with api, management:
        ways = {**writes_of_offers(api), **writes_of_sales(api)}
        assert set(ways) == set(KINDS)
        for kind, calls in ways.items():
            define(management, path, kind, properties={f"{kind}_size": NUMBER})
            for write in calls:
                details = refused(write({f"{kind}_size": "big"}))
                assert details == f"{kind}_size: must be a number (actual value is 'big')"
                assert 200 <= write({f"{kind}_size": 5, "free": [1]}).status_code < 300, kind


def test_a_refused_order_stores_neither_products_nor_customers(server):
    """The check comes first."""
    api, management, path = fresh(server)
    with api, management:
        define(management, path, "order", properties={"size": NUMBER})
        customer, product = unique("c"), unique("p")
        item = {"source_id": product, "price": 5, "product": {"override": True, "name": "new"}}
        order = {"metadata": {"size": "x"}, "customer": {"source_id": customer}, "items": [item]}
        refused(api.post("/v1/orders", json=order))
        assert api.get(f"/v1/products/{product}").status_code == 404
        assert api.get(f"/v1/customers/{customer}").status_code == 404


def test_a_deleted_schema_asks_nothing_and_may_be_made_anew(server):
    """204, then 404; what its objects hold stays."""
    api, management, path = fresh(server)
    with api, management:
        one = f"{path}/{define(management, path, 'product', properties={'size': NUMBER})['id']}"
        refused(api.post("/v1/products", json={"metadata": {"size": "big"}}))
        made = created(api.post("/v1/products", json={"metadata": {"size": 5}}))
        tag = management.get(one).headers["etag"]
        assert management.delete(one, headers={"If-Match": '"1"'}).status_code == 412
        assert management.delete(one, headers={"If-Match": tag}).status_code == 204
        assert management.delete(one).status_code == 404
        created(api.post("/v1/products", json={"metadata": {"size": "big"}}))
        assert created(api.get(f"/v1/products/{made['id']}"))["metadata"] == {"size": 5}
        define(management, path, "product", properties={"size": TEXT})


def test_what_is_required_is_asked_of_what_is_made_and_not_of_what_is_named(server):
    """A customer who is only named by an order needs nothing; one who is created does; an update without
    metadata is not asked.
    """
    api, management, path = fresh(server)
    with api, management:
        before = created(api.post("/v1/products", json={"source_id": unique("p")}))
        for kind in ("customer", "product"):
            define(management, path, kind, properties={"tier": {**TEXT, "optional": False}})
        assert refused(api.post("/v1/customers", json={"source_id": unique("c")})) == "tier: is required"
        created(api.post("/v1/orders", json={"amount": 1, "customer": {"source_id": unique("c")}}))
        created(api.put(f"/v1/products/{before['id']}", json={"name": "Mug"}))
        one = f"/v1/products/{before['id']}"
        assert refused(api.put(one, json={"metadata": {"a": 1}})) == "tier: is required"
        assert created(api.put(one, json={"metadata": {"tier": "gold"}}))["metadata"] == {"tier": "gold"}
        created(api.put(one, json={"metadata": {"a": 1}}))


def test_a_schema_holds_for_the_next_request_on_every_worker(server):
    """Written and taken back twenty times, asked on a new connection each time: no worker answers from what
    it knew.
    """
    api, management, path = fresh(server)
    with api, management:
        code, _ = public_code(api, percent_off(10))
        one = f"{path}/{define(management, path, 'order', properties={'size': NUMBER})['id']}"
        body = {**stack(code), "order": {**CART, "metadata": {"size": "big"}}}
        for number in range(10):
            created(
                management.put(one, json={"properties": {"size": {**NUMBER, "deleted": number % 2 == 1}}})
            )
            for asked in ("/v1/validations", "/v1/redemptions", "/v1/orders"):
                sent = body["order"] if asked == "/v1/orders" else body
                answer = api.post(asked, json=sent, headers={"Connection": "close"})
                assert answer.status_code == (200 if number % 2 == 1 else 400), (number, asked, answer.text)
            fitting = {**stack(code), "order": {**CART, "metadata": {"size": 5}}}
            for _ in range(3):  # what a worker remembers of it is of this schema
                created(api.post("/v1/redemptions", json=fitting, headers={"Connection": "close"}))


def test_without_a_schema_anything_goes(api):
    """As before."""
    code, _ = public_code(api, percent_off(10))
    assert redeem(api, code, metadata={"a": {"b": [None]}})["redemptions"][0]["result"] == "SUCCESS"
