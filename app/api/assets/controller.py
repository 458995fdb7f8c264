"""Operations on /v1/assets: without a key, for whoever was given the address."""

import base64
import hmac
from collections.abc import Awaitable, Callable

from app.api.assets.pictures import Matrix, barcode_matrix, png, qr_matrix, svg
from app.api.call import Answer, Call
from app.db.models import Project, Voucher
from app.http.errors import ApiError, not_found
from app.http.routing import Route, Scope
from app.redeemables.asset_ids import SIGNATURE_BYTES, asset_id

SIZE_MAX = 100
SIZE_DEFAULT = 10
"""Pixels of a module."""
FORMATS = ("png", "svg")
CACHED = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
"""A code never changes; a code that is gone is gone from the next place that asks."""


async def get_qr(call: Call) -> Answer:
    """`size`: pixels of a module, 1 to 100; `format`: png or svg."""
    return await _picture(call, "qr", qr_matrix)


async def get_barcode(call: Call) -> Answer:
    """`size`: pixels of a module, 1 to 100; `format`: png or svg."""
    return await _picture(call, "barcode", barcode_matrix)


async def _picture(call: Call, picture: str, matrix_of: Callable[[str], Matrix]) -> Answer:
    scale = call.query.integer("size", low=1, high=SIZE_MAX) or SIZE_DEFAULT
    kind = call.query.choice("format", FORMATS) or "png"
    code = await _code(call, picture, call.path["assetId"])
    try:
        matrix = matrix_of(code)
    except ValueError as error:
        raise ApiError(
            400, "invalid_voucher", "Invalid voucher", f"No such picture of this code: {error}"
        ) from None
    if kind == "svg":
        return Answer(svg(matrix, scale), headers={"Content-Type": "image/svg+xml", **CACHED})
    return Answer(png(matrix, scale), headers={"Content-Type": "image/png", **CACHED})


async def _code(call: Call, picture: str, token: str) -> str:
    """The code that a signed id names.

    Raises: ApiError 404 for an id that this server did not give out for this kind of picture.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        project_id, _, voucher_id = raw[SIGNATURE_BYTES:].decode().partition("/")
    except ValueError:
        raise not_found("asset", token) from None
    async with call.read() as session:
        project = await session.get(Project, project_id)
        voucher = await session.get(Voucher, (project_id, voucher_id))
    if project is None or project.deleted_at is not None or voucher is None or voucher.deleted_at is not None:
        raise not_found("asset", token)
    if not hmac.compare_digest(asset_id(project.secret, voucher, picture).encode(), token.encode()):
        raise not_found("asset", token)
    return voucher.code


PICTURES = {"get-qr-code": "QR code of a voucher", "get-barcode": "Barcode of a voucher"}


def _route(path: str, operation_id: str, handler: Callable[[Call], Awaitable[Answer]], *errors: str) -> Route:
    return Route(
        method="GET",
        path=path,
        operation_id=operation_id,
        handler=handler,
        permission="",
        scope=Scope.PUBLIC,
        tag="Vouchers",
        summary=PICTURES[operation_id],
        query=("size", "format"),
        produces=("image/png", "image/svg+xml"),
        errors=("not_found", *errors),
    )


ROUTES: tuple[Route, ...] = (
    _route("/v1/assets/qr/{assetId}", "get-qr-code", get_qr),
    _route("/v1/assets/barcode/{assetId}", "get-barcode", get_barcode, "invalid_voucher"),
)
