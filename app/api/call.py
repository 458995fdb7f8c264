"""What a handler is given and what it gives back."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.claims import Claim
from app.api.publishing import CatalogueWrite, catalogue_write
from app.audit.chain import Actor
from app.core.keys import Partition, partition_of
from app.engine import Engine
from app.http.admission import Admission
from app.http.decode import decode_body
from app.http.errors import precondition_failed
from app.http.principal import Principal
from app.http.query import Query
from app.http.routing import Route

_NOT_YET: Final = object()


class Answer(Struct, frozen=True):
    """status None: the route's own. body: bytes (already encoded), a Struct or builtin to encode, None for no
    content.
    """

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = {}
    stream: AsyncIterator[bytes] | None = None
    """A body too large to be held, in place of `body`; its length is `stream_bytes`."""
    stream_bytes: int = 0


class Call:
    """One request after authentication: who asks, what for, and the engine that answers."""

    __slots__ = (
        "_admission",
        "_decoded",
        "answer_headers",
        "claim",
        "engine",
        "headers",
        "path",
        "principal",
        "query",
        "raw_body",
        "request_id",
        "route",
    )

    def __init__(
        self,
        *,
        engine: Engine,
        route: Route,
        principal: Principal,
        path: Mapping[str, str],
        query: Query,
        headers: Mapping[str, str],
        raw_body: bytes,
        request_id: str,
        admission: Admission | None = None,
    ) -> None:
        self.engine = engine
        self.route = route
        self.principal = principal
        self.path = path
        """Path parameters, percent-decoded once, after routing (codes may hold %2F)."""
        self.query = query
        self.headers = headers
        """Lower-case names."""
        self.raw_body = raw_body
        self.request_id = request_id
        self.answer_headers: dict[str, str] = {}
        """What goes with the answer, beside the headers of the Answer itself."""
        self.claim: Claim | None = None
        """Of an idempotency key, for the next write (app.api.idempotency)."""
        self._admission = admission
        self._decoded: Any = _NOT_YET

    @property
    def admission(self) -> Admission:
        """For routes with `hot=True` (app.http.admission): the key's access version and rate, to be asked in
        the read trip.
        """
        if self._admission is None:
            raise RuntimeError("a route of the public scope has no key to admit")
        return self._admission

    @property
    def project_id(self) -> str:
        return self.principal.project_id

    @property
    def partition(self) -> Partition:
        return partition_of(self.principal.project_id)

    def tag(self, version: int) -> None:
        """The answer shows one object in this version: its ETag."""
        self.answer_headers["ETag"] = f'"{version}"'

    def require_version(self, version: int) -> None:
        """For PUT and DELETE, with the row locked: `If-Match` must name the version that is there.

        Raises: ApiError 412 precondition_failed; nothing is changed then.
        """
        sent = self.headers.get("if-match")
        if sent is None:
            return
        tags = [tag.strip().removeprefix("W/").strip('"') for tag in sent.split(",")]
        if "*" not in tags and str(version) not in tags:
            raise precondition_failed(f'It is in version "{version}" now')

    def body(self) -> Any:
        """The body decoded strictly as `route.body`.

        Raises: ApiError 400 invalid_payload with the path of what is wrong.
        """
        if self._decoded is _NOT_YET:
            self._decoded = decode_body(self.route.body, self.raw_body, required=self.route.body_required)
        return self._decoded

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for reading. Rows of projections are as new as the last read barrier."""
        async with self.engine.db.reading() as session:
            yield session

    @property
    def actor(self) -> Actor:
        """Who the audit says it was."""
        kind = "management" if self.principal.kind == "management" else "key"
        return Actor(
            kind=kind,
            id=self.principal.key_id,
            operation=self.route.operation_id,
            request_id=self.request_id,
        )

    def write(self) -> AbstractAsyncContextManager[CatalogueWrite]:
        """One SQL transaction whose catalogue changes are published before this returns (architecture 3).

        `async with call.write() as write: write.session.add(...); write.guard("c:" + id, version);
        write.voucher(id)`
        """
        claim = self.claim if self.claim is not None and not self.claim.is_kept else None
        return catalogue_write(self.engine, self.project_id, self.actor, claim)

    async def barrier(self) -> None:
        """Wait until what was acknowledged before this moment is projected, at most 2 s (D10).

        Raises: ApiError 503 when the projector is further behind.
        """
        await self.engine.ledger.barrier(self.partition)
