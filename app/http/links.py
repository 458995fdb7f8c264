"""Links of the OpenAPI document: what of one operation's answer the next one is asked with.

Nobody writes a link down. What is posted to a collection is answered with its id; `GIVES` names what else an
answer tells, by the path parameters that it fills. Every operation whose parameters are told by an answer, or
stood in that request's own path, is linked from it. `BODIES` adds requests that are not about a path. Clients
read in the links what follows from what; `make schemathesis` walks along them.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from app.http.routing import Route

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_CODE: Final = {"code": "/code", "assetId": "/assets/qr/id"}
_TIER: Final = {"promotionTierId": "/id", "tierId": "/id"}
_TAKEN: Final = {"redemptionId": "/id", "parentRedemptionId": "/id"}

GIVES: Final[Mapping[str, Mapping[str, str]]] = {
    "add-vouchers-to-campaign": _CODE,
    "add-voucher-with-specific-code-to-campaign": _CODE,
    "generate-random-code": _CODE,
    "create-voucher": _CODE,
    "add-promotion-tier-to-campaign": _TIER,
    "create-location": {"locationId": "/id"},
    "create-publication": {"publicationId": "/id", "code": "/voucher/code"},
    "redeem-stacked-discounts": {
        "redemptionId": "/redemptions/0/id",
        "parentRedemptionId": "/parent_redemption/id",
        "orderId": "/order/id",
    },
    "redeem-voucher": _TAKEN,
    "redeem-promotion": _TAKEN,
    "import-vouchers": {"asyncActionId": "/async_action_id"},
    "update-vouchers-in-bulk": {"asyncActionId": "/async_action_id"},
    "validate-voucher": {"sessionKey": "/session/key"},
    "create-metadata-schema": {"resource": "/related_object"},
}
"""By operation id: path parameter to where it stands in the answer (a JSON pointer)."""

_ON_A_STACK: Final = ("validate-stacked-discounts", "redeem-stacked-discounts")
_VOUCHER: Final = {"redeemables": [{"object": "voucher", "id": "$response.body#/code"}]}
_PROMOTION: Final = {"redeemables": [{"object": "promotion_tier", "id": "$response.body#/id"}]}
_TOKEN: Final = {"access_token": "$response.body#/access_token"}

BODIES: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "generate-random-code": dict.fromkeys(_ON_A_STACK, _VOUCHER),
    "create-voucher": dict.fromkeys(_ON_A_STACK, _VOUCHER),
    "add-promotion-tier-to-campaign": dict.fromkeys(_ON_A_STACK, _PROMOTION),
    "create-campaign": {"create-publication": {"campaign": {"name": "$response.body#/name"}}},
    "create-customer": {
        "get-wallet": {"customer": {"id": "$response.body#/id"}},
        "check-eligibility": {"customer": {"id": "$response.body#/id"}},
    },
    "generate-oauth-token": dict.fromkeys(("introspect-oauth-token", "revoke-oauth-token"), _TOKEN),
    "create-order": {"validate-stacked-discounts": {"order": {"id": "$response.body#/id"}}},
}
"""By operation id: operations that are asked with a part of its answer, and with which body."""


def _made(route: Route, routes: Collection[Route]) -> dict[str, str]:
    """Whoever posts to a collection is told the id of what stands there afterwards."""
    if route.method != "POST":
        return {}
    rows = {other.path for other in routes if other.path.startswith(route.path + "/{")}
    names = {path.removeprefix(route.path) for path in rows}
    return {name[2:-1]: "/id" for name in names if name.count("/") == 1 and name.endswith("}")}


def links_of(route: Route, routes: Collection[Route]) -> dict[str, dict[str, Any]]:
    """By name of the operation that follows: what it is asked with. {} where nothing follows."""
    gives = {**_made(route, routes), **GIVES.get(route.operation_id, {})}
    own = {name: f"$request.path.{name}" for name in _PARAMETER.findall(route.path)}
    told = {name: f"$response.body#{pointer}" for name, pointer in gives.items()}
    found: dict[str, dict[str, Any]] = {}
    for other in routes:
        names = set(_PARAMETER.findall(other.path))
        if names & set(told) and names <= set(told) | set(own):
            parameters = {name: told.get(name) or own[name] for name in sorted(names)}
            found[other.operation_id] = {"operationId": other.operation_id, "parameters": parameters}
    for operation_id, body in BODIES.get(route.operation_id, {}).items():
        found[operation_id] = {"operationId": operation_id, "requestBody": body}
    return dict(sorted(found.items()))
