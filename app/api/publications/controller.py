"""Operations on /v1/publications, and the older ways to publish."""

from typing import Any

import msgspec

from app.api.call import Answer, Call
from app.api.client_side import CREATE_CUSTOMERS, PUBLISH, require_flag
from app.api.customers.schemas import CustomerCreate
from app.api.idempotency import once
from app.api.publications import answers, queries, service
from app.api.publications.revoking import PublicationRevoke, revoke
from app.api.publications.schemas import PublicationCampaign, PublicationCreate
from app.api.publications.wire import publication_wires
from app.http.decode import sentence
from app.http.errors import ApiError, invalid_query
from app.http.query import NULLS
from app.http.routing import Route, Scope
from app.http.wire import listing

TAG = "Publications"
ERRORS = (
    "not_found",
    "invalid_customer",
    "invalid_campaign",
    "missing_vouchers",
    "voucher_already_published",
    "no_voucher_suitable_for_publication",
    "duplicate_source_id",
    "too_many_vouchers_requested",
    "mint_budget_exceeded",
    "duplicate_needs_confirmation",
    "idempotency_key_reused",
    "offer_limit_exceeded",
    "metadata_validation_failed",
)
LIST_QUERY = (
    "limit",
    "page",
    "order",
    "campaign",
    "customer",
    "voucher",
    "result",
    "voucher_type",
    "is_referral_code",
    "filters",
    "source_id",
)


async def create_publication(call: Call) -> Answer:
    return Answer(await service.publish(call, call.body(), join_once=call.query.flag("join_once")))


async def create_publication_by_query(call: Call) -> Answer:
    """The same with a query string, for integrations that can only follow a link."""
    body = _body_of_query(call)
    return Answer(await service.publish(call, body, join_once=call.query.flag("join_once"), again=False))


def _body_of_query(call: Call) -> PublicationCreate:
    tree = call.query.tree
    if not isinstance(tree.get("customer"), dict):
        raise invalid_query("Query should have required property 'customer'")
    campaign = tree.get("campaign")
    if isinstance(campaign, dict) and campaign.get("count", "1") not in ("1", *NULLS):
        raise ApiError(
            400, "too_many_vouchers_requested", "Too many vouchers requested", "Only up to 1 can be published"
        )
    named = campaign.get("name") or campaign.get("id") if isinstance(campaign, dict) else campaign
    metadata = tree.get("metadata")
    document: dict[str, Any] = {
        "customer": {name: value for name, value in tree["customer"].items() if value not in NULLS},
        "campaign": {"name": named, "count": 1} if named else None,
        "voucher": call.query.text("voucher"),
        "source_id": call.query.text("source_id"),
        "metadata": metadata if isinstance(metadata, dict) else None,
    }
    try:
        return msgspec.convert(document, PublicationCreate)
    except msgspec.ValidationError as error:
        raise invalid_query(sentence(str(error))) from None


async def list_publications(call: Call) -> Answer:
    async with call.read() as session:
        rows, total = await queries.page_of_publications(session, call)
        wires = await publication_wires(session, call.project_id, rows)
    return Answer(listing("publications", wires, total))


async def publish_voucher(call: Call) -> Answer:
    """The older way: the answer is the voucher. Campaign, voucher and channel may also stand in the query."""
    body: PublicationCreate = call.body()
    query = call.query
    campaign, count = query.text("campaign"), query.integer("count", low=1)
    if campaign is not None and body.campaign is None:
        body.campaign = PublicationCampaign(name=campaign, count=count)
    body.voucher = body.voucher or query.text("code") or query.text("voucher")
    body.channel = body.channel or query.text("channel")
    made = await service.publish(call, body, join_once=query.flag("join_once"))
    return Answer(made.get("voucher", made))


async def publish_client_side(call: Call) -> Answer:
    """For a page that hands out codes behind an address. What it learns is the code, and nothing of the
    customer that it did not send.
    """
    require_flag(call, PUBLISH)
    body: PublicationCreate = call.body()
    campaign, count = call.query.text("campaign"), call.query.integer("count", low=1)
    if campaign is not None and body.campaign is None:
        body.campaign = PublicationCampaign(name=campaign, count=count)
    body.extensions = None
    if not call.admission.enabled(CREATE_CUSTOMERS):
        sent = body.customer
        body.customer = CustomerCreate(id=sent.id, source_id=sent.source_id, email=sent.email)
    try:
        made = await service.publish(call, body, join_once=call.query.flag("join_once"))
    except ApiError as refused:
        if body.voucher and refused.status in (400, 404) and call.admission.counts_guesses:
            await call.admission.failed(1)
        raise
    return Answer(_public(made, body.customer))


def _public(made: dict[str, Any], sent: CustomerCreate) -> dict[str, Any]:
    customer = made["customer"] or {}
    voucher = made.get("voucher")
    public = {
        name: made[name]
        for name in ("id", "object", "created_at", "customer_id", "tracking_id", "channel", "result")
    }
    public["customer"] = {
        "id": customer.get("id"),
        "object": "customer",
        **{name: getattr(sent, name) for name in ("source_id", "name", "email") if getattr(sent, name)},
    }
    public |= {"metadata": {}, "source_id": None, "vouchers_id": made["vouchers_id"]}
    if voucher is not None:
        shown = ("id", "code", "type", "discount", "gift", "start_date", "expiration_date", "object")
        public["voucher"] = {name: voucher[name] for name in shown}
    else:
        public["vouchers"] = made["vouchers"]
    return public


async def revoke_publication(call: Call) -> Answer:
    return Answer(await revoke(call, call.path["publicationId"], call.body() or PublicationRevoke()))


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Publication,
    **more: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=more.pop("permission", "publications." + ("read" if method == "GET" else "write")),
        tag=more.pop("tag", TAG),
        summary=summary,
        answer=answer,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        "/v1/publications",
        "create-publication",
        once(create_publication),
        "Create Publication",
        body=PublicationCreate,
        query=("join_once",),
        errors=ERRORS,
    ),
    _route(
        "GET",
        "/v1/publications",
        "list-publications",
        list_publications,
        "List Publications",
        answers.PublicationList,
        query=LIST_QUERY,
        errors=("page_over_limit",),
    ),
    _route(
        "GET",
        "/v1/publications/create",
        "create-publication-1",
        create_publication_by_query,
        "Create Publication with GET",
        permission="publications.write",
        query=("join_once", "voucher", "campaign", "source_id", "customer", "metadata"),
        errors=(*ERRORS, "voucher_cannot_be_published"),
    ),
    _route(
        "POST",
        "/v1/vouchers/publish",
        "publish-voucher",
        publish_voucher,
        "Publish a voucher",
        answers.VoucherOrPublication,
        body=PublicationCreate,
        query=("join_once", "campaign", "count", "code", "voucher", "channel"),
        errors=ERRORS,
    ),
    _route(
        "POST",
        "/client/v1/publish",
        "create-publication-client-side",
        publish_client_side,
        "Create Publication (client-side)",
        answers.ClientPublication,
        scope=Scope.CLIENT,
        body=PublicationCreate,
        query=("join_once", "campaign", "count"),
        errors=ERRORS,
    ),
    _route(
        "POST",
        "/v1/engine/publications/{publicationId}/revoke",
        "revoke-publication",
        revoke_publication,
        "Switch off the codes of a publication",
        answers.ListedPublication,
        body=PublicationRevoke,
        body_required=False,
        errors=("not_found",),
    ),
)
