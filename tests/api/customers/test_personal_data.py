"""GET /v1/engine/customers/{customerId}/data: what is kept of one person, and of nobody else."""

import json

from tests.support.shop import created, gift_card, percent_off, public_code, redeem, unique

KINDS = {"orders", "redemptions", "publications", "events", "segments", "vouchers", "transactions"}


def busy(api):
    """A customer who has done a little of everything; the words that came with it."""
    word = unique("word")
    who = {"source_id": unique("person"), "name": word, "metadata": {"note": word}}
    created(api.post("/v1/customers", json=who))
    code, _ = public_code(api, percent_off(10))
    redeem(api, code, customer=who, order={"amount": 1_000, "metadata": {"note": word}})
    card = gift_card(api, 1_000)
    publication = {"voucher": card["code"], "customer": who, "metadata": {"note": word}}
    created(api.post("/v1/publications", json={**publication, "extensions": {"reason": word}}))
    created(api.post(f"/v1/vouchers/{card['code']}/balance", json={"amount": 50, "reason": word}))
    created(api.post("/v1/events", json={"event": "looked", "customer": who, "metadata": {"note": word}}))
    named = {"note": {"conditions": {"$is": [word]}}}
    body = {"name": word, "type": "passive", "filter": {f"metadata.{key}": one for key, one in named.items()}}
    created(api.post("/v1/segments", json=body))
    return who["source_id"], word


def test_all_that_is_kept_of_one_person_comes_in_one_answer(api, stranger):
    """Every kind with the words that came with it, as new as the last answer; nothing of another person."""
    other, foreign = busy(api)
    name, word = busy(api)
    answer = created(api.get(f"/v1/engine/customers/{name}/data"))
    assert (answer["object"], answer["complete"]) == ("personal_data", True)
    assert (answer["customer"]["source_id"], answer["customer"]["name"]) == (name, word)
    for kind in KINDS - {"vouchers"}:
        assert word in json.dumps(answer[kind]), kind
    assert [one["holder_id"] for one in answer["vouchers"]] == [answer["customer"]["id"]]
    assert answer["customer"]["extensions"]["orders"]["count"] == 1
    assert foreign not in json.dumps(answer)
    path = f"/v1/engine/customers/{other}/data"
    assert stranger.get(path).status_code == 404
    assert api.delete(f"/v1/customers/{other}").status_code == 204
    assert api.get(path).status_code == 404
