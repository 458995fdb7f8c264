"""A case as a shop, made through the public API: products, collections, rules, redeemables and history."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from tests.rules.peer_discounts import ALL
from tests.rules.peers import Case, expiration_of

Vector = dict[str, Any]
STACK_MAX = 30
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Failed(Exception):
    """A request that had to work did not."""


@dataclass(frozen=True)
class Place:
    """Where one case runs. categories: ids by index of the promotion. prefix: of names in a shared
    project.
    """

    headers: dict[str, str]
    categories: dict[int, str]
    prefix: str = ""


class Api:
    """The public API of one project."""

    def __init__(self, client: httpx.Client, place: Place) -> None:
        self._client, self._headers = client, {**place.headers, "Content-Type": "application/json"}

    def send(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> dict[str, Any]:
        """Raises: Failed for any answer that is not 2xx."""
        response = self._client.request(
            method, path, content=_encode(body or {}), headers=self._headers, timeout=60
        )
        if not response.is_success:
            raise Failed(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return dict(response.json())


class Shop(Case):
    """One case as a shop: its documents are those of the pure mapping, with the ids that the API gave."""

    def __init__(self, vector: Vector, api: Api, place: Place) -> None:
        self.vector, self.api, self.place = vector, api, place
        self.customer, self.counters, self.collections = None, {}, {}
        self.static: dict[str, str] = {}
        self.filters: set[str] = set()
        self.redeemables: dict[str, dict[str, str]] = {}
        self.campaigns: dict[str, str] = {}

    def open(self) -> None:
        """Everything that the case needs before its request. Raises: Failed."""
        self._catalogue()
        for index, promotion in enumerate(self.vector["promotions"]):
            self._promotion(index, promotion)
        self._customer_history()
        for promotion in self.vector["promotions"]:
            self._use(promotion)
        self._history()

    def request(self) -> dict[str, Any]:
        """The body of the case's validation."""
        order: dict[str, Any] = {"currency": self.vector["currency"], "items": self._items()}
        shipping = [
            {"id": method["id"], "amount": method["amount_minor"]}
            for method in self.vector.get("shipping", ())
        ]
        if shipping:
            order["extensions"] = {"shipping": shipping}
        body: dict[str, Any] = {"redeemables": list(self.redeemables.values()), "order": order}
        if self.vector.get("customer") is not None:
            body["customer"] = self._buyer(self.vector["customer"])
        return body

    def _named(self, name: str) -> str:
        return self.place.prefix + name

    def _items(self) -> list[dict[str, Any]]:
        return [
            {
                "sku_id": self._named(f"sku_{item['sku']}"),
                "product_id": self._named(item["product"]["id"]),
                "quantity": item["quantity"],
                "price": item["unit_price_minor"],
            }
            for item in self.vector["items"]
        ]

    def _buyer(self, customer: dict[str, Any]) -> dict[str, Any]:
        return {"source_id": self._named(customer.get("id", "c")), "metadata": customer}

    def _catalogue(self) -> None:
        """Products with their traits, SKUs and the static collections that the case names."""
        members: dict[str, list[dict[str, str]]] = {}
        for item in self.vector["items"]:
            product = item["product"]
            traits = {
                name: value
                for name, value in product.items()
                if name not in ("id", "collections", "attributes", "min_price_minor")
            }
            cost = product.get("min_price_minor")
            more: dict[str, Any] = {"metadata": traits}
            if cost is not None:
                more["extensions"] = {"cost": cost}
            product_id, sku_id = self._named(product["id"]), self._named(f"sku_{item['sku']}")
            attributes = product.get("attributes", {})
            self.api.send("/v1/products", {"id": product_id, "attributes": list(attributes), **more})
            sku = {"id": sku_id, "attributes": attributes, **more}
            self.api.send(f"/v1/products/{quote(product_id, safe='')}/skus", sku)
            for name in product.get("collections") or ():
                members.setdefault(name, []).append({"id": sku_id, "object": "sku"})
        for name, products in members.items():
            self.static[name] = self._collection(name, {"type": "STATIC", "products": products})

    def _collection(self, name: str, document: dict[str, Any]) -> str:
        return str(self.api.send("/v1/product-collections", {"name": name, **document})["id"])

    def _filter(self, name: str, conditions: dict[str, Any]) -> dict[str, Any]:
        document = {"type": "AUTO_UPDATE", "filter": {"junction": "and", **conditions}}
        identifier = self._collection(name, document)
        self.filters.add(identifier)
        return {"object": "products_collection", "id": identifier}

    def _entities(self, wanted: dict[str, Any] | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        included, excluded = super()._entities(wanted)
        return [self._real(entry) for entry in included], excluded

    def _real(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry with the id that the API knows."""
        name = entry["id"]
        if entry["object"] != "products_collection":
            return {**entry, "id": self._named(name)}
        if name == ALL or name in self.filters:
            return entry
        if name not in self.static:
            self.static[name] = self._collection(name, {"type": "STATIC", "products": []})
        return {**entry, "id": self.static[name]}

    def _conditions(self, promotion: Vector) -> list[dict[str, Any]]:
        rules = super()._conditions(promotion)
        for rule in rules:
            if rule["name"] == "customer.segment":
                placed = promotion["conditions"]["nth_order"] - 1
                counted = {"summary.orders.total_count": {"conditions": {"$is": [placed]}}}
                segment = {
                    "name": f"{placed} orders",
                    "type": "passive",
                    "filter": {"junction": "and", **counted},
                }
                rule["conditions"] = {"$is": [self.api.send("/v1/segments", segment)["id"]]}
        return rules

    def _terms(self, index: int, promotion: Vector) -> dict[str, Any]:
        """What vouchers and tiers have in common."""
        counted, _ = self._usage(promotion, f"v_{index}")
        rules = self._conditions(promotion) + counted
        document: dict[str, Any] = {}
        if rules:
            document["rules"] = {str(number): rule for number, rule in enumerate(rules, 1)}
        if promotion["target"] == "items" and promotion["kind"] != "bogo":
            document["applicable_to"] = self._applicable(promotion)
        terms: dict[str, Any] = {}
        if document:
            made = self.api.send("/v1/validation-rules", {"name": f"rule {index}", **document})
            terms["validation_rules"] = [made["id"]]
        if index in self.place.categories:
            terms["category_id"] = self.place.categories[index]
        until = expiration_of(promotion)
        if until is not None:
            terms["expiration_date"] = until
        if promotion.get("value_currency"):
            terms["extensions"] = {"currency": promotion["value_currency"]}
        return terms

    def _promotion(self, index: int, promotion: Vector) -> None:
        """A code is a voucher, also a limit or credits need one; everything else is a tier."""
        terms, usage = self._terms(index, promotion), promotion.get("usage") or {}
        gift = promotion.get("is_gift_credits")
        discount = None if gift else self._discount(promotion)
        name = f"{self.place.prefix}{promotion['id']} {index}"
        if not promotion.get("code") and not gift and usage.get("limit") is None:
            campaign = self.api.send(
                "/v1/campaigns", {"name": name, "campaign_type": "PROMOTION", "type": "STATIC"}
            )
            tier = {"name": name, "action": {"discount": discount}, **terms}
            made = self.api.send(f"/v1/promotions/{campaign['id']}/tiers", tier)
            self.redeemables[promotion["id"]] = {"object": "promotion_tier", "id": made["id"]}
            return
        if usage.keys() & {"budget_redemptions_limit", "budget_spend_limit_minor"}:
            body: dict[str, Any] = {"type": "DISCOUNT_VOUCHER", "discount": discount}
            made = self.api.send(
                "/v1/campaigns",
                {"name": name, "campaign_type": "DISCOUNT_COUPONS", "type": "STATIC", "voucher": body},
            )
            terms["campaign_id"] = self.campaigns[promotion["id"]] = made["id"]
        if gift:
            terms["gift"] = {"amount": promotion["value"], "effect": "APPLY_TO_ORDER"}
        else:
            terms["discount"] = discount
        code = self._named(promotion.get("code") or promotion["id"])
        if any(one["id"] == code for one in self.redeemables.values()):
            # Several promotions under one code: effects of one promotion of the peer.
            code = f"{code}-{index}"
        self._voucher(code, {**terms, "redemption": {"quantity": usage.get("limit")}})
        self.redeemables[promotion["id"]] = {"object": "voucher", "id": code}

    def _voucher(self, code: str, terms: dict[str, Any]) -> None:
        kind = "GIFT_VOUCHER" if "gift" in terms else "DISCOUNT_VOUCHER"
        self.api.send(f"/v1/vouchers/{quote(code, safe='')}", {"type": kind, **terms})

    def _customer_history(self) -> None:
        """A customer whose orders are counted is one that the shop knows, also before the first."""
        customer = self.vector.get("customer") or {}
        if customer.get("orders_placed") is None:
            return
        self.api.send("/v1/customers", self._buyer(customer))
        for _ in range(customer["orders_placed"]):
            order = {"status": "PAID", "customer": self._buyer(customer), "items": self._items()}
            self.api.send("/v1/orders", order)

    def _use(self, promotion: Vector) -> None:
        """Uses before the request: of the code itself, and of its budget by other codes of the campaign."""
        usage = promotion.get("usage") or {}
        own = usage.get("used_by_customer", 0)
        for _ in range(own):
            self._redeem(promotion["id"], self.vector.get("customer"))
        for _ in range(usage.get("used", own) - own):
            self._redeem(promotion["id"], None)
        spent = usage.get("budget_spend_used_minor", 0)
        uses = max(usage.get("budget_redemptions_used", 0), 1 if spent else 0)
        if not uses:
            return
        codes = [f"{self.place.prefix}{promotion['id']}-other-{number}" for number in range(STACK_MAX)]
        discount = {"type": "AMOUNT", "amount_off": max(spent, 1), "effect": "APPLY_TO_ORDER"}
        campaign_id = self.campaigns[promotion["id"]]
        for code in codes[:uses]:
            self._voucher(code, {"campaign_id": campaign_id, "discount": discount})
        while uses:
            # The first use spends; an order of nothing is used by the others, which spend nothing.
            stack = [
                {"object": "voucher", "id": code} for code in codes[: 1 if spent else min(uses, STACK_MAX)]
            ]
            done = self.api.send("/v1/redemptions", {"redeemables": stack, "order": {"amount": spent}})
            # How many of a stack apply is a setting of the project.
            uses, spent = uses - len(done["redemptions"]), 0

    def _redeem(self, name: str, customer: dict[str, Any] | None) -> dict[str, Any]:
        body = {**self.request(), "redeemables": [self.redeemables[name]]}
        body.pop("customer", None)
        if customer is not None:
            body["customer"] = self._buyer(customer)
        return self.api.send("/v1/redemptions", body)

    def _history(self) -> None:
        """A cancelled order gives the use back, unless the promotion says that it does not: then its
        redemption is not rolled back.
        """
        done: dict[str, dict[str, Any]] = {}
        usages = {promotion["id"]: promotion.get("usage") or {} for promotion in self.vector["promotions"]}
        for event in self.vector.get("history", ()):
            name = event["promotion"]
            if event["event"] == "redeem":
                customer = event.get("customer")
                done[name] = self._redeem(name, {"id": customer} if customer else None)
            elif usages[name].get("restore_on_cancel", True):
                self.api.send(f"/v1/redemptions/{done[name]['redemptions'][0]['id']}/rollback")
            else:
                order_id = done[name]["redemptions"][0]["order"]["id"]
                self.api.send(f"/v1/orders/{order_id}", {"status": "CANCELED"}, "PUT")
