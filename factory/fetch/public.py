"""Which addresses a stranger's table may lead to: http or https, at hosts that the whole internet reaches.

A name is looked up once, every number it has must be public, and the connection goes to these numbers: a name that
answers otherwise the second time gains nothing. A number written in any other way (octal, one integer) is looked up by
the system like a name, and so is judged by what it leads to.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver
    from yarl import URL


class Refused(OSError):
    """An address that is not fetched. `reason` is `no_address` or `not_public`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def is_public(address: str) -> bool:
    """Whether a number is one of the internet's; one of IPv6 that stands for one of IPv4 is as public as that."""
    number = _number(address)
    if isinstance(number, ipaddress.IPv6Address):
        if number in _NAT64:
            number = ipaddress.IPv4Address(int(number) & 0xFFFF_FFFF)
        elif number.ipv4_mapped is not None:
            number = number.ipv4_mapped
        elif number not in _UNICAST or number in _SIX_TO_FOUR:
            return False
    return number is not None and number.is_global and not number.is_multicast


_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is handed out for hosts (RFC 4291, 2.4; IANA's registry of global unicast addresses). Python takes
more for global: site-local numbers, and ways of writing IPv4 that nobody uses any more."""
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
"""Relays to any IPv4 number, given up since 2015 (RFC 7526)."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def fetchable(written: str, allowed: Collection[str] = ()) -> URL:
    """An address as it is asked for. Raises Refused for what is none, and for the number of a host that is not public.

    Args:
        allowed: hosts that may have any number: a mirror of one's own.
    """
    from yarl import URL

    try:
        url = URL(written.strip())
        host, port = url.host, url.port
    except (ValueError, TypeError):
        raise Refused("no_address", "is no address") from None
    if url.scheme not in ("http", "https") or not host or port == 0:
        raise Refused("no_address", "is no address of http or https")
    if url.user is not None or url.password is not None:
        raise Refused("no_address", "holds a name or a password")
    if host not in allowed and _number(host) is not None and not is_public(host):
        raise Refused("not_public", f"{host} is not a public address")
    return url


def resolver(allowed: Collection[str] = ()) -> AbstractResolver:
    """Looks names up for aiohttp, and hands on only public numbers. Raises Refused, which is an OSError, for others."""
    from aiohttp.abc import AbstractResolver
    from aiohttp.resolver import ThreadedResolver

    class Public(AbstractResolver):
        def __init__(self) -> None:
            self._system = ThreadedResolver()

        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[Any]:
            found = await self._system.resolve(host, port, family)
            if host not in allowed and (odd := [one["host"] for one in found if not is_public(one["host"])]):
                raise Refused("not_public", f"{host} leads to {odd[0]}, which is not a public address")
            return list(found)

        async def close(self) -> None:
            await self._system.close()

    return Public()


def hosts(written: Collection[str]) -> frozenset[str]:
    """Names of hosts as a person writes them, as they are compared."""
    return frozenset(host.strip().strip("[]").lower() for host in written)
