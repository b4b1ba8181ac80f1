"""How far a shard is, for whoever watches: a small file that any process can read.

A file and not a pipe, so that it works the same under every engine and for `factory status` in another terminal. It is
written aside and renamed, so nobody reads half of it, and it stays when a shard is stopped or killed, so that the count
is right then, too; it goes with the shard's live ledger, once the shard is finished.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from factory.errors import CorruptBuild
from factory.store.files import durable, open_itself
from schemas.plain_json import read_json

EVERY_S: Final = 0.2
"""Between two looks at how far a shard is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An endpoint that is away."""

    endpoint: str
    says: str
    """What it does, as a verb: `refuses connections`."""
    since: float
    """Unix time."""
    patience_s: float
    """How long the build waits for it; 0 where others answer meanwhile."""

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).strftime("%H:%M:%S")
        waits = f"waiting up to {self.patience_s:,.0f} s" if self.patience_s else "others are asked meanwhile"
        return f"{self.endpoint} {self.says} since {since}, {waits}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one shard is."""

    total: int = 0
    done: int = 0
    """Finished samples."""
    refused: int = 0
    """Of these, samples without a usable picture: nobody was asked about them, and they say nothing of the rate."""
    recorded: int = 0
    """Rows that its live ledger had at the least."""
    away: tuple[Outage, ...] = ()


class ProgressFile:
    """Counts a shard's samples; `write` tells."""

    def __init__(self, path: Path, total: int) -> None:
        """Goes on from what the file says: samples that an earlier run finished are found again in the ledger."""
        before = read_progress(path)
        self._path = path
        self._floor = before if before is not None and before.total == total else Progress(total=total)
        self._now = self._written = Progress(total=total)

    def advance(self, *, refused: bool = False) -> None:
        """One more sample is finished."""
        self._now = replace(self._now, done=self._now.done + 1, refused=self._now.refused + refused)

    def write(self, *, recorded: int, away: Sequence[Outage] = ()) -> None:
        """Tells how far the shard is, unless that is told already."""
        floor, now = self._floor, self._now
        said = Progress(
            total=now.total,
            done=max(floor.done, now.done),
            refused=max(floor.refused, now.refused),
            recorded=max(floor.recorded, recorded),
            away=tuple(away),
        )
        if said == self._written:
            return
        with durable(self._path, sync=False) as file:
            file.write(orjson.dumps(asdict(said)))
        self._written = said


def read_progress(path: Path) -> Progress | None:
    """How far a shard is; None when it has not said, or nobody can read it."""
    try:
        with open_itself(path, os.O_RDONLY) as file:
            said = read_json(file.read(_MOST))
        found = Progress(**{**said, "away": tuple(Outage(**one) for one in said["away"])})
    except (OSError, ValueError, TypeError, KeyError, CorruptBuild):
        return None
    counts = (found.total, found.done, found.refused, found.recorded)
    times = [time for one in found.away for time in (one.since, one.patience_s)]
    words = [text for one in found.away for text in (one.endpoint, one.says)]
    sound = all(type(count) is int and count >= 0 for count in counts)
    sound = sound and all(type(time) in (int, float) and 0 <= time < _LATEST for time in times)
    return found if sound and all(isinstance(text, str) for text in words) else None


_MOST: Final = 1 << 20
"""Bytes of the file that are read."""
_LATEST: Final = 2.0**33
"""Unix time in the year 2242: later ones, that some systems cannot show, are damage."""
