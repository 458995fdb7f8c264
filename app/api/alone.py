"""One redeemable decided by itself against the order and the customer of a request: what it is worth, or
why not.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from app.api.call import Call
from app.api.stack_requests import asked_of, moment_of, refusals_as_errors
from app.redeemables.request import OptionsRequest, RedeemableRequest, StackRequest
from app.redeemables.validate import validate

Entry = dict[str, Any]
"""As a validation answers it."""


async def decide_alone(
    call: Call, request: StackRequest, redeemable: RedeemableRequest, *, explain: bool = False
) -> Entry:
    """Nothing is locked or taken. The caller admits the key with a decision of its own. explain: of what does
    not apply, `nearest` names the failed comparison that lacks the least.

    Raises: ApiError for an order that nothing can be decided on.
    """
    engine = call.engine
    alone = replace(
        request,
        redeemables=[redeemable],
        session=None,
        options=OptionsRequest(expand=["order", "redeemable"]),
    )
    asked = replace(asked_of(call), riders=(), scope_hash="", fingerprint="")
    now = await moment_of(call)
    with refusals_as_errors:
        validated = await validate(
            engine.core, engine.catalogue, asked, alone, now, call.request_id, _admitted, explain=explain
        )
    answer = validated.answer
    entries = [*answer["redeemables"], *answer.get("inapplicable_redeemables", ())]
    entries += answer.get("skipped_redeemables", ())
    entry: Entry = entries[0]
    trace = answer.get("trace")
    if trace is None:
        return entry
    return {**entry, "nearest": trace["redeemables"][0].get("nearest")}


async def _admitted(replies: Sequence[Any]) -> None:
    """The key is admitted by the decision that the answer is made from."""


def discount_of(entry: Entry) -> int:
    """What an applicable redeemable takes off, in minor units."""
    order = entry.get("order") or {}
    return int(order.get("total_applied_discount_amount") or order.get("total_discount_amount") or 0)
