"""Signatures of callouts."""

from datetime import UTC, datetime, timedelta

import pytest

from app.db.models import Webhook
from app.webhooks.envelope import headers
from app.webhooks.signature import new_secret, signature, standard_signature

standard = pytest.importorskip("standardwebhooks.webhooks", reason="the lock has it: make install again")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1}', "a17d2ac229d1ebbb5f10e839c7985c4818e5986eab297f7e5979196d4d7d3ed2"),
        (b'{"a\\"b":1}', "f7cf97814a03146abedb9793f56e1dec34f618f82d10395310d053f749483ffb"),
    ],
)
def test_tv27_the_published_signatures(body: bytes, expected: str) -> None:
    """The bytes that are sent are signed, escapes included."""
    assert signature("secretKey", body) == expected


def test_another_key_or_body_signs_otherwise() -> None:
    """Neither can be exchanged."""
    assert len({signature(key, body) for key in ("a", "b") for body in (b"{}", b"{ }")}) == 4


def webhook(secret: str, previous: str | None = None, until: datetime | None = None) -> Webhook:
    return Webhook(
        project_id="proj_1",
        id="wh_1",
        secret=secret,
        previous_secret=previous,
        previous_until=until,
        headers={},
    )


def test_the_standard_library_accepts_both_secrets_during_a_rotation() -> None:
    """The receiver may change its secret at any moment of the grace, and not after it."""
    new, old, now = new_secret(), new_secret(), datetime.now(UTC)
    body = '{"type":"voucher.created","data":{"code":"ÄÖ"}}'.encode()
    during = headers(webhook(new, old, now + timedelta(hours=1)), "whs_1", now, body)
    after = headers(webhook(new, old, now), "whs_1", now, body)
    for sent, secrets in ((during, (new, old)), (after, (new,))):
        for secret in secrets:
            assert standard.Webhook(secret).verify(body, sent) == {
                "type": "voucher.created",
                "data": {"code": "ÄÖ"},
            }
    with pytest.raises(standard.WebhookVerificationError):
        standard.Webhook(old).verify(body, after)
    assert during["X-Voucherify-Signature"] == signature(old, body)
    assert after["X-Voucherify-Signature"] == signature(new, body)


def test_a_changed_body_is_refused_by_the_standard_library() -> None:
    """Id, time and body are all signed."""
    secret, now = new_secret(), datetime.now(UTC)
    sent = headers(webhook(secret), "whs_1", now, b'{"a":1}')
    receiver = standard.Webhook(secret)
    for changed, body in (
        (sent, b'{"a":2}'),
        ({**sent, "Webhook-Id": "whs_2"}, b'{"a":1}'),
        ({**sent, "Webhook-Timestamp": str(int(now.timestamp()) + 1)}, b'{"a":1}'),
    ):
        with pytest.raises(standard.WebhookVerificationError):
            receiver.verify(body, changed)


def test_a_secret_of_another_shape_is_its_own_text() -> None:
    """Who brings the secret of another system gives its receiver's library that text in base64."""
    own, now = "0c4cd0a5-7b3f-44b6-8f4e-2f3a5a5d0e11", datetime.now(UTC)
    body = b"{}"
    sent = standard_signature([own], "whs_1", int(now.timestamp()), body)
    assert sent == standard.Webhook(own.encode()).sign("whs_1", now, body.decode())
