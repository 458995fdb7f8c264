"""The official Python client, method by method: every operation of campaigns, codes, publications,
promotions, rules, categories, qualifications, redemptions, exports, stacking rules, customers, orders,
products, collections, segments, events, locations and schemas that it offers is called, and its models, the
strictest reader that there is, take every answer (P11).
"""

import inspect
import re
import time
import typing
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import voucherify
from pydantic import BaseModel

from app.api.routes import ALL_ROUTES
from app.http.routing import Route
from tests.support.server import Project, RunningServer
from tests.support.shop import created, unique
from tests.wire.official_data import DATA
from tests.wire.official_operations import OPERATIONS
from tests.wire.official_shop import ORIGIN, Sent

AREAS = (
    "AsyncActionsApi", "CampaignsApi", "CategoriesApi", "ClientSideApi", "CustomersApi", "EventsApi",
    "ExportsApi", "LocationsApi", "MetadataSchemasApi", "OrdersApi", "ProductCollectionsApi", "ProductsApi",
    "PromotionsApi", "PublicationsApi", "QualificationsApi", "RedemptionsApi", "SegmentsApi",
    "ValidationRulesApi", "ValidationsApi", "VouchersApi",
)  # fmt: skip
MANAGED = re.compile(r"stacking.rules|metadata.schemas?|custom.event.schemas?")
"""What is managed with a key of the organisation, in names of methods and in paths."""
ELSEWHERE = {
    "ExportsApi.download_export",
    "MetadataSchemasApi.get_metadata_schema",
    "MetadataSchemasApi.list_metadata_schemas",
    "ManagementApi.get_metadata_schema1",
    "ManagementApi.list_metadata_schemas1",
    *(f"ManagementApi.{verb}_metadata_schema" for verb in ("create", "update", "delete")),
    *(f"ManagementApi.{verb}_stacking_rules" for verb in ("create", "list", "get", "update", "delete")),
    *(f"ManagementApi.{verb}_custom_event_schema" for verb in ("create", "get", "update", "delete")),
    "ManagementApi.list_custom_event_schemas",
}
"""Called by tests of their own below: they wait for a file, or need another key."""
CALLED = OPERATIONS | DATA
NO_ANSWER = re.compile(r"\.(delete_(?!campaign)|release_|enable_campaign|disable_campaign)")
"""Methods whose answer the client does not read."""
TAGS = {
    "Async Actions", "Campaigns", "Categories", "Client-side", "Customers", "Events", "Exports", "Locations",
    "Metadata Schemas", "Orders", "Product Collections", "Products", "Promotions", "Publications",
    "Qualifications", "Redemptions", "Segments", "Stacking rules", "Validation Rules", "Validations",
    "Vouchers",
}  # fmt: skip
CLIENT_LACKS = {
    "create-publication-client-side": "deprecated; the older JavaScript client has it",
    "examine-campaign-qualification": "deprecated",
    "examine-vouchers-qualification": "deprecated",
    "list-customer-activities": "deprecated; older clients call it",
    "list-segment": "in no published client",
    "put-product-collection": "documented, but in no client",
    "publish-voucher": "in no published document; older clients call it",
    "redeem-promotion": "deprecated",
    "redeem-voucher": "deprecated",
    "redeem-voucher-client-side": "deprecated",
    "validate-promotion-tier": "deprecated",
    "validate-promotions": "deprecated",
    "validate-voucher": "deprecated",
    "validate-voucher-client-side": "deprecated",
}
MADE_UP = {"CampaignsApi.add_vouchers_to_campaign": {".object"}}
"""The client has one model for a voucher and for an async action, and takes the latter for a voucher."""
SECONDS_MAX = 180.0


def in_areas(route: Route) -> bool:
    return route.tag in TAGS or (route.tag == "Management" and MANAGED.search(route.path) is not None)


def methods_of(area: str) -> Iterator[str]:
    for name in vars(getattr(voucherify, area)):
        if not name.startswith("_") and not name.endswith(("_with_http_info", "_without_preload_content")):
            yield f"{area}.{name}"


def place_of(method: str) -> tuple[str, str]:
    """HTTP method and path with nameless parameters, as the client's own code has them."""
    area, _, name = method.partition(".")
    source = inspect.getsource(getattr(getattr(voucherify, area), f"_{name}_serialize"))
    found = [re.search(rf"{what}='([^']+)'", source) for what in ("method", "resource_path")]
    assert all(found), method
    return found[0][1], re.sub(r"\{\w+\}", "{}", found[1][1])  # type: ignore[index]


