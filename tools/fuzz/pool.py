"""What the fuzzer has learnt to exist: ids by kind, from answers, so that later requests mean something."""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

KEPT = 60
"""Ids of a kind: old ones are forgotten, as most of them are deleted by now."""
LASTING = 3
"""The first of each kind are never deleted, so that there is always something to ask for."""

KINDS = {
    "v_": "voucher_id", "camp_": "campaign", "promo_": "tier", "stack_": "stack", "cust_": "customer",
    "r_": "redemption", "rr_": "rollback", "ord_": "order", "prod_": "product", "sku_": "sku",
    "pc_": "collection", "seg_": "segment", "val_": "rule", "asgm_": "assignment", "cat_": "category",
    "loc_": "location", "pub_": "publication", "aa_": "action", "app_": "key", "cli_": "key",
    "proj_": "project", "exp_": "export", "stk_": "stacking",
    "ms_": "metadata_schema", "camp_tpl_": "template", "cnst_": "consent",
}  # fmt: skip

PARAMETERS = {
    "code": "code", "campaignId": "campaign", "promotionTierId": "tier", "stackId": "stack",
    "customerId": "customer", "redemptionId": "redemption", "parentRedemptionId": "redemption",
    "orderId": "order", "productId": "product", "skuId": "sku", "productCollectionId": "collection",
    "segmentId": "segment", "validationRuleId": "rule", "assignmentId": "assignment",
    "categoryId": "category", "locationId": "location", "publicationId": "publication",
    "asyncActionId": "action", "keyId": "key", "projectId": "project", "stackingRulesId": "stacking",
    "sessionKey": "session", "exportId": "export", "rewardId": "reward",
    "metadataSchemaId": "metadata_schema", "campaignTemplateId": "template",
    "consentId": "consent",
}  # fmt: skip


class Pool:
    """Known ids. A pair of kinds (SKU and its product) is kept as owner of the second."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.known: dict[str, list[str]] = defaultdict(list)
        self.owners: dict[str, dict[str, str]] = {}
        self.barred: set[str] = set()
        """What the fuzzer itself stands on: never asked for, so never taken away."""

    def learn(self, answer: Any) -> None:
        """Take every id from an answer."""
        for node in _objects(answer):
            identifier = node.get("id")
            if isinstance(identifier, str):
                kind = KINDS.get("camp_tpl_" if identifier.startswith("camp_tpl_") else _prefix(identifier))
                if kind is not None:
                    self.add(kind, identifier)
                    self._own(node, identifier)
                    if node.get("campaign_type") == "PROMOTION":
                        self.add("promotion", identifier)
            if isinstance(node.get("code"), str) and node.get("object") == "voucher":
                self.add("code", node["code"])
            if isinstance(node.get("async_action_id"), str):
                self.add("action", node["async_action_id"])
            session = node.get("session")
            if isinstance(session, dict) and isinstance(session.get("key"), str):
                self.add("session", session["key"])

    def _own(self, node: dict[str, Any], identifier: str) -> None:
        for name in ("product_id", "campaign_id", "rule_id", "project_id"):
            if isinstance(node.get(name), str):
                self.owners.setdefault(identifier, {})[name] = node[name]

    def add(self, kind: str, identifier: str) -> None:
        ids = self.known[kind]
        if identifier not in ids and identifier not in self.barred:
            ids.append(identifier)
            if len(ids) > KEPT:
                del ids[LASTING]

    def pick(self, kind: str, *, passing: bool = False) -> str | None:
        """One of a kind; passing: one that may be deleted."""
        ids = self.known.get(kind) or []
        if passing:
            ids = ids[LASTING:]
        return self.chance.choice(ids) if ids else None

    def gone(self, identifier: str) -> None:
        for ids in self.known.values():
            if identifier in ids:
                ids.remove(identifier)

    def parameters(self, names: list[str], kinds: dict[str, str], *, passing: bool) -> dict[str, str] | None:
        """Values of a path's parameters that belong together; None when nothing is known for one of them."""
        last = kinds.get(names[-1], "")
        chosen = self.pick(last, passing=passing)
        if chosen is None:
            return None
        values = {names[-1]: chosen}
        owner = self.owners.get(chosen, {})
        for name in names[:-1]:
            kind = kinds.get(name, "")
            value = owner.get({"promotion": "campaign_id"}.get(kind, f"{kind}_id")) or self.pick(kind)
            if value is None:
                return None
            values[name] = value
        return values


def _prefix(identifier: str) -> str:
    return identifier[: identifier.find("_") + 1]


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    pending = [node]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield value
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
