"""GWS15k end to end: both algorithms from a pool to released rows, and what a training set does with them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import factory
from factory.phases.run import BuildResult
from factory.store.layout import open_build
from release.read import open_release
from tests.golden_digests import held_to
from tests.published import gws15k as published
from tests.real_build import factory as command
from tests.real_build import release_digests

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPE = REPOSITORY / "recipes" / "gws15k.yaml"
DEMO = RECIPE.parent / "demo"
GOLDEN = REPOSITORY / "tests" / "golden" / "gws15k.json"
N = 20


@pytest.fixture(scope="module", params=["repaired", "published"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    out = tmp_path_factory.mktemp(request.param)
    return factory.build(RECIPE, out=out, overrides=[f"source.algorithm={request.param}"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def rows_of(built: BuildResult, format_: Any = "parquet") -> list[Mapping[str, Any]]:
    release = open_release(Path(built.directory) / "release", format=format_)
    assert {split for split, rows in release.splits.items() if rows} == {"test"}
    return list(release.rows("test"))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_and_the_whole_draw_are_as_the_paper_says(built: BuildResult) -> None:
    cities = [(row["country"], float(row["lat"]), float(row["lon"])) for row in read(DEMO / "gws15k" / "cities.csv")]
    areas = {row["country"]: float(row["area_km2"]) for row in read(DEMO / "gws15k" / "areas.csv")}
    pool = [(float(row["lat"]), float(row["lon"])) for row in read(DEMO / "scenes.csv")]
    for format_ in ("parquet", "webdataset"):
        rows = rows_of(built, format_)
        assert [fault for row in rows for fault in published.row_faults(row, cities)] == []
        assert list(published.set_faults(rows, N, cities, areas, pool)) == []
        assert all(row["images"][0]["bytes"][:2] == b"\xff\xd8" for row in rows)


def test_every_photo_is_drawn_or_has_a_reason_and_so_has_a_country_that_is_short(demo: BuildResult) -> None:
    counts = demo.counts
    assert (counts["planned"], counts["kept"]) == (N, N)
    assert counts["dropped_by_reason"] == {
        "far_from_cities": 17,
        "not_drawn": 10,
        "same_place": 2,
        "country_short": 1,
    }
    assert len(read(DEMO / "scenes.csv")) == N + 17 + 10 + 2
    told = command("explain", demo.directory, "RU", cwd=REPOSITORY)
    assert "1 drawn, 2.4 of 20 are its share; different places near its cities: 1" in told.stdout


def test_lists_that_lie_elsewhere_are_the_same_build(demo: BuildResult, tmp_path: Path) -> None:
    given = []
    for name in ("cities", "areas"):
        (tmp_path / f"{name}.csv").write_bytes((DEMO / "gws15k" / f"{name}.csv").read_bytes())
        given.append(f"source.{name}={tmp_path}/{name}.csv")
    again = factory.build(RECIPE, out=tmp_path / "out", overrides=given)
    assert Path(again.directory).name == Path(demo.directory).name


def test_the_command_line_draws_the_same_photos(demo: BuildResult, tmp_path: Path) -> None:
    out = tmp_path / "drawn.csv"
    given = ["--cities", DEMO / "gws15k" / "cities.csv", "--areas", DEMO / "gws15k" / "areas.csv", "--seed", "7"]
    command("geo", "sample", "gws15k", DEMO / "scenes.csv", out, "-n", str(N), *given, cwd=tmp_path)
    assert {row["id"] for row in read(out)} == {row["id"] for row in rows_of(demo)}


def test_a_training_set_leaves_out_what_the_evaluation_set_holds(demo: BuildResult, tmp_path: Path) -> None:
    """The released file is a benchmark for `decontaminate` as it stands: no photo of it, or beside it, is left."""
    (table,) = (Path(demo.directory) / "release" / "parquet").glob("test-*.parquet")
    rule = f"[{{decontaminate: {{radius_km: 1, benchmarks: [{{name: gws15k, table: {table}}}]}}}}]"
    trained = factory.build(RECIPE.parent / "mg_geo_meta.yaml", out=tmp_path, overrides=[f"select={rule}"])
    places = {(round(row["lat"], 4), round(row["lon"], 4)) for row in rows_of(demo)}
    planned = pl.read_parquet(open_build(trained.directory).paths.plan)
    assert planned.height and places.isdisjoint(planned.select(pl.col("lat", "lon").round(4)).rows())
    held = [
        row for row in read(DEMO / "mg_geo_meta" / "train.csv") if {row["region"], row["city"]}.isdisjoint(("", "NaN"))
    ]
    shared = {(round(float(row["latitude"]), 4), round(float(row["longitude"]), 4)) for row in held} & places
    reasons = trained.counts["dropped_by_reason"]
    assert sum(rows for name, rows in reasons.items() if name.startswith("benchmark_")) >= len(shared) > 2


def test_the_page_shows_a_row_of_the_demo(demo: BuildResult) -> None:
    page = (REPOSITORY / "docs" / "families" / "gws15k.md").read_text()
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    row: dict[str, Any] = dict(next(row for row in rows_of(demo) if row["id"] == shown["id"]))
    for turn in row["messages"]:
        turn["content"] = [{name: value for name, value in part.items() if value} for part in turn["content"]]
    assert {name: row[name] for name in shown} == shown


def test_the_demo_is_the_same_bytes_everywhere(demo: BuildResult, tmp_path: Path) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    digests = held_to(GOLDEN, demo)
    sharded = factory.build(RECIPE, out=tmp_path, workers=2, overrides=["plan.shard_size=7"])
    files = {name: digest for name, digest in digests.items() if name.endswith((".parquet", ".tar"))}
    assert files.items() <= release_digests(Path(sharded.directory)).items()