def test_no_method_of_the_client_is_left_out() -> None:
    """What the client offers in these areas is called by the table below, or by name in this file."""
    offered = {method for area in AREAS for method in methods_of(area)}
    offered |= {method for method in methods_of("ManagementApi") if MANAGED.search(method)}
    assert set(CALLED) | ELSEWHERE == offered


def test_operations_that_the_client_does_not_have_are_known() -> None:
    """Every route of these areas is called through the client, is beyond the contract, or is an older one."""
    called = {place_of(method) for method in set(CALLED) | ELSEWHERE}

    def is_called(route: Route) -> bool:
        return (route.method, re.sub(r"\{\w+\}", "{}", route.path)) in called

    lacking = {
        route.operation_id
        for route in ALL_ROUTES
        if in_areas(route)
        and not is_called(route)
        and "/engine/" not in route.path
        and not route.path.startswith(("/downloads/", "/v1/assets/"))
    }
    assert lacking == set(CLIENT_LACKS)


def model_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The client's model behind an annotation, and whether a list of it is meant."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation, False
    is_list = typing.get_origin(annotation) is list
    for inner in typing.get_args(annotation):
        model, inner_is_list = model_of(inner)
        if model is not None:
            return model, is_list or inner_is_list
    return None, False


def called(client: voucherify.ApiClient, method: str, sent: Sent) -> Any:
    """The answer with its head and its bytes. Dicts become the models that the method asks for; what came too
    fast is sent again.
    """
    area, _, name = method.partition(".")
    function = getattr(getattr(voucherify, area)(client), name + "_with_http_info")
    arguments = dict(sent)
    for parameter, hint in inspect.signature(function).parameters.items():
        model, is_list = model_of(hint.annotation)
        if model is None:
            continue
        key = "body" if parameter.endswith(("_body", "_item")) else parameter
        if key in arguments:
            given = arguments.pop(key)
            made = [model.from_dict(one) for one in given] if is_list else model.from_dict(given)  # type: ignore[attr-defined]
            arguments[parameter] = made
    assert "body" not in arguments, f"{method} takes no body"
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        try:
            return function(**arguments)
        except voucherify.exceptions.ApiException as refused:
            if refused.status not in (429, 503) or time.monotonic() > deadline:
                raise
            time.sleep(float(refused.headers["Retry-After"]))


def answered(client: voucherify.ApiClient, method: str, sent: Sent) -> Any:
    """What the client read, after a look at the bytes."""
    answer = called(client, method, sent)
    assert 200 <= answer.status_code < 300
    if not NO_ANSWER.search(method):
        assert isinstance(answer.data, BaseModel | list), answer.raw_data
        raw = httpx.Response(200, content=answer.raw_data).json()
        assert set(kept_back(answer.data, raw)) <= MADE_UP.get(method, set())
    return answer.data


def kept_back(model: Any, raw: Any, path: str = "") -> Iterator[str]:
    """Members that the model made up because the answer did not say them."""
    if isinstance(model, list) and isinstance(raw, list):
        for number, (one, other) in enumerate(zip(model, raw, strict=True)):
            yield from kept_back(one, other, f"{path}[{number}]")
    if not isinstance(model, BaseModel) or not isinstance(raw, dict):
        return
    for name, field in type(model).model_fields.items():
        key = field.alias or name
        value = getattr(model, name)
        if key not in raw and value is not None and name != "additional_properties":
            yield f"{path}.{key}"
        elif key in raw:
            yield from kept_back(value, raw[key], f"{path}.{key}")


@pytest.fixture(scope="module")
def shop(server: RunningServer) -> Project:
    settings = {
        "client_trusted_domains": [ORIGIN],
        "client_redeem_enabled": True,
        "client_list_vouchers_enabled": True,
        "client_create_customer_enabled": True,
    }
    return server.create_project(unique("official"), settings=settings)


@pytest.fixture(scope="module")
def api(server: RunningServer, shop: Project) -> Iterator[httpx.Client]:
    with server.client(shop) as client:
        yield client


@pytest.fixture(scope="module")
def client(server: RunningServer, shop: Project) -> Iterator[voucherify.ApiClient]:
    keys = {
        "X-App-Id": shop.app_id,
        "X-App-Token": shop.app_token,
        "X-Client-Application-Id": shop.client_id,
        "X-Client-Token": shop.client_token,
        "X-Management-Id": shop.management_id,
        "X-Management-Token": shop.management_token,
    }
    configuration = voucherify.Configuration(host=server.base_url, api_key=keys)
    with voucherify.ApiClient(configuration) as made:
        yield made
        made.rest_client.pool_manager.clear()


