"""Where the servers are: redis://, rediss:// and unix:// addresses as every Redis client writes them, a
primary that Sentinels know, and the masters of a cluster.
"""

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


SINGLE, SENTINEL, CLUSTER = "single", "sentinel", "cluster"


class Place(NamedTuple):
    """kind `single`: `nodes` holds the server. `sentinel`: `nodes` are the Sentinels, `name` is what they
    call the primary, `primary` is what else its address needs. `cluster`: `nodes` are some that answer first.
    """

    kind: str
    nodes: tuple[Address, ...]
    name: str = ""
    primary: Address | None = None


def parse_place(url: str) -> Place:
    """As parse_address, and

    redis+sentinel://[user:password@]host:port,host:port/<name>[/<database>][?sentinel_password=...]
    redis+cluster://[user:password@]host:port,host:port

    (rediss+... with TLS, by the options of rediss://). Raises: ValueError.
    """
    scheme, separator, rest = url.partition("://")
    base, plus, kind = scheme.partition("+")
    if not plus or not separator:
        return Place(SINGLE, (parse_address(url),))
    if base not in ("redis", "rediss") or kind not in (SENTINEL, CLUSTER):
        raise ValueError(f"not the address of servers ({scheme}://...)")
    authority, slash, tail = rest.partition("/")
    if not slash:
        authority, question, options = rest.partition("?")
        tail = question + options
    credentials, at, hosts = authority.rpartition("@")
    path, _, query = tail.partition("?")
    name, _, database = path.partition("/")
    nodes = tuple(
        parse_address(f"{base}://{credentials}{at}{host}/{database}?{query}")
        for host in hosts.split(",")
        if host
    )
    if not nodes:
        raise ValueError(f"not the address of servers ({scheme}://...): it names no host")
    if kind == CLUSTER:
        if name:
            raise ValueError("a cluster has one database, and its address no path")
        return Place(CLUSTER, nodes)
    if not name:
        raise ValueError("the address of Sentinels ends with what they call the primary, as in /mymaster")
    options_of = {key: values[-1] for key, values in parse_qs(query).items()}
    own = [
        node._replace(
            username=options_of.get("sentinel_username", ""),
            password=options_of.get("sentinel_password", ""),
            database=0,
            port=node.port if ":" in host.rpartition("]")[2] else SENTINEL_PORT,
        )
        for node, host in zip(nodes, hosts.split(","), strict=False)
    ]
    return Place(SENTINEL, tuple(own), name, nodes[0])


SENTINEL_PORT = 26_379


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
