"""Earlier builds of the same recipe: answers and images that a new build can take over.

A changed threshold gives a new build with the same questions; its answers stand in the ledgers of the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from factory.fingerprint import Fingerprint
from factory.store import BuildPaths


@dataclass(frozen=True, slots=True)
class EarlierBuild:
    """Another build of the recipe: where it lies and what it was."""

    paths: BuildPaths
    stages: Mapping[str, str]
    identity: Mapping[str, Any]
    started: str


def earlier_builds(out: Path, recipe: str, current: Path) -> list[EarlierBuild]:
    """Other builds of the recipe in the same folder, newest first. Unreadable ones are passed over."""
    found = []
    for info in out.glob(f"{recipe}-*/build.json"):
        if info.parent == current:
            continue
        try:
            data = orjson.loads(info.read_bytes())
            if data["recipe"] == recipe:
                found.append(
                    EarlierBuild(
                        BuildPaths(info.parent), data["stage_fingerprints"], data["identity"], data["started_at"]
                    )
                )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda build: build.started, reverse=True)


def prior_ledgers(earlier: Sequence[EarlierBuild], now: Fingerprint, number: int) -> tuple[str, ...]:
    """Ledgers that may answer a shard's questions: of the same shard where the plans agree, else of all shards."""
    ledgers: list[Path] = []
    for build in earlier:
        same_plan = build.stages.get("plan") == now.stages["plan"]
        for shard in [build.paths.shard(number)] if same_plan else build.paths.shards():
            ledgers += [path for path in (shard.ledger, shard.live_ledger) if path.exists()][:1]
    return tuple(str(path) for path in ledgers)


def prior_shard(earlier: Sequence[EarlierBuild], now: Fingerprint, number: int) -> str | None:
    """A finished shard with the same samples and image settings, whose images can be linked."""
    for build in earlier:
        shard = build.paths.shard(number)
        if build.stages.get("images") == now.stages["images"] and shard.report.exists() and shard.images.exists():
            return str(shard.root)
    return None
