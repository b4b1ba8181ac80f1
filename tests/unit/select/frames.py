"""Small selection frames for the selectors' tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from factory.select import FRAME_SCHEMA


def frame_of(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """A selection frame in plan order; what a row does not say is unremarkable and shared with no other row."""
    full = []
    for number, row in enumerate(rows):
        plain = {
            "id": f"r{number:03d}",
            "shard": 0,
            "position": number,
            "lat": (number * 37.7) % 170 - 85,
            "lon": (number * 83.3) % 358 - 179,
            "country_code": "DE",
            "region": "Saxony",
            "city": f"city {number}",
            "scene": "urban",
            "author": f"author {number}",
            "licence": "CC0-1.0",
            "captured_at": None,
            "image_sha256": f"{number:064x}",
            "image_phash": None,
            "best_distance_km": 1.0,
        }
        full.append({**plain, **row})
    return pl.DataFrame(full, schema=FRAME_SCHEMA)
