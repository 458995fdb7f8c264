"""POST /v1/customers/{customerId}/permanent-deletion."""

from typing import Any

from sqlalchemy import select

from app.api.call import Call
from app.api.customers import queries
from app.api.customers.service import names_of, secret_of
from app.db.models import Erasure
from app.http.errors import not_found
from app.http.wire import iso
from app.jobs.erasure import DONE, begin_erasure, finish_erasure

COUNTED = ("events", "customer_events", "segments", "orders", "customer")


async def delete_permanently(call: Call, name: str) -> dict[str, Any]:
    """The answer comes when it is done. A customer who was deleted before can still be forgotten.

    Raises: ApiError 404, also the second time; 503 when it goes on in the background.
    """
    secret = await secret_of(call)
    await call.barrier()
    async with call.write() as write:
        names = names_of(secret, name)
        row = await queries.find_customer(write.session, call.project_id, names, lock=True)
        if row is None:
            raise not_found("customer", name)
        if row.deleted_at is not None:
            before = await write.session.scalar(
                select(Erasure.id).where(
                    Erasure.project_id == call.project_id,
                    Erasure.customer_id == row.id,
                    Erasure.at >= row.deleted_at,
                )
            )
            if before is not None:
                raise not_found("customer", name)
        call.require_version(row.version)
        erasure = await begin_erasure(write.session, row, call.engine.now())
        write.customer(row.id)
    counts = await finish_erasure(call.engine, call.project_id, erasure.id)
    return {
        "id": erasure.id,
        "created_at": iso(erasure.at),
        "related_object_id": erasure.customer_id,
        "related_object": "customer",
        "status": DONE,
        "data_json": {
            **{name: counts.get(name, 0) for name in COUNTED},
            "daily_events": 0,
            "order_events": counts.get("orders", 0),
        },
        "object": "pernament_deletion",
    }
