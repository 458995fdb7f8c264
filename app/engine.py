"""The one object that handlers, jobs and commands are given: everything that was wired at the start."""

from collections.abc import Callable
from datetime import UTC, datetime

from app.core.core import RedemptionCore
from app.db.database import Database
from app.ledger.client import LedgerClient
from app.redeemables.catalogue import Catalogue
from app.settings import Settings


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Parts are started and closed by app.asgi's lifespan (or the command that made them)."""

    __slots__ = ("catalogue", "core", "db", "ledger", "now", "settings")

    def __init__(
        self,
        *,
        settings: Settings,
        core: RedemptionCore,
        db: Database,
        ledger: LedgerClient,
        catalogue: Catalogue,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.core = core
        self.db = db
        self.ledger = ledger
        self.catalogue = catalogue
        self.now = now
