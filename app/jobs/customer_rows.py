"""One customer of an import or a bulk update: how its row looks, and what it makes of the stored customer.
Every row is refused alone, with a reason.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from app.db.models import Customer
from app.identifiers import next_version
from app.redeemables.customers import (
    SOURCE_ID_MAX,
    CustomerPayload,
    derive_customer_id,
    merge_patch,
    patch_of,
    source_of,
    summary_of,
)
from app.redeemables.documents import overlaid
from app.redeemables.metadata_schemas import MetadataSchemas

NO_SOURCE: Final = "Source_id is required"


class RowRefused(Exception):
    """This row is not taken. The message is the `reason` in the action's result."""


class CustomerRow(msgspec.Struct, frozen=True):
    """A row that can be taken. `overwrites`: what it does not say is no longer so."""

    document: Mapping[str, Any]
    payload: CustomerPayload
    source_id: str
    customer_id: str
    """The one that a new customer with this source_id gets."""
    overwrites: bool = False

    def problem(self, schemas: MetadataSchemas | None, stored: Customer | None) -> str | None:
        """Why the customer's metadata would not be what the project's schema says; None: it would be."""
        if schemas is None:
            return None
        fresh = stored is None or stored.deleted_at is not None
        if self.payload.metadata is None and not (fresh or self.overwrites):
            return None
        before = {} if fresh or self.overwrites or stored is None else stored.body.get("metadata") or {}
        return schemas.problem("customer", overlaid(before, self.payload.metadata))

    def lay_over(self, row: Customer, now: datetime) -> None:
        """Change the stored customer, and give it the source_id where it has none."""
        if row.deleted_at is not None:
            row.deleted_at, row.created_at = None, now
            row.name, row.email, row.body = None, None, {}
        elif self.overwrites:
            kept = row.body.get("system_metadata")
            row.name, row.email = None, None
            row.body = {} if kept is None else {"system_metadata": kept}
        if row.source_id is None:
            row.source_id = self.source_id
        merge_patch(row, patch_of(self.payload))
        row.updated_at = now
        row.version = next_version(row.version)

    def made(self, project_id: str, now: datetime) -> Customer:
        """The new customer."""
        row = Customer(
            project_id=project_id,
            id=self.customer_id,
            source_id=self.source_id,
            name=None,
            email=None,
            body={},
            summary=summary_of({}),
            version=next_version(),
            created_at=now,
            updated_at=None,
            deleted_at=None,
        )
        merge_patch(row, patch_of(self.payload))
        return row


def row_of(
    secret: bytes, document: Any, shared: Mapping[str, Any] | None, *, overwrites: bool
) -> CustomerRow:
    """shared: metadata for a row that is a source_id alone.

    Raises: RowRefused.
    """
    if isinstance(document, str):
        document = {"source_id": document, "metadata": shared or {}}
    if "refused" in document:
        raise RowRefused(str(document["refused"]))
    try:
        payload = msgspec.convert(document, CustomerPayload)
    except msgspec.ValidationError as error:
        raise RowRefused(str(error)) from None
    source_id = payload.source_id
    if source_id is None:
        raise RowRefused(NO_SOURCE)
    source_id = source_of(secret, source_id) or source_id
    if len(source_id) > SOURCE_ID_MAX:
        raise RowRefused(f"Source_id must not have more than {SOURCE_ID_MAX} characters")
    return CustomerRow(
        document=document,
        payload=payload,
        source_id=source_id,
        customer_id=derive_customer_id(secret, source_id),
        overwrites=overwrites,
    )


def columns_of(row: Customer) -> dict[str, Any]:
    """A customer that is not in a session yet, as columns of an INSERT."""
    return {name: getattr(row, name) for name in Customer.__table__.columns.keys()}  # noqa: SIM118
