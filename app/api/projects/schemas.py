"""Bodies of /management/v1/projects."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Text = Annotated[str, Meta(max_length=10_000)]
Zone = Annotated[str, Meta(min_length=1, max_length=64)]
Currency = Annotated[str, Meta(pattern="^[A-Za-z]{3}$")]
DialCode = Annotated[str, Meta(max_length=8)]
Domains = Annotated[list[Annotated[str, Meta(min_length=1, max_length=255)]], Meta(max_length=100)]
Notifications = Annotated[dict[str, Any], Meta(max_length=20)]


class CodeConfig(Struct, kw_only=True):
    charset: Annotated[str, Meta(min_length=2, max_length=255)] | None = None


class ProjectSettings(Struct, kw_only=True):
    """What is sent changes, nothing else does."""

    description: Text | UnsetType | None = UNSET
    dial_code: DialCode | UnsetType | None = UNSET
    webhook_version: Literal["v2024-01-01"] | UnsetType = UNSET
    client_trusted_domains: Domains | UnsetType = UNSET
    client_redeem_enabled: bool | UnsetType = UNSET
    client_publish_enabled: bool | UnsetType = UNSET
    client_list_vouchers_enabled: bool | UnsetType = UNSET
    client_create_customer_enabled: bool | UnsetType = UNSET
    client_loyalty_events_enabled: bool | UnsetType = UNSET
    client_set_voucher_expiration_date_enabled: bool | UnsetType = UNSET
    hide_code_state: bool | UnsetType = UNSET
    """An extension: unknown, expired and not-yours are one answer for unique codes."""
    webhooks_callout_notifications: Notifications | UnsetType | None = UNSET
    api_usage_notifications: Notifications | UnsetType | None = UNSET


class ProjectCreate(ProjectSettings, kw_only=True):
    """POST /management/v1/projects."""

    name: Name
    timezone: Zone
    currency: Currency
    case_sensitive_codes: bool
    api_version: Literal["v2018-08-01"] | UnsetType = UNSET
    users: list[dict[str, Any]] | None = None
    """There are no users, so only an empty list can be honoured."""


class ProjectUpdate(ProjectSettings, kw_only=True):
    """PUT /management/v1/projects/{projectId}."""

    name: Name | UnsetType = UNSET
    timezone: Zone | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    default_code_config: CodeConfig | UnsetType = UNSET
