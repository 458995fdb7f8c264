"""Bodies of the customer operations: the shared payload, whose nulls mean absent (behaviour 2.6)."""

from app.redeemables.customers import CustomerPayload


class CustomerCreate(CustomerPayload, kw_only=True):
    """POST /v1/customers: updates the customer with this id or source_id, else makes one."""


class CustomerUpdate(CustomerPayload, kw_only=True):
    """PUT /v1/customers/{customerId}. `id` is ignored; `source_id` may be given to a customer without one."""
