"""Where a callout may go. A name is resolved once and every one of its addresses looked at; the connection is
then made to the address that was looked at, never to what the name says a moment later.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SCHEMES: Final = {"http": 80, "https": 443}
URL_LENGTH_MAX: Final = 2048
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_REFUSED: Final = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "5f00::/16",
        "fec0::/10",
    )
)
"""What Python counts as global, or did in some version, and what a tunnel may carry anywhere."""

_threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="resolve")
"""Its own: a name server that hangs must not keep others from their threads."""


class RefusedTarget(Exception):
    """This target is not called. The message says why, without what its name resolves to."""


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks with commas between. Raises: ValueError."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def checked_url(url: str) -> SplitResult:
    """The parts of a URL that may be a target as far as can be said without resolving it.

    Raises: RefusedTarget.
    """
    if len(url) > URL_LENGTH_MAX or any(ord(one) <= 0x20 or ord(one) == 0x7F for one in url) or "\\" in url:
        raise RefusedTarget("it is not a URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RefusedTarget("it is not a URL") from None
    if parts.scheme not in SCHEMES:
        raise RefusedTarget("its scheme must be https or http")
    if not host or port == 0:
        raise RefusedTarget("it names no host")
    if "@" in parts.netloc:
        raise RefusedTarget("it must not carry a user")
    if parts.fragment:
        raise RefusedTarget("it must not have a fragment")
    if "%" in host or not host.isascii():
        raise RefusedTarget("its host must be written in ASCII")
    return parts


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is of the public network, or of one that the operator allows."""
    meant = _meant(address)
    if any(meant.version == network.version and meant in network for network in allowed):
        return True
    if not meant.is_global or meant.is_multicast or meant.is_reserved:
        return False
    return not any(meant.version == network.version and meant in network for network in _REFUSED)


def _meant(address: Address) -> Address:
    """The address, or the one that it stands for: a translator may carry the packet there."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def check_literal(parts: SplitResult, allowed: Sequence[Network]) -> None:
    """Refuse at once what needs no resolving to be refused. Raises: RefusedTarget."""
    host = (parts.hostname or "").rstrip(".")
    try:
        literal: Address = ip_address(host)
    except ValueError:
        try:
            literal = IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
        except OSError:
            if host == "localhost" or host.endswith(".localhost"):
                literal = IPv4Address("127.0.0.1")
            else:
                return
    if not is_allowed(literal, allowed):
        raise RefusedTarget("its address is not of the public network")


async def resolve(parts: SplitResult, allowed: Sequence[Network]) -> str:
    """The one address to connect to.

    Raises: RefusedTarget when any address of the name is not of the public network; OSError when the name
    cannot be resolved.
    """
    check_literal(parts, allowed)
    host, port = parts.hostname or "", parts.port or SCHEMES[parts.scheme]
    found = await asyncio.get_running_loop().run_in_executor(
        _threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses:
        raise OSError(f"{host} has no address")
    if not all(is_allowed(address, allowed) for address in addresses):
        raise RefusedTarget("its address is not of the public network")
    return str(addresses[0])