@pytest.mark.parametrize("method", CALLED)
def test_the_client_reads_the_answer(api: httpx.Client, client: voucherify.ApiClient, method: str) -> None:
    """It parses, and the bytes have every member which the client's models would otherwise make up."""
    for prepare in CALLED[method]:
        answered(client, method, prepare(api))


def test_a_file_is_downloaded(api: httpx.Client, client: voucherify.ApiClient) -> None:
    """By the token of its address, as text."""
    made = created(api.post("/v1/exports", json={"exported_object": "voucher"}))
    deadline = time.monotonic() + SECONDS_MAX
    while (found := created(api.get(f"/v1/exports/{made['id']}")))["status"] != "DONE":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    token = found["result"]["url"].partition("token=")[2]
    answer = called(client, "ExportsApi.download_export", {"export_id": made["id"], "token": token})
    assert answer.data.startswith("Code,Voucher Type,Value,Discount Type")


def test_stacking_rules_of_a_project(shop: Project, client: voucherify.ApiClient) -> None:
    """Made, listed, read, changed and deleted with a management key."""

    def call(verb: str, **sent: Any) -> Any:
        sent |= {"project_id": shop.project_id}
        return answered(client, f"ManagementApi.{verb}_stacking_rules", sent)

    made = call("create", body={"redeemables_limit": 4})
    assert [row.id for row in call("list").data] == [made.id]
    assert call("get", stacking_rules_id=made.id).redeemables_limit == 4
    changed = call("update", stacking_rules_id=made.id, body={"redeemables_limit": 6})
    assert changed.redeemables_limit == 6
    call("delete", stacking_rules_id=made.id)
    assert [row.id for row in call("list").data] == [None]


def test_metadata_schemas_of_a_project(shop: Project, client: voucherify.ApiClient) -> None:
    """Made, listed, read, changed and deleted with a management key; read with the shop's own."""
    name = unique("parcel")
    lot = {"lot": {"type": "number", "optional": True, "array": False, "gte": 1, "ne": [7]}}
    note = {"note": {"type": "string", "optional": True, "array": True, "max_length": 5}}

    def call(method: str, **sent: Any) -> Any:
        return answered(client, f"ManagementApi.{method}", sent | {"project_id": shop.project_id})

    made = call("create_metadata_schema", body={"related_object": name, "properties": lot})
    assert call("get_metadata_schema1", metadata_schema_id=made.id).properties["lot"]["type"] == "number"
    assert made.id in [row.id for row in call("list_metadata_schemas1").data]
    changed = call("update_metadata_schema", metadata_schema_id=made.id, body={"properties": note})
    assert set(changed.properties) == {"lot", "note"}
    own = answered(client, "MetadataSchemasApi.get_metadata_schema", {"resource": name})
    assert own.properties["note"]["array"] is True
    listed = answered(client, "MetadataSchemasApi.list_metadata_schemas", {})
    assert made.id in [row.id for row in listed.schemas]
    call("delete_metadata_schema", metadata_schema_id=made.id)
    assert made.id not in [row.id for row in call("list_metadata_schemas1").data]


def test_schemas_of_custom_events_of_a_project(shop: Project, client: voucherify.ApiClient) -> None:
    """Made, listed, read, changed and deleted with a management key."""

    def call(method: str, **sent: Any) -> Any:
        return answered(client, f"ManagementApi.{method}", sent | {"project_id": shop.project_id})

    lot, note = ({name: {"type": "string", "optional": True}} for name in ("lot", "note"))
    made = call("create_custom_event_schema", body={"name": unique("e"), "schema": {"properties": lot}})
    found = call("get_custom_event_schema", custom_event_schema_id=made.id)
    assert set(found.var_schema.properties) == {"lot"}
    assert made.id in [row.id for row in call("list_custom_event_schemas").data]
    sent = {"custom_event_schema_id": made.id, "body": {"schema": {"properties": note}}}
    assert set(call("update_custom_event_schema", **sent).var_schema.properties) == {"lot", "note"}
    call("delete_custom_event_schema", custom_event_schema_id=made.id)
    assert made.id not in [row.id for row in call("list_custom_event_schemas").data]
