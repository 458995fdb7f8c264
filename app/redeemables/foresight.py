"""A validation in one round trip: what the script would compare is fetched beside the records when it is
known from the last time that the same redeemables were asked for.

Only a clear yes is answered here. Whatever was not foreseen, has changed or would pass a limit is left to the
script, which decides alone; so is every taking. What is read here is no snapshot: a validation promises
nothing (P7).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.core.encode import HELD_SUFFIX
from app.core.keys import Keys, Partition
from app.core.ops import Add
from app.core.outcome import Code, Outcome
from app.redeemables.bounded import Bounded
from app.redeemables.charges import Charged, place_of
from app.redeemables.memory import OPEN_MAX, STACKS_MAX
from app.redeemables.request import StackRequest
from rules.facts import Candidate, CounterName

ASKING_CUSTOMER: Final = "\0"
"""Stands in a counter's name for whoever asks."""

OWN_VOUCHER: Final = "\1"
"""Stands in a counter's name for the voucher, where all vouchers of its campaign are meant."""
CAMPAIGNS_MAX: Final = 5_000
"""Of which it is known what a voucher compares: about 0.5 kB each."""

Command = tuple[str | bytes | int | float, ...]


class Foreseen(Struct, frozen=True):
    """What deciding on some redeemables compared last time."""

    guards: tuple[str, ...]
    counters: tuple[CounterName, ...]
    """Those with a limit."""


class Foresights:
    """What was foreseen of redeemables, the most recently used; and of the vouchers of a campaign, which
    compare the same but for their own counters.
    """

    def __init__(self) -> None:
        self._single: Bounded[tuple[str, tuple[str, ...]], Foreseen] = Bounded(OPEN_MAX)
        self._stacks: Bounded[tuple[str, tuple[str, ...]], Foreseen] = Bounded(STACKS_MAX)
        self._campaigns: Bounded[tuple[str, str], Foreseen] = Bounded(CAMPAIGNS_MAX)

    def of(
        self, project_id: str, redeemables: tuple[str, ...], candidates: Sequence[Candidate] = ()
    ) -> Foreseen | None:
        """candidates: what they were the last time, where that is known."""
        kept = self._kept(redeemables)
        foreseen = kept.get((project_id, redeemables))
        if foreseen is None:
            campaign = _campaign_of_voucher(candidates)
            foreseen = self._campaigns.get((project_id, campaign)) if campaign is not None else None
            if foreseen is not None:
                foreseen = _renamed(foreseen, OWN_VOUCHER, candidates[0].id)
                kept.put((project_id, redeemables), foreseen)
        return foreseen

    def put(self, project_id: str, candidates: Sequence[Candidate], foreseen: Foreseen) -> None:
        """As these were decided on. For the next one of the campaign it is a guess: what it lacks is noticed,
        and asked of the script.
        """
        redeemables = together(candidates)
        self._kept(redeemables).put((project_id, redeemables), foreseen)
        campaign = _campaign_of_voucher(candidates)
        if campaign is not None:
            shared = _renamed(foreseen, candidates[0].id, OWN_VOUCHER)
            self._campaigns.put((project_id, campaign), shared)

    def _kept(self, redeemables: tuple[str, ...]) -> Bounded[tuple[str, tuple[str, ...]], Foreseen]:
        return self._single if len(redeemables) == 1 else self._stacks


def _campaign_of_voucher(candidates: Sequence[Candidate]) -> str | None:
    """None for a tier, for several, and for a voucher on its own."""
    return candidates[0].campaign_id if len(candidates) == 1 and candidates[0].object == "voucher" else None


def _renamed(foreseen: Foreseen, old: str, new: str) -> Foreseen:
    counters = [replace(name, id=new) if name.id == old else name for name in foreseen.counters]
    return Foreseen(guards=foreseen.guards, counters=tuple(counters))


class Look(Struct):
    """The commands that fetch it; their replies; what they say."""

    commands: list[Command]
    guards: tuple[str, ...]
    places: list[tuple[str, str]]
    replies: Sequence[Any] = ()

    def versions(self) -> Mapping[str, bytes | None]:
        return dict(zip(self.guards, self.replies[1], strict=True))


def asked_together(request: StackRequest) -> tuple[str, ...]:
    """By what the same redeemables are known again."""
    return tuple([one.id for one in request.redeemables])


def together(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """As `asked_together`, when they were decided on."""
    return tuple([one.requested_id for one in candidates])


def look_for(core: RedemptionCore, keys: Keys, foreseen: Foreseen, customer_id: str | None) -> Look:
    """Commands to ride in the read trip."""
    commands: list[Command] = [
        core.belief_command(keys.partition),
        ("HMGET", keys.versions, *foreseen.guards),
    ]
    places = []
    for name in foreseen.counters:
        if name.customer:
            customer = (customer_id or "") if name.customer == ASKING_CUSTOMER else name.customer
            key = keys.counter(name.scope, name.id, customer, name.product, name.window)
            place = (key, name.field)
        else:
            place = place_of(keys, name)
        places.append(place)
        commands.append(("HMGET", place[0], place[1], place[1] + HELD_SUFFIX))
    return Look(commands=commands, guards=foreseen.guards, places=places)


def foreseen_by(guards: Mapping[str, int], charged: Charged, customer_id: str | None) -> Foreseen:
    """What to fetch the next time."""
    return Foreseen(
        guards=tuple(guards),
        counters=tuple(
            replace(name, customer=ASKING_CUSTOMER) if name.customer == customer_id else name
            for name, add in zip(charged.names, charged.adds, strict=True)
            if _is_limited(add)
        ),
    )


def unchanged(
    core: RedemptionCore, partition: Partition, look: Look | None, guards: Mapping[str, int]
) -> bool:
    """Whether the catalogue is still the one that was decided on, as far as was looked."""
    if look is None or not core.believes(partition, look.replies[0]):
        return False
    seen = look.versions()
    for name, carried in guards.items():
        if name not in seen:
            return False
        stored = seen[name]
        if stored is not None and int(stored) > carried:
            return False
    return True


def passes(
    core: RedemptionCore, partition: Partition, look: Look | None, guards: Mapping[str, int], charged: Charged
) -> Outcome | None:
    """OK when everything was looked at and nothing stands against it; None: ask the script."""
    if look is None or charged.pins or not unchanged(core, partition, look, guards):
        return None
    seen = dict(zip(look.places, look.replies[2:], strict=True))
    for add in charged.adds:
        if not _is_limited(add):
            continue
        values = seen.get((add.key, add.field))
        if not isinstance(values, list):
            return None
        value = add.base if values[0] is None else int(values[0])
        held = int(values[1] or 0)
        if add.delta > 0 and add.cap is not None and value + held + add.delta > add.cap:
            return None
        if add.delta < 0 and add.floor is not None and value + add.delta - held < add.floor:
            return None
    return Outcome(code=Code.OK)


def _is_limited(add: Add) -> bool:
    return add.cap is not None or add.floor is not None
