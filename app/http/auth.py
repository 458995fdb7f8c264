"""Who asks: a key pair or a bearer token becomes a Principal.

The token of a pair is verified against its Argon2id hash once per process, then known by a keyed fast hash.
A revocation writes a new access version into the project's partition before it is acknowledged; every request
compares it with the version under which its key was last read from SQL, so that the first request after the
acknowledgement finds the key revoked. Hot handlers compare it in their own read trip (`Route.hot`), for all
others the edge asks.

A bearer token is 256 random bits and is looked up by its SHA-256. It opens what its key opens, within its
scopes and its time; whatever ends the key ends it too.
"""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Select, or_, select, update

from app.core.core import RedemptionCore
from app.core.keys import Partition, access
from app.core.outcome import CoreUnavailable
from app.db.database import Database
from app.db.models import ApiKey, OAuthToken, Project
from app.http.errors import unauthorized
from app.http.principal import ORGANISATION, VerifiedKey, bearer_digest, open_hashes, verified
from app.http.routing import Scope
from app.http.tokens import TokenVerifier

ENTRIES_MAX: Final = 10_000
FAILURES_MAX: Final = 4_096
FAILURE_SECONDS: Final = 5.0
"""An id that does not exist cannot be guessed before it is made, so this delays nobody."""
REREAD_SECONDS: Final = 30.0
"""After that a key is read again behind the answer: a failover may lose an access version, never for longer
than this.
"""
TOKEN_LENGTH_MAX: Final = 512
USE_NOTED_SECONDS: Final = 60
"""How exact `last_used_at` is."""
BEARER: Final = "bearer "

UNREAD: Final = b"?"
"""The access version when Redis could not be asked: equal to none, so the row is read each time."""

_HEADERS: Final[dict[Scope, tuple[str, str, str]]] = {
    Scope.PROJECT: ("server", "x-app-id", "x-app-token"),
    Scope.CLIENT: ("client", "x-client-application-id", "x-client-token"),
    Scope.MANAGEMENT: ("management", "x-management-id", "x-management-token"),
}


