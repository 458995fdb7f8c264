"""Redeem a stack of redeemables: all that applies is taken in one script call, or nothing is (P1, P4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from app.core.core import RedemptionCore
from app.core.ops import Apply
from app.core.records import CustomerRecord
from app.redeemables.catalogue import Catalogue
from app.redeemables.charges import Charged
from app.redeemables.checks import check_stack
from app.redeemables.evened import settle_evenly
from app.redeemables.gather import Admit, Gathered
from app.redeemables.read_trip import Asked
from app.redeemables.replay import KeyLife, keep_key
from app.redeemables.request import StackRequest
from app.redeemables.settle import Settled, settle
from app.redeemables.taking import Ids, Taking, take
from rules.verdict import Decision, Result


class Redeemed(Struct, frozen=True):
    """`event_id` is what the ledger will know it by. `answer` is the wire object of behaviour 4.6."""

    event_id: str
    answer: dict[str, Any]
    known: CustomerRecord | None
    """The customer as stored before."""
    trace: Mapping[str, Any] | None = None
    """Why, when it was asked for: never part of what is kept."""


class Failed(Struct, frozen=True):
    """Nothing was taken. `results` are the redeemables that failed, the first of which decides the answer."""

    settled: Settled
    results: tuple[Result, ...]


async def redeem(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    request: StackRequest,
    now: datetime,
    request_id: str,
    admit: Admit,
    *,
    key_life: KeyLife | None = None,
    explain: bool = False,
) -> Redeemed | Failed:
    """key_life: of the request's idempotency key, when it has one. explain: what comes back carries the
    trace of the decision.

    Raises: Refused when nothing can be decided, Contended, Replayed, KeyReused, CoreUnavailable.
    """
    ids = Ids()
    composed: list[Taking] = []

    def compose(gathered: Gathered, decision: Decision, charged: Charged) -> Apply:
        taking = take(asked, gathered, request, decision, charged, ids, now, request_id)
        keep_key(taking.call, key_life)
        composed.append(taking)
        return taking.call

    async def check(gathered: Gathered) -> None:
        await admit(gathered.riders)
        if gathered.first_event is None:  # What was taken is answered again, whatever became of its order.
            check_stack(gathered, request)

    settling = settle_evenly if asked.hides_codes else settle
    settled = await settling(core, catalogue, asked, request, now, compose, check, explain=explain)
    if settled.outcome is None:
        results = settled.decision.results
        failed = tuple(result for result in results if result.status == "INAPPLICABLE")
        return Failed(settled=settled, results=failed or results)
    return Redeemed(
        event_id=settled.outcome.event_id,
        answer=composed[-1].answer,
        known=settled.gathered.customer,
        trace=settled.decision.trace,
    )
