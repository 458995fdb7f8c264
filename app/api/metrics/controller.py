"""Counters of all workers, for Prometheus. They belong to no project, so a management key opens them."""

import asyncio

from app.api.call import Answer, Call
from app.api.metrics.service import gauges
from app.http.metrics import CONTENT_TYPE, metrics_text
from app.http.routing import Route, Scope


async def metrics(call: Call) -> Answer:
    """Text in the format of Prometheus: requests that were limited, failed lookups, spent budgets of guesses;
    durability, calls under way, and what waits for the ledger.
    """
    text = await asyncio.to_thread(metrics_text) + await gauges(call.engine)
    return Answer(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


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
    ),
)
