"""Metadata of an object that is about to be stored, against the project's schema of its kind (contract 1.9).

For rooms: `await check_metadata(write.session, call.project_id, "product", merged)`. Imports load the schemas
once and ask them row by row.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.http.errors import ApiError
from app.redeemables.metadata_schemas import load_metadata_schemas


def metadata_refused(details: str) -> ApiError:
    return ApiError(400, "metadata_validation_failed", "Metadata validation failed", details)


async def check_metadata(
    session: AsyncSession, project_id: str, kind: str, *documents: Mapping[str, Any] | None
) -> None:
    """documents: the whole metadata of each object, as it would be after the write. Of an update only when
    it says anything of metadata.

    Raises: ApiError 400 metadata_validation_failed.
    """
    schemas = await load_metadata_schemas(session, project_id)
    if schemas is None:
        return
    for metadata in documents:
        problem = schemas.problem(kind, metadata)
        if problem is not None:
            raise metadata_refused(problem)
