"""Tokens are made, looked at and revoked here. What a token opens is decided by app.http.auth."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.call import Call
from app.api.oauth.schemas import Token, form_of, lifetime_of, missing_parameters
from app.db.models import ApiKey, OAuthToken, Project
from app.http.errors import ApiError
from app.http.permissions import ADMIN
from app.http.principal import bearer_digest
from app.http.scopes import SCOPES
from app.http.tokens import new_token
from app.identifiers import new_id
from app.projects import announce_access_change

LIVE_TOKENS_MAX = 1_000
"""Of one project at a time (contract 1.3)."""
KEPT = timedelta(days=1)
"""An expired token can be told apart from one that never was for that long."""


async def generate(call: Call) -> Token:
    """Raises: ApiError 400 missing_parameters, invalid_grant_type, invalid_scope, too_many_tokens,
    invalid_payload.
    """
    form = form_of(call.raw_body)
    grant_type, scope = form.get("grant_type"), form.get("scope")
    if not grant_type or not scope:
        raise missing_parameters()
    if grant_type != "client_credentials":
        raise ApiError(400, "invalid_grant_type", "Invalid grant_type")
    names = list(dict.fromkeys(scope.split()))
    unknown = [name for name in names if name not in SCOPES]
    if unknown or not names:
        raise ApiError(400, "invalid_scope", f"Invalid scope: {' '.join(unknown)[:200]}")
    lifetime = timedelta(seconds=lifetime_of(form))
    token = new_token()
    now = call.engine.now()
    async with call.write() as write:
        await _make_room(write.session, call.project_id, now)
        key = await write.session.get(ApiKey, call.principal.key_id)
        ends = now + lifetime
        if key is not None and key.expires_at is not None:
            ends = min(ends, key.expires_at)
        row = OAuthToken(
            id=new_id("oat_"),
            project_id=call.project_id,
            key_id=call.principal.key_id,
            token_digest=bearer_digest(token),
            scope=" ".join(names),
            created_at=now,
            expires_at=ends,
            revoked_at=None,
        )
        write.session.add(row)
    return _wire(row, token, now)


async def _make_room(session: AsyncSession, project_id: str, now: datetime) -> None:
    """Under the project's lock, so that two requests count one after the other."""
    await session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
    of_project = OAuthToken.project_id == project_id
    await session.execute(delete(OAuthToken).where(of_project, OAuthToken.expires_at < now - KEPT))
    live = await session.scalar(
        select(func.count())
        .select_from(OAuthToken)
        .where(of_project, OAuthToken.expires_at > now, OAuthToken.revoked_at.is_(None))
    )
    if (live or 0) >= LIVE_TOKENS_MAX:
        raise ApiError(
            400,
            "too_many_tokens",
            "Too many tokens",
            f"A project has at most {LIVE_TOKENS_MAX} tokens at a time: use one until it expires",
        )


async def introspect(call: Call) -> dict[str, Any]:
    """The token's facts while it opens anything, else only that it does not."""
    token = _token_of(call)
    now = datetime.now(UTC)
    async with call.read() as session:
        row = await _live(session, call, token, now)
    if row is None:
        return {"active": False}
    wire = _wire(row, token, now)
    return {
        "access_token": wire.access_token,
        "client_id": wire.client_id,
        "expires_at": wire.expires_at,
        "expires_in": wire.expires_in,
        "scope": wire.scope,
        "token_type": wire.token_type,
        "active": True,
    }


async def revoke(call: Call) -> None:
    """When this returns no worker accepts the token.

    Raises: ApiError 404 for one that opens nothing; CoreUnavailable when the workers could not be told.
    """
    token = _token_of(call)
    now = call.engine.now()
    async with call.write() as write:
        row = await _live(write.session, call, token, now, lock=True)
        if row is None:
            raise ApiError(404, "not_found", "Resource not found", "The token is unknown or no longer active")
        row.revoked_at = now
    await announce_access_change(call.engine.core, call.project_id)


def _token_of(call: Call) -> str:
    form = form_of(call.raw_body)
    token = form.get("access_token") or form.get("token")
    if not token:
        raise missing_parameters()
    return str(token)


async def _live(
    session: AsyncSession, call: Call, token: str, now: datetime, *, lock: bool = False
) -> OAuthToken | None:
    """A token of the caller's own key, or of any key of the project when the caller is ADMIN."""
    statement = select(OAuthToken).where(
        OAuthToken.token_digest == bearer_digest(token),
        OAuthToken.project_id == call.project_id,
        OAuthToken.expires_at > now,
        OAuthToken.revoked_at.is_(None),
        OAuthToken.key_id.in_(select(ApiKey.id).where(ApiKey.revoked_at.is_(None))),
    )
    if call.principal.role != ADMIN:
        statement = statement.where(OAuthToken.key_id == call.principal.key_id)
    found: OAuthToken | None = await session.scalar(statement.with_for_update() if lock else statement)
    return found


def _wire(row: OAuthToken, token: str, now: datetime) -> Token:
    return Token(
        access_token=token,
        client_id=row.key_id,
        expires_at=int(row.expires_at.timestamp()),
        expires_in=max(0, round((row.expires_at - now).total_seconds())),
        scope=row.scope,
    )
