"""The operations on /v1/customers."""

import concurrent.futures

import pytest
import voucherify
from voucherify.models.customers_list_response_body import CustomersListResponseBody

from tests.support.shop import created, unique


def full_customer(source_id: str) -> dict:
    return {
        "source_id": source_id,
        "name": "Bob Smith",
        "description": "A frequent customer",
        "email": f"{source_id}@example.com",
        "phone": "+1 933 222 3333",
        "birthdate": "1990-02-28",
        "address": {
            "city": "New York",
            "state": "NY",
            "line_1": "123 Main St.",
            "line_2": "APT 3",
            "country": "United States",
            "postal_code": "10001",
        },
        "metadata": {"lang": "en", "test": True, "rate": 1.25, "tags": ["a", {"b": None}]},
    }


def other_worker(server, project):
    """A client of its own: its connection may be taken by the other web worker."""
    return server.client(project)


def test_what_is_sent_is_read_back(api, server, project):
    """Every property of a customer is answered as it was sent, by its id and by its source_id, on any
    worker.
    """
    sent = full_customer(unique("bob"))
    made = created(api.post("/v1/customers", json=sent))
    assert made["id"].startswith("cust_")
    assert made["object"] == "customer"
    for name in (made["id"], sent["source_id"]):
        for _ in range(4):
            with other_worker(server, project) as client:
                read = created(client.get(f"/v1/customers/{name}"))
            assert {key: read[key] for key in sent} == sent
            assert read["summary"]["orders"]["total_count"] == 0
            assert read["summary"]["redemptions"]["total_redeemed"] == 0


def test_posting_again_merges(api):
    """The same source_id means the same customer; metadata and address are merged key by key."""
    sent = full_customer(unique("eve"))
    first = created(api.post("/v1/customers", json=sent))
    again = created(
        api.post(
            "/v1/customers",
            json={
                "source_id": sent["source_id"],
                "name": "Eve",
                "email": None,
                "address": {"city": "Boston"},
                "metadata": {"lang": "de"},
            },
        )
    )
    assert again["id"] == first["id"]
    assert again["name"] == "Eve"
    assert again["email"] == sent["email"]
    assert again["address"] == sent["address"] | {"city": "Boston"}
    assert again["metadata"] == sent["metadata"] | {"lang": "de"}
    assert again["updated_at"] is not None


def test_without_a_source_id_each_post_makes_one(api):
    """A customer without source_id has an id of his own, by which he can be posted again."""
    first = created(api.post("/v1/customers", json={"name": "Nobody"}))
    second = created(api.post("/v1/customers", json={"name": "Nobody"}))
    assert first["id"] != second["id"]
    assert first["source_id"] is None
    again = created(api.post("/v1/customers", json={"id": first["id"], "phone": "1"}))
    assert (again["id"], again["name"], again["phone"]) == (first["id"], "Nobody", "1")


def test_two_workers_one_source_id_one_customer(server, project, api):
    """Sixteen requests at once with one new source_id make one customer."""
    source_id = unique("race")

    def post(number: int) -> str:
        with server.client(project) as client:
            answer = client.post(
                "/v1/customers", json={"source_id": source_id, "metadata": {str(number): number}}
            )
            return str(created(answer)["id"])

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(post, range(16)))
    assert len(ids) == 1
    read = created(api.get(f"/v1/customers/{source_id}"))
    assert read["metadata"] == {str(number): number for number in range(16)}
    assert created(api.get("/v1/customers", params={"limit": 100}))["total"] >= 1


def test_update_by_either_name(api):
    """PUT replaces what is given and leaves the rest."""
    made = created(api.post("/v1/customers", json=full_customer(unique("put"))))
    updated = created(
        api.put(
            f"/v1/customers/{made['source_id']}",
            json={"name": "New", "birthday": "2001-12-31", "metadata": {"x": 1}},
        )
    )
    assert updated["name"] == "New"
    assert updated["birthdate"] == "2001-12-31"
    assert updated["metadata"] == made["metadata"] | {"x": 1}
    assert updated["phone"] == made["phone"]
    read = created(api.get(f"/v1/customers/{made['id']}"))
    assert {name: value for name, value in read.items() if name != "extensions"} == updated


