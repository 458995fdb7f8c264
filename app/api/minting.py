"""What the role SUPPORT may hand out: codes of campaigns that a marketer marked with `extensions.mintable`,
as they were set up, one at a time. A key with a budget gives every code to somebody, so that it counts.
"""

from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import ApiKey, Campaign
from app.http.errors import forbidden
from app.http.permissions import SUPPORT
from app.http.principal import Principal

MINTABLE = "mintable"
_OWN = frozenset({"metadata", "additional_info"})
"""What an agent may write on a code: why, and for what."""


def require_mintable(principal: Principal, campaign: Campaign | None, count: int = 1) -> None:
    """Whoever gives codes away calls this with the campaign they come from; None: a code of no campaign.

    Raises: ApiError 403 for an agent where the campaign is not marked, or for more than one code.
    """
    if principal.role != SUPPORT:
        return
    if count != 1:
        raise forbidden("This role hands out one code at a time")
    extensions = (campaign.body.get("extensions") or {}) if campaign is not None else {}
    if extensions.get(MINTABLE) is not True:
        raise forbidden("This role hands out codes of campaigns that are marked extensions.mintable")


def require_plain(principal: Principal, body: msgspec.Struct) -> None:
    """An agent makes codes on the campaign's terms. Raises: ApiError 403."""
    if principal.role != SUPPORT:
        return
    unset: tuple[Any, ...] = (None, msgspec.UNSET)
    sent = {name for name in body.__struct_fields__ if getattr(body, name) not in unset}
    if sent - _OWN:
        raise forbidden(f"This role may not set {', '.join(sorted(sent - _OWN))} of a code")


async def require_no_budget(session: AsyncSession, principal: Principal) -> None:
    """Codes that are made and not given to anybody would pass by the budget of the key that made them.

    Raises: ApiError 403 for a key with a budget.
    """
    key = await session.get(ApiKey, principal.key_id)
    if key is not None and key.settings.get("mint"):
        raise forbidden("A key with a budget hands out codes by publications: POST /v1/publications")
