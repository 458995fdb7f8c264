"""Operations on /management/v1/engine/projects/{projectId}/keys."""

from typing import Any

from app.api.call import Answer, Call
from app.api.keys import answers, service
from app.api.keys.schemas import KeyCreate, KeyRotate, KeyUpdate
from app.http.routing import Route, Scope

ALL = "/management/v1/engine/projects/{projectId}/keys"
ONE = ALL + "/{keyId}"
NO_STORE = {"Cache-Control": "no-store"}


async def list_keys(call: Call) -> Answer:
    """Never with their tokens: of those only hashes are kept."""
    return Answer(await service.list_of(call, call.path["projectId"]))


async def create_key(call: Call) -> Answer:
    return Answer(await service.create(call, call.path["projectId"], call.body()), headers=NO_STORE)


async def update_key(call: Call) -> Answer:
    project_id, key_id = call.path["projectId"], call.path["keyId"]
    return Answer(await service.update(call, project_id, key_id, call.body()))


async def rotate_key(call: Call) -> Answer:
    """A new token; the old one opens beside it for as long as asked."""
    project_id, key_id = call.path["projectId"], call.path["keyId"]
    return Answer(await service.rotate(call, project_id, key_id, call.body()), headers=NO_STORE)


async def revoke_key(call: Call) -> Answer:
    await service.revoke(call, call.path["projectId"], call.path["keyId"])
    return Answer()


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.ApiKey,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="keys." + {"GET": "read", "DELETE": "delete"}.get(method, "write"),
        scope=Scope.MANAGEMENT,
        tag="Keys",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=("not_found", *more.pop("errors", ())),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", ALL, "list-project-keys", list_keys, "List Keys", answers.ApiKeyList),
    _route(
        "POST",
        ALL,
        "create-project-key",
        create_key,
        "Create Key",
        answers.ApiKeyWithToken,
        body=KeyCreate,
        body_required=False,
    ),
    _route("PUT", ONE, "update-project-key", update_key, "Update Key", body=KeyUpdate),
    _route("DELETE", ONE, "revoke-project-key", revoke_key, "Revoke Key", status=204),
    _route(
        "POST",
        ONE + "/rotate",
        "rotate-project-key",
        rotate_key,
        "Rotate Key",
        answers.ApiKeyWithToken,
        body=KeyRotate,
        body_required=False,
        errors=("key_revoked",),
    ),
)
