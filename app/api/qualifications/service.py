"""Pages of qualified redeemables: newest first, or best deal first (behaviour 4.9).

A page is decided anew for every request; nothing of it is kept. The cursor is an instant, as published: its
milliseconds name the created_at of the last redeemable received, its microseconds how many with that
created_at were received, so that none is lost where many were made at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from app.api.call import Call
from app.api.qualifications.looking import Looking, looking
from app.api.qualifications.queries import Search
from app.api.qualifications.schemas import FILTERED, QualificationFilters, QualificationRequest
from app.api.qualifications.wire import answer_wire, owners_of
from app.api.stack_requests import asked_of, moment_of
from app.api.terms import assignments_of
from app.http.query import Condition, Filters
from app.redeemables.checks import check_stack
from app.redeemables.customers import CustomerPayload
from app.redeemables.gather import Gathered, gather
from app.redeemables.offer_changes import changes_commands, changes_told, offers_as_of
from app.redeemables.offers import ProjectOffers
from app.redeemables.options import Option, Position
from app.redeemables.order_request import OrderPayload
from app.redeemables.qualifying import Qualified, qualify_options
from app.redeemables.read_trip import Asked
from app.redeemables.request import StackRequest
from rules.qualification import SCENARIOS, Scenario

BATCH = 50
FEW = 2
"""As many times what is wanted are decided at first."""
LOOKED_AT_MAX = 1_000
"""Redeemables that one request decides. Beyond it the page ends, and its cursor goes on from there."""
DEALS = {"BEST_DEAL": -1, "LEAST_DEAL": 1}


class Page(Struct):
    """more_after: the cursor of the next page; None when this is the last."""

    entries: list[Qualified]
    more_after: datetime | None = None


class Cursor(Struct, frozen=True):
    """millisecond: created_at of the last redeemable received; received: how many of that millisecond, 0 for
    all.
    """

    millisecond: datetime
    received: int

    @classmethod
    def of(cls, instant: datetime | None) -> "Cursor | None":
        if instant is None:
            return None
        return cls(_millisecond(instant), instant.microsecond % 1000)


class Context(Struct, frozen=True):
    """Who asks, with what cart, as of when. `gathered`: customer and order as the engine knows them."""

    asked: Asked
    request: StackRequest
    gathered: Gathered
    now: datetime
    changes: int | None = None
    """The number of the last change of what offers are made of, where it was asked for."""


class Asking(Protocol):
    """What every request for a qualification says."""

    customer: CustomerPayload | None
    order: OrderPayload | None
    tracking_id: str | None
    metadata: dict[str, Any] | None


async def context_of(call: Call, request: Asking, *, counting: bool = False) -> Context:
    """The budgets of the address are charged here, once per request. counting: the number of changes is asked
    for as well.

    Raises: Refused, LookupError, CoreUnavailable, ApiError.
    """
    engine = call.engine
    now = await moment_of(call)
    context = StackRequest(
        redeemables=[],
        order=request.order,
        customer=request.customer,
        tracking_id=request.tracking_id,
        metadata=request.metadata,
    )
    # An Idempotency-Key means nothing where nothing is taken.
    asked = replace(asked_of(call), scope_hash="", fingerprint="")
    riders = len(asked.riders)
    if counting:
        keys = await engine.core.open(call.partition)
        asked = replace(asked, riders=(*asked.riders, *changes_commands(engine.core, keys)))
    gathered = await gather(engine.core, engine.catalogue, asked, context, now)
    await call.admission.admit(gathered.riders[:riders])
    changes = None
    if counting and gathered.keys is keys:
        changes = changes_told(engine.core, keys, gathered.riders[riders:])
    check_stack(gathered, context)
    return Context(replace(asked, riders=()), context, gathered, now, changes)


async def decided(
    call: Call, context: Context, options: Sequence[Option], scenario: Scenario
) -> list[Qualified]:
    """Those that apply, in their order."""
    if not options:
        return []
    engine = call.engine
    return await qualify_options(
        engine.core, engine.catalogue, context.asked, context.request, options, scenario, context.now
    )


async def qualifications(call: Call, request: QualificationRequest, *, codes: bool = True) -> dict[str, Any]:
    """The answer to one request. codes False: only what has no code of its own is shown.

    Raises: Refused, Contended, LookupError, CoreUnavailable, ApiError.
    """
    scenario = SCENARIOS[request.scenario or "ALL"]
    context = await context_of(call, request, counting=True)
    gathered, now = context.gathered, context.now
    search = Search(
        project_id=call.project_id,
        customer_id=gathered.customer_id if gathered.customer is not None else None,
        now=now,
        filters=filters_of(request.options.filters if request.options else None),
        wallet_only=scenario.wallet_only,
        stacks_only=scenario.stacks_only,
        codes=codes,
    )
    offers = None
    if not search.filters and not search.wallet_only:
        # Filters are the tables' business, and a wallet holds nothing but codes.
        offers = await offers_as_of(call.engine.catalogue, call.project_id, context.changes)
    page = await Pages(call, context, scenario, search, offers).page(request)
    rules = {}
    if "validation_rules" in request.expand and page.entries:
        owners = {owner for one in page.entries for result in one.results for owner in owners_of(result)}
        async with call.read() as session:
            rules = await assignments_of(session, call.project_id, owners)
    return answer_wire(
        request, gathered, page.entries, page.more_after, scenario, rules, now, call.request_id
    )


class Pages:
    """Looks through the options of one request, batch by batch. offers: None to look in the tables."""

    def __init__(
        self,
        call: Call,
        context: Context,
        scenario: Scenario,
        search: Search,
        offers: ProjectOffers | None,
    ) -> None:
        self.call = call
        self.context = context
        self.scenario = scenario
        self.search = search
        self.offers = offers
        self.looked_at = 0

    async def page(self, request: QualificationRequest) -> Page:
        """The page after the request's cursor."""
        options = request.options
        cursor = Cursor.of(options.starting_after if options else None)
        deal = DEALS.get((options.sorting_rule if options else None) or "")
        if deal is not None:
            return await self._by_deal(cursor, request.limit, deal)
        return await self._by_age(cursor, request.limit)

    def _looking(self, position: Position | None, newest: int | None = None) -> Looking:
        return looking(
            self.call, self.search, position, self.offers, self.context.gathered, self.scenario, newest
        )

    async def _decided(self, options: Sequence[Option]) -> list[Qualified]:
        self.looked_at += len(options)
        return await decided(self.call, self.context, options, self.scenario)

    async def _by_age(self, cursor: Cursor | None, limit: int) -> Page:
        """Newest first; those of one millisecond stay on one page where they fit on one."""
        position: Position | None = None
        if cursor is not None:
            # Strings of no characters come before every id.
            start = cursor.millisecond if not cursor.received else cursor.millisecond + _MILLISECOND
            position = (start, "")
        found: list[Qualified] = []
        walk = self._looking(position)
        batch = min(max(FEW * limit, walk.batch_first), BATCH)
        wanted = limit + (cursor.received if cursor else 0)
        while self.looked_at < LOOKED_AT_MAX and len(found) <= wanted:
            options = await walk.next(batch)
            found += await self._decided(options)
            if len(options) < batch:
                position = None
                break
            position = options[-1].position
            batch = min(2 * batch, BATCH, LOOKED_AT_MAX - self.looked_at)
        received = _received(found, cursor)
        found = found[received:]
        if len(found) <= limit:
            return Page(found, None if position is None else _millisecond(position[0]))
        kept = _whole_group(found, limit)
        last = kept[-1].option.created_at
        same = sum(1 for one in kept if _millisecond(one.option.created_at) == _millisecond(last))
        split = _millisecond(found[len(kept)].option.created_at) == _millisecond(last)
        before = received if cursor and cursor.received and _millisecond(last) == cursor.millisecond else 0
        return Page(kept, _cursor(last, same + before if split else 0))

    async def _by_deal(self, cursor: Cursor | None, limit: int, sign: int) -> Page:
        """The best (or the least) of the newest LOOKED_AT_MAX redeemables."""
        found: list[Qualified] = []
        walk = self._looking(None, LOOKED_AT_MAX)
        while self.looked_at < LOOKED_AT_MAX:
            batch = min(BATCH, LOOKED_AT_MAX - self.looked_at)
            options = await walk.next(batch)
            found += await self._decided(options)
            if len(options) < batch:
                break
        # Stable: equal deals stay newest first.
        found.sort(key=lambda one: sign * one.deal)
        first = _position_behind(found, cursor)
        kept = found[first : first + limit]
        if first + limit >= len(found):
            return Page(kept)
        last = _millisecond(kept[-1].option.created_at)
        upto = found[: first + limit]
        return Page(
            kept, _cursor(last, sum(1 for one in upto if _millisecond(one.option.created_at) == last))
        )


