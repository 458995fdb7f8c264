"""How a request knows that what the process keeps of a project's offers is not too old: the number of
changes, read from the core in the request's own trip.
"""

from collections.abc import Sequence
from typing import Any

from app.core.connection import Command
from app.core.core import RedemptionCore
from app.core.keys import Keys
from app.ledger.versions import CATALOGUE_GUARD
from app.redeemables.catalogue import Catalogue
from app.redeemables.offers import ProjectOffers


def changes_commands(core: RedemptionCore, keys: Keys) -> tuple[Command, ...]:
    """To ride in a read trip: `changes_told` reads the replies."""
    return core.belief_command(keys.partition), ("HGET", keys.versions, CATALOGUE_GUARD)


def changes_told(core: RedemptionCore, keys: Keys, replies: Sequence[Any]) -> int | None:
    """The number of the last acknowledged change of what offers are made of. None: the server is not the one
    that this process knows, so it cannot be believed.
    """
    belief, number = replies
    if isinstance(number, Exception):
        return None
    return int(number or 0) if core.believes(keys.partition, belief) else None


async def offers_as_of(catalogue: Catalogue, project_id: str, changes: int | None) -> ProjectOffers | None:
    """The project's offers as of that number or later; None: the tables have to be looked through."""
    return None if changes is None else await catalogue.offers.current(project_id, changes)
