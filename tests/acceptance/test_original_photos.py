"""GPS, time and clean output of nine untouched photos from cameras and phones, one of them HEIC."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from factory.images import ImageSettings, Prepared, metadata_findings, read_metadata
from factory.images.worker import DecodeWorkers

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
PHOTOS = SHARED / "photos"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (PHOTOS / "originals.csv").exists(), reason="real photos are missing: set FACTORY_SHARED"),
]


def rows() -> list[dict[str, str]]:
    with (PHOTOS / "originals.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_place_and_time_are_those_of_the_table() -> None:
    for row in rows():
        for source in (PHOTOS / row["file"], (PHOTOS / row["file"]).read_bytes()):
            found = read_metadata(source)
            assert (found.lat, found.lon) == pytest.approx((float(row["lat"]), float(row["lon"])), abs=1e-6), row["id"]
            date, _, clock = row["captured_at"].partition(" ")
            expected = f"{date.replace(':', '-')}T{clock}" if date else None
            assert (found.captured_at and found.captured_at[:19]) == expected, row["id"]


def test_every_photo_comes_out_small_and_without_metadata() -> None:
    with DecodeWorkers(2, ImageSettings(max_side=1024)) as workers:
        futures = {row["id"]: workers.submit(PHOTOS / row["file"]) for row in rows()}
    for identity, future in futures.items():
        result = future.result()
        assert isinstance(result, Prepared), (identity, result)
        assert max(result.width, result.height) <= 1024
        assert metadata_findings(result.jpeg) == []
    assert futures["p050"].result().source_format == "HEIF"
    assert futures["p075"].result().passthrough