def test_a_source_id_is_claimed_once(api):
    """A customer without source_id can take a free one; a taken one is refused, a set one stays."""
    first = created(api.post("/v1/customers", json={"name": "First"}))
    second = created(api.post("/v1/customers", json={"name": "Second"}))
    source_id = unique("claimed")
    claimed = created(api.put(f"/v1/customers/{first['id']}", json={"source_id": source_id}))
    assert claimed["source_id"] == source_id
    taken = api.put(f"/v1/customers/{second['id']}", json={"source_id": source_id})
    assert (taken.status_code, taken.json()["key"]) == (409, "duplicate_found")
    changed = api.put(f"/v1/customers/{first['id']}", json={"source_id": unique("other")})
    assert (changed.status_code, changed.json()["key"]) == (400, "invalid_customer")
    assert created(api.get(f"/v1/customers/{source_id}"))["id"] == first["id"]
    assert (
        created(api.post("/v1/customers", json={"source_id": source_id, "phone": "7"}))["id"] == first["id"]
    )


def test_deleting_twice_is_not_found(api):
    """A deleted customer is gone for get, update, delete and lists; the same source_id begins anew."""
    made = created(api.post("/v1/customers", json=full_customer(unique("gone"))))
    assert api.delete(f"/v1/customers/{made['source_id']}").status_code == 204
    for answer in (
        api.get(f"/v1/customers/{made['id']}"),
        api.put(f"/v1/customers/{made['id']}", json={"name": "x"}),
        api.delete(f"/v1/customers/{made['id']}"),
    ):
        assert answer.status_code == 404
        error = answer.json()
        assert (error["key"], error["resource_type"], error["resource_id"]) == (
            "not_found",
            "customer",
            made["id"],
        )
    assert created(api.get("/v1/customers", params={"email": made["email"]}))["total"] == 0
    again = created(api.post("/v1/customers", json={"source_id": made["source_id"]}))
    assert again["name"] is None
    assert again["metadata"] == {}


def test_another_projects_customer_is_not_found(api, stranger):
    """Neither id nor source_id opens another project's customer."""
    made = created(api.post("/v1/customers", json=full_customer(unique("mine"))))
    for name in (made["id"], made["source_id"]):
        assert stranger.get(f"/v1/customers/{name}").status_code == 404
        assert stranger.put(f"/v1/customers/{name}", json={"name": "x"}).status_code == 404
        assert stranger.delete(f"/v1/customers/{name}").status_code == 404
    theirs = created(stranger.post("/v1/customers", json={"source_id": made["source_id"]}))
    assert theirs["id"] != made["id"]
    assert created(api.get(f"/v1/customers/{made['id']}"))["name"] == "Bob Smith"


def test_lists_filter_sort_and_page(api):
    """email, city, name and dates filter; pages and cursors together show every customer once."""
    city = unique("city")
    made = [
        created(
            api.post(
                "/v1/customers",
                json={
                    "source_id": f"{city}-{number}",
                    "name": f"{city}-name-{number % 2}",
                    "email": f"{number}@{city}.example",
                    "address": {"city": city},
                },
            )
        )
        for number in range(5)
    ]
    everyone = created(api.get("/v1/customers", params={"city": city, "order": "source_id"}))
    assert everyone["object"] == "list"
    assert everyone["data_ref"] == "customers"
    assert everyone["total"] == 5
    assert everyone["has_more"] is False
    assert [one["id"] for one in everyone["customers"]] == [one["id"] for one in made]
    newest = created(api.get("/v1/customers", params={"city": city}))
    assert [one["id"] for one in newest["customers"]] == [one["id"] for one in reversed(made)]
    assert created(api.get("/v1/customers", params={"email": f"3@{city}.example"}))["total"] == 1
    assert created(api.get("/v1/customers", params={"name": f"{city}-name-0"}))["total"] == 3
    before = {"city": city, "created_at[before]": made[0]["created_at"]}
    assert created(api.get("/v1/customers", params=before))["total"] == 0
    seen: list[str] = []
    parameters = {"city": city, "limit": "2"}
    while True:
        page = created(api.get("/v1/customers", params=parameters))
        seen += [one["id"] for one in page["customers"]]
        if not page["has_more"]:
            break
        parameters["starting_after"] = page["more_starting_after"]
    assert seen == [one["id"] for one in reversed(made)]
    second = created(api.get("/v1/customers", params={"city": city, "limit": 2, "page": 2}))
    assert [one["id"] for one in second["customers"]] == seen[2:4]
    by_time = {"city": city, "starting_after": made[2]["created_at"]}
    assert [one["id"] for one in created(api.get("/v1/customers", params=by_time))["customers"]] == seen[3:]


