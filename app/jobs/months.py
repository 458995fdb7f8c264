"""Months of the ledger's tables are made before they begin (PostgreSQL)."""

from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from app.db.months import make_months
from app.engine import Engine

MONTHS_SECONDS: Final = 3600.0

log = structlog.get_logger("vouchsafe.background")


async def make_next_months(engine: Engine) -> list[str]:
    """The months that are missing; their names. One that cannot be made is tried again an hour later: there
    is time, and without it rows go to a part for the rest.
    """
    try:
        made = await make_months(engine.db)
    except DBAPIError as error:
        log.warning("a month of the ledger could not be made ahead", error=str(error.orig))
        return []
    if made:
        log.info("months of the ledger were made", parts=made)
    return made
