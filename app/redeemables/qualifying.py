"""Which of many redeemables apply, each alone (behaviour 4.9).

Nothing is taken and nothing is kept: every answer is decided from what was read for it, and the script
compares the versions of all of it before it is given. So an object that was stopped is in no answer that
begins after the stop was acknowledged. Knows nothing of HTTP, and not where the options come from.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.core.ops import Apply
from app.core.outcome import Code, CoreUnavailable
from app.redeemables.candidates import facts_of_units
from app.redeemables.catalogue import Catalogue
from app.redeemables.charges import BALANCES, place_of
from app.redeemables.gather import Gathered, gather
from app.redeemables.options import Option
from app.redeemables.programs import CampaignProgram
from app.redeemables.read_trip import Asked
from app.redeemables.request import StackRequest
from app.redeemables.settle import GATHER_ATTEMPTS_MAX, Contended, record_checks
from app.redeemables.summaries import summary_needs, with_summary
from rules.counters import tally
from rules.facts import Candidate, CounterName, Gift, Moment
from rules.qualification import Scenario, qualify, qualify_stack
from rules.verdict import Charge, OrderState, Result


class Qualified(Struct, frozen=True, kw_only=True):
    """An option that applies. `gathered` is what it was decided from; `results` are several for a stack."""

    option: Option
    results: tuple[Result, ...]
    order: OrderState | None
    gathered: Gathered
    locked_credits: int = 0
    """Credits of a gift card that validation sessions hold, in minor units."""

    @property
    def deal(self) -> int:
        """What it takes off the order, in minor units."""
        return self.order.total_applied_discount_amount if self.order is not None else 0

    @property
    def charges(self) -> list[Charge]:
        """What taking it would move."""
        return [charge for result in self.results for charge in result.charges]


async def qualify_options(
    core: RedemptionCore,
    catalogue: Catalogue,
    asked: Asked,
    context: StackRequest,
    options: Sequence[Option],
    scenario: Scenario,
    now: datetime,
) -> list[Qualified]:
    """Those of `options` that apply, in their order. context: customer, order and metadata of the request.

    Raises: Contended, CoreUnavailable, LookupError.
    """
    request = replace(context, redeemables=[one for option in options for one in option.named])
    for _ in range(GATHER_ATTEMPTS_MAX):
        gathered = await gather(core, catalogue, asked, request, now)
        grouped = await _candidates(catalogue, gathered, options)
        candidates = [candidate for group in grouped for candidate in group]
        gathered.facts = replace(
            gathered.facts,
            catalogue=await facts_of_units(catalogue.products, gathered.project.id, candidates),
        )
        moment = Moment(now=now, zone=gathered.project.zone)
        await _add_summary(core, catalogue, gathered, candidates, moment)
        found = []
        for option, group in zip(options, grouped, strict=True):
            one = _qualified(gathered, moment, option, group, scenario)
            if one is not None:
                found.append(one)
        found = await _within_limits(core, gathered, found)
        if await _is_current(core, catalogue, asked, gathered):
            return found
    raise Contended


async def _add_summary(
    core: RedemptionCore,
    catalogue: Catalogue,
    gathered: Gathered,
    candidates: Sequence[Candidate],
    moment: Moment,
) -> None:
    """Rules of campaigns, which the read trip does not know, may look at the customer's summary as well."""
    customer, needs = gathered.facts.customer, summary_needs(candidates)
    if customer is None or not needs:
        return
    order = gathered.facts.order
    seen, gathered.pins = await with_summary(
        core, catalogue, gathered.keys, customer, needs, None, moment, order
    )
    gathered.facts = replace(gathered.facts, customer=seen)


def _qualified(
    gathered: Gathered,
    moment: Moment,
    option: Option,
    candidates: tuple[Candidate, ...],
    scenario: Scenario,
) -> Qualified | None:
    if not candidates or any(candidate.absent for candidate in candidates):
        return None
    if option.kind == "promotion_stack":
        decision = qualify_stack(gathered.facts, moment, candidates, scenario)
        if decision is None:
            return None
        return Qualified(option=option, results=decision.applied, order=decision.order, gathered=gathered)
    result = qualify(gathered.facts, moment, candidates[0], scenario)
    if result is None:
        return None
    return Qualified(option=option, results=(result,), order=result.order, gathered=gathered)


