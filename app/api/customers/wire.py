"""The customer on the wire (behaviour 2.6)."""

from typing import Any

from app.db.models import Customer
from app.http.wire import iso
from app.redeemables.customers import summary_of
from rules.facts import CustomerFacts


def customer_wire(row: Customer, seen: CustomerFacts | None = None) -> dict[str, Any]:
    """The whole object. What was never given is null, documents are objects. seen: with what is worked out
    from the orders. extensions.consents: those that were given or taken back, if any.
    """
    body = row.body
    system_metadata = body.get("system_metadata") or {}
    extensions = {} if seen is None else dict(seen.extensions)
    if system_metadata.get("consents"):
        extensions["consents"] = system_metadata["consents"]
    shown = {} if seen is None and not extensions else {"extensions": extensions}
    return {
        "id": row.id,
        "source_id": row.source_id,
        "name": row.name,
        "description": body.get("description"),
        "email": row.email,
        "phone": body.get("phone"),
        "birthdate": body.get("birthdate"),
        "address": body.get("address"),
        "summary": (seen.summary if seen is not None else row.summary) or summary_of({}),
        "loyalty": {"points": 0, "referred_customers": 0, "campaigns": {}},
        "referrals": {"total": 0, "campaigns": []},
        "metadata": body.get("metadata") or {},
        "system_metadata": system_metadata,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        **shown,
        "object": "customer",
    }
