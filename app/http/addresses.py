"""Where a request comes from, and the list of networks that a key may be used from."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

NETWORKS_MAX = 100


def networks_of(entries: Iterable[str] | None) -> tuple[Network, ...]:
    """Addresses and CIDR networks as they are compared. Raises: ValueError, with the entry in its text."""
    return tuple(_network(entry) for entry in entries or ())


def _network(entry: str) -> Network:
    try:
        return ip_network(entry, strict=False)
    except (ValueError, TypeError):
        raise ValueError(f"{entry!r} is neither an address nor a network like 192.0.2.0/24") from None


def address_allowed(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether a client's address is in one of the networks. What is no address (a unix socket) is in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks if network.version == parsed.version)


@lru_cache(maxsize=16)
def proxies_of(text: str) -> tuple[Network, ...]:
    """Networks with commas between."""
    return networks_of(part.strip() for part in text.split(",") if part.strip())


def client_address(peer: str, forwarded: str, proxies: str) -> str:
    """The address that a request comes from: behind trusted proxies the last one in X-Forwarded-For that is
    not a proxy itself. What comes before it, anybody can write.
    """
    if not proxies or not forwarded:
        return peer
    trusted = proxies_of(proxies)
    if peer and not address_allowed(peer, trusted):
        return peer
    for entry in reversed(forwarded.split(",")):
        address = entry.strip()
        if not _is_address(address):
            return peer
        if not address_allowed(address, trusted):
            return address
    return peer


def neighbourhood(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which one customer of a
    provider has for himself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
