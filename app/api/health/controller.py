"""GET /livez and GET /readyz."""

from app.api.call import Answer, Call
from app.api.health.service import readiness
from app.http.routing import Route, Scope


async def live(call: Call) -> Answer:
    """The process answers; nothing else is looked at."""
    return Answer({"status": "live"})


async def ready(call: Call) -> Answer:
    """503 tells a load balancer to send nothing here."""
    is_ready, report = await readiness(call.engine)
    return Answer(report, status=200 if is_ready else 503, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route(
        method="GET",
        path="/livez",
        operation_id="get-liveness",
        handler=live,
        permission="",
        scope=Scope.PUBLIC,
        tag="Operation",
        summary="Whether the process answers",
    ),
    Route(
        method="GET",
        path="/readyz",
        operation_id="get-readiness",
        handler=ready,
        permission="",
        scope=Scope.PUBLIC,
        tag="Operation",
        summary="Whether requests can be served: schema, Redis, durability, partitions",
        errors=("service_unavailable",),
    ),
)
