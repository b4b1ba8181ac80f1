"""Real sidecars: Google Takeout's, Apple's, digiKam's, osxphotos'."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from factory.geo.degrees import read_degrees
from factory.sources.sidecars import read_takeout, read_xmp

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
FORMATS = SHARED / "data" / "formats"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (FORMATS / "sidecars").is_dir(), reason="sidecars are missing: set FACTORY_SHARED"),
]
"""Their twins are written in tests/unit/sources/test_sidecars.py."""


@pytest.mark.parametrize(
    ("file", "lat", "lon", "time"),
    [
        ("apple_osxphotos/IMG_4179.jpeg.xmp", 33.71506, -118.31967, "2021-04-08T16:04:55-07:00"),
        ("apple_photos_export/iphone-export-1.xmp", 44.646258, -63.569717, "2024-09-23T11:05:52-04:00"),
        ("apple_photos_export/iphone-export-2.xmp", -33.451856, -70.650466, "2000-01-01T12:00:00+02:00"),
        ("pigallery2_xmp/20240107_110258.jpg.xmp", 50.089587, 14.397410, "2024-01-07T11:02:59"),
    ],
)
def test_real_xmp(file: str, lat: float, lon: float, time: str) -> None:
    path = FORMATS / "sidecars" / file
    said = read_xmp(path.read_bytes(), "x.jpeg" if ".jpeg" in file else "x.jpg")
    assert said.place is not None and said.captured_at == time
    found = read_degrees(said.place[0], "lat"), read_degrees(said.place[1], "lon")
    assert found == (pytest.approx(lat, abs=1e-5), pytest.approx(lon, abs=1e-5))


def test_every_real_xmp_is_read() -> None:
    files = sorted((FORMATS / "sidecars").rglob("*.xmp"))
    assert len(files) >= 7
    for file in files:
        read_xmp(file.read_bytes(), "x.jpeg" if ".jpeg" in file.name else "x.jpg")


def test_real_sidecars_of_takeout() -> None:
    found = {path.name: read_takeout(path.read_bytes(), path.name, path.name) for path in _takeouts()}
    assert found["IMG_1523_no_location.jpg.json"].place is None
    assert found["IMG_1523_no_location.jpg.json"].captured_at == "2016-10-10T03:34:34Z"
    assert found["IMG_4179.jpeg(1).json"].place == ("33.7150639", "-118.31967219999999")
    assert found["IMG_4547.jpg.supplemental-metadata.json"].captured_at == "2017-06-20T07:48:56Z"
    assert found["metadata.json"].captured_at is None, "an album's is no photo's"


def _takeouts() -> list[Path]:
    return sorted((FORMATS / "takeout").rglob("*.json"))
