"""MG-Geo Meta end to end: zips of OSV-5M to released rows, what is left out, and rows without pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import factory
from factory.phases.run import BuildResult
from factory.store.layout import open_build
from release.check import check_release
from release.read import open_release
from tests.golden_digests import held_to
from tests.published import mg_geo_meta as published
from tests.real_build import release_digests

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPE = REPOSITORY / "recipes" / "mg_geo_meta.yaml"
GOLDEN = REPOSITORY / "tests" / "golden" / "mg_geo_meta.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def test_what_is_left_out_is_counted_by_name(demo: BuildResult) -> None:
    counts = demo.counts
    assert (counts["planned"], counts["dropped_by_reason"]) == (9, {"missing_city": 1, "missing_region": 1})
    assert (counts["removed"], counts["kept"]) == ({"truth_in_country": 1}, 8)
    selection = open_build(demo.directory).selection
    (why,) = selection.filter(~selection["kept"])["detail"].to_list()
    assert why.startswith("SK by the source; PL by the polygons")


def test_rows_are_as_the_paper_says_in_both_formats(demo: BuildResult) -> None:
    for format_ in ("parquet", "webdataset"):
        release = open_release(Path(demo.directory) / "release", format=format_)  # type: ignore[arg-type]
        rows = [row for split in release.splits for row in release.rows(split)]
        assert len(rows) == 8
        for row in rows:
            shown = {"messages": row["messages"], "pictures": len(row["images"])}
            assert list(published.faults(shown)) == [], row["id"]
            assert row["images"][0]["bytes"][:2] == b"\xff\xd8"


def test_the_page_shows_a_row_of_the_demo(demo: BuildResult) -> None:
    page = (REPOSITORY / "docs" / "families" / "mg_geo_meta.md").read_text()
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    release = open_release(Path(demo.directory) / "release")
    row = next(row for split in release.splits for row in release.rows(split) if row["id"] == shown["id"])
    for turn in row["messages"]:
        turn["content"] = [{name: value for name, value in part.items() if value} for part in turn["content"]]
    assert {name: row[name] for name in shown} == shown


def test_rows_without_pictures_need_none(tmp_path: Path) -> None:
    table = (RECIPE.parent / "demo" / "mg_geo_meta" / "train.csv").read_bytes()
    (tmp_path / "train.csv").write_bytes(table)
    (tmp_path / "images").mkdir()
    given = [f"source.path={tmp_path}/train.csv", f"source.images={tmp_path}/images"]
    built = factory.build(RECIPE, out=tmp_path / "out", profile="rows", overrides=given)
    release = open_release(Path(built.directory) / "release")
    rows = [row for split in release.splits for row in release.rows(split)]
    assert len(rows) == 8 and all(row["images"] == [] for row in rows)
    assert all(not list(published.faults({"messages": row["messages"], "pictures": 0})) for row in rows)


def test_photos_pass_undecoded_with_the_bytes_of_decoded_ones(demo: BuildResult, tmp_path: Path) -> None:
    """A photo that no decoder takes passes, too: what is promised is its structure, and card and check say so."""
    shutil.copytree(RECIPE.parent / "demo" / "mg_geo_meta", tmp_path / "osv5m")
    zipped = min((tmp_path / "osv5m" / "images").glob("*.zip"))
    given = [f"source.path={tmp_path}/osv5m/train.csv", f"source.images={zipped.parent}", "images.pass_through=true"]
    given += [
        "select=[truth_in_country, {geocell_split: {train: 0.7, validation: 0.15, test: 0.15, apart: [], seed: 7}}]"
    ]
    built = factory.build(RECIPE, out=tmp_path / "out", overrides=given)
    root = Path(built.directory) / "release"
    photos = open_build(built.directory).answers["photos"].explode().struct.unnest()
    assert photos["phash"].null_count() == photos.height == 9 and photos["refused"].null_count() == 9
    for format_ in ("parquet", "webdataset"):
        mine, theirs = (
            {row["id"]: row["images"][0]["bytes"] for row in rows_of(where, format_)}
            for where in (root, Path(demo.directory) / "release")
        )
        assert mine == theirs and len(mine) == 8
    assert check_release(root) == []
    assert "nobody decoded them" in (root / "README.md").read_text()
    assert (Path(built.directory) / "report.html").read_text().count("data:image/jpeg;base64,") >= 8


def rows_of(root: Path, format_: str) -> list[dict[str, Any]]:
    release = open_release(root, format=format_)  # type: ignore[arg-type]
    return [row for split in release.splits for row in release.rows(split)]


def test_the_demo_is_the_same_bytes_everywhere(demo: BuildResult, tmp_path: Path) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    digests = held_to(GOLDEN, demo)
    sharded = factory.build(RECIPE, out=tmp_path, workers=2, overrides=["plan.shard_size=4"])
    files = {name: digest for name, digest in digests.items() if name.endswith((".parquet", ".tar"))}
    assert files.items() <= release_digests(Path(sharded.directory)).items()
