"""What a release says about the people whom its pictures show, and what the check holds it to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.geo.grid import Grid
from factory.text import counted
from release.coarse import told_grid
from release.files import FURTHER

KINDS: Final = ("faces", "plates")
_WORDS: Final = {"faces": ("face", "faces"), "plates": ("number plate", "number plates")}


def privacy_told(facts: Mapping[str, Any]) -> str:
    """What was done to pictures for the people in them, and to coordinates, and what was not: a line of the card."""
    privacy = facts.get("privacy") or {}
    grid = told_grid(facts)
    coarse = "" if grid is None else f" {_coarse(grid, privacy['coordinates'])}"
    return f"{_pictures_told(facts, privacy)}{coarse}"


def _coarse(grid: Grid, one: Mapping[str, Any]) -> str:
    cells = {
        "decimals": f"rounded to {counted(int(grid.size), 'decimal')} of a degree (about {grid.side_km:.3g} km)",
        "km": f"those of cells of about {grid.size:g} km",
        "cell_degrees": f"those of cells of {grid.size:g} degrees (about {grid.side_km:.3g} km)",
    }[grid.kind]
    left = f", and {counted(one['left'], 'sample')} left whose id or address says its place" if one["left"] else ""
    numbers = counted(one["numbers"], "number")
    return (
        f"Coordinates are {cells}: in columns, in teachers' answers, on the map, and in texts, where {numbers} became "
        f"coarse{left}. Distances are rounded to a cell's side, and scores of checks that depend on them are left out. "
        "That keeps the exact place from being read here; it keeps nobody from finding it: the picture itself, and "
        "names of places in texts, say as much as they did, and whoever finds the photo at its address, by its hash or "
        "by looking for it may learn more."
    )


def _pictures_told(facts: Mapping[str, Any], privacy: Mapping[str, Any]) -> str:
    if not facts["pictures"]["most"]:
        return "There are no pictures here."
    lines = [_found(kind, privacy[kind]) for kind in KINDS if kind in privacy]
    unseen = [_WORDS[kind][1] for kind in KINDS if kind not in privacy]
    if unseen:
        lines.append(f"No detector looked for {' or '.join(unseen)}.")
    if marked := (facts.get("people") or {}).get("changed", {}).get("blurred", 0):
        lines.append(f"What people marked as private is blurred in {counted(marked, 'picture')}.")
    if len(unseen) < len(KINDS):
        lines.append("Detectors miss some, and take other things for some; ask for what you still see to be removed.")
    return " ".join(lines)


def _found(kind: str, one: Mapping[str, Any]) -> str:
    by = f"CenterFace (weights of {one['weights']}" if kind == "faces" else "a detector of the publisher's (weights"
    said = f"SHA-256 `{one['sha256'][:16]}`, scores from {one['score']:g}"
    looked, having = counted(one["pictures"], "picture"), counted(one["having"], "picture")
    return (
        f"{_WORDS[kind][1].capitalize()} were looked for in {looked} by {by}, {said}), and blurred: "
        f"{one['found']:,} in {having}."
    )


def privacy_faults(root: Path, manifest: Mapping[str, Any], facts: pl.DataFrame) -> Iterator[str]:
    """Pictures that nobody looked at though the manifest says that all were, numbers that cannot be, and a card that
    says something else.

    Args:
        facts: all rows, see `release.facts.COLUMNS`.
    """
    privacy = manifest.get("privacy") or {}
    if not privacy or "hydrated" in manifest:
        return
    there = _pictures(facts)
    for kind in KINDS:
        if (one := privacy.get(kind)) is None:
            continue
        looked, having, found = (one[name] for name in ("pictures", "having", "found"))
        if looked != there:
            yield f"{root}: {looked} pictures were looked at for {kind}, and there are {there}"
        if not 0 <= having <= min(looked, found):
            yield f"{root}: {found} {kind} in {having} of {looked} pictures cannot be"
    if privacy_told(manifest) not in (root / "README.md").read_text(encoding="utf-8"):
        yield f"{root / 'README.md'}: does not say of faces, plates and coordinates what the manifest says"


def _pictures(facts: pl.DataFrame) -> int:
    """Pictures of samples: a sample's further rows have the same."""
    stem = pl.col("id").str.replace(FURTHER, "")
    further = (stem != pl.col("id")) & stem.is_in(facts["id"].implode())
    return int(facts.filter(~further)["pictures"].sum())


def face_score(manifest: Mapping[str, Any]) -> float | None:
    """The score from which on a release blurs faces, None where it does not. Raises ValueError for a score that is
    none."""
    if (faces := (manifest.get("privacy") or {}).get("faces")) is None:
        return None
    score = faces["score"]
    if type(score) not in (int, float) or not 0 < score <= 1:
        raise ValueError(f"its faces have the score {score!r:.40}")
    return float(score)


def changed_words(facts: Mapping[str, Any]) -> Sequence[str]:
    """What may have been done to a picture, for whoever must say so when passing it on."""
    privacy = facts.get("privacy") or {}
    people = (facts.get("people") or {}).get("changed", {}).get("blurred", 0)
    return ("resized", *(("blurred in parts",) if people or any(kind in privacy for kind in KINDS) else ()))
