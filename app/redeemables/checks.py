"""What makes a whole request undecidable, whatever its redeemables say (behaviour 4.2, 4.5 step 1)."""

from typing import Any

from app.redeemables.gather import Gathered
from app.redeemables.metadata_schemas import problem_of_request
from app.redeemables.request import StackRequest


class Refused(Exception):
    """A request that is refused as a whole, with the wire's error members."""

    def __init__(
        self, status: int, key: str, message: str, details: str | None = None, **members: Any
    ) -> None:
        super().__init__(f"{key}: {details or message}")
        self.status = status
        self.key = key
        self.message = message
        self.details = details
        self.members = members


def check_request(request: StackRequest) -> None:
    """What can be seen without reading anything.

    Raises: Refused invalid_redeemables.
    """
    if not request.redeemables:
        raise Refused(
            400,
            "invalid_payload",
            "Invalid payload",
            "Property .redeemables must NOT have fewer than 1 items",
        )
    stacks = 0
    for number, one in enumerate(request.redeemables):
        kind = one.kind
        if kind == "promotion_stack":
            stacks += 1
        elif kind not in ("voucher", "promotion_tier"):
            raise Refused(
                400,
                "invalid_payload",
                "Invalid payload",
                f"Property .redeemables[{number}].object must be equal to one of the allowed values",
            )
    if stacks and len(request.redeemables) > 1:
        raise Refused(
            400,
            "invalid_redeemables",
            "Invalid redeemables",
            "Promotion Stack cannot be use with other redeemables",
        )


def check_stack(gathered: Gathered, request: StackRequest) -> None:
    """The order's status (D20), metadata (1.9), count, and duplicates judged after a v_ id is known to be a
    code (behaviour 10, 34).

    Raises: Refused.
    """
    order = gathered.order
    if order is not None and order.status == "CANCELED":
        raise Refused(
            400,
            "invalid_order",
            "Invalid order",
            f"Order {order.id} is canceled",
            resource_id=order.id,
            resource_type="order",
        )
    schemas = gathered.project.metadata_schemas
    if schemas is not None:
        problem = problem_of_request(
            schemas, request, gathered.facts.order, gathered.facts.customer, is_stored=order is not None
        )
        if problem is not None:
            raise Refused(400, "metadata_validation_failed", "Metadata validation failed", problem)
    limit = gathered.project.stacking.redeemables_limit
    if len(request.redeemables) > limit:
        raise Refused(
            400,
            "invalid_payload",
            "Invalid payload",
            f"Property .redeemables must NOT have more than {limit} items",
        )
    seen: set[tuple[str, str]] = set()
    for candidate in gathered.facts.candidates:
        identity = (candidate.object, candidate.id or candidate.requested_id)
        if identity in seen:
            raise Refused(
                400,
                "duplicated_redeemables",
                "Duplicated redeemables detected in one redemption",
                f"Redeemable {candidate.requested_id} is listed more than once",
            )
        seen.add(identity)
