"""Where a list of withdrawals comes from: a file that the recipe names, one that lies beside it, or an address.

An address is asked once in a process, so that what a build's identity says is what its release is made with. When
nobody answers there, nothing is released: what others asked to be left out would be in it.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from factory.errors import EnvironmentFault, RecipeError
from factory.store.files import write_bytes
from factory.store.paths import input_path
from release.withdrawals import Withdrawals, no_withdrawals, read_withdrawals
from schemas.settings import ReleaseSettings

BESIDE: Final = "withdrawn.csv"
"""Beside a recipe, it is followed without being named."""
MOST_BYTES: Final = 64_000_000


def named_list(settings: ReleaseSettings, root: Path | None) -> str | None:
    """The list that a release is made with, as the recipe writes it; None where there is none.

    Args:
        root: the recipe's folder, None where nothing lies beside the settings.
    """
    if settings.withdrawn is not None:
        return settings.withdrawn
    return BESIDE if root is not None and (root / BESIDE).is_file() else None


def is_address(written: str) -> bool:
    """Whether a list is fetched."""
    return re.match(r"https?://", written, re.IGNORECASE) is not None


@lru_cache(maxsize=8)
def fetched(address: str) -> bytes:
    """A list from its address. Raises RecipeError for what is no address of a public host, EnvironmentFault where it
    does not come."""
    from factory.fetch.fetcher import Manners, Missing, fetching
    from factory.fetch.public import hosts

    async def fetch() -> bytes | Missing:
        # The recipe names its host, and recipes are trusted; where that leads on to must be public.
        allowed = hosts([urlsplit(address).hostname or ""])
        async with fetching(Manners(allowed=allowed, most_bytes=MOST_BYTES), at_once=1) as fetcher:
            return await fetcher.fetch(address)

    found = asyncio.run(fetch())
    if isinstance(found, bytes):
        return found
    why = f"release.withdrawn: {address}: {found.reason}" + (f" ({found.detail})" if found.detail else "")
    if found.reason in ("no_address", "not_public"):
        raise RecipeError(why)
    raise EnvironmentFault(f"{why}; nothing is released without the list of what must be left out")


def open_list(settings: ReleaseSettings, root: Path | None) -> Withdrawals:
    """The list that a release is made with, read; one without a line where there is none.

    Raises RecipeError, EnvironmentFault as `fetched` and `read_withdrawals` do.
    """
    written = named_list(settings, root)
    if written is None:
        return no_withdrawals()
    if not is_address(written):
        return Withdrawals(read_withdrawals(input_path(root or Path(), written)))
    ending = ".parquet" if urlsplit(written).path.lower().endswith(".parquet") else ".csv"
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"list{ending}"
        write_bytes(fetched(written), path)
        return Withdrawals(read_withdrawals(path, label=written))
