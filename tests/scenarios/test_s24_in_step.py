"""S24: the CRM's customers and the shop's products come by CSV and API, go by export, and stay in step."""

import csv
import io
import time
from typing import Any

import httpx

from tests.support.actions import ended, send_csv
from tests.support.shop import created, percent_off, public_code, unique, validate


def exported(api: httpx.Client, kind: str, fields: list[str]) -> list[dict[str, str]]:
    """All rows of the file."""
    body = {"exported_object": kind, "parameters": {"fields": fields, "order": "created_at"}}
    made = created(api.post("/v1/exports", json=body))
    while True:
        shown = created(api.get(f"/v1/exports/{made['id']}"))
        if shown["status"] == "DONE":
            break
        time.sleep(0.05)
    text = api.get(shown["result"]["url"]).text
    return list(csv.DictReader(io.StringIO(text)))


def sheet(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_customers_and_products_stay_in_step(api: httpx.Client) -> None:
    """What came by file is found by the API, a change by either side is seen by the other, a file that is
    sent again changes nothing but what changed, and decisions follow at once.
    """
    people = [unique("crm") for _ in range(3)]
    goods = [unique("shop") for _ in range(3)]
    crm = [
        {"source_id": one, "name": f"Person {number}", "email": f"{one}@example.com", "level": "gold"}
        for number, one in enumerate(people)
    ]
    shop = [{"name": f"Thing {n}", "source_id": one, "price": f"{n + 1}.50"} for n, one in enumerate(goods)]
    done = ended(api, send_csv(api, "/v1/customers/importCSV", sheet(crm)))["result"]
    assert (done["done_count"], done["failed_count"]) == (3, 0)
    done = ended(api, send_csv(api, "/v1/products/importCSV", sheet(shop)))["result"]
    assert (done["done_count"], done["failed_count"]) == (3, 0)

    segment = {
        "name": unique("gold"),
        "type": "auto-update",
        "filter": {"junction": "and", "metadata.level": {"conditions": {"$is": ["gold"]}}},
    }
    gold = created(api.post("/v1/segments", json=segment))["id"]
    rules = {"1": {"name": "customer.segment", "conditions": {"$is": [gold]}}, "logic": "1"}
    made = created(api.post("/v1/validation-rules", json={"name": "gold", "rules": rules}))
    code, _ = public_code(api, percent_off(10), validation_rules=[made["id"]])
    cart = {"items": [{"source_id": goods[1], "related_object": "product", "quantity": 2}]}

    def amounts(person: str) -> tuple[bool, int | None]:
        answer = validate(api, code, customer={"source_id": person}, order=cart)
        return answer["valid"], answer.get("order", {}).get("total_amount")

    assert amounts(people[0]) == (True, 450)
    shop[1]["price"] = "5"
    crm[0]["level"] = "none"
    ended(api, send_csv(api, "/v1/products/importCSV", sheet(shop)))
    ended(api, send_csv(api, "/v1/customers/importCSV", sheet(crm)))
    assert amounts(people[0]) == (False, None)
    assert amounts(people[2]) == (True, 900)

    created(api.put(f"/v1/customers/{people[2]}", json={"name": "Renamed"}))
    rows = exported(api, "customer", ["source_id", "name", "email", "metadata.level"])
    mine = {row["Source ID"]: row for row in rows if row["Source ID"] in people}
    assert {one: (row["Name"], row["level"]) for one, row in mine.items()} == {
        people[0]: ("Person 0", "none"),
        people[1]: ("Person 1", "gold"),
        people[2]: ("Renamed", "gold"),
    }
    total = created(api.get("/v1/products", params={"limit": 1}))["total"]
    ended(api, send_csv(api, "/v1/products/importCSV", sheet(shop)))
    assert created(api.get("/v1/products", params={"limit": 1}))["total"] == total
