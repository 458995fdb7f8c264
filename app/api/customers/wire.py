"""The customer on the wire (behaviour 2.6)."""

from typing import Any

from app.db.models import Customer
from app.http.wire import iso
from app.redeemables.customers import summary_of


def customer_wire(row: Customer) -> dict[str, Any]:
    """The whole object. What was never given is null, documents are objects."""
    body = row.body
    return {
        "id": row.id,
        "source_id": row.source_id,
        "name": row.name,
        "description": body.get("description"),
        "email": row.email,
        "phone": body.get("phone"),
        "birthdate": body.get("birthdate"),
        "address": body.get("address"),
        "summary": row.summary or summary_of({}),
        "loyalty": {"points": 0, "referred_customers": 0, "campaigns": {}},
        "referrals": {"total": 0, "campaigns": []},
        "metadata": body.get("metadata") or {},
        "system_metadata": body.get("system_metadata") or {},
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "object": "customer",
    }
