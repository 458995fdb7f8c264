"""STOP and resume: the campaign's name is typed, what becomes of holds is chosen, a reason is given."""

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import ClientException

from app.console.inside import Reply, segment
from app.console.pages import console_of, form_of, page, text_of, visitor_at
from app.console.refusals import refusal_of
from app.console.session import AnyRequest, Visitor

CHOICES = ("keep", "release")


@get("/live/stop")
async def stop_page(request: AnyRequest) -> Response[str]:
    """As a page, or as a part of the live page, whose script asks for it."""
    visitor = visitor_at(request)
    campaign = await _campaign(request, visitor, text_of(request, "campaign"))
    return _shown(request, visitor, campaign, {})


@post("/live/stop", status_code=200)
async def stop(request: AnyRequest) -> Response[str]:
    """Nothing is stopped unless the name is right."""
    visitor = visitor_at(request)
    form = await form_of(request, visitor)
    campaign = await _campaign(request, visitor, form.get("campaign", ""))
    if not campaign.ok:
        return _shown(request, visitor, campaign, form)
    if form.get("holds") not in CHOICES or not form.get("reason"):
        raise ClientException("A reason is needed, and what becomes of holds")
    if " ".join(form.get("name", "").split()) != " ".join(campaign.body["name"].split()):
        return _shown(request, visitor, campaign, form, wrong_name=True)
    path = f"/v1/engine/campaigns/{segment(campaign.body['id'])}/stop"
    done = await console_of(request).inside.ask(
        visitor, "POST", path, body={"reason": form["reason"], "holds": form["holds"]}
    )
    return _shown(request, visitor, campaign, form, stopped=done)


@post("/live/resume", status_code=200)
async def resume(request: AnyRequest) -> Response[str]:
    visitor = visitor_at(request)
    form = await form_of(request, visitor)
    campaign = await _campaign(request, visitor, form.get("campaign", ""))
    if not campaign.ok:
        return _shown(request, visitor, campaign, form)
    path = f"/v1/campaigns/{segment(campaign.body['id'])}/enable"
    done = await console_of(request).inside.ask(visitor, "POST", path)
    return _shown(request, visitor, campaign, form, resumed=done)


async def _campaign(request: AnyRequest, visitor: Visitor, campaign_id: str) -> Reply:
    if not campaign_id:
        raise ClientException("Which campaign?")
    path = f"/v1/campaigns/{segment(campaign_id)}"
    return await console_of(request).inside.ask(visitor, "GET", path)


def _shown(
    request: AnyRequest,
    visitor: Visitor,
    campaign: Reply,
    form: dict[str, str],
    *,
    wrong_name: bool = False,
    stopped: Reply | None = None,
    resumed: Reply | None = None,
) -> Response[str]:
    done = stopped or resumed
    last = done or campaign
    status = 400 if wrong_name else (200 if last.ok else last.status)
    is_part = bool(request.headers.get("hx-request"))
    context: dict[str, Any] = {
        "campaign": campaign.body if campaign.ok else None,
        "form": form,
        "wrong_name": wrong_name,
        "stopped": stopped.body if stopped is not None and stopped.ok else None,
        "resumed": resumed is not None and resumed.ok,
        "refusal": refusal_of(last),
        "curls": [one.curl for one in (campaign, done) if one is not None],
    }
    return page("stop_part.html" if is_part else "stop.html", visitor, status=status, **context)