class Authenticator:
    """One per process and event loop."""

    def __init__(self, db: Database, core: RedemptionCore) -> None:
        self._db = db
        self._core = core
        self._verifier = TokenVerifier()
        self._secret = secrets.token_bytes(32)
        self._keys: OrderedDict[bytes, VerifiedKey] = OrderedDict()
        self._failures: OrderedDict[bytes, float] = OrderedDict()
        self._verifying: dict[bytes, asyncio.Task[VerifiedKey]] = {}
        self._rereading: dict[bytes, asyncio.Task[None]] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End what goes on behind answers."""
        tasks = [*self._verifying.values(), *self._rereading.values(), *self._noting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def identify(self, scope: Scope, headers: Mapping[str, str]) -> VerifiedKey:
        """The key of a request. The caller still has to admit its access version.

        Raises: ApiError 401 unauthorized.
        """
        kind, id_header, token_header = _HEADERS[scope]
        key_id, token = headers.get(id_header, ""), headers.get(token_header, "")
        if not key_id and not token and scope is not Scope.MANAGEMENT:
            token = _bearer(headers)
        elif not key_id or not token:
            token = ""
        if not token:
            raise unauthorized(f"Headers {id_header} and {token_header} are required")
        if len(key_id) > 64 or len(token) > TOKEN_LENGTH_MAX:
            raise unauthorized()
        digest = hashlib.blake2b(
            f"{kind}\0{key_id}\0{token}".encode(), key=self._secret, digest_size=32
        ).digest()
        known = self._keys.get(digest)
        if known is None:
            known = await self._verified_once(kind, key_id, token, digest)
        else:
            self._keys.move_to_end(digest)
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
        fresh = await self._read(known, access_version)
        if fresh is None:
            self._keys.pop(known.digest, None)
            raise unauthorized()
        self._remember(fresh)
        return fresh

    async def _read(self, known: VerifiedKey, access_version: bytes | None) -> VerifiedKey | None:
        kind = known.principal.kind
        if known.token_digest is not None:
            return await self._bearer_key(kind, known.token_digest, known.digest, access_version)
        row = await self._row(kind, known.principal.key_id)
        if row is None or known.token_hash not in open_hashes(row[0]):
            return None
        return verified(*row, known.digest, known.token_hash, access_version)

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
        """key_id is empty for a bearer token."""
        if key_id:
            fresh = await self._verified_pair(kind, key_id, token, digest)
        else:
            fresh = await self._verified_bearer(kind, token, digest)
        if fresh is None:
            self._failures[digest] = time.monotonic()
            if len(self._failures) > FAILURES_MAX:
                self._failures.popitem(last=False)
            raise unauthorized()
        self._remember(fresh)
        self._note_use(fresh.principal.key_id)
        return fresh

    async def _verified_pair(self, kind: str, key_id: str, token: str, digest: bytes) -> VerifiedKey | None:
        row = await self._row(kind, key_id)
        if row is None:
            return None
        for token_hash, check in open_hashes(row[0]).items():
            if await self._verifier.verify(token_hash, check, token):
                break
        else:
            return None
        # Read again after the access version: a revocation between the two would otherwise go unseen.
        project_id = row[0].project_id
        version = await self.access_version(Partition(project_id) if project_id else ORGANISATION)
        row = await self._row(kind, key_id)
        if row is None or token_hash not in open_hashes(row[0]):
            return None
        return verified(*row, digest, token_hash, version)

    async def _verified_bearer(self, kind: str, token: str, digest: bytes) -> VerifiedKey | None:
        token_digest = bearer_digest(token)
        first = await self._bearer_key(kind, token_digest, digest, None)
        if first is None:
            return None
        version = await self.access_version(first.partition)
        return await self._bearer_key(kind, token_digest, digest, version)

    async def access_version(self, partition: Partition) -> bytes | None:
        try:
            (reply,) = await self._core.read(partition, [access_command(partition)])
        except CoreUnavailable:
            return UNREAD
        return access_reply(reply)

    async def _row(self, kind: str, key_id: str) -> tuple[ApiKey, Project | None] | None:
        """The key and its project, if it opens anything."""
        statement = _keys_and_projects().where(ApiKey.id == key_id, ApiKey.kind == kind)
        async with self._db.reading() as session:
            found = (await session.execute(statement)).one_or_none()
        if found is None:
            return None
        key, project = found[0], cast("Project | None", found[1])  # an outer join: there may be none
        if kind != "management" and (project is None or project.deleted_at is not None):
            return None
        return key, project

    async def _bearer_key(
        self, kind: str, token_digest: bytes, digest: bytes, access_version: bytes | None
    ) -> VerifiedKey | None:
        """What a bearer token opens: its own row, its key and its project must all stand."""
        statement = (
            select(OAuthToken, ApiKey, Project)
            .join(ApiKey, ApiKey.id == OAuthToken.key_id)
            .join(Project, Project.id == OAuthToken.project_id)
            .where(
                OAuthToken.token_digest == token_digest,
                OAuthToken.revoked_at.is_(None),
                ApiKey.revoked_at.is_(None),
                Project.deleted_at.is_(None),
            )
        )
        async with self._db.reading() as session:
            found = (await session.execute(statement)).one_or_none()
        if found is None:
            return None
        token, key, project = found
        known = verified(key, project, digest, key.token_hash, access_version)
        known.principal = msgspec.structs.replace(known.principal, kind=kind)
        known.expires_at = min(token.expires_at, key.expires_at or token.expires_at)
        known.scopes = frozenset(token.scope.split())
        known.token_digest = token_digest
        return known

    def _remember(self, known: VerifiedKey) -> None:
        self._keys[known.digest] = known
        self._keys.move_to_end(known.digest)
        if len(self._keys) > ENTRIES_MAX:
            self._keys.popitem(last=False)

    def _reread_behind(self, known: VerifiedKey) -> None:
        digest = known.digest
        if digest not in self._rereading:
            self._note_use(known.principal.key_id)
            task = asyncio.create_task(self._reread_quietly(known))
            self._rereading[digest] = task
            task.add_done_callback(lambda _: self._rereading.pop(digest, None))

    def _note_use(self, key_id: str) -> None:
        task = asyncio.create_task(self._noted_use(key_id))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _noted_use(self, key_id: str) -> None:
        """Behind the answer, by one process a minute. That it fails must cost nobody anything."""
        now = datetime.now(UTC)
        stale = or_(
            ApiKey.last_used_at.is_(None), ApiKey.last_used_at < now - timedelta(seconds=USE_NOTED_SECONDS)
        )
        with suppress(Exception):
            async with self._db.reading() as session:
                if await session.scalar(select(ApiKey.id).where(ApiKey.id == key_id, stale)) is None:
                    return
            async with self._db.writing() as session:
                await session.execute(
                    update(ApiKey).where(ApiKey.id == key_id, stale).values(last_used_at=now)
                )

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


def _bearer(headers: Mapping[str, str]) -> str:
    value = headers.get("authorization", "")
    return value[len(BEARER) :].strip() if value[: len(BEARER)].lower() == BEARER else ""


def _keys_and_projects() -> Select[ApiKey, Project]:
    return (
        select(ApiKey, Project)
        .outerjoin(Project, Project.id == ApiKey.project_id)
        .where(ApiKey.revoked_at.is_(None))
    )
