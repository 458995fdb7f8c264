"""Who asks: a key pair becomes a Principal.

A token is verified against its Argon2id hash once per process, then known by a keyed fast hash. A revocation
writes a new access version into the project's partition before it is acknowledged; every request compares it
with the version under which its key was last read from SQL, so that the first request after the
acknowledgement finds the key revoked. Hot handlers compare it in their own read trip (`Route.hot`), for all
others the edge asks.
"""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from msgspec import Struct
from sqlalchemy import select

from app.core.core import RedemptionCore
from app.core.keys import Partition, access
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import ApiKey, Project
from app.http.errors import unauthorized
from app.http.routing import Scope
from app.http.tokens import TokenVerifier

ORGANISATION: Final = Partition("vouchsafe")
"""Where the access version of management keys lives: they belong to no project."""
ENTRIES_MAX: Final = 10_000
FAILURES_MAX: Final = 4_096
FAILURE_SECONDS: Final = 5.0
"""An id that does not exist cannot be guessed before it is made, so this delays nobody."""
REREAD_SECONDS: Final = 30.0
"""After that a key is read again behind the answer: a failover may lose an access version, never for longer
than this.
"""
TOKEN_LENGTH_MAX: Final = 512

UNREAD: Final = b"?"
"""The access version when Redis could not be asked: equal to none, so the row is read each time."""

