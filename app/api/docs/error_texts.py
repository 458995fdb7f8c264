"""What a key of an error means and what to do about it, beyond what the tables of reasons and routes say of
it themselves.
"""

from typing import Final, NamedTuple


class ErrorText(NamedTuple):
    means: str
    remedy: str


TEXTS: Final[dict[str, ErrorText]] = {
    "unauthorized": ErrorText(
        "No key, a wrong one, or one that is revoked, expired or of another kind.",
        "Send X-App-Id and X-App-Token of a server-side key; under /client/v1 those of a client-side "
        "key, under "
        "/management/v1 those of a management key. `vouchsafe keys list` shows which keys there are.",
    ),
    "forbidden": ErrorText(
        "The key is right, but not from this address or this page.",
        "Look at the key's networks, and at the project's trusted origins for the client side.",
    ),
    "missing_required_permission": ErrorText(
        "The key's role, or the token's scope, does not cover this operation.",
        "Use a key with a role that has the permission named in `details`; /openapi.json lists the "
        "roles of each "
        "operation as x-roles.",
    ),
    "not_found": ErrorText(
        "There is no such object in the key's project. What belongs to another project is answered the same.",
        "Look at spelling and at upper and lower case, and whether the key is of the project you mean.",
    ),
    "invalid_payload": ErrorText(
        "The body is not JSON, or a member has a type or a value that the operation does not take.",
        "`details` names the member. Amounts are whole numbers of minor units: 1999, not 19.99.",
    ),
    "invalid_query_params": ErrorText(
        "A parameter of the query has a value that the operation does not take.",
        "`details` names it.",
    ),
    "idempotency_key_reused": ErrorText(
        "The Idempotency-Key was used before for another body.",
        "Make one key per order or per attempt to buy, keep it with that order, and send it again only "
        "with the "
        "same body.",
    ),
    "invalid_idempotency_key": ErrorText(
        "The Idempotency-Key is empty, longer than 255 characters, or has characters beyond printable ASCII.",
        "Use a UUID, or the id of your order.",
    ),
    "multiple_requests": ErrorText(
        "Another request was changing the same order or session at the same moment.",
        "Send it again after a moment.",
    ),
    "service_unavailable": ErrorText(
        "Redis or the database cannot be reached, or what was asked cannot be proven now. Nothing was given.",
        "Send the same request with the same Idempotency-Key after Retry-After seconds; if that goes "
        "on, sell "
        "without the discount. Never give the discount without a redemption: it would not be counted. "
        "Operators "
        "look at /readyz.",
    ),
    "internal_server_error": ErrorText(
        "A fault of the server. Its log has the details under the request's id.",
        "Report it with the request_id.",
    ),
    "precondition_failed": ErrorText(
        "The object was changed since it was read: If-Match names an older version.",
        "Read it again, look at what changed, and send the change with the new ETag.",
    ),
    "duplicate_found": ErrorText(
        "There is an object with this code, name or source_id already.",
        "Read the existing one, or choose another name.",
    ),
    "quantity_exceeded": ErrorText(
        "Every use of the code, or of this customer's share of it, has been taken or is held by a session.",
        "Nothing, as a rule. Uses come back by rollbacks and when sessions end; the limit is "
        "redemption.quantity or a rule on counts of redemptions.",
    ),
    "gift_amount_exceeded": ErrorText(
        "The card has less than was asked for.",
        "Ask for less: gift.credits, or leave it out to take what is there.",
    ),
    "voucher_expired": ErrorText(
        "The code, its campaign or its term of validity after publication has ended.",
        "Nothing, as a rule. The end is expiration_date of the voucher or campaign, or "
        "activity_duration_after_"
        "publishing.",
    ),
    "voucher_disabled": ErrorText(
        "The voucher or its campaign was switched off, by hand or by its own watch.",
        "Switch it on again: POST /v1/vouchers/{code}/enable, or the campaign's.",
    ),
    "customer_rules_violated": ErrorText(
        "A condition on the customer does not hold.",
        "Ask the same with explain=true: the trace names the condition, what it wanted and what it found.",
    ),
    "order_rules_violated": ErrorText(
        "A condition on the cart does not hold.",
        "Ask the same with explain=true: the trace names the condition, what it wanted and what it found.",
    ),
    "redemption_rules_violated": ErrorText(
        "A condition on the redemption (a count, a budget, metadata, time) does not hold.",
        "Ask the same with explain=true: the trace names the condition, what it wanted and what it found.",
    ),
    "already_rolled_back": ErrorText(
        "Everything of this redemption was given back before.",
        "Nothing: a repeated rollback changes nothing.",
    ),
    "resource_in_use": ErrorText(
        "Something else refers to the object.",
        "`details` names what; remove the reference first, or ask with force=true where the operation "
        "has it.",
    ),
    "campaign_not_ready": ErrorText(
        "A check of the campaign before its start failed.",
        "GET /v1/engine/campaigns/{campaignId}/readiness lists every check.",
    ),
    "mint_budget_exceeded": ErrorText(
        "The key has handed out as many codes, or as much value, as it may in a day.",
        "Wait for the next day, or raise it: `vouchsafe keys budget`.",
    ),
    "offer_limit_exceeded": ErrorText(
        "The customer was given as many codes in this day, week or month as the project lets anybody have.",
        "`details` names the limit: `offer_pressure` of PUT /v1/engine/extensions.",
    ),
    "page_over_limit": ErrorText(
        "Pages are counted to a limit; beyond it a list is read by its cursor or exported.",
        "Narrow the filter, or use POST /v1/exports.",
    ),
    "too_many_tokens": ErrorText(
        "The key has as many live tokens as it may.", "Use a token until it expires; revoke those in no use."
    ),
    "no_voucher_suitable_for_publication": ErrorText(
        "The campaign has no free code.",
        "Generate more, or let it make them by itself: auto-update campaigns.",
    ),
}
