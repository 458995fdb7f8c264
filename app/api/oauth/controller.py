"""Operations on /v1/oauth."""

from typing import Any

from app.api.call import Answer, Call
from app.api.oauth import service
from app.api.oauth.answers import AccessToken, TokenIntrospection
from app.api.oauth.schemas import FORM, TokenReference, TokenRequest
from app.http.routing import Route

NO_STORE = {"Cache-Control": "no-store"}


async def generate_token(call: Call) -> Answer:
    """Exchange the key pair for a bearer token of 900 seconds, or as many as `expires_in` says."""
    return Answer(await service.generate(call), headers=NO_STORE)


async def introspect_token(call: Call) -> Answer:
    return Answer(await service.introspect(call), headers=NO_STORE)


async def revoke_token(call: Call) -> Answer:
    """The first request after the answer is refused, on every worker. A token may end itself."""
    await service.revoke(call)
    return Answer()


def _route(path: str, operation_id: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(
        method="POST",
        path="/v1/oauth" + path,
        operation_id=operation_id,
        handler=handler,
        permission="tokens.use",
        tag="OAuth",
        summary=summary,
        consumes=(FORM,),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "/token",
        "generate-oauth-token",
        generate_token,
        "Generate OAuth 2.0 Token",
        body=TokenRequest,
        answer=AccessToken,
        errors=("missing_parameters", "invalid_grant_type", "invalid_scope", "too_many_tokens"),
    ),
    _route(
        "/introspect",
        "introspect-oauth-token",
        introspect_token,
        "Introspect OAuth 2.0 Token",
        body=TokenReference,
        answer=TokenIntrospection,
        errors=("missing_parameters",),
    ),
    _route(
        "/token/revoke",
        "revoke-oauth-token",
        revoke_token,
        "Revoke OAuth 2.0 Token",
        status=204,
        body=TokenReference,
        errors=("missing_parameters", "not_found"),
    ),
)
