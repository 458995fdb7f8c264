"""Publications: /v1/publications."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import voucherify
from voucherify import models

from tests.support.shop import amount_off, created, percent_off, public_code, redeem, single_voucher, unique


def campaign(api, codes=0, **changes):
    """A campaign whose codes are there when this returns."""
    body = {
        "name": unique("campaign"),
        "type": "STATIC",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": percent_off(10), "redemption": {"quantity": 1}},
    }
    made = created(api.post("/v1/campaigns", json=body | changes))
    for _ in range(codes):
        created(api.post(f"/v1/campaigns/{made['id']}/vouchers"))
    return made


def publish(api, **body):
    params = {"join_once": body.pop("join_once")} if "join_once" in body else None
    return api.post(
        "/v1/publications", json={"customer": {"source_id": unique("cust")}} | body, params=params
    )


def key_of(answer):
    return answer.json().get("key")


def test_a_code_of_a_campaign_gets_its_holder(api, stranger):
    """The answer has code and customer; voucher, lists and filters show it on any worker; strangers see
    nothing.
    """
    made, source_id = campaign(api, 2), unique("cust")
    sent = {
        "campaign": {"name": made["name"]},
        "customer": {"source_id": source_id, "name": "Ann", "email": "ann@example.com"},
        "source_id": unique("pub"),
        "channel": "newsletter",
        "metadata": {"year": 2026},
    }
    answer = created(publish(api, **sent))
    assert (answer["object"], answer["result"], answer["tracking_id"]) == (
        "publication",
        "SUCCESS",
        source_id,
    )
    assert answer["customer"]["name"] == "Ann"
    assert answer["vouchers_id"] == [answer["voucher"]["id"]]
    for _ in range(4):
        voucher = created(api.get(f"/v1/vouchers/{answer['voucher']['code']}"))
        assert (voucher["holder_id"], voucher["publish"]["count"]) == (answer["customer_id"], 1)
    for params in (
        {"campaign": made["name"]},
        {"customer": source_id, "order": "-voucher_code"},
        {"voucher": voucher["code"]},
        {"source_id": sent["source_id"]},
        {
            "filters[customer_id][conditions][$is][0]": answer["customer_id"],
            "voucher_type": "DISCOUNT_VOUCHER",
        },
        {"filters[related_object_id][conditions][$in][0]": voucher["id"], "result": "SUCCESS"},
        {"filters[campaign_name][conditions][$is]": made["name"], "is_referral_code": "false"},
    ):
        (row,) = created(api.get("/v1/publications", params=params))["publications"]
        assert (row["id"], row["channel"], row["metadata"]) == (answer["id"], "newsletter", {"year": 2026})
        assert row["voucher"]["code"] == voucher["code"]
    assert created(stranger.get("/v1/publications"))["total"] == 0
    assert created(api.get("/v1/publications", params={"campaign": "other"}))["total"] == 0


def test_a_pool_ends_where_the_campaign_says(api):
    """STATIC: as many as there are; AUTO_UPDATE: as many as are asked for; never the same code twice."""
    fixed = campaign(api, 2)
    codes = [created(publish(api, campaign=fixed["name"]))["voucher"]["code"] for _ in range(2)]
    assert len(set(codes)) == 2
    assert key_of(publish(api, campaign=fixed["name"])) == "no_voucher_suitable_for_publication"
    growing = campaign(api, 1, type="AUTO_UPDATE")
    made = created(publish(api, campaign={"name": growing["id"], "count": 3}))
    assert len(set(made["vouchers"])) == len(set(made["vouchers_id"])) == 3
    assert "voucher" not in made
    assert created(api.get(f"/v1/campaigns/{growing['id']}"))["vouchers_count"] == 3
    assert redeem(api, made["vouchers"][2])["redemptions"][0]["result"] == "SUCCESS"


def test_a_chosen_code_is_given_once_a_generic_one_to_many(api):
    """A unique code has one holder; the code of a STANDALONE campaign has none and counts."""
    code = single_voucher(api, percent_off(10))["code"]
    first = created(publish(api, voucher=code))
    again = publish(api, voucher=code)
    assert (again.status_code, key_of(again)) == (400, "voucher_already_published")
    assert created(api.get(f"/v1/vouchers/{code}"))["holder_id"] == first["customer_id"]
    generic, _ = public_code(api, percent_off(10))
    for _ in range(2):
        created(publish(api, voucher=generic))
    read = created(api.get(f"/v1/vouchers/{generic}"))
    assert (read["holder_id"], read["publish"]["count"]) == (None, 2)
    disabled = single_voucher(api, percent_off(10), active=False)["code"]
    assert key_of(publish(api, voucher=disabled)) == "no_voucher_suitable_for_publication"


def test_join_once_by_name_with_an_address_alone(api):
    """The same address, however it is written, gets the same publication; others get their own code."""
    made = campaign(api, 3, join_once=True)
    first = created(publish(api, campaign=made["name"], customer={"email": "Bob@Example.com "}))
    second = created(publish(api, campaign=made["name"], customer={"email": "bob@example.com"}))
    assert (second["id"], second["voucher"]["code"]) == (first["id"], first["voucher"]["code"])
    other = created(publish(api, campaign=made["name"], customer={"email": "eve@example.com"}))
    assert other["voucher"]["code"] != first["voucher"]["code"]
    freely = created(
        publish(api, campaign=made["name"], customer={"email": "bob@example.com"}, join_once="false")
    )
    assert freely["id"] != first["id"]
    lazily = campaign(api, 2)
    ids = {
        created(publish(api, campaign=lazily["name"], customer={"source_id": "x"}, join_once="true"))["id"]
        for _ in range(3)
    }
    assert len(ids) == 1
    params = {"campaign[name]": made["name"], "customer[email]": "bob@example.com"}
    refused = api.get("/v1/publications/create", params=params)
    assert (refused.status_code, key_of(refused)) == (400, "voucher_cannot_be_published")


def test_publishing_by_a_link(api):
    """The query says it all; without customer, or without code and campaign, it is refused."""
    made = campaign(api, 1)
    params = {"campaign[name]": made["name"], "customer[source_id]": "link", "metadata[year]": "2026"}
    answer = created(api.get("/v1/publications/create", params=params))
    assert (answer["metadata"], answer["tracking_id"]) == ({"year": "2026"}, "link")
    assert key_of(api.get("/v1/publications/create", params={"campaign": "x"})) == "invalid_query_params"
    nothing = api.get("/v1/publications/create", params={"customer[source_id]": "link"})
    assert key_of(nothing) == "missing_vouchers"


def test_what_cannot_be_published_is_refused(api):
    """With the published keys, and nothing is given away."""
    made, source_id = campaign(api, 3), unique("pub")
    created(publish(api, campaign=made["name"], source_id=source_id))
    for body, key in (
        ({}, "missing_vouchers"),
        ({"campaign": made["name"], "source_id": source_id}, "duplicate_source_id"),
        ({"campaign": {"name": made["name"], "count": 2}, "source_id": "s"}, "too_many_vouchers_requested"),
        ({"campaign": {"name": made["name"], "count": 51}}, "invalid_payload"),
        ({"campaign": {"name": made["name"], "count": 0}}, "invalid_payload"),
        ({"campaign": "nobody"}, "not_found"),
        ({"voucher": "nobody"}, "not_found"),
        ({"campaign": made["name"], "customer": {"id": "cust_nobody"}}, "not_found"),
        ({"campaign": made["name"], "customer": {"name": "nobody"}}, "invalid_customer"),
        ({"campaign": made["name"], "customer": {"email": "nobody"}}, "invalid_customer"),
        ({"campaign": made["name"], "customer": None}, "invalid_payload"),
    ):
        assert key_of(publish(api, **body)) == key, body
    assert created(api.get("/v1/publications", params={"campaign": made["name"]}))["total"] == 1
    assert key_of(api.get("/v1/publications", params={"page": 1001})) == "page_over_limit"


def test_the_validity_of_a_code_begins_when_it_is_published(api):
    """`activity_duration_after_publishing` sets both dates, also beyond the campaign's end."""
    made = campaign(api, 1, activity_duration_after_publishing="P3D", expiration_date="2020-01-01T00:00:00Z")
    voucher = created(publish(api, campaign=made["name"]))["voucher"]
    assert voucher["start_date"] is not None
    assert voucher["expiration_date"] > voucher["start_date"]
    assert redeem(api, voucher["code"])["redemptions"][0]["result"] == "SUCCESS"


