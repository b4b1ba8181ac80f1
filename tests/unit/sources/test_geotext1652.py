"""GeoText-1652's annotations: boxes of middle, width and height, and positions from a list of the user's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.sources.geotext1652 import GeoText, geotext1652, read_box

ENTRY = {
    "image_id": "0839",
    "image": "train/0839/image-43.jpeg",
    "caption": "A hall between lawns.",
    "sentences": ["The hall has a flat roof.", "A lawn lies to the right."],
    "bboxes": [[0.5, 0.5, 0.4, 0.3], [0.739, 0.5, 0.521, 0.9]],
}


def laid_out(root: Path, *entries: Any, positions: str = "image_id,lat,lon\n0839,53.5,-113.5\n") -> Path:
    (root / "train.json").write_text(json.dumps(list(entries)))
    (root / "positions.csv").write_text(positions)
    folder = root / "images" / "train" / "0839"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image-43.jpeg").write_bytes(b"picture")
    return root


def source(root: Path) -> GeoText:
    found = geotext1652(root, path="train.json", images="images", positions="positions.csv")
    assert isinstance(found, GeoText)
    return found


def test_sentences_belong_to_boxes_and_pictures_to_buildings(tmp_path: Path) -> None:
    found = source(laid_out(tmp_path, ENTRY))
    row = found.table().row(0, named=True)
    assert (row["id"], row["lat"], row["lon"], row["problem"]) == ("train/0839/image-43", "53.5", "-113.5", None)
    texts = {text["name"]: text["text"] for text in row["texts"]}
    regions = json.loads(texts["regions"])
    assert regions[1] == {"sentence": "A lawn lies to the right.", "box": [0.739, 0.5, 0.521, 0.9]}
    assert (texts["building"], texts["caption"]) == ("0839", "A hall between lawns.")
    (image,) = row["images"]
    assert (image["role"], found.read(image["locator"]).read_bytes()) == ("drone", b"picture")


def test_several_captions_of_a_picture_are_several_samples(tmp_path: Path) -> None:
    table = source(laid_out(tmp_path, ENTRY, ENTRY | {"caption": "Another."})).table()
    assert table["id"].to_list() == ["train/0839/image-43", "train/0839/image-43~2"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": "image.jpeg"}, "bad_image"),
        ({"image": None}, "bad_image"),
        ({"caption": " "}, "no_caption"),
        ({"bboxes": [[0.5, 0.5, 0.4, 0.3]]}, "other_count"),
        ({"sentences": "The hall."}, "other_count"),
        ({"bboxes": [[0.5, 0.5, 0.4, 0.3], [0.9, 0.5, 0.521, 0.9]]}, "bad_box"),
        ({"bboxes": [[0.5, 0.5, 0.4, 0.3], ["a", 0.5, 0.1, 0.9]]}, "bad_box"),
        ({"image": "train/0840/image-43.jpeg", "image_id": "0840"}, "no_position"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    table = source(laid_out(tmp_path, ENTRY | change, 7, ENTRY)).table()
    assert table["problem"].to_list() == [reason, "bad_image", None]


@pytest.mark.parametrize(
    ("box", "fits"),
    [
        ([0.739, 0.5, 0.521, 0.9], True),  # the published example: its right edge is 0.9995
        ([0.0, 0.0, 0.1, 0.1], False),
        ([0.1, 0.1, 0.4, 0.1], False),
        ([0.5, 0.5, 0.0, 0.1], False),
        ([0.5, 0.5, 0.1], False),
        ([0.5, 0.5, 0.1, True], False),
        ([0.5, 0.5, 0.1, float("nan")], False),
        ("0.5 0.5 0.1 0.1", False),
    ],
)
def test_a_box_is_middle_width_and_height(box: Any, fits: bool) -> None:
    assert (read_box(box) is not None) == fits


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=5))
def test_any_list_is_a_box_inside_the_picture_or_none(box: list[float]) -> None:
    found = read_box(box)
    assert found is None or (found[2] > 0 and found[0] - found[2] / 2 >= -0.011)


def test_what_is_missing_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    laid_out(tmp_path, ENTRY)
    (tmp_path / "positions.csv").write_text("id,lat,lon\n")
    with pytest.raises(SourceError, match="has no column image_id"):
        source(tmp_path).table()
    (tmp_path / "positions.csv").unlink()
    with pytest.raises(SourceError, match="a list of yours"):
        source(tmp_path).table()
    laid_out(tmp_path, ENTRY)
    (tmp_path / "train.json").unlink()
    with pytest.raises(SourceError, match="on request"):
        source(tmp_path).table()
    (tmp_path / "train.json").write_text("{}")
    with pytest.raises(SourceError, match="expected a JSON list"):
        source(tmp_path).table()
