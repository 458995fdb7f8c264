"""What answers of projects look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Object, Shown


class ProjectCodeConfig(Shown, kw_only=True):
    """How codes are made for which nothing else is said."""

    charset: str | UnsetType | None = UNSET


class Project(Shown, kw_only=True):
    """Settings that nobody has set and that have no default are not there."""

    id: str
    name: str
    timezone: str
    """A name of the IANA database."""
    currency: str | None
    """Null for a project that a command made without one."""
    case_sensitive_codes: bool
    is_sandbox: bool
    description: str | UnsetType | None = UNSET
    dial_code: str | UnsetType | None = UNSET
    webhook_version: Literal["v2024-01-01"]
    client_trusted_domains: list[str]
    client_redeem_enabled: bool
    client_publish_enabled: bool
    client_list_vouchers_enabled: bool
    client_create_customer_enabled: bool
    client_loyalty_events_enabled: bool
    client_set_voucher_expiration_date_enabled: bool
    hide_code_state: bool
    """Whether unknown, expired and not-yours are one answer for unique codes."""
    webhooks_callout_notifications: Object | UnsetType | None = UNSET
    api_usage_notifications: Object | UnsetType | None = UNSET
    api_version: Literal["v2018-08-01"]
    default_code_config: ProjectCodeConfig


class ProjectKeyPair(Shown, kw_only=True):
    app_id: str
    app_token: str
    """Shown this once."""


class CreatedProject(Project, kw_only=True):
    """With its first keys."""

    server_side_key: ProjectKeyPair
    client_side_key: ProjectKeyPair


class ProjectList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[Project]
    total: int
