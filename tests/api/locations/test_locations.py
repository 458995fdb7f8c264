"""Locations: /v1/locations and /v1/engine/locations, and what segments and collections make of them."""

from typing import Any

import httpx
import pytest

from tests.support.shop import created, public_code, rule, unique, validate

MADE = "/v1/engine/locations"
CENTRE = "geo:47.0105,28.8638"
NEAR, FAR = "geo:47.02,28.85", "geo:46.48,30.72"
SQUARE = {
    "type": "polygon",
    "format": "geojson",
    "geojson": {
        "type": "Polygon",
        "coordinates": [[[28.5, 46.8], [29.2, 46.8], [29.2, 47.2], [28.5, 47.2], [28.5, 46.8]]],
    },
}


def circle(radius: str) -> dict[str, Any]:
    return {"type": "circle", "format": "distance", "distance": {"center": CENTRE, "radius": radius}}


def location(api: httpx.Client, shape: dict[str, Any]) -> dict[str, Any]:
    return created(api.post(MADE, json={"name": unique("place"), "shape": shape}))


def test_what_is_made_is_read_changed_and_deleted(api: httpx.Client, stranger: httpx.Client) -> None:
    """In the published shape, newest first, and in no other project."""
    first, second = location(api, circle("2 km")), location(api, SQUARE)
    path = f"/v1/locations/{first['id']}"
    assert first["id"].startswith("loc_")
    assert created(api.get(path)) == first
    listed = created(api.get("/v1/locations", params={"limit": 1}))
    assert (listed["object"], listed["data_ref"], listed["data"]) == ("list", "data", [second])
    assert listed["has_more"] is True
    oldest = created(api.get("/v1/locations", params={"order": "created_at"}))["data"][0]
    assert oldest["created_at"] <= first["created_at"]
    by_name = {"filters[name][conditions][$is][0]": first["name"]}
    assert created(api.get("/v1/locations", params=by_name))["data"] == [first]
    assert created(api.get("/v1/locations", params={"end_date": "2020-01-01"}))["total"] == 0
    changed = created(api.put(f"{MADE}/{first['id']}", json={"shape": SQUARE}))
    assert (changed["name"], changed["shape"]) == (first["name"], SQUARE)
    assert stranger.get(path).status_code == 404
    for method in ("PUT", "DELETE"):
        assert stranger.request(method, f"{MADE}/{first['id']}", json={}).status_code == 404
    assert api.delete(f"{MADE}/{first['id']}").status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize("shape", [circle("far"), {"type": "polygon"}, circle("-1 km"), {}])
def test_400_for_a_shape_that_is_none(api: httpx.Client, shape: dict[str, Any]) -> None:
    """Nothing is made of it."""
    before = created(api.get("/v1/locations"))["total"]
    refused = api.post(MADE, json={"name": "nowhere", "shape": shape})
    assert (refused.status_code, refused.json()["key"]) == (400, "invalid_payload")
    assert created(api.get("/v1/locations"))["total"] == before


@pytest.mark.parametrize("shape", [circle("5 km"), SQUARE])
def test_a_segment_is_who_lives_there(api: httpx.Client, shape: dict[str, Any]) -> None:
    """By coordinates in the metadata; a moved location holds for the next decision, a deleted one for
    nobody.
    """
    place = location(api, shape)
    lives = {"metadata.home": {"conditions": {"$in_location": [place["id"]]}}}
    segment = created(
        api.post("/v1/segments", json={"name": unique("s"), "type": "passive", "filter": lives})
    )
    rule_id = rule(api, "customer.segment", {"$is": [segment["id"]]})
    code, _ = public_code(api, {"type": "PERCENT", "percent_off": 10}, validation_rules=[rule_id])

    def valid(home: str | None) -> bool:
        metadata = {} if home is None else {"home": home}
        answer = validate(api, code, customer={"source_id": unique("c"), "metadata": metadata})
        return bool(answer["valid"])

    assert [valid(NEAR), valid(FAR), valid(None), valid("Chisinau")] == [True, False, False, False]
    moved = {**circle("1 km"), "distance": {"center": FAR, "radius": "1 km"}}
    created(api.put(f"{MADE}/{place['id']}", json={"shape": moved}))
    assert [valid(NEAR), valid(FAR)] == [False, True]
    assert api.delete(f"{MADE}/{place['id']}").status_code == 204
    assert [valid(NEAR), valid(FAR)] == [False, False]


def test_a_collection_is_what_is_made_there(api: httpx.Client) -> None:
    """In a rule's products and in the collection's own list."""
    place = location(api, circle("5 km"))
    origin = {"conditions": {"$in_location": [place["id"]]}}
    made_there = {"junction": "and", "metadata.origin": origin}
    collection = created(
        api.post(
            "/v1/product-collections",
            json={"name": unique("local"), "type": "AUTO_UPDATE", "filter": made_there},
        )
    )
    ids = {
        name: created(api.post("/v1/products", json={"name": name, "metadata": {"origin": point}}))["id"]
        for name, point in (("local", NEAR), ("foreign", FAR))
    }
    listed = created(api.get(f"/v1/product-collections/{collection['id']}/products"))
    assert [one["id"] for one in listed["data"]] == [ids["local"]]
    entry = {"object": "products_collection", "id": collection["id"]}
    made = created(
        api.post(
            "/v1/validation-rules",
            json={"name": unique("r"), "rules": {}, "applicable_to": {"included": [entry]}},
        )
    )
    half = {"type": "PERCENT", "percent_off": 50, "effect": "APPLY_TO_ITEMS"}
    code, _ = public_code(api, half, validation_rules=[made["id"]])
    items = [{"product_id": one, "quantity": 1, "price": 1_000} for one in ids.values()]
    answer = validate(api, code, order={"items": items})
    assert [item.get("discount_amount", 0) for item in answer["order"]["items"]] == [500, 0]