def test_the_same_idempotency_key_publishes_once(api):
    """The same answer again, byte for byte, and it says so; another body is 422."""
    made = campaign(api, 3)
    body = {"campaign": made["name"], "customer": {"source_id": "retry"}}
    headers = {"Idempotency-Key": unique("key")}
    first = api.post("/v1/publications", json=body, headers=headers)
    again = api.post("/v1/publications", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post("/v1/publications", json=body | {"channel": "x"}, headers=headers)
    assert (other.status_code, key_of(other)) == (422, "idempotency_key_reused")
    assert created(api.get("/v1/publications", params={"campaign": made["name"]}))["total"] == 1


def test_no_code_is_given_to_two_customers(api):
    """Thirty publishers at once on a pool of twenty: every code once, ten are told that none is left."""
    made = campaign(api, 20)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: publish(api, campaign=made["name"]), range(30)))
    codes = [answer.json()["voucher"]["code"] for answer in answers if answer.status_code == 200]
    assert len(codes) == len(set(codes)) == 20
    assert {key_of(answer) for answer in answers if answer.status_code != 200} == {
        "no_voucher_suitable_for_publication"
    }


def test_a_publication_changes_the_customer_only_where_it_says_something_new(api):
    """Named alone, or as stored, he stays in the version that he is in; a new name is stored."""
    made, source_id = campaign(api, 4), unique("cust")
    customer = created(api.post("/v1/customers", json={"source_id": source_id, "name": "Ann"}))
    tag = api.get(f"/v1/customers/{source_id}").headers["etag"]
    for named in ({"source_id": source_id}, {"id": customer["id"], "name": "Ann"}):
        given = created(publish(api, campaign=made["name"], customer=named))
        assert given["customer_id"] == customer["id"]
        assert api.get(f"/v1/customers/{source_id}").headers["etag"] == tag
    created(publish(api, campaign=made["name"], customer={"source_id": source_id, "name": "Bea"}))
    stored = api.get(f"/v1/customers/{source_id}")
    assert stored.json()["name"] == "Bea"
    assert stored.headers["etag"] != tag


