"""Mint: find the customer, see what they hold and lately got, give one code with a reason, take it back."""

import secrets
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.exceptions import ClientException

from app.console.inside import Inside, Reply, segment
from app.console.pages import console_of, form_of, page, text_of, visitor_at
from app.console.refusals import refusal_of
from app.console.session import AnyRequest, Visitor

SHOWN_MAX: Final = 20
CAMPAIGNS_MAX: Final = 100
RECENT_FIRST: Final = "-created_at"


@get("/mint")
async def mint_page(request: AnyRequest) -> Response[str]:
    """`q`: what to look for; `customer`: who was chosen; `email`: an address of nobody yet."""
    visitor = visitor_at(request)
    looked_for, chosen, email = (text_of(request, name) for name in ("q", "customer", "email"))
    desk = _Desk(console_of(request).inside, visitor)
    await desk.look(looked_for, chosen, email)
    return _shown(desk, {})


@post("/mint", status_code=200)
async def mint(request: AnyRequest) -> Response[str]:
    """One publication. The form carries the key of idempotency: sent twice, it gives one code."""
    visitor = visitor_at(request)
    form = await form_of(request, visitor)
    desk = _Desk(console_of(request).inside, visitor)
    customer = form.get("customer", "")
    who = {"id": customer} if customer else {"email": form.get("email", "")}
    if not all(form.get(name) for name in ("campaign", "reason", "once")) or not any(who.values()):
        raise ClientException("A customer, a campaign and a reason are needed")
    extensions: dict[str, Any] = {"holder_only": True, "reason": form["reason"]}
    if form.get("agent"):
        extensions["agent"] = form["agent"]
    if form.get("confirmed"):
        extensions["confirmed"] = True
    body: dict[str, Any] = {
        "campaign": form["campaign"],
        "customer": who,
        "channel": "console",
        "extensions": extensions,
    }
    if form.get("ticket"):
        body["metadata"] = {"ticket": form["ticket"]}
    desk.minted = await desk.ask("POST", "/v1/publications", body=body, idempotency_key=form["once"])
    made = desk.minted.body if desk.minted.ok else {}
    await desk.look("", str(made.get("customer_id") or customer), form.get("email", ""))
    status = 200 if desk.minted.ok else desk.minted.status
    return _shown(desk, form, form["campaign"], status=status)


@post("/mint/revoke", status_code=200)
async def revoke(request: AnyRequest) -> Response[str]:
    """Switch the codes of a publication off."""
    visitor = visitor_at(request)
    form = await form_of(request, visitor)
    desk = _Desk(console_of(request).inside, visitor)
    if not form.get("publication"):
        raise ClientException("Which publication?")
    path = f"/v1/engine/publications/{segment(form['publication'])}/revoke"
    desk.revoked = await desk.ask("POST", path, body={"reason": form.get("reason") or "taken back"})
    await desk.look("", form.get("customer", ""), "")
    return _shown(desk, {}, status=200 if desk.revoked.ok else desk.revoked.status)


class _Desk:
    """What one page asked, and what it was answered."""

    def __init__(self, inside: Inside, visitor: Visitor) -> None:
        self._inside = inside
        self.visitor = visitor
        self.curls: list[str] = []
        self.problem: Reply | None = None
        self.looked_for = ""
        self.found: list[dict[str, Any]] = []
        self.email = ""
        self.customer: dict[str, Any] | None = None
        self.held: list[dict[str, Any]] = []
        self.given: list[dict[str, Any]] = []
        self.campaigns: list[dict[str, Any]] = []
        self.minted: Reply | None = None
        self.revoked: Reply | None = None

    async def ask(self, method: str, path: str, **more: Any) -> Reply:
        reply = await self._inside.ask(self.visitor, method, path, **more)
        self.curls.append(reply.curl)
        return reply

    async def _listed(self, path: str, data_ref: str, **query: str | int) -> list[dict[str, Any]]:
        """The entries of a list; [] and a problem to show when it is refused."""
        reply = await self.ask("GET", path, query=query)
        if not reply.ok:
            self.problem = reply
            return []
        return list(reply.body.get(data_ref) or [])

    async def look(self, looked_for: str, chosen: str, email: str) -> None:
        self.looked_for = looked_for
        if looked_for:
            await self._search(looked_for)
            if len(self.found) == 1:
                chosen = self.found[0]["id"]
            elif not self.found and "@" in looked_for:
                email = looked_for
        if chosen:
            await self._open(chosen)
        elif email:
            self.email = email
        if self.customer is not None or self.email:
            self.campaigns = [
                campaign
                for campaign in await self._listed(
                    "/v1/campaigns", "campaigns", mintable="true", limit=CAMPAIGNS_MAX, order=RECENT_FIRST
                )
                if campaign.get("active")
            ]

    async def _search(self, text: str) -> None:
        """By address or name, exactly as they are stored, else by the shop's own id."""
        name = "email" if "@" in text else "name"
        self.found = await self._listed("/v1/customers", "customers", limit=SHOWN_MAX, **{name: text})
        if not self.found and self.problem is None:
            reply = await self.ask("GET", f"/v1/customers/{segment(text)}")
            if reply.ok:
                self.found = [reply.body]

    async def _open(self, customer_id: str) -> None:
        path = f"/v1/customers/{segment(customer_id)}"
        reply = await self.ask("GET", path)
        if not reply.ok:
            self.problem = reply
            return
        self.customer = reply.body
        self.held = await self._listed(path + "/redeemables", "data", limit=SHOWN_MAX)
        self.given = await self._listed(
            "/v1/publications",
            "publications",
            customer=reply.body["id"],
            limit=SHOWN_MAX,
            order=RECENT_FIRST,
        )


def _shown(
    desk: _Desk, form: dict[str, str], campaign_id: str = "", *, status: int = 200
) -> Response[str]:
    """form: what was sent, to be mended; after a success there is nothing to mend."""
    made = desk.minted.body if desk.minted is not None and desk.minted.ok else None
    refused = refusal_of(desk.minted) if desk.minted is not None else None
    # What was refused made nothing, and is another request when it is sent with other words. After a failure
    # nobody knows: the same form again gets the code that was made, if one was.
    unknown = refused is not None and refused.status >= 500
    return page(
        "mint.html",
        desk.visitor,
        status=status,
        desk=desk,
        form={} if made is not None else form,
        once=form["once"] if unknown else secrets.token_hex(16),
        made=made,
        picture=_picture_of(made),
        currency=next((_currency(one) for one in desk.campaigns if one["id"] == campaign_id), None),
        refusal=refused,
        revoke_refusal=refusal_of(desk.revoked) if desk.revoked is not None else None,
        problem=refusal_of(desk.problem) if desk.problem is not None else None,
    )


def _currency(campaign: dict[str, Any]) -> str | None:
    return (campaign.get("extensions") or {}).get("currency")


def _picture_of(made: dict[str, Any] | None) -> str | None:
    """The code's QR picture by a path of this server, whatever address others reach it by."""
    assets = ((made or {}).get("voucher") or {}).get("assets") or {}
    url = (assets.get("qr") or {}).get("url")
    if not url:
        return None
    path = urlsplit(url).path
    return f"{path[path.index('/v1/') :]}?format=svg&size=6" if "/v1/" in path else None
