"""GET /livez, GET /readyz and GET /v1/engine/version."""

from app.api.call import Answer, Call
from app.api.health.answers import EngineVersion, Liveness, Readiness
from app.api.health.service import ROLES, head, readiness
from app.http.routing import Route, Scope
from app.settings import VERSION

API_VERSION = "v2018-08-01"
"""The one version of the contract; clients may send it as X-Voucherify-API-Version."""


async def live(call: Call) -> Answer:
    """The process answers; nothing else is looked at."""
    return Answer({"status": "live"})


async def ready(call: Call) -> Answer:
    """503 tells a load balancer to send nothing here. role=background asks for what the drain, projections
    and jobs need, on any node.
    """
    role = call.query.choice("role", tuple(ROLES)) or "web"
    is_ready, report = await readiness(call.engine, role)
    return Answer(report, status=200 if is_ready else 503, headers={"Cache-Control": "no-store"})


async def version(call: Call) -> Answer:
    """Of the program, of the API that it speaks, and of its schema."""
    return Answer(
        {"object": "engine_version", "version": VERSION, "api_version": API_VERSION, "schema": head()}
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/engine/version",
        operation_id="get-engine-version",
        handler=version,
        permission="",
        scope=Scope.PUBLIC,
        tag="Operation",
        summary="Which version answers",
        answer=EngineVersion,
    ),
    Route(
        method="GET",
        path="/livez",
        operation_id="get-liveness",
        handler=live,
        permission="",
        scope=Scope.PUBLIC,
        tag="Operation",
        summary="Whether the process answers",
        answer=Liveness,
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
        answer=Readiness,
        query=("role",),
        errors=("service_unavailable",),
    ),
)
