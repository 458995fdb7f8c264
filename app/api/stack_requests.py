"""What the hot rooms share: who asks, and how a refusal of the spine becomes an error of the edge."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from app.api.call import Answer, Call
from app.api.client_side import CREATE_CUSTOMERS, HIDE_CODES
from app.http.errors import ApiError, forbidden, invalid_query
from app.http.idempotency import REPLAYED, RequestIdentity, request_identity
from app.http.query import parse_instant
from app.redeemables.checks import Refused
from app.redeemables.customers import CustomerPayload
from app.redeemables.read_trip import Asked
from app.redeemables.replay import KeyReused, first_answer
from app.redeemables.settle import Contended

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Where a sandbox may travel: every date of a day, week and month around it exists."""


def asked_of(call: Call, *, looking: bool = False, lists: bool = True) -> Asked:
    """The caller as the spine knows it; revocation and rate ride in its read trip. looking: nothing will be
    taken. lists: whether the answer names the items that each redeemable applies to.

    Raises: ApiError 400 for an Idempotency-Key that is none.
    """
    identity = _identity(call) if "idempotency-key" in call.headers else None
    client_side = call.principal.kind == "client"
    admission = call.admission
    if admission.measures_customers:
        admission.customer(_customer_named(call))
    hides_codes = client_side and admission.enabled(HIDE_CODES)
    return Asked(
        scope_hash=identity.scope_hash if identity is not None else "",
        fingerprint=identity.fingerprint if identity is not None else "",
        partition=call.partition,
        key_id=call.principal.key_id,
        accept_language=call.headers.get("accept-language"),
        stores_customer=not client_side or admission.enabled(CREATE_CUSTOMERS),
        hides_codes=hides_codes,
        looking=looking and not hides_codes,
        lists=lists,
        access=None if looking or hides_codes else admission.expected(),
        riders=tuple(admission.commands()),
    )


def _identity(call: Call) -> RequestIdentity | None:
    """What the caller's Idempotency-Key stands for. Raises: ApiError 400 for one that is none."""
    path = call.route.path
    for name, value in call.path.items():
        path = path.replace(f"{{{name}}}", value)
    return request_identity(
        call.headers, call.principal.key_id, call.route.method, path, call.query.raw, call.raw_body
    )


def explained(call: Call) -> bool:
    """Whether the caller wants to know why (`explain=true` or `X-Explain: 1`). A trace tells of costs and
    budgets, so only server-side keys get one.
    """
    if call.principal.kind != "server":
        return False
    asked = bool(call.query.raw) and call.query.flag("explain") is True
    return asked or call.headers.get("x-explain") == "1"


def _customer_named(call: Call) -> str | None:
    """Whom the body names, in whatever way."""
    body = call.body()
    customer: CustomerPayload | None = getattr(body, "customer", None)
    if customer is not None and (customer.source_id or customer.id):
        return customer.source_id or customer.id
    return getattr(body, "tracking_id", None)


def left_out(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The redeemables of a validation or a redemption that do not apply."""
    entries = [*answer.get("redeemables", ()), *answer.get("inapplicable_redeemables", ())]
    return [entry for entry in entries if entry["status"] == "INAPPLICABLE"]


async def note_guesses(call: Call, left: Sequence[Mapping[str, Any]]) -> None:
    """Count the codes that were asked for in vain, as far as the caller is told that they do not exist."""
    failures = sum(
        1
        for entry in left
        if entry["object"] == "voucher" and entry["result"]["error"]["key"] == "not_found"
    )
    if failures:
        await call.admission.failed(failures)


async def moment_of(call: Call) -> datetime:
    """Now, or the instant that a sandbox's request travels to (`Vouchsafe-Now`).

    Raises: ApiError 403 outside of a sandbox; 400 for no instant of this century.
    """
    sent = call.headers.get("vouchsafe-now")
    if sent is None:
        return call.engine.now()
    project = await call.engine.catalogue.project(call.project_id)
    if not project.is_sandbox:
        raise forbidden("Vouchsafe-Now is for sandbox projects")
    moment = parse_instant(sent, "Vouchsafe-Now")
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise invalid_query(f"Vouchsafe-Now must be of the years {FIRST_YEAR} to {LAST_YEAR - 1}")
    return moment


async def replayed(call: Call, event_id: str) -> Answer:
    """The first answer under the same idempotency key, once more (P3)."""
    engine = call.engine
    await engine.ledger.acknowledged(call.partition, event_id)
    body = await first_answer(engine.core, engine.ledger, engine.db, call.partition, event_id)
    return Answer(body, headers=REPLAYED)


class RefusalsAsErrors:
    """Exceptions of the spine as answers (behaviour 1.5, 1.8). Holds nothing, so one serves every request: a
    generator for each would cost each.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        answer = _error_of(error)
        if answer is not None:
            raise answer from error


refusals_as_errors = RefusalsAsErrors()


def _error_of(error: BaseException) -> ApiError | None:
    if isinstance(error, Refused):
        return ApiError(error.status, error.key, error.message, error.details, **error.members)
    if isinstance(error, Contended):
        return ApiError(
            400,
            "multiple_requests",
            "Multiple requests",
            "Another request is changing the same objects; try again",
        )
    if isinstance(error, KeyReused):
        return ApiError(
            422,
            "idempotency_key_reused",
            "Idempotency key reused",
            "The same Idempotency-Key was used with another body",
        )
    if isinstance(error, LookupError):
        return ApiError(401, "unauthorized", "Unauthorized")
    return None
