"""Validate a stack of redeemables: the same gather, rules and checks as a redemption, and nothing written
(P7).
"""

from datetime import datetime
from typing import Any

from msgspec import Struct

from app.core.core import RedemptionCore
from app.core.ops import Apply
from app.identifiers import new_id
from app.redeemables.answer import entry_wire, tracking_of, validation_order
from app.redeemables.catalogue import Catalogue
from app.redeemables.charges import Charged
from app.redeemables.checks import check_stack
from app.redeemables.gather import Admit, Asked, Gathered
from app.redeemables.request import StackRequest
from app.redeemables.settle import Settled, settle, validation_call
from rules.verdict import Decision


class Validated(Struct, frozen=True):
    settled: Settled
    answer: dict[str, Any]


async def validate(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    request: StackRequest,
    now: datetime,
    request_id: str,
    admit: Admit,
    *,
    explain: bool = False,
) -> Validated:
    """admit: takes the replies of the riders and raises when the edge refuses. explain: the answer also has
    the `trace` of the decision.

    Raises: Refused for a request that cannot be decided, Contended, CoreUnavailable.
    """

    def compose(gathered: Gathered, decision: Decision, charged: Charged) -> Apply:
        return validation_call(asked, gathered, charged)

    async def check(gathered: Gathered) -> None:
        await admit(gathered.riders)
        check_stack(gathered, request)

    settled = await settle(core, catalogue, asked, request, now, compose, check, explain=explain)
    return Validated(settled=settled, answer=answer(settled, request, request_id))


def answer(settled: Settled, request: StackRequest, request_id: str) -> dict[str, Any]:
    """The wire object of behaviour 4.2; `inapplicable_redeemables` and `skipped_redeemables` only when there
    are any (D20).
    """
    gathered, decision = settled.gathered, settled.decision
    expand = request.expand
    entries = [entry_wire(result, gathered, request_id, expand) for result in decision.results]
    wire: dict[str, Any] = {"id": new_id("valid_"), "valid": decision.valid}
    if gathered.project.stacking.redeemables_application_mode == "ALL":
        wire["redeemables"] = entries
    else:
        wire["redeemables"] = [entry for entry in entries if entry["status"] == "APPLICABLE"]
        skipped = [entry for entry in entries if entry["status"] == "SKIPPED"]
        inapplicable = [entry for entry in entries if entry["status"] == "INAPPLICABLE"]
        if skipped:
            wire["skipped_redeemables"] = skipped
        if inapplicable:
            wire["inapplicable_redeemables"] = inapplicable
    if decision.order is not None and gathered.facts.order is not None and decision.valid:
        wire["order"] = validation_order(decision.order, gathered)
    tracking = tracking_of(gathered)
    if tracking is not None:
        wire["tracking_id"] = tracking
    wire["stacking_rules"] = gathered.project.stacking_wire
    if decision.trace is not None:
        wire["trace"] = decision.trace
    return wire
