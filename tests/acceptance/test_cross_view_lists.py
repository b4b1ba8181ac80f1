"""The labels that SliceMatch published for VIGOR, read as they are; without pictures, which nobody may pass on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from factory.geo.tiles import metres_per_pixel
from factory.sources.vigor import vigor
from factory.sources.vigor_labels import Label, read_labels, read_tile, text_lines

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
VIGOR = SHARED / "data" / "formats" / "vigor" / "splits__corrected"
SLICEMATCH = SHARED / "data" / "slicematch"
HEADS = {
    "Chicago": "same_area_balanced_test__corrected.head100.txt",
    "NewYork": "same_area_balanced_test__corrected.head100.txt",
    "Seattle": "same_area_balanced_train__corrected.head100.txt",
}
MEASURED = {"Chicago": 0.1113, "NewYork": 0.1133, "Seattle": 0.1008}
"""Metres a pixel, measured on the whole files (the twin of these tests is tests/unit/sources/test_vigor.py)."""

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not VIGOR.is_dir(), reason=f"{VIGOR} is missing: set FACTORY_SHARED to the shared folder"),
]


def labels_of(path: Path) -> list[Label]:
    rows = list(read_labels(path, label=path.name))
    assert all(isinstance(row, Label) for row in rows)
    return [row for row in rows if isinstance(row, Label)]


@pytest.mark.parametrize("city", HEADS)
def test_every_row_is_read_and_its_offsets_are_those_of_its_names(tmp_path: Path, city: str) -> None:
    path = VIGOR / city / HEADS[city]
    rows = labels_of(path)
    assert len(rows) == 100
    assert len({row.pano_id for row in rows}) == 100 and all(len(row.pano_id) == 22 for row in rows)
    assert metres_per_pixel(rows[0].lat, 20) == pytest.approx(MEASURED[city], rel=2e-3)
    split = "train" if "train" in path.name else "test"
    folder = tmp_path / "splits__corrected" / city
    folder.mkdir(parents=True)
    (folder / f"same_area_balanced_{split}__corrected.txt").write_bytes(path.read_bytes())
    tiles = {tile.name for row in rows for tile in (row.positive, *row.semi_positives)}
    (folder / "satellite_list.txt").write_text("\n".join(sorted(tiles)))
    for kind in ("panorama", "satellite"):
        (tmp_path / city / kind).mkdir(parents=True)
    table = vigor(tmp_path, path=".", split=split, cities=(city,)).table()  # type: ignore[arg-type]
    assert table["problem"].null_count() == 100, "no offset is 10 pixels off"
    for texts in table["texts"]:
        told = json.loads(texts[0]["text"])
        assert told["positive"]["distance_m"] < 26
        assert all(told["positive"]["distance_m"] < other["distance_m"] for other in told["negatives"])


def test_the_last_row_without_a_newline_is_read() -> None:
    path = VIGOR / "Chicago" / "same_area_balanced_test__corrected.tail5.txt"
    assert path.read_bytes()[-1:] != b"\n"
    assert len(labels_of(path)) == 5


def test_lists_of_tiles_are_read() -> None:
    for path in sorted(VIGOR.glob("*/satellite_list.head200.txt")):
        places = [read_tile(name) for name in text_lines(path, label=path.name) if name]
        assert len(places) == 200 and None not in places


@pytest.mark.skipif(not SLICEMATCH.is_dir(), reason="SliceMatch's rows are missing: set FACTORY_SHARED")
def test_three_hundred_rows_of_seattle_lie_within_26_m_of_their_tile() -> None:
    rows = labels_of(SLICEMATCH / "seattle_same_area_balanced_test_head300.txt")
    scale = metres_per_pixel(rows[0].lat, 20)
    metres = [scale * (row.positive.north**2 + row.positive.east**2) ** 0.5 for row in rows]
    assert len(rows) == 300 and max(metres) < 26
