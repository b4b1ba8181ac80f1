"""Annotations as they stand in a build, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import polars as pl
import pyarrow as pa

from factory.store.files import make_folder
from factory.store.layout import Build, BuildPaths
from factory.store.tables import write_table
from schemas import arrow

_NUMBERS = count(1)

IMAGE, KEY = "a" * 64, "k1"


def said(sample: str, reviewer: str, verdict: str | None = "accept", **more: Any) -> dict[str, Any]:
    """One annotation; `more` are further columns."""
    number = next(_NUMBERS)
    slot = more.pop("slot", "1")
    row = {
        "annotation": number,
        "task": number,
        "project": 1,
        "external": f"{sample}:{slot}",
        "id": sample,
        "slot": slot,
        "kind": "dispute",
        "reviewer": reviewer,
        "verdict": verdict,
        "flags": [],
        "clues": [],
        "boxes": [],
        "reasoning": None,
        "lat": None,
        "lon": None,
        "place": None,
        "comment": None,
        "seconds": 20.0,
        "updated_at": f"2026-11-30T10:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
        "skipped": False,
        "deleted": False,
        "images": [IMAGE],
        "keys": [KEY],
        "raw": "{}",
        "taken_from": None,
    }
    return row | more


def box(
    kind: str = "privacy", x: float = 0.1, y: float = 0.2, width: float = 0.3, height: float = 0.4
) -> dict[str, Any]:
    return {"kind": kind, "x": x, "y": y, "width": width, "height": height}


def shown(build: Build, sample: str, teacher: int = 0) -> dict[str, list[str]]:
    """The columns of an annotation that say what was looked at: a build's picture and one teacher's answer."""
    row = build.answers.row(by_predicate=pl.col("id") == sample, named=True)
    return {"images": [photo["sha256"] for photo in row["photos"]], "keys": row["answers"][teacher]["keys"]}


def write_annotations(paths: BuildPaths, rows: Sequence[Mapping[str, Any]]) -> None:
    """annotations.parquet as a pull leaves it."""
    make_folder(paths.review)
    write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=arrow.ANNOTATIONS), paths.annotations)
