"""Two people change one object: the second one hears of it (`ETag`, `If-Match`, 412)."""

import pytest

from tests.support.shop import created, percent_off, rule, single_voucher, tier, unique

STATIC = {"type": "STATIC", "products": []}


def campaign(api):
    body = {"name": unique("c"), "campaign_type": "PROMOTION"}
    return f"/v1/campaigns/{created(api.post('/v1/campaigns', json=body))['id']}", {"description": "x"}


def voucher(api):
    return f"/v1/vouchers/{single_voucher(api, percent_off(10))['code']}", {"additional_info": "x"}


def promotion_tier(api):
    return f"/v1/promotions/tiers/{tier(api, percent_off(10))['id']}", {"name": "x"}


def promotion_stack(api):
    made = tier(api, percent_off(10))
    path = f"/v1/promotions/{made['campaign_id']}/stacks"
    stack = created(api.post(path, json={"name": "s", "tiers": {"ids": [made["id"]]}}))
    return f"{path}/{stack['id']}", {"name": "x"}


def validation_rule(api):
    return f"/v1/validation-rules/{rule(api, 'order.amount', {'$more_than': [1]})}", {"name": "x"}


def category(api):
    body = {"name": unique("c"), "hierarchy": 1}
    made = created(api.post("/v1/categories", json=body))
    return f"/v1/categories/{made['id']}", {"name": unique("c"), "hierarchy": 2}


def customer(api):
    made = created(api.post("/v1/customers", json={"source_id": unique("c")}))
    return f"/v1/customers/{made['id']}", {"name": "x"}


def product(api):
    return f"/v1/products/{created(api.post('/v1/products', json={'name': 'p'}))['id']}", {"name": "x"}


def sku(api):
    path, _ = product(api)
    return f"{path}/skus/{created(api.post(f'{path}/skus', json={'sku': 's'}))['id']}", {"sku": "x"}


def order(api):
    return f"/v1/orders/{created(api.post('/v1/orders', json={'amount': 100}))['id']}", {"amount": 200}


def product_collection(api):
    made = created(api.post("/v1/product-collections", json={"name": unique("p"), **STATIC}))
    return f"/v1/product-collections/{made['id']}", {"name": "x"}


def segment(api):
    made = created(api.post("/v1/segments", json={"name": "s", "type": "static", "customers": []}))
    return f"/v1/segments/{made['id']}", None


MAKERS = (
    campaign,
    voucher,
    promotion_tier,
    promotion_stack,
    validation_rule,
    category,
    customer,
    product,
    sku,
    order,
    product_collection,
    segment,
)


def read(api, path):
    """SKUs are read by a path of their own."""
    return api.get("/v1/skus/" + path.rsplit("/", 1)[1] if "/skus/" in path else path)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_change_of_what_somebody_else_has_changed_is_refused(api, maker):
    """The first change goes through and names the new version; the second, made from the old one, changes
    nothing; neither does a deletion.
    """
    path, change = maker(api)
    old = read(api, path).headers["etag"]
    assert old == read(api, path).headers["etag"]
    new = old
    if change is not None:
        first = api.put(path, json=change, headers={"If-Match": old})
        assert first.status_code == 200
        new = first.headers["etag"]
        assert new != old
        assert read(api, path).headers["etag"] == new
        second = api.put(path, json=change, headers={"If-Match": old})
        assert (second.status_code, second.json()["key"]) == (412, "precondition_failed")
        assert read(api, path).headers["etag"] == new
        assert api.put(path, json=change, headers={"If-Match": f'"1", {new}'}).status_code == 200
    if maker is order:
        return  # Orders are never deleted.
    assert api.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert read(api, path).status_code == 200
    assert api.delete(path, headers={"If-Match": "*"}).status_code in (202, 204)
    assert read(api, path).status_code == 404
