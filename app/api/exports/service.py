"""Exports are asked for, watched, downloaded and removed here."""

import hmac
import secrets
from typing import Any

from sqlalchemy import delete, select

from app.api.call import Answer, Call
from app.api.exports.schemas import ExportParameters
from app.api.lookup import campaign_named, voucher_named
from app.db.models import Export, ExportPart
from app.http.errors import ApiError, forbidden, invalid_payload, not_found, unauthorized
from app.http.filtering import filter_condition, page_of
from app.http.wire import iso, listing
from app.identifiers import new_id
from app.jobs.export_objects import OBJECTS
from app.jobs.exports import CSV, NDJSON, filters_of, read_export

FIELDS_MAX = 200
CARD_CAMPAIGNS = ("GIFT_VOUCHERS", "LOYALTY_PROGRAM")
COLUMNS = {"created_at": Export.created_at, "status": Export.status}


async def create_export(
    call: Call, exported_object: str, sent: ExportParameters | None, scope: dict[str, str] | None = None
) -> dict[str, Any]:
    """Everything that was acknowledged before this request will be in the file. scope: what the path names.

    Raises: ApiError 400 invalid_export_fields, invalid_payload, invalid_query_params.
    """
    await call.barrier()
    parameters = _checked(call, exported_object, sent or ExportParameters())
    row = Export(
        project_id=call.project_id,
        id=new_id("exp_"),
        created_at=call.engine.now(),
        status="SCHEDULED",
        exported_object=exported_object,
        parameters=parameters,
        channel="API",
        user_id=None,
        token=f"{call.project_id}.{secrets.token_urlsafe(32)}",
        state={"scope": scope} if scope else {},
    )
    async with call.engine.db.writing() as session:
        session.add(row)
    return export_wire(call, row)


def _checked(call: Call, exported_object: str, sent: ExportParameters) -> dict[str, Any]:
    kind = OBJECTS.get(exported_object)
    if kind is None:
        raise invalid_payload(
            f"Property .exported_object should be equal to one of the allowed values [ {', '.join(OBJECTS)} ]"
        )
    fields = list(dict.fromkeys(sent.fields or kind.default_fields))
    unknown = [one for one in fields if one not in kind.fields and not one.startswith("metadata.")]
    if unknown:
        allowed = ", ".join(kind.fields)
        raise ApiError(
            400,
            "invalid_export_fields",
            "Invalid Export",
            f"Unsupported field used. Allowed fields: {allowed}",
        )
    order = sent.order or kind.default_order
    if order.removeprefix("-") not in kind.orders:
        names = ", ".join(f"{sign}{name}" for name in kind.orders for sign in ("-", ""))
        raise invalid_payload(
            f"Property .parameters.order should be equal to one of the allowed values [ {names} ]"
        )
    filters = sent.filters or {}
    for name, body in filters.items():
        if name != "junction" and not (isinstance(body, dict) and isinstance(body.get("conditions"), dict)):
            raise invalid_payload(
                f"Property .parameters.filters.{name} should have required property 'conditions'"
            )
    filter_condition(filters_of(filters), kind.filters, call.engine.now(), metadata=kind.metadata)
    parameters: dict[str, Any] = {"order": order, "fields": fields, "filters": {"junction": "and", **filters}}
    if sent.response_format == NDJSON:
        parameters["response_format"] = NDJSON
    return parameters


def export_wire(call: Call, row: Export) -> dict[str, Any]:
    """`result.url` opens without a key: its token is made for this file alone."""
    url = f"{call.engine.settings.public_url.rstrip('/')}/downloads/exports/{row.id}?token={row.token}"
    return {
        "id": row.id,
        "object": "export",
        "created_at": iso(row.created_at),
        "status": row.status,
        "channel": row.channel,
        "exported_object": row.exported_object,
        "parameters": row.parameters,
        "result": {"url": url} if row.status == "DONE" else None,
        "user_id": row.user_id,
    }


async def _row(call: Call, project_id: str, export_id: str) -> Export:
    async with call.read() as session:
        row = await session.get(Export, (project_id, export_id))
    if row is None:
        raise not_found("export", export_id)
    return row


async def get_export(call: Call, export_id: str) -> Answer:
    """The export; with its token in the query the file itself (two published operations on one path)."""
    row = await _row(call, call.project_id, export_id)
    token = call.query.text("token")
    if token is None:
        return Answer(export_wire(call, row))
    return _file(call, row, token)


async def download(call: Call, export_id: str) -> Answer:
    """By its token alone, which also says whose it is.

    Raises: ApiError 401 for a wrong token, 404 for a file that is not there.
    """
    token = call.query.text("token") or ""
    project_id = token.partition(".")[0]
    async with call.read() as session:
        row = await session.get(Export, (project_id, export_id)) if project_id else None
    if row is None:
        raise unauthorized()
    return _file(call, row, token)


def _file(call: Call, row: Export, token: str) -> Answer:
    if not hmac.compare_digest(row.token.encode(), token.encode()):
        raise unauthorized()
    if row.status != "DONE":
        raise not_found("export", row.id)
    is_lines = row.parameters.get("response_format") == NDJSON
    name = f"{row.exported_object}s.{'ndjson' if is_lines else CSV.lower()}"
    headers = {
        "Content-Type": "text/plain; charset=utf-8",  # the only type that official clients take for a file
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(
        stream=read_export(call.engine.db, row.project_id, row.id),
        stream_bytes=int(row.state.get("bytes", 0)),
        headers=headers,
    )


async def list_exports(call: Call) -> dict[str, Any]:
    """Newest first unless `order` says otherwise."""
    paging = call.query.paging(tuple(COLUMNS))
    async with call.read() as session:
        statement = select(Export).where(Export.project_id == call.project_id)
        rows, total = await page_of(session, statement, paging, COLUMNS, Export.id)
    return listing("exports", [export_wire(call, row[0]) for row in rows], total)


async def delete_export(call: Call, export_id: str) -> None:
    """Also while it is written. Raises: ApiError 404, also the second time."""
    async with call.engine.db.writing() as session:
        row = await session.get(Export, (call.project_id, export_id), with_for_update=True)
        if row is None:
            raise not_found("export", export_id)
        await session.execute(
            delete(ExportPart).where(
                ExportPart.project_id == call.project_id, ExportPart.export_id == export_id
            )
        )
        await session.delete(row)


async def export_of_voucher(call: Call, code: str, sent: ExportParameters | None) -> dict[str, Any]:
    """Movements of one gift card. Raises: ApiError 404."""
    async with call.read() as session:
        voucher, _ = await voucher_named(session, call.project_id, code)
    return await create_export(call, "voucher_transactions", sent, {"voucher_id": voucher.id})


async def export_of_campaign(call: Call, id_or_name: str, sent: ExportParameters | None) -> dict[str, Any]:
    """Movements of all gift cards of a campaign. Raises: ApiError 404; 403 for a campaign without cards."""
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, id_or_name)
    if campaign.campaign_type not in CARD_CAMPAIGNS:
        raise forbidden("Transactions are allowed only for loyalty or gift campaigns")
    return await create_export(call, "voucher_transactions", sent, {"campaign_id": campaign.id})
