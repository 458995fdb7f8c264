"""create_app: the only place where everything that answers requests is wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Receive, Scope, Send

from app.api.adapter import Edge, handlers_of, refused_by_router
from app.api.routes import ALL_ROUTES
from app.core.core import RedemptionCore
from app.db.database import Database
from app.engine import Engine
from app.ledger.client import LedgerClient
from app.redeemables.catalogue import Catalogue
from app.settings import Settings


def create_app(settings: Settings) -> ASGIApp:
    """The application for one worker process. settings.redis_url must name a server that runs (or will).

    Starting does not fail when Redis or the database is away: requests are answered 503 until they are back.
    """
    edge = Edge()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with running_engine(settings) as engine:
            edge.open(engine)
            yield

    application = Litestar(
        route_handlers=handlers_of(edge, ALL_ROUTES),
        lifespan=[lifespan],
        openapi_config=None,
        exception_handlers={HTTPException: refused_by_router, Exception: refused_by_router},
        request_max_body_size=None,  # the edge reads bodies itself, under its own limit
    )
    return EncodedPaths(application)


@asynccontextmanager
async def running_engine(settings: Settings) -> AsyncIterator[Engine]:
    """An engine with its parts started, closed at the end in the opposite order."""
    core = RedemptionCore(settings.redis_url)
    db = Database(settings.database)
    ledger = LedgerClient(core, db, settings.durability)
    await core.start()
    try:
        await ledger.start()
        try:
            yield Engine(settings=settings, core=core, db=db, ledger=ledger, catalogue=Catalogue(core, db))
        finally:
            await ledger.close()
    finally:
        await core.close()
        await db.close()


class EncodedPaths:
    """Routes on the path as it was sent: servers decode it, and a code with an encoded slash would become two
    segments.
    """

    def __init__(self, application: ASGIApp) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):  # everything but the lifespan
            raw_path: bytes = scope.get("raw_path") or b""
            if raw_path:
                # Some servers leave the query string on raw_path.
                scope["path"] = raw_path.partition(b"?")[0].decode("latin-1")
        await self.application(scope, receive, send)
