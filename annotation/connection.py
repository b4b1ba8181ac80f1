"""Which Label Studio, and with what key: from the environment, or from the file of a server that we started."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from annotation.claim import LOGIN_FILE, prove
from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.files import read_json

URL_VARIABLE: Final = "LABEL_STUDIO_URL"
KEY_VARIABLE: Final = "LABEL_STUDIO_API_KEY"

UNREADABLE: Final = "give another folder with --data DIR, or remove the one that it is in"
"""What to do about a file of a server's login that is damaged: its accounts are known to nobody else."""
MOST_HOST: Final = 253
"""Characters of a host's name (RFC 1035, without the bytes of lengths)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A server and what opens it."""

    url: str
    """Address without a slash at its end; it may have a path."""
    key: str = field(repr=False)
    """A legacy token or a personal access token of an account that may make projects."""
    source: str
    """Where the key comes from, for messages."""
    renewed_by: str = f"make a new one in Label Studio under Account & Settings, and set {KEY_VARIABLE} to it"
    """What to do where the key is not valid any more."""


def find_login(folder: Path, environment: Mapping[str, str] = os.environ) -> Login:
    """The server that the environment names, else the one that `factory review serve` keeps in a folder.

    Raises EnvironmentFault where there is none, or half of one, and where the folder is not this user's own: pictures
    and answers would go to whatever address stands there.
    """
    url, key = (environment.get(name, "").strip() for name in (URL_VARIABLE, KEY_VARIABLE))
    if not url and not key:
        if (folder / LOGIN_FILE).exists():
            prove(
                folder.absolute(),
                f"  or name a server of yours with {URL_VARIABLE} and {KEY_VARIABLE} in the environment",
            )
        return kept_login(folder / LOGIN_FILE)
    for name, value in ((URL_VARIABLE, url), (KEY_VARIABLE, key)):
        if not value:
            raise EnvironmentFault(
                f"set the environment variable {name} too: a server needs both its address and a key"
            )
    if not key.isascii() or not key.isprintable():
        raise EnvironmentFault(f"the environment variable {KEY_VARIABLE} holds characters that no API key has")
    return Login(url=_address(url, f"the environment variable {URL_VARIABLE}"), key=key, source=KEY_VARIABLE)


def kept_login(path: Path) -> Login:
    """The login that a file of ours keeps. Raises EnvironmentFault where there is no file, CorruptBuild for another."""
    if not path.exists():
        raise EnvironmentFault(
            f"no Label Studio: start one with `factory review serve`, or name yours with the environment variables "
            f"{URL_VARIABLE} and {KEY_VARIABLE}"
        )
    kept = read_json(path, UNREADABLE)
    url, key = kept.get("url"), kept.get("token")
    if not isinstance(url, str) or not isinstance(key, str) or not key:
        raise CorruptBuild(f"{path}: has no `url` and `token`; run `factory review serve` again")
    return Login(
        url=_address(url, str(path)),
        key=key,
        source=str(path),
        renewed_by="`factory review serve`, given the same, takes the one that holds now from the server's data",
    )


def _address(url: str, source: str) -> str:
    """Raises EnvironmentFault for what is no plain address of a server."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and parts.port != 0 and _is_host(parts.hostname or "", parts.netloc)
    except ValueError:
        plain = False
    if not plain or parts.username or parts.password or parts.query or parts.fragment or not url.isprintable():
        raise EnvironmentFault(f"{source}: {url!r:.100} is no address; expected something like http://127.0.0.1:8080")
    return url.rstrip("/")


def _is_host(host: str, written: str) -> bool:
    """Whether a host can be looked up: a number in brackets, or a name that the system and the client can encode.

    Raises ValueError, of which UnicodeError is one, for some that cannot.
    """
    import httpx2

    try:
        asked = httpx2.URL(f"http://{written}").raw_host
    except httpx2.InvalidURL:
        return False
    if "[" in written:
        return ipaddress.ip_address(host).version == 6
    asked.decode("ascii").encode("idna")  # as the system's look-up does: no part is empty or longer than 63
    return 0 < len(asked) <= MOST_HOST
