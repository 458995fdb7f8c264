"""An engine with its parts started: for the web worker, the commands and the tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.core import RedemptionCore
from app.core.replicas import Replicas
from app.db.database import Database
from app.engine import Engine
from app.ledger.client import LedgerClient
from app.redeemables.catalogue import Catalogue
from app.settings import Settings


@asynccontextmanager
async def running_engine(settings: Settings) -> AsyncIterator[Engine]:
    """An engine with its parts started, closed at the end in the opposite order."""
    core = RedemptionCore(
        settings.redis_url,
        outbox_bytes_max=settings.outbox_megabytes_max << 20,
        in_flight_max=settings.in_flight_max,
    )
    db = Database(settings.database)
    ledger = LedgerClient(
        core, db, settings.durability, Replicas(settings.redis_url, settings.replicas)
    )
    await core.start()
    try:
        await ledger.start()
        catalogue = Catalogue(core, db, offers_max=settings.offers_max)
        try:
            yield Engine(settings=settings, core=core, db=db, ledger=ledger, catalogue=catalogue)
        finally:
            await catalogue.close()
            await ledger.close()
    finally:
        await core.close()
        await db.close()