def test_a_customer_who_was_deleted_begins_again_when_something_is_published_to_him(api):
    """The same source_id gets a code and is found again."""
    made, source_id = campaign(api, 1), unique("cust")
    created(api.post("/v1/customers", json={"source_id": source_id, "name": "Ann"}))
    assert api.delete(f"/v1/customers/{source_id}").status_code == 204
    created(publish(api, campaign=made["name"], customer={"source_id": source_id}))
    assert created(api.get(f"/v1/customers/{source_id}"))["name"] is None


def test_one_customer_joins_once_however_often_it_is_asked_at_once(api):
    """Eight requests of one customer: one code."""
    made = campaign(api, 8, join_once=True)
    body = {"campaign": made["name"], "customer": {"email": f"{unique('x')}@example.com"}}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: publish(api, **body), range(8)))
    assert len({created(answer)["voucher"]["code"] for answer in answers}) == 1


def test_the_older_way_answers_with_the_voucher(api):
    """POST /v1/vouchers/publish, with the campaign in body or query."""
    made = campaign(api, 2)
    body = {"campaign": made["name"], "customer": {"source_id": "old"}, "channel": "mail"}
    voucher = created(api.post("/v1/vouchers/publish", json=body))
    assert (voucher["object"], voucher["publish"]["count"]) == ("voucher", 1)
    params = {"campaign": made["name"]}
    other = created(api.post("/v1/vouchers/publish", json={"customer": {"source_id": "b"}}, params=params))
    assert other["code"] != voucher["code"]


def test_a_page_hands_out_codes_only_where_the_project_lets_it(server):
    """One code per person behind an address; the answer tells nothing of the customer that was not sent."""
    project = server.create_project(unique("open"), settings={"client_trusted_domains": ["*"]})
    keys = {"X-Client-Application-Id": project.client_id, "X-Client-Token": project.client_token}
    with server.client(project) as api:
        made = campaign(api, 2, join_once=True)
        body = {"campaign": {"name": made["name"]}, "customer": {"email": "page@example.com"}}
        browser = {**keys, "origin": "https://shop.example"}
        assert api.post("/client/v1/publish", json=body, headers=browser).status_code == 403
    settings = {"client_trusted_domains": ["*"], "client_publish_enabled": True}
    project = server.create_project(unique("open"), settings=settings)
    browser |= {"X-Client-Application-Id": project.client_id, "X-Client-Token": project.client_token}
    with server.client(project) as api:
        created(
            api.post("/v1/customers", json={"source_id": "s", "email": "page@example.com", "name": "Secret"})
        )
        made = campaign(api, 2, join_once=True)
        first = created(
            api.post("/client/v1/publish", json=body | {"campaign": made["name"]}, headers=browser)
        )
        params = {"campaign": made["name"]}
        again = created(
            api.post(
                "/client/v1/publish", json={"customer": body["customer"]}, headers=browser, params=params
            )
        )
    assert first["voucher"]["code"] == again["voucher"]["code"]
    assert "Secret" not in str(first)


@pytest.mark.parametrize("count", [1, 2])
def test_the_official_client(official, count):
    """Publishing by campaign and by voucher, and listing, parse."""
    publications = voucherify.PublicationsApi(official)
    made = voucherify.CampaignsApi(official).create_campaign(
        models.CampaignsCreateRequestBody.from_dict(
            {"name": unique("c"), "voucher": {"type": "DISCOUNT_VOUCHER", "discount": amount_off(5)}}
        )
    )
    body = {
        "campaign": {"name": made.name, "count": count},
        "customer": {"source_id": "c", "email": "c@x.com"},
        "channel": "myown",
    }
    answer = publications.create_publication(
        join_once=False,
        publications_create_request_body=models.PublicationsCreateRequestBody.from_dict(body),
    )
    assert len(answer.vouchers_id) == count
    assert publications.list_publications(campaign=made.name).total == 1