async def _candidates(
    catalogue: Catalogue, gathered: Gathered, options: Sequence[Option]
) -> list[tuple[Candidate, ...]]:
    """The candidates of every option; campaigns stand for codes that nobody holds yet."""
    wanted = [option.id for option in options if option.kind == "campaign"]
    programs = await catalogue.campaigns(gathered.project.id, wanted)
    for program in programs.values():
        gathered.guards.update(program.guards)
    rest = iter(gathered.facts.candidates)
    return [
        (_campaign_candidate(option, programs),)
        if option.kind == "campaign"
        else tuple(islice(rest, len(option.named)))
        for option in options
    ]


def _campaign_candidate(option: Option, programs: Mapping[str, CampaignProgram]) -> Candidate:
    program = programs.get(option.id)
    if program is None or program.deleted:
        return Candidate(object="campaign", requested_id=option.id, absent=True)
    gift = None
    if option.voucher_type == "GIFT_VOUCHER":
        gift = Gift(opening=option.gift_amount, effect=program.gift_effect)
    return Candidate(
        object="campaign",
        requested_id=program.id,
        id=program.id,
        name=program.name,
        kind=option.voucher_type or "DISCOUNT_VOUCHER",
        discount=program.discount,
        gift=gift,
        rules=program.rules,
        windows=program.voucher_windows,
        campaign_id=program.id,
        campaign_name=program.name,
        category_ids=program.category_ids,
        metadata=program.metadata,
        extensions=program.extensions,
    )


async def _within_limits(
    core: RedemptionCore, gathered: Gathered, found: Sequence[Qualified]
) -> list[Qualified]:
    """Without what is used up: the counters of all charges with a limit, in one trip."""
    names = list(
        dict.fromkeys(charge.counter for one in found for charge in one.charges if _is_limited(charge))
    )
    names += [
        name
        for one in found
        if one.option.voucher_type == "GIFT_VOUCHER" and (name := _balance(one)) not in names
    ]
    if not names:
        return list(found)
    commands: list[tuple[str | bytes | int | float, ...]] = []
    for name in names:
        key, field = place_of(gathered.keys, name)
        commands.append(("HMGET", key, field, field + "~h"))
    replies = await core.read(gathered.keys.partition, commands)
    stored: dict[CounterName, tuple[int | None, int]] = {}
    for name, reply in zip(names, replies, strict=True):
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply))
        value, held = reply
        stored[name] = (None if value is None else int(value), int(held or 0))
    kept = []
    for one in found:
        if all(_fits(charge, *stored.get(charge.counter, (None, 0))) for charge in one.charges):
            _, locked = stored.get(_balance(one), (None, 0))
            kept.append(replace(one, locked_credits=locked))
    return kept


def _balance(one: Qualified) -> CounterName:
    return tally("gift", one.results[0].candidate.id, "balance")


def _is_limited(charge: Charge) -> bool:
    return charge.cap is not None or charge.floor is not None


def _fits(charge: Charge, stored: int | None, held: int) -> bool:
    """The script's own arithmetic (D2). stored None: the counter stands at its base, held or not."""
    value = charge.base if stored is None else stored
    if charge.delta > 0 and charge.cap is not None:
        return value + held + charge.delta <= charge.cap
    if charge.delta < 0 and charge.floor is not None:
        reserved = held if charge.counter.scope in BALANCES else 0
        return value + charge.delta >= charge.floor + reserved
    return True


async def _is_current(core: RedemptionCore, catalogue: Catalogue, asked: Asked, gathered: Gathered) -> bool:
    """Whether everything that was looked at is still what is in force."""
    call = Apply(
        partition=asked.partition, mode="V", rid="", guards=gathered.guards, ops=record_checks(gathered)
    )
    outcome = await core.apply(call)
    if outcome.code is Code.OK:
        return True
    if outcome.code is not Code.STALE:
        raise CoreUnavailable(f"the core answered {outcome.code.name}")
    if outcome.name in gathered.guards:
        catalogue.invalidate(gathered.project.id, outcome.name)
    return False
