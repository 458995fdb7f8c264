"""Signatures of callouts."""

import pytest

from app.webhooks.signature import signature


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
