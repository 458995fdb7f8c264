"""What a refusal means for whoever looks at the page, and what can be done now."""

from typing import Any, Final

from msgspec import Struct

from app.console.inside import Reply

_ADVICE: Final = {
    "mint_budget_exceeded": "Your key has given away what it may in a day. Ask for a higher budget, or wait "
    "until midnight in the shop's time zone.",
    "duplicate_needs_confirmation": "This customer was given one like it lately. Look at the list; if a "
    "second one is meant, confirm it.",
    "no_voucher_suitable_for_publication": "The campaign has no code left, is switched off, or its time is "
    "over. Choose another one, or ask a marketer.",
    "offer_limit_exceeded": "The customer has had as many offers lately as the shop gives anybody.",
    "forbidden": "Your key may not do this. Agents hand out codes of campaigns that a marketer has marked "
    "for it.",
    "missing_required_permission": "Your key's role does not include this.",
    "idempotency_key_reused": "This form was sent before with other words. Begin again.",
    "voucher_cannot_be_published": "The customer takes part already, and this campaign gives one to each.",
    "invalid_customer": "The customer could not be made from this: is the address right?",
    "not_found": "It is not there any more: somebody may have deleted it meanwhile.",
    "service_unavailable": "The engine cannot decide at this moment and changed nothing. Try again in a "
    "moment.",
    "too_many_requests": "Too many requests with this key within a minute. Wait a moment.",
    "too_many_tokens": "Too many people and programs are signed in to this project. One has to sign out.",
    "campaign_not_ready": "Something about the campaign usually goes wrong; see its readiness.",
}


class Refusal(Struct, frozen=True):
    """key: of the API, explained at /docs/errors/<key>."""

    status: int
    key: str
    message: str
    details: str
    advice: str


def refusal_of(reply: Reply) -> Refusal | None:
    """None for a success."""
    if reply.ok:
        return None
    body: dict[str, Any] = reply.body if isinstance(reply.body, dict) else {}
    key = str(body.get("key") or "")
    if not key and reply.status == 429:
        key = "too_many_requests"
    return Refusal(
        status=reply.status,
        key=str(body.get("key") or ""),
        message=str(body.get("message") or f"Answered {reply.status}"),
        details=str(body.get("details") or ""),
        advice=_ADVICE.get(key, ""),
    )
