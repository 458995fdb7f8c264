"""What one qualification looks at, the newest first: from the offers that the process holds by what they
require, or from the tables.

Both give the same redeemables in the same order; the first leaves out those that cannot apply to the cart.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

from app.api.call import Call
from app.api.qualifications.queries import Search, newest, vouchers
from app.redeemables.gather import Gathered
from app.redeemables.offers import ProjectOffers
from app.redeemables.options import Option, Position
from rules.facts import Moment
from rules.qualification import Scenario


class Looking(Protocol):
    """One walk, from the position after which it begins."""

    batch_first: int
    """How many to begin with, where few are wanted."""

    async def next(self, count: int) -> list[Option]:
        """The next `count`; fewer when these are the last."""
        ...


class InTables:
    """Every redeemable that is live."""

    batch_first = 20

    def __init__(self, call: Call, search: Search, position: Position | None) -> None:
        self.call = call
        self.search = search
        self.position = position

    async def next(self, count: int) -> list[Option]:
        async with self.call.read() as session:
            found = await newest(session, self.search, self.position, count)
        if found:
            self.position = found[-1].position
        return found


class InOffers:
    """Those that may apply; what the customer holds and public codes are asked for in their table, once."""

    batch_first = 10

    def __init__(
        self, call: Call, search: Search, position: Position | None, possible: Sequence[Option]
    ) -> None:
        self.call = call
        self.search = search
        self.position = position
        """Of the last code that was read."""
        self.possible = [one for one in possible if position is None or one.position < position]
        self.codes: list[Option] = []
        self.more_codes = search.codes and not search.stacks_only

    async def next(self, count: int) -> list[Option]:
        if self.more_codes and len(self.codes) < count:
            async with self.call.read() as session:
                read = await vouchers(session, self.search, self.position, count)
            self.codes += read
            self.more_codes = len(read) == count
            if read:
                self.position = read[-1].position
        found = sorted(
            [*self.codes[:count], *self.possible[:count]], key=lambda one: one.position, reverse=True
        )[:count]
        taken = sum(1 for option in found if option.kind == "voucher")
        self.codes = self.codes[taken:]
        self.possible = self.possible[len(found) - taken :]
        return found


class InNewest:
    """As another walk, to the end of so many of the newest redeemables, with those among them that were left
    out.
    """

    def __init__(self, walk: InOffers, newest: Sequence[Position], most: int) -> None:
        self.walk = walk
        self.batch_first = walk.batch_first
        self.newest = newest
        """Where offers stand, codes apart; the oldest first."""
        self.most = most
        self.codes = 0

    async def next(self, count: int) -> list[Option]:
        found = []
        for option in await self.walk.next(count):
            self.codes += option.kind == "voucher"
            newer = len(self.newest) - bisect_left(self.newest, option.position)
            older = len(self.newest) == self.most and option.position < self.newest[0]
            if older or newer + self.codes > self.most:
                break
            found.append(option)
        return found


def looking(
    call: Call,
    search: Search,
    position: Position | None,
    offers: ProjectOffers | None,
    gathered: Gathered,
    scenario: Scenario,
    newest: int | None = None,
) -> Looking:
    """Where to look. newest: how many to look at, of all that there are."""
    if offers is None:
        return InTables(call, search, position)
    moment = Moment(now=search.now, zone=gathered.project.zone)
    walk = InOffers(call, search, position, offers.possible(gathered.facts, moment, scenario))
    if newest is None:
        return walk
    return InNewest(walk, offers.newest(newest, search.now, scenario), newest)
