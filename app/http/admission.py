"""What is still open about a request when its key is known: whether the key was revoked since, and whether
its rate allows it.

Both are answered by Redis, so both ride in one read trip: `commands()` go in front of the caller's own,
`admit(replies)` takes the replies of the trip.

    commands = [*call.admission.commands(), *mine]
    replies = await core.read(partition, commands)
    mine = await call.admission.admit(replies)
"""

import time
from collections.abc import Sequence
from typing import Any, NoReturn

from app.core.connection import Command
from app.core.core import RedemptionCore
from app.core.outcome import CoreUnavailable
from app.http.auth import UNREAD, Authenticator, access_reply
from app.http.errors import forbidden
from app.http.limits import Check, Guesses, Headers, checks_of, customer_checks, keys_of, unlimited_headers
from app.http.principal import VerifiedKey, origin_trusted
from app.settings import Settings


class Admission:
    """Of one request. `admitted` once all is answered in its favour."""

    __slots__ = (
        "_address",
        "_asked",
        "_authenticator",
        "_core",
        "_customer",
        "_guess_limit",
        "_key",
        "_origin",
        "_pending",
        "_permission",
        "_scopes",
        "_settings",
        "admitted",
        "answered",
        "headers",
    )

    def __init__(
        self,
        authenticator: Authenticator,
        core: RedemptionCore,
        key: VerifiedKey,
        settings: Settings,
        *,
        permission: str,
        scopes: frozenset[str],
        origin: str,
        address: str,
    ) -> None:
        self._authenticator = authenticator
        self._core = core
        self._key = key
        self._settings = settings
        self._permission = permission
        self._scopes = scopes
        self._origin = origin
        self._address = address
        principal = key.principal
        self._guess_limit = (
            settings.guess_limit if principal.kind == "client" else settings.guess_limit_server
        )
        self._pending = checks_of(settings, principal.kind, principal.key_id, address)
        self._asked: tuple[Check, ...] = ()
        self._customer: str | None = None
        self.admitted = False
        self.answered = False
        """Whether it was asked at all, with whatever result."""
        self.headers: Headers = ()
        """X-Rate-Limit-*, once admitted."""

    @property
    def likely(self) -> bool:
        """Whether the key as it is known has the permission and trusts the origin; else `ask` decides."""
        key = self._key
        return key.refusal(self._permission, self._scopes, self._address) is None and (
            key.principal.kind != "client" or origin_trusted(self._origin, key.trusted_domains)
        )

    def enabled(self, flag: str) -> bool:
        """Whether the project has a flag for the client side on; once admitted, as of this request."""
        return flag in self._key.open_to_clients

    def customer(self, name: str | None) -> None:
        """The customer whom the request names, before `commands`: there are limits per customer, too."""
        if name is not None and self._customer is None:
            self._customer = name
            checks = customer_checks(self._settings, self._key.principal.kind, name)
            if checks:
                self._pending = (*self._pending, *checks)

    @property
    def measures_customers(self) -> bool:
        """Whether there is any limit per customer for this key."""
        return bool(self._settings.customer_rate_limit or self._guess_limit)

    @property
    def counts_guesses(self) -> bool:
        """Whether failed lookups of this request are to be noted."""
        return bool(self._guess_limit)

    async def failed(self, lookups: int) -> None:
        """Note codes that the request asked for in vain."""
        principal = self._key.principal
        guesses = Guesses(
            limit=self._guess_limit,
            key_id=principal.key_id,
            address=self._address if principal.kind == "client" else None,
            customer=self._customer,
        )
        await guesses.note(self._core, self._key.partition, lookups)

    def commands(self) -> list[Command]:
        """The command of the key's access and one of each limit, to be sent to the key's partition."""
        commands: list[Command] = [("GET", self._key.access_key)]
        self._asked = ()
        if self._pending:
            keys = keys_of(self._key.partition)
            self._asked = self._pending
            commands += [check.command(self._core, keys) for check in self._asked]
        return commands

    def expected(self) -> tuple[str, bytes | None] | None:
        """Key and value of the access version that the script may compare in place of `commands()`; None when
        there are limits to take from as well.
        """
        version = self._key.access_version
        if self._pending or version == UNREAD:
            return None
        return self._key.access_key, version

    async def admit(self, replies: Sequence[Any]) -> Sequence[Any]:
        """The replies behind those of `commands()`.

        Raises: ApiError 401 when the key was revoked, 403 when its role or the origin does not allow the
        operation, 429 when it asks too often; CoreUnavailable.
        """
        version = access_reply(replies[0])
        self.answered = True
        if version != self._key.access_version:
            self._key = await self._authenticator.reread(self._key, version)
        if not self.likely:
            self._refuse()
        if self._asked:
            self._take(replies)
        elif not self.headers:
            self.headers = unlimited_headers()
        self.admitted = True
        return replies[1 + len(self._asked) :]

    async def ask(self) -> None:
        """In a trip of its own, for all routes that are not hot. With Redis away the key's row is read again
        instead: the catalogue can be read without Redis (D10), and a revoked key opens nothing.
        """
        try:
            if not self._core.connected:
                raise CoreUnavailable("not connected")
            await self.admit(await self._core.read(self._key.partition, self.commands()))
        except CoreUnavailable:
            self._key = await self._authenticator.reread(self._key, UNREAD)
            if not self.likely:
                self._refuse()
            self.headers = unlimited_headers()
            self.admitted = True

    def _refuse(self) -> NoReturn:
        """Of a key that is not `likely`, which it is."""
        refusal = self._key.refusal(self._permission, self._scopes, self._address)
        if refusal is not None:
            raise refusal
        raise forbidden("The origin of this request is not in the project's list of trusted domains")

    def _take(self, replies: Sequence[Any]) -> None:
        asked, self._pending = self._asked, ()
        allowances = [check.judge(reply) for check, reply in zip(asked, replies[1:], strict=False)]
        tightest = min(
            (one for one in allowances if one is not None),
            key=lambda one: one.rate.remaining / one.bucket.capacity,
            default=None,
        )
        if tightest is not None:
            self.headers = tightest.headers(time.time())
        elif not self.headers:
            self.headers = unlimited_headers()
