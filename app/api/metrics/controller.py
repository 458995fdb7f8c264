"""Counters of all workers, for Prometheus. They belong to no project, so a token of their own or a management
key opens them.
"""

import asyncio
import hmac

from app.api.call import Answer, Call
from app.api.metrics.service import gauges
from app.http.errors import unauthorized
from app.http.metrics import CONTENT_TYPE, metrics_text
from app.http.routing import Route, Scope


async def metrics(call: Call) -> Answer:
    """Text in the format of Prometheus: answers and their time per operation, errors by key, what was
    limited; parts that can be reached, durability, what waits for the ledger, processes and their memory.
    """
    text = await asyncio.to_thread(metrics_text) + await gauges(call.engine)
    return Answer(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


async def scraped(call: Call) -> Answer:
    """The same under the address that Prometheus looks at by itself, for `Authorization: Bearer` and the
    token of VOUCHSAFE_METRICS_TOKEN.
    """
    token = call.engine.settings.metrics_token
    if not token:
        raise unauthorized("VOUCHSAFE_METRICS_TOKEN is not set; a management key opens the other address")
    given = call.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise unauthorized()
    return await metrics(call)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/management/v1/engine/metrics",
        operation_id="get-metrics",
        handler=metrics,
        permission="metrics.read",
        scope=Scope.MANAGEMENT,
        tag="Operation",
        summary="Counters of all workers, for Prometheus",
        produces=("text/plain",),
    ),
    Route(
        method="GET",
        path="/metrics",
        operation_id="scrape-metrics",
        handler=scraped,
        permission="",
        scope=Scope.PUBLIC,
        tag="Operation",
        summary="Counters of all workers, for Prometheus with a token",
        errors=("unauthorized",),
        produces=("text/plain",),
    ),
)
