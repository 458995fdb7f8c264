"""Every exception that can leave a handler, and the one answer it becomes. What is not in the table is a
fault: 500, and a log line.
"""

import traceback

import msgspec
import structlog
from litestar.exceptions import HTTPException
from sqlalchemy.exc import DataError, IntegrityError

from app.core.outcome import CoreUnavailable
from app.db.failures import passes
from app.http.decode import sentence
from app.http.errors import ApiError, invalid_payload, unavailable

log = structlog.get_logger("vouchsafe.http")

def api_error(error: Exception, request_id: str) -> ApiError:
    """The answer to an exception. Internals go to the log under the request's id, never to the caller."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, CoreUnavailable):
        log.warning("core_unavailable", request_id=request_id, reason=str(error), unknown=error.unknown)
        return unavailable("The redemption core cannot answer at the moment", error.retry_after_seconds)
    if passes(error):
        log.warning(
            "database_unavailable", request_id=request_id, reason=type(error).__name__, detail=_cause(error)
        )
        return unavailable("The database cannot be reached")
    if isinstance(error, IntegrityError):
        # Two requests made the same thing at once; the room looked before the other's commit.
        log.info("lost_race", request_id=request_id, detail=_cause(error))
        return ApiError(
            409, "duplicate_found", "Duplicated resource found", "Another request has just made the same"
        )
    if isinstance(error, DataError):
        log.warning("value_refused_by_database", request_id=request_id, detail=_cause(error))
        return invalid_payload("A value is outside of what can be stored")
    if isinstance(error, msgspec.ValidationError):
        return invalid_payload(sentence(str(error)))
    if isinstance(error, HTTPException):
        return routing_error(error)
    # As text: a renderer that shows local variables would show tokens and personal data with them (D12).
    log.error("fault", request_id=request_id, traceback="".join(traceback.format_exception(error)))
    return ApiError(
        500, "internal_server_error", "Internal server error", "The fault was logged under the request's id"
    )


def _cause(error: Exception) -> str:
    """The driver's words without the statement and its parameters, which may hold personal data (D12)."""
    origin = getattr(error, "orig", None)
    return str(origin if origin is not None else error).splitlines()[0][:200] if str(error) else ""


def routing_error(error: HTTPException) -> ApiError:
    """What the router itself refuses."""
    if error.status_code == 404:
        return no_such_path()
    if error.status_code >= 500:
        return ApiError(500, "internal_server_error", "Internal server error")
    return ApiError(error.status_code, "", error.detail)


def no_such_path() -> ApiError:
    return ApiError(404, "not_found", "Resource not found", "There is no such path")


def method_not_allowed(allowed: str) -> ApiError:
    return ApiError(405, "", "Method Not Allowed", f"Allowed methods: {allowed}", headers={"Allow": allowed})


def unsupported_media_type(consumes: tuple[str, ...]) -> ApiError:
    return ApiError(415, "", "Unsupported Media Type", f"Allowed content types: {', '.join(consumes)}")
