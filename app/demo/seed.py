"""Tell the story to a running server, through its public API. Telling it again changes nothing."""

import asyncio
from typing import Any

import httpx

from app.demo.story import CAMPAIGNS, COLLECTIONS, CUSTOMERS, RULES, SEGMENTS

GENERATION_SECONDS_MAX = 60.0
PAGE = 100


class StoryRefused(Exception):
    """The server refused a part of the story; the message holds its answer."""


class Teller:
    """One telling. `ids` maps "kind:name" of the story to the id that the server gave."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.ids: dict[str, str] = {}

    async def tell(self) -> None:
        """In the order in which the parts need each other."""
        for name, products in COLLECTIONS.items():
            for source_id, title, price in products:
                body = {"source_id": source_id, "name": title, "price": price, "metadata": {"shelf": name}}
                self.ids[f"product:{source_id}"] = (await self._post("/v1/products", body))["id"]
        for customer in CUSTOMERS:
            self.ids[f"customer:{customer['source_id']}"] = (await self._post("/v1/customers", customer))[
                "id"
            ]
        await self._collections()
        await self._segments()
        await self._rules()
        for campaign in CAMPAIGNS:
            await self._campaign(campaign)
        await self._generated()

    async def _collections(self) -> None:
        known = await self._known("/v1/product-collections")
        for name, products in COLLECTIONS.items():
            members = [{"object": "product", "id": self.ids[f"product:{product[0]}"]} for product in products]
            body = {"type": "STATIC", "name": name, "products": members}
            self.ids[f"collection:{name}"] = (
                known.get(name) or (await self._post("/v1/product-collections", body))["id"]
            )

    async def _segments(self) -> None:
        known = await self._known("/v1/segments")
        for name, members in SEGMENTS.items():
            body = {
                "name": name,
                "type": "static",
                "customers": [self.ids[f"customer:{member}"] for member in members],
            }
            self.ids[f"segment:{name}"] = known.get(name) or (await self._post("/v1/segments", body))["id"]

    async def _rules(self) -> None:
        known = await self._known("/v1/validation-rules")
        for name, rule in RULES.items():
            body = self._resolved({"name": name, **rule})
            self.ids[f"rule:{name}"] = (
                known.get(name) or (await self._post("/v1/validation-rules", body))["id"]
            )

    async def _campaign(self, campaign: dict[str, Any]) -> None:
        found = await self._client.get(f"/v1/campaigns/{campaign['name']}")
        if found.status_code == httpx.codes.NOT_FOUND:
            await self._post("/v1/campaigns", self._resolved(campaign))
        elif found.is_error:
            raise StoryRefused(f"GET campaign {campaign['name']}: {found.text}")

    async def _generated(self) -> None:
        """Codes are made in the background; the story is told when they are there."""
        async with asyncio.timeout(GENERATION_SECONDS_MAX):
            while True:
                listed = await self._client.get("/v1/campaigns", params={"limit": PAGE})
                waiting = [
                    row
                    for row in listed.json()["campaigns"]
                    if row.get("vouchers_generation_status") == "IN_PROGRESS"
                ]
                if not waiting:
                    return
                await asyncio.sleep(0.1)

    async def _known(self, path: str) -> dict[str, str]:
        """Name to id of what is there already."""
        answer = await self._client.get(path, params={"limit": PAGE})
        if answer.is_error:
            raise StoryRefused(f"GET {path}: {answer.text}")
        listing = answer.json()
        return {row["name"]: row["id"] for row in listing[listing["data_ref"]]}

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._client.post(path, json=body)
        if answer.is_error:
            raise StoryRefused(f"POST {path} {body.get('name', '')}: {answer.text}")
        return dict(answer.json())

    def _resolved(self, value: Any) -> Any:
        """The same value with every "kind:name" of the story replaced by its id."""
        if isinstance(value, dict):
            return {name: self._resolved(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._resolved(inner) for inner in value]
        if isinstance(value, str):
            return self.ids.get(value, value)
        return value


async def tell_story(url: str, app_id: str, app_token: str) -> None:
    """url: of a running server. The key must be a server-side one.

    Raises: StoryRefused, httpx.HTTPError, TimeoutError when codes are not made within GENERATION_SECONDS_MAX.
    """
    headers = {"X-App-Id": app_id, "X-App-Token": app_token}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
        await Teller(client).tell()
