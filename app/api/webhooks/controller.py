"""Operations on webhooks: those of the contract, and what operating them takes."""

from typing import Any

from app.api.call import Answer, Call
from app.api.webhooks import answers, deliveries, service
from app.api.webhooks.schemas import Example, Replay, SecretRotate, WebhookBody
from app.http.routing import Route, Scope

ALL = "/management/v1/projects/{projectId}/webhooks"
ONE = ALL + "/{webhookId}"
OWN = "/management/v1/engine/projects/{projectId}/webhooks/{webhookId}"
"""Where the operations are that the contract does not have."""


async def create_webhook(call: Call) -> Answer:
    """The secret is in this answer, under `extensions.secret`."""
    return Answer(await service.create(call, call.path["projectId"], call.body()))


async def list_webhooks(call: Call) -> Answer:
    return Answer(await service.list_all(call, call.path["projectId"]))


async def get_webhook(call: Call) -> Answer:
    """With what it is owed, since when it fails, and why it was disabled, under `extensions`."""
    return Answer(await service.get(call, *_named(call)))


async def update_webhook(call: Call) -> Answer:
    """`events` replaces those that are there."""
    return Answer(await service.update(call, *_named(call), call.body()))


async def delete_webhook(call: Call) -> Answer:
    """With what it is owed."""
    await service.delete(call, *_named(call))
    return Answer()


async def get_secret(call: Call) -> Answer:
    return Answer(await service.secret(call, *_named(call)), headers={"Cache-Control": "no-store"})


async def rotate_secret(call: Call) -> Answer:
    """Both secrets sign until the grace is over."""
    answer = await service.rotate(call, *_named(call), call.body())
    return Answer(answer, headers={"Cache-Control": "no-store"})


async def forget_previous_secret(call: Call) -> Answer:
    """The grace of a rotation ends now."""
    await service.forget_previous(call, *_named(call))
    return Answer()


async def list_attempts(call: Call) -> Answer:
    """Every attempt of the last days, newest first."""
    return Answer(await deliveries.attempts(call, *_named(call)))


async def replay(call: Call) -> Answer:
    """Tell again what happened since an instant."""
    return Answer(await deliveries.replay(call, *_named(call), call.body()))


async def send_example(call: Call) -> Answer:
    """One request now, and what came of it."""
    return Answer(await deliveries.send_example(call, *_named(call), call.body()))


def _named(call: Call) -> tuple[str, str]:
    return call.path["projectId"], call.path["webhookId"]


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Webhook,
    **more: Any,
) -> Route:
    verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=more.pop("permission", f"projects.{verb}"),
        scope=Scope.MANAGEMENT,
        tag="Webhooks",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=("not_found",),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        ALL,
        "create-webhook",
        create_webhook,
        "Create Webhook",
        answers.CreatedWebhook,
        body=WebhookBody,
    ),
    _route("GET", ALL, "list-webhooks", list_webhooks, "List Webhooks", answers.WebhookList),
    _route("GET", ONE, "get-webhook", get_webhook, "Get Webhook"),
    _route("PUT", ONE, "update-webhook", update_webhook, "Update Webhook", body=WebhookBody),
    _route("DELETE", ONE, "delete-webhook", delete_webhook, "Delete Webhook", status=204),
    _route(
        "GET",
        OWN + "/secret",
        "get-webhook-secret",
        get_secret,
        "Show the secret of a webhook",
        answers.WebhookSecret,
        permission="projects.write",
    ),
    _route(
        "POST",
        OWN + "/secret/rotate",
        "rotate-webhook-secret",
        rotate_secret,
        "Rotate the secret of a webhook",
        answers.WebhookSecret,
        body=SecretRotate,
        body_required=False,
    ),
    _route(
        "DELETE",
        OWN + "/secret/previous",
        "forget-previous-webhook-secret",
        forget_previous_secret,
        "End the grace of a rotation",
        status=204,
    ),
    _route(
        "GET",
        OWN + "/attempts",
        "list-webhook-attempts",
        list_attempts,
        "List attempts of a webhook",
        answers.WebhookAttemptList,
        query=("limit", "starting_after_id"),
    ),
    _route(
        "POST",
        OWN + "/replay",
        "replay-webhook",
        replay,
        "Tell a webhook again",
        answers.WebhookReplay,
        body=Replay,
    ),
    _route(
        "POST",
        OWN + "/example",
        "send-webhook-example",
        send_example,
        "Send an example to a webhook",
        answers.WebhookAttempt,
        body=Example,
        body_required=False,
    ),
)
