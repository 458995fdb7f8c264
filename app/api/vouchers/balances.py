"""The balance of a gift card, changed by hand, and the movements that made it what it is (behaviour 2.3)."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.api.call import Answer, Call
from app.api.card_transactions import QUERY, list_transactions
from app.api.idempotency import key_life
from app.api.lookup import voucher_named
from app.api.stack_requests import asked_of, refusals_as_errors, replayed
from app.api.vouchers import answers
from app.api.vouchers.wire import first_amount
from app.db.models import Voucher, VoucherTransaction
from app.http.errors import ApiError
from app.http.routing import Route
from app.redeemables.balances import Wanted, addition, change_balance, new_total
from app.redeemables.read_trip import Asked
from app.redeemables.request import MINOR_UNITS_MAX
from app.redeemables.settle import Replayed


class BalanceUpdate(Struct):
    """amount: minor units, negative to take credits off."""

    amount: Annotated[int, Meta(ge=-MINOR_UNITS_MAX, le=MINOR_UNITS_MAX)] | None = None
    source_id: Annotated[str, Meta(max_length=1_000)] | None = None
    reason: Annotated[str, Meta(max_length=1_000)] | None = None


async def adjust_balance(call: Call) -> Answer:
    """One movement per request; with an Idempotency-Key the same request moves once."""
    body: BalanceUpdate = call.body()
    engine = call.engine
    engine.ledger.require()
    if not body.amount:
        raise ApiError(
            400,
            "invalid_add_balance_params",
            "Invalid add balance params",
            "Property .amount must be an integer other than 0",
        )
    async with call.read() as session:
        voucher, _ = await voucher_named(session, call.project_id, call.path["code"])
    if voucher.type != "GIFT_VOUCHER":
        raise ApiError(
            400, "invalid_voucher", "Invalid voucher", f"Voucher {voucher.code} is not a gift card"
        )
    wanted = Wanted(
        voucher_id=voucher.id,
        opening=voucher.gift_opening,
        credited_before=first_amount(voucher),
        change=addition(body.amount),
        source_id=body.source_id,
        reason=body.reason,
    )
    with refusals_as_errors:
        try:
            asked = asked_of(call)
            done = await change_balance(engine.core, asked, wanted, engine.now(), key_life(call, asked))
        except Replayed as first:
            return await replayed(call, first.event_id)
    await engine.ledger.acknowledged(call.partition, done.event_id)
    return Answer(done.answer)


async def set_amount(call: Call, voucher: Voucher, amount: int) -> str:
    """A card's amount set by an update; the event's id, empty when it is that already.

    Raises: ApiError 400 invalid_amount when more is taken off than the card holds.
    """
    engine = call.engine
    asked = Asked(partition=call.partition, key_id=call.principal.key_id)
    wanted = Wanted(
        voucher_id=voucher.id,
        opening=voucher.gift_opening,
        credited_before=first_amount(voucher),
        change=new_total(amount),
    )
    with refusals_as_errors:
        return (await change_balance(engine.core, asked, wanted, engine.now())).event_id


async def list_of_voucher(call: Call) -> Answer:
    async with call.read() as session:
        voucher, _ = await voucher_named(session, call.project_id, call.path["code"])
    owner: Any = VoucherTransaction.voucher_id == voucher.id
    return Answer(await list_transactions(call, owner))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/vouchers/{code}/balance",
        operation_id="update-voucher-balance",
        handler=adjust_balance,
        permission="vouchers.write",
        tag="Vouchers",
        summary="Adjust Voucher Balance",
        body=BalanceUpdate,
        answer=answers.AdjustedBalance,
        errors=(
            "not_found",
            "invalid_add_balance_params",
            "invalid_amount",
            "invalid_voucher",
            "multiple_requests",
            "idempotency_key_reused",
        ),
    ),
    Route(
        method="GET",
        path="/v1/vouchers/{code}/transactions",
        operation_id="list-voucher-transactions",
        handler=list_of_voucher,
        permission="vouchers.read",
        tag="Vouchers",
        summary="List Voucher Transactions",
        answer=answers.CardTransactionList,
        query=QUERY,
        errors=("not_found", "invalid_query_params"),
    ),
)
