"""The requests that this server makes to webhooks, for the OpenAPI document."""

from typing import Final

from app.http.openapi import Callout
from app.webhooks.payloads import PAYLOADS, EventEnvelope

CALLOUTS: Final = tuple(
    Callout(kind, payload.when, EventEnvelope, payload.data) for kind, payload in PAYLOADS.items()
)
