"""Operations on consents. No published document describes them: the list and the update of a customer are as
official clients call them, what makes and changes consents is this engine's own.
"""

from typing import Any

from app.api.call import Answer, Call
from app.api.client_side import CREATE_CUSTOMERS, require_flag
from app.api.consents import answers, service
from app.api.consents.schemas import ConsentCreate, ConsentsGiven, ConsentUpdate
from app.http.routing import Route, Scope
from app.http.wire import listing

MADE, MADE_ONE = "/v1/engine/consents", "/v1/engine/consents/{consentId}"
OF_CUSTOMER = "/v1/customers/{customerId}/consents"


async def list_consents(call: Call) -> Answer:
    """As official clients read it. Consents are not grouped here, so that the list of groups has nothing."""
    return Answer({"groups": listing("data", [], 0), "consents": await service.list_consents(call)})


async def list_consents_client_side(call: Call) -> Answer:
    require_flag(call, CREATE_CUSTOMERS)
    return await list_consents(call)


async def update_customers_consents(call: Call) -> Answer:
    await service.give(call, call.path["customerId"], call.body())
    return Answer()


async def update_customers_consents_client_side(call: Call) -> Answer:
    require_flag(call, CREATE_CUSTOMERS)
    await service.give(call, call.path["customerId"], call.body())
    # A page learns nothing of a customer whose name it guessed.
    call.answer_headers.pop("ETag", None)
    return Answer()


async def list_made(call: Call) -> Answer:
    return Answer(await service.list_consents(call))


async def get_consent(call: Call) -> Answer:
    return Answer(await service.get_consent(call, call.path["consentId"]))


async def create_consent(call: Call) -> Answer:
    return Answer(await service.create_consent(call, call.body()))


async def update_consent(call: Call) -> Answer:
    return Answer(await service.update_consent(call, call.path["consentId"], call.body()))


async def delete_consent(call: Call) -> Answer:
    await service.delete_consent(call, call.path["consentId"])
    return Answer()


def _route(
    method: str,
    path: str,
    operation_id: str,
    handler: Any,
    summary: str,
    answer: Any = answers.Consent,
    **more: Any,
) -> Route:
    resource = "customers" if path.endswith(OF_CUSTOMER) else "consents"
    return Route(
        method=method,
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission=f"{resource}." + {"GET": "read", "DELETE": "delete"}.get(method, "write"),
        tag="Consents",
        summary=summary,
        answer=None if more.get("status") == 204 else answer,
        errors=("not_found",) if "{" in path else (),
        **more,
    )


def _client(*row: Any, **more: Any) -> Route:
    return _route(*row, scope=Scope.CLIENT, **more)


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/v1/consents",
        "list-consents",
        list_consents,
        "List Consents",
        answers.GroupedConsents,
    ),
    _route(
        "PUT",
        OF_CUSTOMER,
        "update-customers-consents",
        update_customers_consents,
        "Update Customer's Consents",
        body=ConsentsGiven,
        status=204,
    ),
    _client(
        "GET",
        "/client/v1/consents",
        "list-consents-client-side",
        list_consents_client_side,
        "List Consents (client-side)",
        answers.GroupedConsents,
    ),
    _client(
        "PUT",
        "/client" + OF_CUSTOMER,
        "update-customers-consents-client-side",
        update_customers_consents_client_side,
        "Update Customer's Consents (client-side)",
        body=ConsentsGiven,
        status=204,
    ),
    _route(
        "GET", MADE, "list-made-consents", list_made, "Consents of the project", answers.ConsentList
    ),
    _route("POST", MADE, "create-consent", create_consent, "Make a consent", body=ConsentCreate),
    _route("GET", MADE_ONE, "get-consent", get_consent, "One consent"),
    _route("PUT", MADE_ONE, "update-consent", update_consent, "Change a consent", body=ConsentUpdate),
    _route("DELETE", MADE_ONE, "delete-consent", delete_consent, "Delete a consent", status=204),
)
