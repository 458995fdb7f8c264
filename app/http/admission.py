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
from typing import Any

from app.core.connection import Command
from app.core.core import RedemptionCore
from app.core.outcome import CoreUnavailable
from app.core.rate import Rate
from app.http.auth import UNREAD, Authenticator, access_command, access_reply
from app.http.errors import ApiError, forbidden
from app.http.limits import Bucket, Headers, rate_headers, too_many_requests, unlimited_headers
from app.http.principal import VerifiedKey, origin_trusted


class Admission:
    """Of one request. `admitted` once all is answered in its favour."""

    __slots__ = (
        "_address",
        "_authenticator",
        "_bucket",
        "_core",
        "_count",
        "_key",
        "_origin",
        "_permission",
        "_rated",
        "_scopes",
        "admitted",
        "headers",
    )

    def __init__(
        self,
        authenticator: Authenticator,
        core: RedemptionCore,
        key: VerifiedKey,
        bucket: Bucket | None,
        *,
        permission: str,
        scopes: frozenset[str],
        origin: str,
        address: str,
    ) -> None:
        self._authenticator = authenticator
        self._core = core
        self._key = key
        self._bucket = bucket
        self._permission = permission
        self._scopes = scopes
        self._origin = origin
        self._address = address
        self._count = 1
        self._rated = False
        self.admitted = False
        self.headers: Headers = ()
        """X-Rate-Limit-*, once admitted."""

    @property
    def likely(self) -> bool:
        """Whether the key as it is known has the permission and trusts the origin; else `ask` decides."""
        return self._refusal() is None and self._origin_trusted

    def enabled(self, flag: str) -> bool:
        """Whether the project has switched a client_* flag on; once admitted, as of this request."""
        return flag in self._key.open_to_clients

    def _refusal(self) -> ApiError | None:
        return self._key.refusal(self._permission, self._scopes, self._address)

    @property
    def _origin_trusted(self) -> bool:
        return self._key.principal.kind != "client" or origin_trusted(self._origin, self._key.trusted_domains)

    def commands(self) -> list[Command]:
        """One or two commands, to be sent to the key's partition."""
        commands: list[Command] = [access_command(self._key.partition)]
        if self._bucket is not None and not self._rated:
            keys = self._core.keys(self._key.partition)
            # Before this process has opened the partition there is no name for the bucket: one request goes
            # uncounted.
            if keys is not None:
                commands.append(self._bucket.command(self._core, keys))
        self._count = len(commands)
        return commands

    async def admit(self, replies: Sequence[Any]) -> Sequence[Any]:
        """The replies behind those of `commands()`.

        Raises: ApiError 401 when the key was revoked, 403 when its role or the origin does not allow the
        operation, 429 when it asks too often; CoreUnavailable.
        """
        version = access_reply(replies[0])
        if version != self._key.access_version:
            self._key = await self._authenticator.reread(self._key, version)
        self._check()
        if self._count == 2:
            self._take(replies[1])
        elif not self.headers:
            self.headers = unlimited_headers()
        self.admitted = True
        return replies[self._count :]

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
            self._check()
            self.headers = unlimited_headers()
            self.admitted = True

    def _check(self) -> None:
        refusal = self._refusal()
        if refusal is not None:
            raise refusal
        if not self._origin_trusted:
            raise forbidden("The origin of this request is not in the project's list of trusted domains")

    def _take(self, reply: Any) -> None:
        if self._bucket is None:
            return
        if isinstance(reply, Exception):
            raise CoreUnavailable(str(reply))
        rate = Rate.parse(reply)
        self._rated = True
        if not rate.allowed:
            raise too_many_requests(self._bucket.capacity, rate)
        self.headers = rate_headers(self._bucket.capacity, rate, time.time())
