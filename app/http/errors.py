"""One family of errors and their wire shape (behaviour 1.5). A refusal is a value until it reaches the edge;
then it is one of these.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import UNSET, Struct, UnsetType

from app.http.documented import described_by


class ErrorBody(Struct, omit_defaults=True, kw_only=True):
    """The error object on the wire. 405, 413, 415 and some 429 have no key in the contract."""

    code: int
    key: str | UnsetType = UNSET
    message: str
    details: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    resource_id: str | UnsetType = UNSET
    resource_type: str | UnsetType = UNSET
    redeemable_type: str | UnsetType = UNSET
    redeemable_id: str | UnsetType = UNSET
    related_object_ids: list[str] | UnsetType = UNSET
    related_object_type: str | UnsetType = UNSET
    error: dict[str, Any] | UnsetType = UNSET
    trace: Annotated[dict[str, Any], described_by("Trace")] | UnsetType = UNSET
    """Why, when a redemption was asked to explain itself."""


class ApiError(Exception):
    """An answer other than success. `status` is also the body's `code`."""

    def __init__(
        self,
        status: int,
        key: str,
        message: str,
        details: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{status} {key}: {details or message}")
        self.status = status
        self.key = key
        self.message = message
        self.details = details
        self.headers = headers or {}
        self.members = members
        """Further members of ErrorBody: resource_id, resource_type, error, ..."""

    def body(self, request_id: str) -> ErrorBody:
        return ErrorBody(
            code=self.status,
            key=self.key or UNSET,
            message=self.message,
            details=UNSET if self.details is None else self.details,
            request_id=request_id,
            **self.members,
        )


def not_found(resource_type: str, resource_id: str) -> ApiError:
    """The same answer for what never existed and for what belongs to another project (P9)."""
    return ApiError(
        404,
        "not_found",
        "Resource not found",
        f"Cannot find {resource_type} with id {resource_id}",
        resource_id=resource_id,
        resource_type=resource_type,
    )


def duplicate_found(resource_type: str, what: str, value: str) -> ApiError:
    return ApiError(
        409,
        "duplicate_found",
        "Duplicated resource found",
        f"Duplicated {resource_type} exists with {what} {value}",
    )


def invalid_payload(details: str) -> ApiError:
    return ApiError(400, "invalid_payload", "Invalid payload", details)


def invalid_query(details: str) -> ApiError:
    return ApiError(400, "invalid_query_params", "Invalid query params", details)


def precondition_failed(details: str) -> ApiError:
    return ApiError(412, "precondition_failed", "Somebody else has changed the object", details)


def unauthorized(details: str = "Missing or incorrect credentials") -> ApiError:
    """One answer for a key that is unknown, wrong, revoked or expired."""
    return ApiError(401, "unauthorized", "Unauthorized", details)


def forbidden(details: str) -> ApiError:
    return ApiError(403, "forbidden", "Forbidden", details)


def missing_permission(permission: str) -> ApiError:
    return ApiError(
        403,
        "missing_required_permission",
        "Missing required permission",
        f"This key has no permission {permission}",
    )


def missing_scope(scopes: Iterable[str]) -> ApiError:
    """For a bearer token; scopes: those of which one would do."""
    wanted = " or ".join(sorted(scopes))
    details = f"This token needs the scope {wanted}" if wanted else "This operation takes no token"
    return ApiError(403, "missing_required_permission", "Missing required permission", details)


def unavailable(details: str, retry_after_seconds: int = 1) -> ApiError:
    """The engine fails closed (P10)."""
    return ApiError(
        503,
        "service_unavailable",
        "Service unavailable",
        details,
        headers={"Retry-After": str(retry_after_seconds)},
    )
