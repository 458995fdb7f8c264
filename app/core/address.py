"""Where a server is: redis://, rediss:// and unix:// addresses as every Redis client writes them."""

import ssl
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlparse


class Address(NamedTuple):
    """path for a unix socket, else host and port."""

    host: str
    port: int
    path: str
    username: str
    password: str
    database: int
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        return (
            f"unix://{self.path}"
            if self.path
            else f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.port}"
        )


def parse_address(url: str) -> Address:
    """Raise ValueError for anything that is not a server's address. The password never appears in the
    message.
    """
    parsed = urlparse(url)
    options = {name: values[-1] for name, values in parse_qs(parsed.query).items()}
    username = unquote(parsed.username or "") or options.get("username", "")
    password = unquote(parsed.password or "") or options.get("password", "")
    try:
        if parsed.scheme == "unix":
            database = int(options.get("db", "0"))
            if not parsed.path:
                raise ValueError("a unix:// address needs the path of a socket")
            return Address("", 0, unquote(parsed.path), username, password, database, None)
        if parsed.scheme not in ("redis", "rediss"):
            raise ValueError("the address of a server starts with redis://, rediss:// or unix://")
        database = int(parsed.path.strip("/") or options.get("db", "0"))
        port = parsed.port or 6379
    except ValueError as error:
        raise ValueError(f"not the address of a server ({parsed.scheme}://...): {error}") from None
    tls = _tls(options) if parsed.scheme == "rediss" else None
    return Address(parsed.hostname or "127.0.0.1", port, "", username, password, database, tls)


def _tls(options: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
    if options.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "ssl_certfile" in options:
        context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    return context
