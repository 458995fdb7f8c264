"""Operations on /v1/segments."""

from typing import Any

from app.api.call import Answer, Call
from app.api.segments import answers, service
from app.api.segments.schemas import SegmentCreate
from app.http.routing import Route

SEGMENT = "/v1/segments/{segmentId}"


async def list_segments(call: Call) -> Answer:
    return Answer(await service.list_segments(call))


async def create_segment(call: Call) -> Answer:
    return Answer(await service.create(call, call.body()))


async def get_segment(call: Call) -> Answer:
    return Answer(await service.get(call, call.path["segmentId"]))


async def delete_segment(call: Call) -> Answer:
    await service.delete(call, call.path["segmentId"])
    return Answer()


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Segment,
    **more: Any,
) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=f"segments.{verb}",
        tag="Segments",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/segments",
        "list-segment",
        list_segments,
        "List Segments",
        answers.SegmentList,
        query=("limit", "page", "order", "filters", "ids"),
    ),
    _route("POST", "/v1/segments", "create-segment", create_segment, "Create Segment", body=SegmentCreate),
    _route("GET", SEGMENT, "get-segment", get_segment, "Get Segment", errors=("not_found",)),
    _route(
        "DELETE",
        SEGMENT,
        "delete-segment",
        delete_segment,
        "Delete Segment",
        status=204,
        errors=("not_found",),
    ),
)
