"""Validate a stack of redeemables: the same gather, rules and checks as a redemption, and nothing written
(P7), but for the lock of a session.
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
from app.redeemables.evened import settle_evenly
from app.redeemables.gather import Admit, Gathered
from app.redeemables.hiding import hidden
from app.redeemables.locking import lock
from app.redeemables.order_wire import OrderWriter
from app.redeemables.read_trip import Asked
from app.redeemables.request import StackRequest
from app.redeemables.session_request import Session
from app.redeemables.settle import Contended, Settled, settle, validation_call
from rules.verdict import Decision

LOCK_ATTEMPTS_MAX = 4
"""Between the check and the lock somebody else may take the last unit: then it is decided anew."""


class Validated(Struct, frozen=True):
    """`event_id`: of the lock, for the ledger; empty when nothing was locked."""

    settled: Settled
    answer: dict[str, Any]
    event_id: str = ""


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
    session: Session | None = None,
) -> Validated:
    """admit: takes the replies of the riders and raises when the edge refuses. explain: the answer also has
    the `trace` of the decision. session: what applies is locked under its key; what fails locks nothing.

    Raises: Refused for a request that cannot be decided, Contended, CoreUnavailable.
    """

    def compose(gathered: Gathered, decision: Decision, charged: Charged) -> Apply:
        return validation_call(asked, gathered, charged)

    async def check(gathered: Gathered) -> None:
        await admit(gathered.riders)
        check_stack(gathered, request)

    settling = settle_evenly if asked.hides_codes else settle
    for _ in range(LOCK_ATTEMPTS_MAX):
        settled = await settling(core, catalogue, asked, request, now, compose, check, explain=explain)
        wire = answer(settled, request, request_id, hides_codes=asked.hides_codes)
        if session is None or settled.outcome is None:
            return Validated(settled=settled, answer=wire)
        locked = await lock(core, asked, settled, session, request_id, now)
        if locked is not None:
            wire["session"] = session.wire()
            return Validated(settled=settled, answer=wire, event_id=locked)
    raise Contended


def answer(
    settled: Settled, request: StackRequest, request_id: str, *, hides_codes: bool = False
) -> dict[str, Any]:
    """The wire object of behaviour 4.2; `inapplicable_redeemables` and `skipped_redeemables` only when there
    are any (D20).
    """
    gathered, decision = settled.gathered, settled.decision
    expand = request.expand
    results = hidden(decision.results, gathered) if hides_codes else decision.results
    order = gathered.facts.order
    writer = OrderWriter(order, gathered.facts.catalogue) if order is not None else None
    entries = [entry_wire(result, gathered, request_id, expand, writer) for result in results]
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
    if decision.order is not None and order is not None and decision.valid:
        wire["order"] = validation_order(decision.order, gathered, writer)
    tracking = tracking_of(gathered)
    if tracking is not None:
        wire["tracking_id"] = tracking
    wire["stacking_rules"] = gathered.project.stacking_wire
    if decision.trace is not None:
        wire["trace"] = decision.trace
    return wire
