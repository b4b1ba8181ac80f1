"""CVG-Text end to end: the demo's stories, what stands in its rows, and a release that a retriever reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import factory
from factory.phases.run import BuildResult
from factory.store.layout import open_build
from release.read import open_release
from tests.golden_digests import held_to

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPE = REPOSITORY / "recipes" / "cvg_text.yaml"
GOLDEN = REPOSITORY / "tests" / "golden" / "cvg_text.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def rows_of(built: BuildResult, format_: str = "parquet") -> list[dict[str, Any]]:
    release = open_release(Path(built.directory) / "release", format=format_)  # type: ignore[arg-type]
    return [row for split in release.splits for row in release.rows(split)]


def test_every_kind_of_story_is_told(demo: BuildResult) -> None:
    counts = demo.counts
    assert (counts["planned"], counts["calls"], counts["replayed"]) == (8, 0, 8)
    assert counts["decisions"] == {"accept": 6, "reject": 1, "review": 1}
    assert set(counts["splits"]) == {"train", "validation", "test"}
    told = {row["id"].split("/")[1][:5]: row["reasons"] for row in open_build(demo.directory).verdicts.to_dicts()}
    assert told["-25.4"] == ["description_no_leak:quotes_coordinates"]
    assert told["38.71"] == ["names_given:no_map"]


@pytest.mark.parametrize("format_", ["parquet", "webdataset"])
def test_rows_have_a_description_of_the_ground_and_the_place_from_above(demo: BuildResult, format_: str) -> None:
    rows = rows_of(demo, format_)
    assert len(rows) == 6
    for row in rows:
        roles = [one["role"] for one in row["pictures"]]
        assert roles == ["ground", "satellite", "map"] and len(row["images"]) == 3
        assert all(one["metres_away"] < 1 for one in row["pictures"])
        assert [one["metres_per_pixel"] for one in row["pictures"]] == [None, 0.36, 0.36]
        assert row["view"] in ("panorama", "single") and row["published_caption"]
        assert str(round(row["lat"], 3)) not in row["description"]
        assert row["saw_truth"] == "none"
        for name in row["names"]:
            assert name["name"] in row["description"]


def test_the_row_of_the_page_is_one_of_the_demo(demo: BuildResult) -> None:
    page = (REPOSITORY / "docs" / "families" / "crossview.md").read_text()
    examples = [json.loads(text.split("```")[0]) for text in page.split("```json\n")[1:]]
    shown = next(example for example in examples if "published_caption" in example)
    row = next(row for row in rows_of(demo) if row["id"] == shown["id"])
    assert {name: row[name] for name in shown} == shown


def test_the_retriever_s_recipe_reads_its_rows(demo: BuildResult) -> None:
    """NGCG learns from `description` and the picture from above, rows of the same `lat`, `lon` apart."""
    from factory.store.yaml_lines import read_yaml

    data = read_yaml(REPOSITORY / "recipes" / "train" / "ngcg.yaml").data["data"]
    row = rows_of(demo)[0]
    assert data["query"]["text"] in row and set(data["place"]) <= row.keys()
    assert row["pictures"][1]["role"] == "satellite", "say --set data.gallery={picture: 1}, as the page does"


def test_the_demo_is_the_same_bytes_everywhere(demo: BuildResult) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    held_to(GOLDEN, demo)
