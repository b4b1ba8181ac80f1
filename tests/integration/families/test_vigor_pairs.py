"""VIGOR pairs end to end: lists and pictures as they are published, to released rows that show what they say."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import factory
from factory.phases.run import BuildResult
from release.check import check_release
from release.read import open_release
from tests.golden_digests import held_to
from tests.published import vigor as published
from tests.real_build import release_digests

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPE = REPOSITORY / "recipes" / "vigor_pairs.yaml"
DEMO = RECIPE.parent / "demo" / "cross_view" / "vigor"
GOLDEN = REPOSITORY / "tests" / "golden" / "vigor_pairs.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def rows_of(built: BuildResult, format_: str = "parquet") -> list[dict[str, Any]]:
    release = open_release(Path(built.directory) / "release", format=format_)  # type: ignore[arg-type]
    return [row for split in release.splits for row in release.rows(split)]


@pytest.mark.parametrize("format_", ["parquet", "webdataset"])
def test_each_pair_is_released_with_both_pictures_and_its_own_offsets(demo: BuildResult, format_: str) -> None:
    rows = rows_of(demo, format_)
    assert demo.counts["planned"] == demo.counts["kept"] == len(rows) == 8
    for row in rows:
        (theirs,) = published.read(DEMO, row["area_name"], "same_area_balanced_train__corrected.txt")
        ground, above = (Image.open(io.BytesIO(image["bytes"])) for image in row["images"])
        assert ground.width == 2 * ground.height and above.size == (256, 256)
        assert theirs["ground"].name == row["panorama"] and theirs["tiles"][0].name == row["tile"]
        assert theirs["deltas"][0] == [row["north_px"], row["east_px"]]
        said = json.loads(row["answer"])
        assert said["x"] == pytest.approx(row["column"] / 256, abs=1e-3)
        assert [one["tile"] for one in row["semi_positives"]] == [path.name for path in theirs["tiles"][1:]]
        assert len(row["negatives"]) == 19 and len(row["candidates"]) == 20 and row["tile"] in row["candidates"]
        assert min(one["distance_m"] for one in row["negatives"]) > 256 * row["metres_per_pixel"] / 2


def test_the_ground_where_the_camera_stood_is_in_the_tile_what_it_is_from_the_street(demo: BuildResult) -> None:
    """The lowest rows of a panorama show the ground at the camera's feet; the tile's pixel shows the same ground."""
    for row in rows_of(demo):
        ground, above = (np.asarray(Image.open(io.BytesIO(image["bytes"])), float) for image in row["images"])
        feet = ground[int(ground.shape[0] * 0.93) :].reshape(-1, 3)
        at, to = round(row["row"]), round(row["column"])
        seen = above[at - 1 : at + 2, to - 1 : to + 2].reshape(-1, 3)
        assert np.abs(np.median(feet, 0) - np.median(seen, 0)).max() < 20, row["id"]


def test_semi_positives_are_released_where_the_recipe_wants_them(tmp_path: Path) -> None:
    built = factory.build(RECIPE, out=tmp_path, overrides=["generator.semi_positives=true"])
    rows = rows_of(built)
    assert [len(row["images"]) for row in rows] == [5] * 8
    assert all(len(json.loads(row["answer"])) == 4 for row in rows)
    assert check_release(Path(built.directory) / "release") == []


def test_the_page_shows_a_row_of_the_demo(demo: BuildResult) -> None:
    page = (REPOSITORY / "docs" / "families" / "crossview.md").read_text()
    shown = next(
        found for text in page.split("```json\n")[1:] if "panorama" in (found := json.loads(text.split("```")[0]))
    )
    row = next(row for row in rows_of(demo) if row["id"] == shown["id"])
    for turn in row["messages"]:
        turn["content"] = [{name: value for name, value in part.items() if value} for part in turn["content"]]
    row["negatives"], row["candidates"], row["semi_positives"] = (
        row["negatives"][:1],
        row["candidates"][:2],
        row["semi_positives"][:1],
    )
    assert {name: row[name] for name in shown} == shown


def test_the_demo_is_the_same_bytes_everywhere(demo: BuildResult, tmp_path: Path) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    digests = held_to(GOLDEN, demo)
    sharded = factory.build(RECIPE, out=tmp_path, workers=2, overrides=["plan.shard_size=3"])
    files = {name: digest for name, digest in digests.items() if name.endswith((".parquet", ".tar"))}
    assert files.items() <= release_digests(Path(sharded.directory)).items()
