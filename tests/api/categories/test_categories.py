"""Categories: /v1/categories."""

import voucherify
from voucherify import models

from tests.support.shop import created, percent_off, single_voucher, unique


def category(api, **changes):
    return created(api.post("/v1/categories", json={"name": unique("category"), "hierarchy": 3, **changes}))


def test_what_is_sent_is_read_back_changed_and_listed(api, stranger):
    """Name and hierarchy on any worker, in the list by importance, and in no other project."""
    made = category(api, hierarchy=7)
    first = category(api, hierarchy=0)
    for _ in range(4):
        assert created(api.get(f"/v1/categories/{made['id']}")) == made
    listed = created(api.get("/v1/categories"))
    ids = [row["id"] for row in listed["data"]]
    assert ids.index(first["id"]) < ids.index(made["id"])
    assert listed["total"] == len(ids)
    name = unique("renamed")
    changed = created(api.put(f"/v1/categories/{made['id']}", json={"name": name, "hierarchy": 1}))
    assert (changed["name"], changed["hierarchy"], changed["object"]) == (name, 1, "category")
    assert changed["updated_at"] is not None
    for method in ("GET", "DELETE"):
        assert stranger.request(method, f"/v1/categories/{made['id']}").status_code == 404


def test_names_are_unique_and_bodies_are_checked(api):
    """A name twice is 409, on creation and by renaming; a hierarchy below zero or no name is 400."""
    one, other = category(api), category(api)
    taken = {"name": one["name"], "hierarchy": 1}
    assert api.post("/v1/categories", json=taken).status_code == 409
    refused = api.put(f"/v1/categories/{other['id']}", json=taken)
    assert (refused.status_code, refused.json()["key"]) == (409, "duplicate_found")
    for wrong in ({"name": "x", "hierarchy": -1}, {"hierarchy": 1}, {"name": "", "hierarchy": 1}, []):
        assert api.post("/v1/categories", json=wrong).status_code == 400
    assert created(api.get(f"/v1/categories/{other['id']}")) == other


def test_what_was_in_a_deleted_category_is_in_none(api):
    """Campaigns and vouchers answer no category afterwards; the second deletion is 404."""
    made = category(api)
    voucher = single_voucher(api, percent_off(10), category_id=made["id"])
    promotion = created(
        api.post(
            "/v1/campaigns",
            json={"name": unique("p"), "campaign_type": "PROMOTION", "category_id": made["id"]},
        )
    )
    assert promotion["category"] == voucher["category"] == made["name"]
    assert api.delete(f"/v1/categories/{made['id']}").status_code == 204
    assert api.delete(f"/v1/categories/{made['id']}").status_code == 404
    assert created(api.get(f"/v1/campaigns/{promotion['id']}"))["category_id"] is None
    assert created(api.get(f"/v1/vouchers/{voucher['code']}"))["category_id"] is None


def test_a_redeemable_shows_the_renamed_category_at_once(api):
    """Validations on any worker answer with the category as it is now."""
    made = category(api)
    voucher = single_voucher(api, percent_off(10), category_id=made["id"])
    name = unique("renamed")
    created(api.put(f"/v1/categories/{made['id']}", json={"name": name, "hierarchy": 2}))
    body = {
        "redeemables": [{"object": "voucher", "id": voucher["code"]}],
        "order": {"amount": 1000},
        "options": {"expand": ["category"]},
    }
    for _ in range(4):
        (entry,) = created(api.post("/v1/validations", json=body))["redeemables"]
        assert [one["name"] for one in entry["categories"]] == [name]


def test_the_official_client(official):
    """Create, read, list, change and delete parse."""
    categories = voucherify.CategoriesApi(official)
    made = categories.create_category(
        models.CategoriesCreateRequestBody(name=unique("official"), hierarchy=5)
    )
    assert categories.get_category(made.id).hierarchy == 5
    assert made.id in [row.id for row in categories.list_categories().data]
    body = models.CategoriesUpdateRequestBody(name=unique("official"), hierarchy=1)
    assert categories.update_category(made.id, body).hierarchy == 1
    categories.delete_category(made.id)
