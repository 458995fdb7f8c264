"""Live: what is redeemed and refused at this moment, the campaigns that run, and how long their budgets last.

The page is drawn once and then told by a stream of server-sent events; each event is made of answers that the
visitor's own key was given.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.response import ServerSentEvent, ServerSentEventMessage

from app.console.inside import Inside, Reply, SessionEnded, segment
from app.console.pages import HEADERS, Console, console_of, page, rendered, visitor_at
from app.console.refusals import Refusal, refusal_of
from app.console.session import AnyRequest, Visitor

SHOWN_SECONDS: Final = 120
"""Of the curve."""
TOLD_SECONDS: Final = 5
"""Told with each event: a second that the ledger was late for is told again."""
STEP_SECONDS: Final = 1.0
PARTS_SECONDS: Final = 3.0
READINESS_SECONDS: Final = 30.0
STREAM_SECONDS_MAX: Final = 60.0
"""Then the browser asks again: a worker that is being replaced need not wait for it."""
STREAMS_MAX: Final = 100
"""Of one process."""
CAMPAIGNS_MAX: Final = 30
RATES: Final = "/v1/engine/redemptions/rates"
RUNNING: Final = "/v1/engine/campaigns/running"


class _Open:
    """Streams that this process has open."""

    count = 0


class Watch:
    """What one visitor is shown, asked anew as often as it is worth it."""

    def __init__(self, inside: Inside, visitor: Visitor) -> None:
        self._inside = inside
        self.visitor = visitor
        self.curls: dict[str, str] = {}
        self.findings: dict[str, list[dict[str, Any]]] = {}
        self._findings_at = -READINESS_SECONDS

    async def _ask(self, path: str, **query: int) -> Reply:
        reply = await self._inside.ask(self.visitor, "GET", path, query=query or None)
        self.curls[path] = reply.curl
        return reply

    async def rates(self, seconds: int) -> Reply:
        return await self._ask(RATES, seconds=seconds)

    async def running(self) -> Reply:
        """The campaigns; what usually goes wrong with them is asked for less often."""
        reply = await self._ask(RUNNING, limit=CAMPAIGNS_MAX)
        if reply.ok and time.monotonic() - self._findings_at >= READINESS_SECONDS:
            self._findings_at = time.monotonic()
            for campaign in reply.body["campaigns"]:
                path = f"/v1/engine/campaigns/{segment(campaign['id'])}/readiness"
                found = await self._ask(path)
                self.findings[campaign["id"]] = found.body["findings"] if found.ok else []
        return reply


def campaigns_part(watch: Watch, reply: Reply) -> str:
    return rendered(
        "running.html",
        running=reply.body if reply.ok else {"campaigns": []},
        refusal=refusal_of(reply),
        findings=watch.findings,
    )


def rates_part(reply: Reply) -> str:
    return rendered("rates.html", rates=reply.body if reply.ok else {}, refusal=refusal_of(reply))


@get("/live")
async def live_page(request: AnyRequest) -> Response[str]:
    visitor = visitor_at(request)
    watch = Watch(console_of(request).inside, visitor)
    rates, running = await watch.rates(60), await watch.running()
    return page(
        "live.html",
        visitor,
        rates_part=rates_part(rates),
        campaigns_part=campaigns_part(watch, running),
        curls=list(watch.curls.values()),
    )


@get("/live/stream", sync_to_thread=False)
def live_stream(request: AnyRequest) -> Response[Any]:
    """Events: `curve` (JSON for the chart), `rates` and `campaigns` (parts of the page), `refused`,
    `ended`.
    """
    visitor = visitor_at(request)
    if _Open.count >= STREAMS_MAX:
        return Response("", status_code=503, headers={**HEADERS, "Retry-After": "10"})
    return ServerSentEvent(_told(console_of(request), visitor), headers={"X-Accel-Buffering": "no"})


async def _told(console: Console, visitor: Visitor) -> AsyncIterator[ServerSentEventMessage]:
    watch = Watch(console.inside, visitor)
    _Open.count += 1
    began = parts_at = time.monotonic()
    seconds = SHOWN_SECONDS
    try:
        while time.monotonic() - began < STREAM_SECONDS_MAX and not console.closing:
            curve = await watch.rates(seconds)
            if curve.ok:
                yield _event("curve", msgspec.json.encode(curve.body["seconds"]).decode())
                seconds = TOLD_SECONDS
            else:
                yield _event("refused", _sentence(refusal_of(curve)))
            if parts_at <= time.monotonic():
                parts_at = time.monotonic() + PARTS_SECONDS
                yield _event("rates", rates_part(await watch.rates(60)))
                yield _event("campaigns", campaigns_part(watch, await watch.running()))
            await asyncio.sleep(STEP_SECONDS)
    except SessionEnded:
        yield _event("ended", "")
    finally:
        _Open.count -= 1


def _event(name: str, data: str) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=name, data=data, retry=1000)


def _sentence(refusal: Refusal | None) -> str:
    if refusal is None:
        return ""
    return f"{refusal.message}. {refusal.advice or refusal.details}".strip()
