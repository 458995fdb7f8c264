"""The shop that is measured: one code with a cap, a segment, a minimum and a per-customer cap; customers;
three lines.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

CODE = "BENCH"
SEGMENT_SIZE_MAX = 20_000
UNREACHED = 1_000_000_000
"""A cap that is checked at every redemption and reached by none."""


def body(customer: str) -> dict[str, Any]:
    """The body of all three rows: floor, validation and redemption."""
    return {
        "redeemables": [{"object": "voucher", "id": CODE}],
        "customer": {"source_id": customer},
        "order": {
            "amount": 12_000,
            "items": [
                {"product_id": "prod_one", "quantity": 1, "price": 5_000},
                {"product_id": "prod_two", "quantity": 2, "price": 2_500},
                {"product_id": "prod_three", "quantity": 4, "price": 500},
            ],
        },
    }


def write_bodies(target: Path, customers: int) -> None:
    lines = (json.dumps(body(f"customer-{number}"), separators=(",", ":")) for number in range(customers))
    target.write_text("\n".join(lines) + "\n")


async def open_shop(client: httpx.AsyncClient, customers: int, *, cap: int = UNREACHED) -> None:
    """Make it through the public API. cap: of the code."""
    gate = asyncio.Semaphore(16)

    async def customer(number: int) -> str:
        async with gate:
            return str((await post(client, "/v1/customers", {"source_id": f"customer-{number}"}))["id"])

    ids = await asyncio.gather(*(customer(number) for number in range(customers)))
    segment = await post(
        client, "/v1/segments", {"name": "Measured", "type": "static", "customers": ids[:SEGMENT_SIZE_MAX]}
    )
    rule = await post(
        client,
        "/v1/validation-rules",
        {
            "name": "Measured",
            "rules": {
                "1": {"name": "customer.segment", "conditions": {"$is": [segment["id"]]}},
                "2": {"name": "order.amount", "conditions": {"$more_than": [1_000]}},
                "3": {
                    "name": "redemption.count.per_customer",
                    "conditions": {"$less_than_or_equal": [UNREACHED]},
                },
                "logic": "1 and 2 and 3",
            },
        },
    )
    await post(
        client,
        "/v1/campaigns",
        {
            "name": "Measured",
            "type": "STANDALONE",
            "campaign_type": "DISCOUNT_COUPONS",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "code": CODE,
                "discount": {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"},
                "redemption": {"quantity": cap},
            },
            "validation_rules": [rule["id"]],
        },
    )
    async with asyncio.timeout(30):
        while (await client.get(f"/v1/vouchers/{CODE}")).is_error:
            await asyncio.sleep(0.1)


async def post(client: httpx.AsyncClient, path: str, document: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=document)
    if answer.is_error:
        raise SystemExit(f"POST {path}: {answer.status_code} {answer.text}")
    return dict(answer.json())
