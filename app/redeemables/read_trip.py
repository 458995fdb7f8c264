"""The first read of a request (D6): who asks for what, as commands of one pipeline, and where replies are."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from app.core.keys import Keys, Partition
from app.redeemables.catalogue import Catalogue
from app.redeemables.charges import place_of
from app.redeemables.foresight import Look, asked_together, look_for
from app.redeemables.order_reading import decode_order, order_commands
from app.redeemables.orders import StoredOrder
from app.redeemables.programs import ProjectProgram
from app.redeemables.replay import first_event
from app.redeemables.request import StackRequest
from app.redeemables.sessions import session_commands
from app.redeemables.summaries import summary_command
from rules.facts import CounterName

Command = tuple[str | bytes | int | float, ...]


class Asked(Struct, frozen=True, kw_only=True):
    """Who asks, and what rides along in the read trip."""

    partition: Partition
    key_id: str
    user_login: str | None = None
    accept_language: str | None = None
    scope_hash: str = ""
    """Of the idempotency key, with `fingerprint` of the request; empty without one (D1)."""
    fingerprint: str = ""
    stores_customer: bool = True
    """False: what a redemption says of its customer is decided with and not kept."""
    hides_codes: bool = False
    """True: unique codes that are unknown, over or somebody else's are one to this caller (D25)."""
    looking: bool = False
    """Nothing will be taken, so what is compared can be fetched in the read trip."""
    lists: bool = True
    """The answer names the items that each redeemable applies to."""
    access: tuple[str, bytes | None] | None = None
    """Key and value of the access version under which the caller was let in, when the script may compare it
    in place of the riders.
    """
    riders: tuple[Command, ...] = ()
    """Commands of the edge (rate bucket, key revocation) whose replies it wants back."""


class ReadTrip:
    """The first read: its commands, and where each reply stands."""

    def __init__(
        self,
        catalogue: Catalogue,
        keys: Keys,
        project: ProjectProgram,
        asked: Asked,
        request: StackRequest,
        customer: tuple[str | None, str | None],
    ) -> None:
        customer_id, source_id = customer
        self.lookups = _lookups(catalogue, project, request)
        self.wanted = list(dict.fromkeys(self.lookups.values()))
        commands: list[Command] = [("HMGET", keys.versions, "s", "prod")]
        commands += [("HGET", keys.voucher_record(folded), folded) for folded in self.wanted]
        self.customer_at = self.claim_at = -1
        if customer_id:
            self.customer_at = len(commands)
            commands.append(("HGET", keys.customer_record(customer_id), customer_id))
        if source_id:
            self.claim_at = len(commands)
            commands.append(("HGET", keys.source_claim(source_id), source_id))
        self.order_at = len(commands)
        if request.order is not None:
            commands += order_commands(keys, request.order.id, request.order.source_id)
        self.counted = [
            name for one in request.redeemables for name in catalogue.read_before(project.id, one.id)
        ]
        self.summary_of = ""
        """The customer whose summary this trip brings, if any."""
        if customer_id and any(catalogue.reads_summary(project.id, one.id) for one in request.redeemables):
            self.summary_of = customer_id
        self.summary_at = len(commands)
        if self.summary_of:
            commands.append(summary_command(keys, self.summary_of))
        self.counters_at = len(commands)
        commands += counter_commands(keys, self.counted)
        self.look_at = len(commands)
        foreseen = catalogue.foresights.of(project.id, asked_together(request)) if asked.looking else None
        self._look = None if foreseen is None else look_for(catalogue.core, keys, foreseen, customer_id)
        if self._look is not None:
            commands += self._look.commands
        self.riders_at = len(commands)
        commands += asked.riders
        self.replay_at = len(commands)
        if asked.scope_hash:
            commands.append(("GET", keys.idempotency(asked.scope_hash)))
        commands += session_commands(keys, request)
        self.commands = commands
        self.replies: list[Any] = []

    @property
    def records(self) -> Sequence[bytes | None]:
        return self.replies[1 : 1 + len(self.wanted)]

    @property
    def claim(self) -> bytes | None:
        return self.replies[self.claim_at] if self.claim_at >= 0 else None

    @property
    def customer(self) -> bytes | None:
        return self.replies[self.customer_at] if self.customer_at >= 0 else None

    @property
    def order(self) -> StoredOrder | None:
        return decode_order(self.replies[self.order_at : self.summary_at])

    @property
    def counters(self) -> dict[CounterName, Any]:
        return dict(zip(self.counted, self.replies[self.counters_at : self.look_at], strict=True))

    @property
    def look(self) -> Look | None:
        if self._look is not None:
            self._look.replies = self.replies[self.look_at : self.riders_at]
        return self._look

    def summary(self, customer_id: str | None) -> Sequence[bytes | None] | None:
        """The reply to `summary_command`, if this trip asked for this customer's."""
        return self.replies[self.summary_at] if self.summary_of and self.summary_of == customer_id else None

    def first_event(self, asked: Asked) -> str | None:
        """Raises: KeyReused."""
        return first_event(self.replies[self.replay_at], asked.fingerprint) if asked.scope_hash else None


def _lookups(catalogue: Catalogue, project: ProjectProgram, request: StackRequest) -> dict[str, str]:
    """Requested id of each voucher to what its record is found under."""
    return {
        one.id: catalogue.lookup_of(project, one.id) for one in request.redeemables if one.kind == "voucher"
    }


def counter_commands(keys: Keys, names: Sequence[CounterName]) -> list[Command]:
    commands: list[Command] = []
    for name in names:
        key, field = place_of(keys, name)
        commands.append(("HMGET", key, field, field + "~h"))
    return commands