_MILLISECOND = timedelta(milliseconds=1)


def _millisecond(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _cursor(instant: datetime, received: int) -> datetime:
    return _millisecond(instant) + timedelta(microseconds=min(received, 999))


def _received(found: Sequence[Qualified], cursor: Cursor | None) -> int:
    """How many at the front were on earlier pages."""
    if cursor is None or not cursor.received:
        return 0
    same = sum(1 for one in found if _millisecond(one.option.created_at) == cursor.millisecond)
    return min(same, cursor.received)


def _whole_group(found: list[Qualified], limit: int) -> list[Qualified]:
    """At most `limit`, without a part of the redeemables of one millisecond unless they fill the page."""
    cut = limit
    edge = _millisecond(found[limit].option.created_at)
    while cut and _millisecond(found[cut - 1].option.created_at) == edge:
        cut -= 1
    return found[: cut or limit]


def _position_behind(found: Sequence[Qualified], cursor: Cursor | None) -> int:
    if cursor is None:
        return 0
    places = [
        place for place, one in enumerate(found) if _millisecond(one.option.created_at) == cursor.millisecond
    ]
    if not places:
        return len(found)
    return places[min(cursor.received, len(places)) - 1 if cursor.received else -1] + 1


def filters_of(sent: QualificationFilters | None) -> Filters:
    """The body's filters as those of lists."""
    if sent is None:
        return Filters()
    conditions: list[Condition] = []
    for field in FILTERED:
        given = getattr(sent, field)
        if given is None or given.conditions is None:
            continue
        operators = given.conditions
        for name, values in (
            ("$is", operators.is_),
            ("$is_not", operators.is_not),
            ("$in", operators.in_),
            ("$not_in", operators.not_in),
        ):
            if values:
                conditions.append(Condition(field, name, tuple(values)))
        if operators.has_value not in (None, False):
            conditions.append(Condition(field, "$has_value", ()))
        if operators.is_unknown not in (None, False):
            conditions.append(Condition(field, "$is_unknown", ()))
    return Filters(tuple(conditions), (sent.junction or "and").lower())
