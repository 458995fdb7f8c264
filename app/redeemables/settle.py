"""The loop of decide and apply: decide on what was read, let the script check what contends, decide again on
what it says.

Bounded on both sides: the catalogue, a record or the order changed → gather again; a counter was short → the
same facts with
the counter as the script saw it.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.core.ops import Apply, Op
from app.core.outcome import Code, CoreUnavailable, Outcome
from app.redeemables.catalogue import Catalogue
from app.redeemables.charges import Charged, charge, currents, operations, spent_of
from app.redeemables.checks import Refused
from app.redeemables.foresight import foreseen_by, passes, unchanged
from app.redeemables.gather import Gathered, gather
from app.redeemables.holders import known_by_email
from app.redeemables.memory import customer_check, voucher_checks
from app.redeemables.overdue import free_overdue
from app.redeemables.read_trip import Asked
from app.redeemables.recall import came_back, confirmed, fell_short, forget, recall, remember
from app.redeemables.replay import KeyReused, first_event
from app.redeemables.request import StackRequest
from app.redeemables.sessions import own_releases
from app.redeemables.stacks import expanded
from rules.decide import decide
from rules.facts import Counter, CounterName, Facts, Moment
from rules.verdict import Decision

GATHER_ATTEMPTS_MAX = 4
"""A definition that changes faster than three reads in a row is being edited by a loop, not by a person."""
DECIDE_ROUNDS_MAX = 4
"""Each round learns every counter of the call, so two usually suffice; contention on many counters may need
one more.
"""

Compose = Callable[[Gathered, Decision, Charged], Apply]


class Contended(Exception):
    """What was decided kept changing underneath: the caller answers multiple_requests, or tries again."""


class Replayed(Exception):
    """The idempotency key made an event before: its answer is given again, and nothing is decided (P3)."""

    def __init__(self, event_id: str) -> None:
        super().__init__(event_id)
        self.event_id = event_id


class Settled(Struct, frozen=True):
    """`outcome` is None when there was nothing to take. limited: because the script refused by a limit."""

    gathered: Gathered
    decision: Decision
    outcome: Outcome | None
    limited: bool = False
    spent: Mapping[CounterName, Counter] = {}
    """With `limited`: the counter that refuses everybody, if it was one."""
    unasked: bool = False
    """Refused in a storm by what the script said a moment ago: whether the caller's key still stands was not
    asked either.
    """


async def settle(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    request: StackRequest,
    now: datetime,
    compose: Compose,
    check: Callable[[Gathered], Awaitable[None]],
    *,
    explain: bool = False,
) -> Settled:
    """Decide on the request and have the script check or take it.

    compose: makes the call from a decision with something to take. check: sees what was gathered before
    anything is
    decided (rate bucket, key revocation, contradictions of request and order) and raises to stop. explain:
    the decision carries its trace.

    Raises: Contended, Replayed, KeyReused, CoreUnavailable, LookupError.
    """
    settled = await _settled(core, catalogue, asked, request, now, compose, check, explain)
    if settled.outcome is None and asked.scope_hash:
        await _nothing_made(core, asked)
    return settled


async def _nothing_made(core: RedemptionCore, asked: Asked) -> None:
    """Before anything is refused under an idempotency key: what it made must be answered again, whatever has
    changed since (P3). Asked after the decision: a copy of the request that was taken before what this one is
    refused by is found.

    Raises: Replayed, KeyReused, Contended, CoreUnavailable.
    """
    partition = asked.partition
    for _ in range(GATHER_ATTEMPTS_MAX):
        keys = await core.open(partition)
        commands = [("GET", keys.idempotency(asked.scope_hash)), core.belief_command(partition)]
        record, belief = await core.read(partition, commands)
        if core.believes(partition, belief):
            event_id = first_event(record, asked.fingerprint)
            if event_id is not None:
                raise Replayed(event_id)
            return
        await core.refresh(partition)  # A rebuild has put counters and keys elsewhere.
    raise Contended


async def _settled(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    request: StackRequest,
    now: datetime,
    compose: Compose,
    check: Callable[[Gathered], Awaitable[None]],
    explain: bool,
) -> Settled:
    recalled = await recall(catalogue, asked, request)
    if recalled is not None and asked.looking:
        recalled = await confirmed(core, catalogue, asked, request, recalled)
        if recalled is None:
            forget(catalogue, asked, request)
    if recalled is not None:
        try:
            await check(recalled)
            settled = await _decide(core, catalogue, asked, recalled, now, compose, explain)
        except Refused:
            settled = None  # By settings that may be no longer so: they are read, and asked again.
        if settled is not None:
            if settled.limited:
                fell_short(catalogue, request, recalled, settled.spent)
            elif settled.outcome is not None and recalled.expects_limit:
                came_back(catalogue, request, recalled)
            elif settled.outcome is not None and not (recalled.claimed or asked.looking):
                remember(catalogue, asked, request, recalled, taken=True)
            return settled
        forget(catalogue, asked, request)
    for _ in range(GATHER_ATTEMPTS_MAX):
        resolved = await expanded(catalogue, asked.partition.project_id, request)
        gathered = await gather(core, catalogue, asked, resolved, now)
        holder = await known_by_email(core, catalogue, gathered, resolved)
        if holder is not None:
            gathered = await gather(core, catalogue, asked, holder, now)
        await check(gathered)
        if gathered.first_event is not None:
            raise Replayed(gathered.first_event)
        settled = await _decide(core, catalogue, asked, gathered, now, compose, explain)
        if settled is not None:
            if settled.outcome is not None or settled.limited:
                taken = settled.outcome is not None and not asked.looking
                remember(catalogue, asked, request, gathered, taken=taken)
            if settled.limited:
                fell_short(catalogue, request, gathered, settled.spent)
            return settled
    raise Contended


async def _decide(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    gathered: Gathered,
    now: datetime,
    compose: Compose,
    explain: bool,
) -> Settled | None:
    """None: what was gathered is out of date."""
    facts: Facts = gathered.facts
    moment = Moment(now=now, zone=gathered.project.zone)
    is_current = False
    spent: Mapping[CounterName, Counter] = {}
    if gathered.spent and not explain:
        told = replace(facts, counters=gathered.spent)
        decision = decide(told, moment, lists=asked.lists)
        if not takes(decision):
            gathered.facts = told
            return Settled(gathered=gathered, decision=decision, outcome=None, unasked=True)
    for _ in range(DECIDE_ROUNDS_MAX):
        decision = decide(facts, moment, explain=explain, lists=asked.lists)
        if facts.counters and await free_overdue(core, gathered.keys, facts, decision, now):
            return None
        if not takes(decision):
            if is_current or await _is_current(core, catalogue, asked, gathered):
                gathered.facts = facts  # with what the script told of its counters
                return Settled(
                    gathered=gathered, decision=decision, outcome=None, limited=is_current, spent=spent
                )
            return None
        charged = charge(gathered.keys, decision.applied, gathered.seen)
        outcome = passes(core, asked.partition, gathered.look, gathered.guards, charged)
        if outcome is None and gathered.expects_limit and not is_current:
            # Those who come after the last unit are the most, and nothing is composed for them.
            tried = validation_call(asked, gathered, charged)
            tried.access = gathered.access
            outcome = await core.apply(tried)
            if outcome.code is Code.OK:
                outcome = None
        if outcome is None:
            call = compose(gathered, decision, charged)
            call.access = gathered.access
            outcome = await core.apply(call)
            if asked.looking and outcome.code is Code.OK:
                foreseen = foreseen_by(gathered.guards, charged, gathered.customer_id)
                catalogue.foresights.put(gathered.project.id, gathered.facts.candidates, foreseen)
        if outcome.code is Code.DUP and outcome.name == "idempotency":
            raise Replayed(outcome.event_id)
        if outcome.code in (Code.OK, Code.DUP):
            return Settled(gathered=gathered, decision=decision, outcome=outcome)
        if outcome.code is Code.LIMIT:
            if outcome.op_index >= len(charged.adds):
                return None
            is_current = True  # the script looks at a limit only where all versions stand
            learnt = currents(charged, outcome, 0)
            spent = spent_of(charged, outcome.op_index, learnt)
            facts = replace(facts, counters=_learnt(facts.counters, learnt))
            continue
        _stale(catalogue, gathered, outcome)
        return None
    raise Contended


def takes(decision: Decision) -> bool:
    """Whether anything is to be taken: something applies, and in mode ALL nothing failed."""
    return decision.valid and bool(decision.applied)


def _learnt(
    known: Mapping[CounterName, Counter], learnt: Mapping[CounterName, Counter]
) -> dict[CounterName, Counter]:
    return {**known, **learnt}


def _stale(catalogue: Catalogue, gathered: Gathered, outcome: Outcome) -> None:
    """Raises for every outcome that reading again does not answer."""
    if outcome.code is Code.STALE:
        if outcome.name in gathered.guards:
            catalogue.invalidate(gathered.project.id, outcome.name)
        return
    if outcome.code is Code.CONFLICT:
        raise KeyReused
    raise CoreUnavailable(f"the core answered {outcome.code.name}")


def record_checks(gathered: Gathered) -> list[Op]:
    """The voucher and customer records that the decision looked at must still be those (D4)."""
    if gathered.checks is not None:
        return [*gathered.checks, *gathered.pins]
    checks: list[Op] = [*voucher_checks(gathered.keys, gathered.project, gathered.records)]
    if gathered.customer is not None:
        checks.append(customer_check(gathered.keys, gathered.customer))
    checks.extend(gathered.pins)
    return checks


async def _is_current(core: RedemptionCore, catalogue: Catalogue, asked: Asked, gathered: Gathered) -> bool:
    """A refusal, too, must not be made from an old catalogue: nothing is taken, so only the versions are
    compared.
    """
    recalled = gathered.access is not None
    if len(gathered.guards) == 1 and not (gathered.records or asked.hides_codes or recalled):
        return True
    if not asked.hides_codes and unchanged(core, asked.partition, gathered.look, gathered.guards):
        return True
    call = Apply(
        partition=asked.partition,
        mode="V",
        rid="",
        guards=gathered.guards,
        ops=record_checks(gathered),
        access=gathered.access,
    )
    outcome = await core.apply(call)
    if outcome.code is Code.OK:
        return True
    _stale(catalogue, gathered, outcome)
    return False


def validation_call(asked: Asked, gathered: Gathered, charged: Charged) -> Apply:
    """The same checks as a taking, without any write (core 2.7)."""
    return Apply(
        partition=asked.partition,
        mode="V",
        rid="",
        guards=gathered.guards,
        ops=[
            *operations(charged),
            *record_checks(gathered),
            *own_releases(
                gathered.keys, gathered.owned, [one.id for one in gathered.facts.candidates if one.id]
            ),
        ],
    )
