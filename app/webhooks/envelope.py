"""The body and the headers of a callout (behaviour 7.1). A retry sends the same bytes under the same id."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.db.models import Webhook
from app.settings import VERSION
from app.webhooks.signature import signature, standard_signature

RESERVED: Final = frozenset(
    {
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "proxy-authorization",
        "proxy-connection",
        "keep-alive",
        "user-agent",
        "x-voucherify-signature",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
)
"""Headers that nobody else may set."""


class Stored(Struct):
    """`WebhookEvent.body`, its parts untouched."""

    data: msgspec.Raw
    event: msgspec.Raw


class Envelope(Struct):
    id: str
    project_id: str
    created_at: str
    type: str
    data: msgspec.Raw
    source: dict[str, str]
    event: msgspec.Raw


_stored = msgspec.json.Decoder(Stored)
_encoder = msgspec.json.Encoder(decimal_format="number")


def stored_body(data: Mapping[str, Any], event: Mapping[str, Any]) -> bytes:
    return _encoder.encode({"data": data, "event": event})


def sendout_id(webhook_id: str, event_id: str) -> str:
    """The same for every attempt to tell one webhook of one event."""
    return "whs_" + hashlib.sha256(f"{webhook_id}/{event_id}".encode()).hexdigest()[:26]


def envelope(webhook: Webhook, event_id: str, kind: str, created_at: str, body: bytes) -> bytes:
    """What is sent, byte for byte. created_at: of the event."""
    stored = _stored.decode(body)
    return _encoder.encode(
        Envelope(
            id=sendout_id(webhook.id, event_id),
            project_id=webhook.project_id,
            created_at=created_at,
            type=kind,
            data=stored.data,
            source={"object": "webhook", "id": webhook.id, "target_url": webhook.target_url},
            event=stored.event,
        )
    )


def headers(webhook: Webhook, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """While a secret is being rotated both sign. The one hexadecimal header has room for one: it keeps the
    old secret until the end, so that a receiver that knows only that one misses nothing.
    """
    timestamp = int(now.timestamp())
    secrets = [webhook.secret]
    if webhook.previous_secret and webhook.previous_until is not None and now < webhook.previous_until:
        secrets.append(webhook.previous_secret)
    return {
        **{str(name): str(value) for name, value in webhook.headers.items()},
        "Content-Type": "application/json",
        "User-Agent": f"Vouchsafe/{VERSION}",
        "X-Voucherify-Signature": signature(secrets[-1], body),
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": standard_signature(secrets, message_id, timestamp, body),
    }
