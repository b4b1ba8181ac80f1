"""The head of Google Landmarks v2's real index, placed by a list: its columns, schemes of addresses and encodings."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from factory.sources.landmarks import landmarks

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
INDEX = SHARED / "data" / "formats" / "gldv2" / "train.head.csv"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not INDEX.is_file(), reason="the index is missing: set FACTORY_SHARED"),
]
"""Its twin on made data: tests/unit/sources/test_landmarks.py."""


def test_the_real_index_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "positions.csv").write_text("landmark_id,lat,lon,name\n137389,50.3281,6.4347,Sankt Margaretha\n")
    (tmp_path / "images").mkdir()
    found = landmarks(tmp_path, path=str(INDEX), positions="positions.csv", images="images").table()
    assert found.height == len(INDEX.read_text().splitlines()) - 1
    assert found["id"].str.contains("^[0-9a-f]{16}$").all()
    assert found["source_url"].str.contains("^https?://").all()
    placed = found.filter(pl.col("problem").is_null())
    assert placed.height and set(placed["lat"]) == {"50.3281"}
    assert set(found.filter(pl.col("problem").is_not_null())["problem"]) == {"no_position"}
    first = found.row(0, named=True)
    assert first["image"] == f"{first['id'][0]}/{first['id'][1]}/{first['id'][2]}/{first['id']}.jpg"