_HEADERS: Final[dict[Scope, tuple[str, str, str]]] = {
    Scope.PROJECT: ("server", "x-app-id", "x-app-token"),
    Scope.CLIENT: ("client", "x-client-application-id", "x-client-token"),
    Scope.MANAGEMENT: ("management", "x-management-id", "x-management-token"),
}


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks. project_id is empty for a management key and where no key is needed; kind: server, client,
    management, public.
    """

    project_id: str
    key_id: str
    kind: str
    role: str
    name: str = ""


PUBLIC: Final = Principal(project_id="", key_id="", kind="public", role="")


class VerifiedKey(Struct, kw_only=True):
    """What a process remembers of a key whose token it has verified."""

    principal: Principal
    digest: bytes
    token_hash: str
    access_version: bytes | None
    """As read from Redis before the row was read from SQL; None: the project never revoked a key."""
    read_at: float
    """time.monotonic() of the reading of the row."""
    expires_at: datetime | None
    trusted_domains: tuple[str, ...]

    @property
    def partition(self) -> Partition:
        return Partition(self.principal.project_id) if self.principal.project_id else ORGANISATION


class Authenticator:
    """One per process and event loop."""

    def __init__(self, db: Database, core: RedemptionCore) -> None:
        self._db = db
        self._core = core
        self._verifier = TokenVerifier()
        self._secret = secrets.token_bytes(32)
        self._keys: OrderedDict[str, VerifiedKey] = OrderedDict()
        self._failures: OrderedDict[bytes, float] = OrderedDict()
        self._verifying: dict[bytes, asyncio.Task[VerifiedKey]] = {}
        self._rereading: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """End what goes on behind answers."""
        tasks = [*self._verifying.values(), *self._rereading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def identify(self, scope: Scope, headers: Mapping[str, str]) -> VerifiedKey:
        """The key of a request. The caller still has to admit its access version.

        Raises: ApiError 401 unauthorized.
        """
        kind, id_header, token_header = _HEADERS[scope]
        key_id, token = headers.get(id_header, ""), headers.get(token_header, "")
        if not key_id or not token:
            raise unauthorized(f"Headers {id_header} and {token_header} are required")
        if len(key_id) > 64 or len(token) > TOKEN_LENGTH_MAX:
            raise unauthorized()
        digest = hashlib.blake2b(
            f"{kind}\0{key_id}\0{token}".encode(), key=self._secret, digest_size=32
        ).digest()
        known = self._keys.get(key_id)
        if known is None or not secrets.compare_digest(known.digest, digest):
            known = await self._verified_once(kind, key_id, token, digest)
        else:
            self._keys.move_to_end(key_id)
            if time.monotonic() - known.read_at > REREAD_SECONDS:
                self._reread_behind(known)
        if known.expires_at is not None and known.expires_at <= datetime.now(UTC):
            raise unauthorized()
        if kind == "client" and not headers.get("origin"):
            raise unauthorized("Header origin is required")
        return known

    async def reread(self, known: VerifiedKey, access_version: bytes | None) -> VerifiedKey:
        """The key's row as it stands; access_version was read before. Raises ApiError 401 when it no longer
        opens anything.
        """
        key_id = known.principal.key_id
        row = await self._row(known.principal.kind, key_id)
        if row is None or row[0].token_hash != known.token_hash:
            self._keys.pop(key_id, None)
            raise unauthorized()
        fresh = _verified(*row, known.digest, access_version)
        self._remember(fresh)
        return fresh

    async def _verified_once(self, kind: str, key_id: str, token: str, digest: bytes) -> VerifiedKey:
        """Requests that bring the same new pair at once share one verification."""
        failed_at = self._failures.get(digest)
        if failed_at is not None and time.monotonic() - failed_at < FAILURE_SECONDS:
            raise unauthorized()
        task = self._verifying.get(digest)
        if task is None:
            task = asyncio.create_task(self._verify(kind, key_id, token, digest))
            self._verifying[digest] = task
            task.add_done_callback(lambda done: self._verified_done(digest, done))
        return await asyncio.shield(task)

    def _verified_done(self, digest: bytes, task: asyncio.Task[VerifiedKey]) -> None:
        self._verifying.pop(digest, None)
        if not task.cancelled():
            task.exception()

    async def _verify(self, kind: str, key_id: str, token: str, digest: bytes) -> VerifiedKey:
        row = await self._row(kind, key_id)
        check = row[0].settings.get("check") if row is not None else None
        if row is None or not await self._verifier.verify(row[0].token_hash, check, token):
            self._failures[digest] = time.monotonic()
            if len(self._failures) > FAILURES_MAX:
                self._failures.popitem(last=False)
            raise unauthorized()
        # Read again after the access version: a revocation between the two would otherwise go unseen.
        project_id = row[0].project_id
        version = await self.access_version(Partition(project_id) if project_id else ORGANISATION)
        row = await self._row(kind, key_id)
        if row is None:
            raise unauthorized()
        fresh = _verified(*row, digest, version)
        self._remember(fresh)
        return fresh

    async def access_version(self, partition: Partition) -> bytes | None:
        try:
            (reply,) = await self._core.read(partition, [access_command(partition)])
        except CoreUnavailable:
            return UNREAD
        return access_reply(reply)

    async def _row(self, kind: str, key_id: str) -> tuple[ApiKey, Project | None] | None:
        """The key and its project, if it opens anything."""
        statement = (
            select(ApiKey, Project)
            .outerjoin(Project, Project.id == ApiKey.project_id)
            .where(ApiKey.id == key_id, ApiKey.kind == kind, ApiKey.revoked_at.is_(None))
        )
        async with self._db.reading() as session:
            found = (await session.execute(statement)).one_or_none()
        if found is None:
            return None
        key, project = found[0], cast("Project | None", found[1])  # an outer join: there may be none
        if kind != "management" and (project is None or project.deleted_at is not None):
            return None
        return key, project

    def _remember(self, known: VerifiedKey) -> None:
        self._keys[known.principal.key_id] = known
        self._keys.move_to_end(known.principal.key_id)
        if len(self._keys) > ENTRIES_MAX:
            self._keys.popitem(last=False)

    def _reread_behind(self, known: VerifiedKey) -> None:
        key_id = known.principal.key_id
        if key_id not in self._rereading:
            task = asyncio.create_task(self._reread_quietly(known))
            self._rereading[key_id] = task
            task.add_done_callback(lambda _: self._rereading.pop(key_id, None))

    async def _reread_quietly(self, known: VerifiedKey) -> None:
        """With the database away the key goes on as it is known: the hot path needs no SQL."""
        try:
            await self.reread(known, await self.access_version(known.partition))
        except Exception:
            known.read_at = time.monotonic()


def access_command(partition: Partition) -> tuple[str, str]:
    return ("GET", access(partition))


def access_reply(reply: Any) -> bytes | None:
    """Raises: CoreUnavailable for an error reply."""
    if isinstance(reply, Exception):
        raise CoreUnavailable(str(reply))
    return reply if reply is None else bytes(reply)


def _verified(
    key: ApiKey, project: Project | None, digest: bytes, access_version: bytes | None
) -> VerifiedKey:
    domains = (project.settings.get("client_trusted_domains") if project is not None else None) or ()
    return VerifiedKey(
        principal=Principal(
            project_id=key.project_id or "", key_id=key.id, kind=key.kind, role=key.role, name=key.name
        ),
        digest=digest,
        token_hash=key.token_hash,
        access_version=access_version,
        read_at=time.monotonic(),
        expires_at=key.expires_at,
        trusted_domains=tuple(str(domain) for domain in domains),
    )


def origin_trusted(origin: str, trusted: tuple[str, ...]) -> bool:
    """An entry is "*", an origin, a host, or a host with "*." in front for all its subdomains."""
    lowered = origin.lower()
    host = lowered.split("://", 1)[-1]
    for entry in trusted:
        pattern = entry.lower().rstrip("/")
        if pattern in ("*", lowered, host, host.split(":", 1)[0]):
            return True
        if pattern.split("://", 1)[-1].startswith("*."):
            scheme, _, _ = pattern.rpartition("://")
            suffix = pattern.split("://", 1)[-1][1:]
            if host.split(":", 1)[0].endswith(suffix) and (not scheme or lowered.startswith(scheme + "://")):
                return True
    return False
