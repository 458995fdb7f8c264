"""Signing in with a key pair, and out. The secret goes to the one operation that exchanges it for a token."""

from litestar import Response, get, post

from app.console.pages import SIGN_IN, console_of, form_of, moved, page, text_of, visitor_at
from app.console.refusals import refusal_of
from app.console.session import (
    SCOPE,
    SESSION_SECONDS,
    AnyRequest,
    Visitor,
    cookie_for,
    signed_in,
    visitor_of,
)

HOME = "/console/live"
MINT = "mint"


def _way(to: str) -> str:
    """Where somebody wanted to go who had to sign in first."""
    return "/console/mint" if to == MINT else HOME


@get("/", name="console-home")
async def home(request: AnyRequest) -> Response[str]:
    return moved(request, HOME if signed_in(request) is not None else SIGN_IN)


@get("/sign-in")
async def sign_in_page(request: AnyRequest) -> Response[str]:
    ended, to = bool(text_of(request, "ended")), text_of(request, "to")
    return page("sign_in.html", None, refusal=None, key_id="", ended=ended, to=to)


@post("/sign-in", status_code=200)
async def sign_in(request: AnyRequest) -> Response[str]:
    """The session lasts as long as the token: eight hours, or until the key ends."""
    console = console_of(request)
    form = await form_of(request, None)
    asking = visitor_of(request, key_id=form.get("key_id", ""))
    reply = await console.inside.token_for(asking, form.get("secret", ""), SCOPE, SESSION_SECONDS)
    if not reply.ok:
        return page(
            "sign_in.html",
            None,
            status=reply.status,
            refusal=refusal_of(reply),
            key_id=asking.key_id,
            ended=False,
            to=form.get("to", ""),
        )
    visitor = Visitor(
        key_id=str(reply.body["client_id"]),
        token=str(reply.body["access_token"]),
        client=asking.client,
        forwarded=asking.forwarded,
    )
    seconds = int(reply.body["expires_in"])
    way = _way(form.get("to", ""))
    return moved(request, way, cookie_for(request, visitor, seconds, console.settings.public_url))


@post("/sign-out", status_code=200)
async def sign_out(request: AnyRequest) -> Response[str]:
    """The token opens nothing after this, wherever it was copied to."""
    console = console_of(request)
    visitor = visitor_at(request)
    await form_of(request, visitor)
    await console.inside.end_token(visitor)
    return moved(request, SIGN_IN, cookie_for(request, None, 0, console.settings.public_url))
