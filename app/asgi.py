"""create_app: the only place where everything that answers requests is wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from app.api.adapter import Edge, application_of
from app.api.routes import ALL_ROUTES
from app.core.core import RedemptionCore
from app.db.database import Database
from app.engine import Engine
from app.ledger.client import LedgerClient
from app.redeemables.catalogue import Catalogue
from app.settings import Settings


def create_app(settings: Settings) -> Litestar:
    """The application for one worker process. settings.redis_url must name a server that runs (or will).

    Starting does not fail when Redis or the database is away: requests are answered 503 until they are back.
    """
    edge = Edge()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with running_engine(settings) as engine:
            edge.open(engine)
            yield

    return application_of(edge, ALL_ROUTES, lifespan)


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
