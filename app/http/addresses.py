"""The list of networks that a key may be used from."""

from collections.abc import Iterable
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
