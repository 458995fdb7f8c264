"""What answers of consents look like."""

from typing import Literal

from app.http.shown import Instant, Object, Shown


class Consent(Shown, kw_only=True):
    """description: the sentence that is agreed to."""

    id: str
    name: str
    description: str
    category: str
    created_at: Instant
    updated_at: Instant | None
    object: Literal["consent"]


class ConsentList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Consent]
    total: int


class ConsentGroupList(Shown, kw_only=True):
    """Always empty: consents are not grouped."""

    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Object]
    total: int


class GroupedConsents(Shown, kw_only=True):
    groups: ConsentGroupList
    consents: ConsentList
