"""GET /docs/errors and GET /docs/errors/{key}: a page for each key that an error may have, made from the
tables of reasons, routes and texts. Works without any other server.
"""

import html
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Final

from msgspec import Struct

from app.api.call import Answer, Call
from app.api.docs.error_texts import TEXTS
from app.http.errors import not_found
from app.http.openapi import status_of
from app.http.routing import Route
from rules.reasons import REASONS, Reason

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}"
    "code{background:#f2f2f2;padding:.1em .3em}h1 code{background:none;padding:0}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}code{background:#222}a{color:#8cf}}"
)
Handler = Callable[[Call], Awaitable[Answer]]
EVERYWHERE: Final = (
    "unauthorized",
    "forbidden",
    "missing_required_permission",
    "invalid_payload",
    "invalid_query_params",
    "invalid_idempotency_key",
    "idempotency_key_reused",
    "precondition_failed",
    "internal_server_error",
    "service_unavailable",
)
"""What operations may answer without naming it in their rows."""


class ErrorPage(Struct, kw_only=True):
    """What is known of a key."""

    key: str
    statuses: list[int]
    messages: list[str]
    transient: bool | None = None
    """Whether the same request may succeed later; None: the tables do not say."""
    operations: list[str]


def pages_of(routes: Sequence[Route]) -> dict[str, ErrorPage]:
    """Every key, sorted."""
    keys = {key for route in routes for key in route.errors} | {text.key for text in REASONS.values()}
    pages = {}
    for key in sorted(keys | set(EVERYWHERE)):
        reasons = [(reason, text) for reason, text in REASONS.items() if text.key == key]
        skipped = all(reason >= Reason.APPLICABLE_REDEEMABLES_LIMIT for reason, _ in reasons) and reasons
        pages[key] = ErrorPage(
            key=key,
            statuses=[] if skipped else sorted({text.status for _, text in reasons} or {status_of(key)}),
            messages=list(dict.fromkeys(text.message for _, text in reasons)),
            transient=any(text.transient for _, text in reasons) if reasons else None,
            operations=[f"{route.method} {route.path}" for route in routes if key in route.errors],
        )
    return pages


def error_page_handlers(routes: Sequence[Route]) -> tuple[Handler, Handler]:
    """Handlers of the list and of one page."""

    @cache
    def pages() -> dict[str, ErrorPage]:
        return pages_of(routes)

    async def index(call: Call) -> Answer:
        """Every key that an error may have."""
        rows = "".join(f'<li><a href="/docs/errors/{key}"><code>{key}</code></a></li>' for key in pages())
        return _html("Errors", f"<h1>Errors</h1><ul>{rows}</ul>")

    async def one(call: Call) -> Answer:
        """What a key means, what to do, and which operations answer it."""
        page = pages().get(call.path["key"])
        if page is None:
            raise not_found("error key", call.path["key"])
        return _html(page.key, _body(page))

    return index, one


def _body(page: ErrorPage) -> str:
    text = TEXTS.get(page.key)
    means = [text.means] if text is not None else page.messages
    parts = [f"<h1><code>{page.key}</code></h1>"]
    parts += [f"<p>{html.escape(sentence)}</p>" for sentence in means]
    if not page.statuses:
        parts.append("<p>The redeemable is skipped, and the request goes on without it.</p>")
    else:
        parts.append(f"<p>HTTP status: {', '.join(map(str, page.statuses))}.</p>")
    if text is not None:
        parts.append(f"<h2>What to do</h2><p>{html.escape(text.remedy)}</p>")
    if page.transient is not None:
        later = "may succeed at another time" if page.transient else "will be refused again"
        parts.append(f"<p>The same request {later}.</p>")
    if page.operations:
        rows = "".join(f"<li><code>{html.escape(name)}</code></li>" for name in page.operations)
        parts.append(f"<h2>Operations that answer it</h2><ul>{rows}</ul>")
    parts.append('<p><a href="/docs/errors">All errors</a> · <a href="/docs">The API</a></p>')
    return "".join(parts)


def _html(title: str, body: str) -> Answer:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)} · Vouchsafe</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>"
    )
    return Answer(
        page.encode(),
        headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY},
    )
