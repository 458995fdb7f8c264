"""Errors as application/problem+json (RFC 9457), for callers that ask for it. The members of the contract's
own error object stand beside those of the RFC; none has the same name.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from app.http.errors import ApiError, ErrorBody
from app.http.messages import encoder

PROBLEM: Final = "application/problem+json"
ERROR_PAGES: Final = "/docs/errors/"


class ProblemBody(ErrorBody, kw_only=True):
    """The same error as a problem: `type` is the page of its key on this server, `instance` the request."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


def wants_problem(headers: Mapping[str, str]) -> bool:
    """headers: lower-case names."""
    return PROBLEM in headers.get("accept", "")


def encode_problem(
    error: ApiError, request_id: str, public_url: str
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The body and its headers. `type` is the page of the key on this server, `instance` the request's id."""
    problem = {
        "type": f"{public_url.rstrip('/')}{ERROR_PAGES}{error.key}" if error.key else "about:blank",
        "title": error.message,
        "status": error.status,
        "detail": error.details or error.message,
        "instance": request_id,
    }
    members = msgspec.to_builtins(error.body(request_id), builtin_types=(bytes,))
    return encoder.encode({**problem, **members}), [(b"content-type", PROBLEM.encode())]
