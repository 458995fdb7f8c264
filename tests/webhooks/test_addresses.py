"""Where callouts may go: the public network, and nowhere else unless somebody allows it."""

import socket

import pytest

from app.webhooks.addresses import RefusedTarget, check_literal, checked_url, networks_of, resolve

REFUSED = [
    "http://127.0.0.1/",
    "http://127.8.9.10:8080/x",
    "http://localhost/",
    "http://LOCALHOST:9000/",
    "http://service.localhost/",
    "http://localhost./",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://0.0.0.0/",
    "http://0/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.7/",
    "http://203.0.113.9/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fd12:3456:789a::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[2001:db8::1]/",
]
NO_TARGETS = [
    "your_url",
    "",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "http://",
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com/#fragment",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://exa mple.com/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com/\r\nX: y",
    "http://ex\u0430mple.com/",
    "http://[fe80::1%25eth0]/",
]


@pytest.mark.parametrize("url", REFUSED)
async def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    """In whatever way they are written: more than forty of them."""
    with pytest.raises(RefusedTarget):
        check_literal(checked_url(url), ())
    with pytest.raises(RefusedTarget):
        await resolve(checked_url(url), ())


@pytest.mark.parametrize("url", NO_TARGETS)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    """Two readers of such a URL could mean two hosts."""
    with pytest.raises(RefusedTarget):
        checked_url(url)


@pytest.mark.parametrize("url", ["https://93.184.216.34/", "http://[2606:4700::1111]:8443/a?b=c"])
async def test_public_addresses_are_called(url: str) -> None:
    """The guard is no wall."""
    parts = checked_url(url)
    assert await resolve(parts, ()) == parts.hostname


async def test_only_what_is_allowed_is_allowed() -> None:
    """A network in the setting opens itself, also behind an IPv6 spelling, and nothing beside it."""
    allowed = networks_of("10.1.0.0/16, ::1/128")
    assert await resolve(checked_url("http://10.1.2.3/"), allowed) == "10.1.2.3"
    check_literal(checked_url("http://[::ffff:10.1.2.3]/"), allowed)
    check_literal(checked_url("http://[::1]/"), allowed)
    for url in ("http://10.2.0.1/", "http://127.0.0.1/", "http://[::ffff:10.2.0.1]/"):
        with pytest.raises(RefusedTarget):
            check_literal(checked_url(url), allowed)


async def test_a_name_is_refused_for_any_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever controls the name cannot slip a private address in among public ones."""
    entries = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("93.184.216.34", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(RefusedTarget):
        await resolve(checked_url("https://mixed.example/"), ())
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries[:1])
    assert await resolve(checked_url("https://mixed.example/"), ()) == "93.184.216.34"
