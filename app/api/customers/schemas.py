"""Bodies of the customer operations: the shared payload, whose nulls mean absent (behaviour 2.6)."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.redeemables.customers import SOURCE_ID_MAX, CustomerPayload

SourceId = Annotated[str, Meta(min_length=1, max_length=SOURCE_ID_MAX)]


class CustomerCreate(CustomerPayload, kw_only=True):
    """POST /v1/customers: updates the customer with this id or source_id, else makes one."""


class CustomerUpdate(CustomerPayload, kw_only=True):
    """PUT /v1/customers/{customerId}. `id` is ignored; `source_id` may be given to a customer without one."""


class BulkCustomer(CustomerPayload, kw_only=True, omit_defaults=True):
    """One row of POST /v1/customers/bulk/async. `id` is ignored; who is unknown is made."""

    source_id: SourceId


class SameMetadata(Struct, kw_only=True):
    """POST /v1/customers/metadata/async. Who is unknown is made."""

    source_ids: Annotated[list[SourceId], Meta(min_length=1)]
    metadata: dict[str, Any]


class FileForm(Struct, kw_only=True):
    """multipart/form-data. `file`: CSV with a header."""

    file: str
