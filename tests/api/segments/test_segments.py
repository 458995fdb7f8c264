"""The operations on /v1/segments."""

import pytest
import voucherify

from tests.support.shop import created, unique

FILTER = {"junction": "and", "metadata.level": {"conditions": {"$is": ["gold"]}}}


def test_segments_are_read_back(api):
    """Name, type and filter are answered as they were sent."""
    customer = created(api.post("/v1/customers", json={"source_id": unique("member")}))
    static = created(
        api.post("/v1/segments", json={"name": "Static", "type": "static", "customers": [customer["id"]]})
    )
    assert (static["type"], static["filter"], static["initial_sync_status"]) == ("static", None, "DONE")
    assert static["id"].startswith("seg_")
    for kind in ("passive", "auto-update"):
        sent = {"name": f"Dynamic {kind}", "type": kind, "filter": FILTER}
        made = created(api.post("/v1/segments", json=sent))
        assert {key: made[key] for key in sent} == sent
        read = created(api.get(f"/v1/segments/{made['id']}"))
        assert read == made | {"initial_sync_status": read["initial_sync_status"]}


def test_a_segments_customers_are_listed(api):
    """segment_id filters customers; a member may be named by its source_id."""
    source_id = unique("member")
    customer = created(api.post("/v1/customers", json={"source_id": source_id}))
    created(api.post("/v1/customers", json={"source_id": unique("outsider")}))
    made = created(
        api.post("/v1/segments", json={"name": "Static", "type": "static", "customers": [source_id]})
    )
    listed = created(api.get("/v1/customers", params={"segment_id": made["id"]}))
    assert [one["id"] for one in listed["customers"]] == [customer["id"]]
    assert api.get("/v1/customers", params={"segment_id": "seg_nothing"}).status_code == 404


def test_lists_filter_by_ids(api):
    """Lists are newest first; ids in every encoding of the clients choose."""
    made = [created(api.post("/v1/segments", json={"name": unique("s"), "type": "static"})) for _ in range(3)]
    listed = created(api.get("/v1/segments", params={"limit": 3}))
    assert (listed["object"], listed["data_ref"]) == ("list", "data")
    assert [one["id"] for one in listed["data"]] == [one["id"] for one in reversed(made)]
    chosen = created(api.get("/v1/segments", params={"ids[0]": made[0]["id"], "ids[1]": made[2]["id"]}))
    assert {one["id"] for one in chosen["data"]} == {made[0]["id"], made[2]["id"]}
    named = created(api.get("/v1/segments", params={"filters[name][conditions][$is][0]": made[1]["name"]}))
    assert [one["id"] for one in named["data"]] == [made[1]["id"]]


def test_deleting_twice_is_not_found(api, stranger):
    """A deleted segment is gone, and another project's was never there."""
    made = created(api.post("/v1/segments", json={"name": "Gone", "filter": FILTER}))
    assert made["type"] == "passive"
    path = f"/v1/segments/{made['id']}"
    assert stranger.get(path).status_code == stranger.delete(path).status_code == 404
    assert api.delete(path).status_code == 204
    for answer in (api.delete(path), api.get(path)):
        assert (answer.status_code, answer.json()["resource_type"]) == (404, "segment")


@pytest.mark.parametrize(
    "body",
    [
        {"type": "static"},
        {"name": "x", "type": "dynamic"},
        {"name": "x", "type": "passive"},
        {"name": "x", "type": "passive", "filter": {"junction": "and", "name": {"conditions": {"$no": [1]}}}},
        {"name": "x", "type": "static", "customers": "cust_1"},
        {"name": "x", "type": "static", "customers": ["c"] * 20_001},
    ],
)
def test_400_for_what_is_no_segment(api, body):
    """What is no segment is refused."""
    answer = api.post("/v1/segments", json=body)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")


def test_the_official_client_reads_all_of_it(official):
    """The official client creates, reads and deletes a segment."""
    segments = voucherify.SegmentsApi(official)
    made = segments.create_segment(
        voucherify.SegmentsCreateRequestBody.from_dict(
            {"name": "Official", "type": "passive", "filter": FILTER}
        )
    )
    assert segments.get_segment(made.id).name == "Official"
    segments.delete_segment(made.id)
    with pytest.raises(voucherify.ApiException):
        segments.get_segment(made.id)
