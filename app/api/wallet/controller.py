"""Operations on /v1/engine/wallet and its client-side twin."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.api.alone import decide_alone, discount_of
from app.api.call import Answer, Call
from app.api.client_side import LIST_VOUCHERS, require_flag
from app.api.lookup import project_of
from app.api.vouchers.wire import voucher_wires
from app.api.wallet import answers
from app.api.wallet.queries import codes_held
from app.http.errors import ApiError
from app.http.routing import Route, Scope
from app.redeemables.customers import CustomerPayload, identity
from app.redeemables.order_request import OrderPayload
from app.redeemables.request import RedeemableRequest, StackRequest

CODES_MAX = 20
"""Of one answer: the newest that the customer holds."""
OF_THE_CART = "order."
"""How names of rules begin that look at what the page itself has sent."""
SHOWN = ("id", "code", "type", "discount", "gift", "campaign", "campaign_id", "start_date", "expiration_date")


class WalletRequest(Struct):
    """Whose wallet, and the cart that it is looked at with."""

    customer: CustomerPayload | None = None
    order: OrderPayload | None = None
    tracking_id: Annotated[str, Meta(max_length=500)] | None = None
    metadata: dict[str, Any] | None = None


async def get_wallet(call: Call) -> Answer:
    """Each code with `applicable` and what it would take off, or the key and the sentence of what is
    missing.
    """
    return Answer(await _wallet(call, call.body()))


async def get_wallet_from_browser(call: Call) -> Answer:
    """Where the project lets pages list a customer's codes (`client_list_vouchers_enabled`)."""
    require_flag(call, LIST_VOUCHERS)
    return Answer(await _wallet(call, call.body()))


async def _wallet(call: Call, body: WalletRequest) -> dict[str, Any]:
    project = await call.engine.catalogue.project(call.project_id)
    customer_id, source_id = identity(project.secret, body.customer, body.tracking_id)
    if customer_id is None:
        raise ApiError(400, "missing_customer", "Missing customer", "A wallet belongs to a customer")
    await call.barrier()
    async with call.read() as session:
        rows = await codes_held(session, call.project_id, customer_id, source_id, CODES_MAX + 1)
        owner = await project_of(session, call.project_id)
        wires = await voucher_wires(session, owner, rows[:CODES_MAX], call.engine.settings.public_url)
    request = StackRequest(
        redeemables=[],
        order=body.order,
        customer=body.customer,
        tracking_id=body.tracking_id,
        metadata=body.metadata,
    )
    return {
        "object": "wallet",
        "data_ref": "data",
        "data": [await _shown(call, request, wire) for wire in wires],
        "has_more": len(rows) > CODES_MAX,
    }


async def _shown(call: Call, request: StackRequest, wire: dict[str, Any]) -> dict[str, Any]:
    redeemable = RedeemableRequest(id=wire["code"], object="voucher")
    entry = await decide_alone(call, request, redeemable, explain=True)
    shown = {name: wire[name] for name in SHOWN}
    quantity, used = wire["redemption"]["quantity"], wire["redemption"]["redeemed_quantity"]
    shown["uses_left"] = None if quantity is None else max(0, quantity - used)
    shown["balance"] = wire["gift"]["balance"] if wire["gift"] is not None else None
    shown["applicable"] = entry["status"] == "APPLICABLE"
    shown["discount_amount"] = discount_of(entry) if shown["applicable"] else 0
    shown["missing"] = None
    if not shown["applicable"]:
        shown["missing"] = _missing(entry)
    return shown


def _missing(entry: dict[str, Any]) -> dict[str, Any]:
    """Why not, and where the cart is short of a number, by how much ("12.50 more"). What budgets and other
    counters lack is the shop's own business.
    """
    details, nearest = entry["result"]["details"], entry.get("nearest") or {}
    missing = {"key": details["key"], "message": details["message"]}
    if "more" in nearest and str(nearest["name"]).startswith(OF_THE_CART):
        missing |= {"name": nearest["name"], "more": nearest["more"]}
    return missing


def _route(path: str, operation_id: str, handler: Any, scope: Scope) -> Route:
    return Route(
        method="POST",
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="qualifications.write",
        scope=scope,
        tag="Qualifications",
        summary="Codes and balances of a customer, and what applies now",
        body=WalletRequest,
        answer=answers.Wallet,
        errors=("missing_customer", "invalid_order"),
    )


ROUTES: tuple[Route, ...] = (
    _route("/v1/engine/wallet", "get-wallet", get_wallet, Scope.PROJECT),
    _route("/client/v1/engine/wallet", "get-wallet-client-side", get_wallet_from_browser, Scope.CLIENT),
)
