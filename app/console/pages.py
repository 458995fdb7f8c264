"""What every page has: its template, its headers, and the way back to the sign-in."""

from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

from jinja2 import ChainableUndefined, Environment, PackageLoader
from litestar import Response
from litestar.exceptions import ClientException, PermissionDeniedException
from msgspec import Struct

from app.console.inside import Inside, SessionEnded
from app.console.session import AnyRequest, Visitor, cookie_for, is_own_page, proves, signed_in
from app.console.shown import FILTERS
from app.settings import Settings

POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PAGES: Final = (("/console/live", "Live"), ("/console/mint", "Mint"))
STATE: Final = "console"
SIGN_IN: Final = "/console/sign-in"
BODY_BYTES_MAX: Final = 64 * 1024
FIELDS_MAX: Final = 32
FIELD_LENGTH_MAX: Final = 1_000


class Console(Struct):
    """What the handlers share, in the application's state."""

    inside: Inside
    settings: Settings
    closing: bool = False
    """Whether the worker is about to end: streams end too, and browsers come back to another one."""


def console_of(request: AnyRequest) -> Console:
    found = request.app.state[STATE]
    assert isinstance(found, Console)
    return found


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.console"),
        autoescape=True,
        undefined=ChainableUndefined,  # what an answer leaves out is empty on the page
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals["pages"] = PAGES
    return environment


def rendered(template: str, **context: Any) -> str:
    return _templates().get_template(template).render(**context)


def page(template: str, visitor: Visitor | None, *, status: int = 200, **context: Any) -> Response[str]:
    """A whole page. visitor: whose forms it carries."""
    return Response(
        rendered(template, visitor=visitor, **context),
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers=HEADERS,
    )


def moved(request: AnyRequest, path: str, cookie: str | None = None) -> Response[str]:
    """The browser goes on elsewhere, also when a script of the page asked."""
    headers = {**HEADERS, "Set-Cookie": cookie} if cookie is not None else dict(HEADERS)
    if request.headers.get("hx-request"):
        return Response("", status_code=200, headers={**headers, "HX-Redirect": path})
    return Response("", status_code=303, headers={**headers, "Location": path})


def visitor_at(request: AnyRequest) -> Visitor:
    """Raises: SessionEnded for somebody who is not signed in."""
    visitor = signed_in(request)
    if visitor is None:
        raise SessionEnded
    return visitor


async def form_of(request: AnyRequest, visitor: Visitor | None) -> dict[str, str]:
    """The fields of a form that a page of this server has sent, stripped; of one that comes twice, the last.

    Raises: PermissionDeniedException for one from elsewhere, ClientException for what is no form of ours.
    """
    if not is_own_page(request):
        raise PermissionDeniedException("The form is not from a page of this server")
    try:
        pairs = parse_qsl((await request.body()).decode(), max_num_fields=FIELDS_MAX, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise ClientException("The body is not a form") from None
    form = {name: value.strip() for name, value in pairs}
    if any(len(value) > FIELD_LENGTH_MAX or "\0" in value for value in form.values()):
        raise ClientException(f"A field has at most {FIELD_LENGTH_MAX} characters")
    if visitor is not None and not proves(visitor, form.get("csrf", "")):
        raise PermissionDeniedException("The form is not of this session: load the page anew")
    return form


def text_of(request: AnyRequest, name: str) -> str:
    """A parameter of the query, bounded."""
    return str(request.query_params.get(name, "")).strip()[:FIELD_LENGTH_MAX].replace("\0", "")


def session_ended(request: AnyRequest, _: Exception) -> Response[str]:
    """Back to the sign-in; a cookie that opens nothing is taken away."""
    to = f"?to={request.url.path.rpartition('/')[2]}"
    if signed_in(request) is None:
        return moved(request, SIGN_IN + to)
    public_url = console_of(request).settings.public_url
    return moved(request, SIGN_IN + to + "&ended=1", cookie_for(request, None, 0, public_url))


def refused(request: AnyRequest, error: Exception) -> Response[str]:
    """A request that no page of ours makes."""
    status = getattr(error, "status_code", 400)
    detail = getattr(error, "detail", "")
    return page("refused.html", signed_in(request), status=status, detail=detail)