@pytest.mark.parametrize("order", ["updated_at", "-updated_at", "source_id", "-source_id"])
@pytest.mark.parametrize("of_segment", [False, True])
def test_pages_lose_nobody_who_has_no_value_to_order_by(api, order, of_segment):
    """A customer without a source_id, or one who was never changed, comes before all others, in a descending
    order behind them; cursors go on among them and past them.
    """
    city = unique("city")
    sent = [{"address": {"city": city}, "name": f"{number}"} for number in range(5)]
    for number in (1, 3):
        sent[number]["source_id"] = f"{city}-{number}"
    made = [created(api.post("/v1/customers", json=body)) for body in sent]
    for number in (0, 3):
        created(api.put(f"/v1/customers/{made[number]['id']}", json={"description": "changed"}))
    asked = {"city": city, "order": order}
    if of_segment:
        condition = {"address.city": {"conditions": {"$is": [city]}}}
        body = {"name": city, "type": "auto-update", "filter": {"junction": "and", **condition}}
        asked["segment_id"] = created(api.post("/v1/segments", json=body))["id"]
    whole = created(api.get("/v1/customers", params=asked))["customers"]
    values = [one[order.removeprefix("-")] or "" for one in whole]
    assert values == sorted(values, reverse=order.startswith("-"))
    assert values.count("") == 3
    seen: list[str] = []
    for size in (1, 2):
        seen.clear()
        cursor: dict[str, str] = {}
        has_more = True
        while has_more and len(seen) < len(made):
            page = created(api.get("/v1/customers", params={**asked, "limit": size, **cursor}))
            seen += [one["id"] for one in page["customers"]]
            has_more = page["has_more"]
            if has_more:
                cursor = {"starting_after": page["more_starting_after"]}
        assert not has_more
        assert seen == [one["id"] for one in whole]


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"name": 5}, "Property .name must be string"),
        ({"metadata": []}, "Property .metadata must be object"),
        ({"birthdate": "yesterday"}, "birthdate must be a date"),
        ({"address": {"city": 1}}, "address.city must be string"),
        ({"source_id": "x" * 3000}, "source_id must NOT have more than 2048 characters"),
        ([], "Payload must be object"),
    ],
)
def test_400_for_what_cannot_be_stored(api, body, details):
    """A wrong type is refused with the property's name, and nothing is made."""
    before = created(api.get("/v1/customers"))["total"]
    answer = api.post("/v1/customers", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["key"] == "invalid_payload"
    assert details in answer.json()["details"]
    assert created(api.get("/v1/customers"))["total"] == before


def test_400_for_unknown_list_orders(api):
    """An order or page outside of the contract is refused."""
    for parameters in ({"order": "name"}, {"limit": 101}, {"page": 0}, {"created_at[before]": "soon"}):
        answer = api.get("/v1/customers", params=parameters)
        assert (answer.status_code, answer.json()["key"]) == (400, "invalid_query_params")


def test_the_official_client_reads_all_of_it(official, api):
    """The official client creates, reads, lists, updates and deletes a customer."""
    customers = voucherify.CustomersApi(official)
    sent = full_customer(unique("official"))
    made = customers.create_customer(voucherify.CustomersCreateRequestBody(**sent))
    assert made.source_id == sent["source_id"]
    assert customers.get_customer(made.id).metadata["lang"] == "en"
    changed = customers.update_customer(made.id, voucherify.CustomersUpdateRequestBody(name="Changed"))
    assert changed.name == "Changed"
    listed = customers.list_customers(limit=5, email=sent["email"])
    assert [one.id for one in listed.customers] == [made.id]
    customers.delete_customer(made.id)
    with pytest.raises(voucherify.ApiException):
        customers.get_customer(made.id)
    raw = created(api.get("/v1/customers"))
    assert CustomersListResponseBody.from_dict(raw) is not None
