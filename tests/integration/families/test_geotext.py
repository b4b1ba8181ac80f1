"""GeoText end to end: pictures from above with sentences and boxes, and what the check finds of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import factory
from factory.generators.geotext import read_regions
from factory.phases.run import BuildResult
from factory.plugins.contracts import ParseFailure
from factory.plugins.registry import plugin
from factory.sources.geotext1652 import geotext1652
from factory.store.layout import open_build
from factory.verify.checks import run_check
from release.layouts import write_geotext
from release.read import open_release
from schemas import Answered, Case, LocatedAnswer, Reply, Sample
from tests.golden_digests import held_to

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPE = REPOSITORY / "recipes" / "geotext.yaml"
GOLDEN = REPOSITORY / "tests" / "golden" / "geotext.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def rows_of(built: BuildResult) -> list[dict[str, Any]]:
    release = open_release(Path(built.directory) / "release")
    return [row for split in release.splits for row in release.rows(split)]


def test_every_kind_of_story_is_told(demo: BuildResult) -> None:
    assert demo.counts["decisions"] == {"accept": 4, "reject": 2}
    told = {row["id"]: row["reasons"] for row in open_build(demo.directory).verdicts.to_dicts()}
    assert told["train/0003/image-01"] == ["regions_boxed:outside"]
    assert told["train/0005/image-01"] == ["description_no_leak:quotes_coordinates"]


def test_rows_say_what_lies_where(demo: BuildResult) -> None:
    for row in rows_of(demo):
        said = json.loads(row["messages"][-1]["content"][0]["text"])
        assert said["caption"] == row["description"] and len(said["regions"]) == len(row["regions"]) >= 2
        for region in row["regions"]:
            assert region["cx"] - region["w"] / 2 + 0.01 >= 0 and region["cy"] + region["h"] / 2 <= 1.01


def test_written_annotations_are_read_by_the_published_rules_and_by_our_source(
    demo: BuildResult, tmp_path: Path
) -> None:
    rows = rows_of(demo)
    assert write_geotext(rows, tmp_path, split="train") == len(rows)
    entries = json.loads((tmp_path / "train.json").read_text())
    for row, entry in zip(rows, entries, strict=True):
        assert [*entry] == ["image_id", "image", "caption", "sentences", "bboxes"]
        assert len(entry["sentences"]) == len(entry["bboxes"])
        assert (tmp_path / "images" / entry["image"]).read_bytes() == row["images"][0]["bytes"]
        assert entry["image"].split("/")[-2] == entry["image_id"] == row["building"]
    places = "".join(f"{row['building']},{row['lat']},{row['lon']}\n" for row in rows)
    (tmp_path / "positions.csv").write_text(f"image_id,lat,lon\n{places}")
    table = geotext1652(tmp_path, path="train.json", images="images", positions="positions.csv").table()
    assert table["problem"].null_count() == len(rows)


def boxed(*regions: tuple[str, list[float]]) -> Case:
    values = {"description": "d", "regions": [{"sentence": words, "box": box} for words, box in regions]}
    said = Answered(teacher="t", model="m", values=values)
    return Case(sample=Sample(id="a", lat=0.5, lon=0.5), answers=(LocatedAnswer(answered=said),))


BOX, OTHER = [0.5, 0.5, 0.2, 0.2], [0.3, 0.3, 0.2, 0.2]


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        ((("a", BOX), ("b", OTHER)), "boxed"),
        ((("a", BOX),), "too_few"),
        ((("a", BOX), ("b", [0.05, 0.5, 0.2, 0.2])), "outside"),
        ((("a", BOX), ("b", [0.5, 0.5, 0.001, 0.2])), "too_small"),
        ((("a", BOX), ("b", BOX)), "same_box"),
        ((("a", BOX), ("", OTHER)), "no_sentence"),
        ((("a", BOX), ("A", OTHER)), "same_sentence"),
    ],
)
def test_boxes_lie_in_the_picture_and_apart(regions: Any, reason: str) -> None:
    found = run_check("regions_boxed", plugin("check", "regions_boxed").settings(), boxed(*regions))
    assert (found.reason, found.outcome) == (reason, "pass" if reason == "boxed" else "fail")


@pytest.mark.parametrize("text", ["", "{}", '{"caption": "a", "regions": [{"sentence": "b", "box": [1, 2]}]}'])
def test_a_reply_of_another_form_says_why(text: str) -> None:
    assert isinstance(read_regions(Reply(text=text)), ParseFailure)


def test_the_demo_is_the_same_bytes_everywhere(demo: BuildResult) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    held_to(GOLDEN, demo)
