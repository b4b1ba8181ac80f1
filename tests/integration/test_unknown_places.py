"""Photos without coordinates: their place is what the teachers say, where it is probable, from the plan to a row."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

import factory
from factory.geo import haversine_km
from factory.store.cases import read_cases
from factory.store.layout import Build, open_build
from release.read import open_release
from schemas import Case, Label
from tests.made_build import PHOTOS, record
from tests.real_build import factory as run_factory

UNKNOWN = ("plan.truth=unknown", "verify.decide.reject=[]")


def cases(build: Build) -> dict[str, Case]:
    shards = range(build.info["counts"]["shards"])
    return {case.sample.id: case for shard in shards for case in read_cases(build.paths, shard)}


def labels(build: Build) -> dict[str, Label]:
    found = {name: case.verdict.label for name, case in cases(build).items() if case.verdict is not None}
    return {name: label for name, label in found.items() if label is not None}


def released(build: Build) -> list[dict[str, Any]]:
    release = open_release(build.paths.release)
    return [dict(row) for split in release.splits for row in release.rows(split)]


def reasons(build: Build) -> dict[str, int]:
    found: dict[str, int] = build.info["counts"]["reasons"]
    return found


@pytest.fixture(scope="module")
def geotagged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Build]:
    """A recipe with its photos and answers, and the build of it in which every place is known."""
    folder = tmp_path_factory.mktemp("geotagged")
    recipe = record(folder)
    return recipe, open_build(factory.build(recipe, out=folder / "out").directory)


def without_places(recipe: Path, folder: Path, *, known: int = 0, country: str = "") -> dict[str, tuple[float, float]]:
    """Copies a recipe and its files, with the places of all photos but some taken away. Where they were taken."""
    shutil.copytree(recipe.parent, folder, ignore=shutil.ignore_patterns("out"))
    with (folder / "photos.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    true = {row["id"]: (float(row["lat"]), float(row["lon"])) for row in rows}
    rows = [{**row, "country": country} for row in rows]
    for row in rows[known:]:
        row |= {"lat": "", "lon": ""}
    with (folder / "photos.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return true


def built(recipe: Path, *overrides: str) -> Build:
    return open_build(factory.build(recipe, out=recipe.parent / "out", overrides=(*UNKNOWN, *overrides)).directory)


@pytest.fixture(scope="module")
def labelled(geotagged: tuple[Path, Build], tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, dict[str, Any]]:
    """A build of photos without any place, judged by the model of the geotagged one; and where they were taken."""
    recipe, earlier = geotagged
    folder = tmp_path_factory.mktemp("unknown") / "photos"
    true = without_places(recipe, folder)
    return built(folder / "recipe.yaml", f"verify.decide.fitted_on={earlier.paths.model}"), true


def test_labels_are_the_place_of_the_most_probable_answer_and_mostly_right(
    labelled: tuple[Build, dict[str, Any]],
) -> None:
    build, true = labelled
    model = orjson.loads(build.paths.model.read_bytes())
    found = labels(build)
    assert build.info["counts"]["unplaced"] == PHOTOS and len(found) > PHOTOS / 2
    accepted = [name for name, case in cases(build).items() if case.verdict and case.verdict.decision == "accept"]
    assert len(accepted) > 30
    assert all(found[name].probability >= model["threshold"]["score"] - 1e-6 for name in accepted)
    right = [haversine_km(*true[name], found[name].lat, found[name].lon) <= 25 for name in accepted]  # type: ignore
    assert sum(right) / len(right) > 0.85, "the target was 0.9, on 120 rows"


def test_rows_say_that_their_place_is_a_label_and_how_probable_it_is(labelled: tuple[Build, dict[str, Any]]) -> None:
    build, _ = labelled
    found = labels(build)
    rows = released(build)
    assert len(rows) == build.info["counts"]["kept"] > 30
    for row in rows:
        label = found[row["id"]]
        assert (row["placed_by"], row["uncertainty_km"]) == ("teachers", 25.0)
        assert row["label_probability"] == pytest.approx(label.probability, abs=1e-6)
        assert (row["lat"], row["lon"], row["city"]) == (label.lat, label.lon, label.city)
        assert row["answer"]["distance_km"] == pytest.approx(0.0, abs=25.0)
        assert label.city is None or label.city in row["__#solution"]


def test_card_and_manifest_tell_how_many_places_are_labels(labelled: tuple[Build, dict[str, Any]]) -> None:
    build, _ = labelled
    counts = orjson.loads((build.paths.release / "manifest.json").read_bytes())["counts"]
    assert counts["labelled"] == counts["samples"] == build.info["counts"]["kept"]
    assert "unknown" not in counts["countries"]
    card = (build.paths.release / "README.md").read_text()
    assert f"what teachers say (a pseudo-label) | {counts['labelled']} |" in card


def test_people_see_the_label(labelled: tuple[Build, dict[str, Any]]) -> None:
    build, _ = labelled
    name, label = next(iter(labels(build).items()))
    told = run_factory("explain", build.paths.root, name, cwd=build.paths.root).stdout
    assert f"the place of {label.teacher}, right with probability {label.probability:.3f}" in told
    page = build.paths.report.read_text()
    assert f"label of {label.teacher}, " in page and "or where its label puts it" in page
    assert run_factory("check", build.paths.root, cwd=build.paths.root).returncode == 0


def test_the_report_measures_teachers_on_known_places_alone(labelled: tuple[Build, dict[str, Any]]) -> None:
    build, _ = labelled
    page = build.paths.report.read_text()
    assert "no place is known to measure them by" in page
    assert "of the truth" not in page and "no usable guess counts as wrong" not in page


def test_known_and_unknown_places_share_a_build_which_fits_on_the_known(
    geotagged: tuple[Path, Build], tmp_path: Path
) -> None:
    true = without_places(geotagged[0], tmp_path / "photos", known=90)
    build = built(tmp_path / "photos" / "recipe.yaml")
    model = orjson.loads(build.paths.model.read_bytes())
    assert (model["rows"], model["fitted_on"], build.info["counts"]["unplaced"]) == (90, None, PHOTOS - 90)
    unplaced = {name for name, case in cases(build).items() if not case.sample.placed}
    assert set(labels(build)) <= unplaced and len(unplaced) == PHOTOS - 90
    rows = released(build)
    by = pl.DataFrame({"id": [row["id"] for row in rows], "by": [row["placed_by"] for row in rows]})
    assert set(by.filter(pl.col("by") == "teachers")["id"]) == {*by["id"]} & unplaced != set()
    assert all((row["lat"], row["lon"]) == true[row["id"]] for row in rows if row["placed_by"] == "source")


def test_by_default_a_row_without_coordinates_is_dropped_by_name(geotagged: tuple[Path, Build], tmp_path: Path) -> None:
    without_places(geotagged[0], tmp_path / "photos", known=100)
    build = open_build(factory.build(tmp_path / "photos" / "recipe.yaml", out=tmp_path / "out").directory)
    assert build.info["counts"]["dropped_by_reason"] == {"no_coordinates": 20}


def test_what_a_source_does_not_state_or_nobody_understands_is_counted_and_said(
    geotagged: tuple[Path, Build], tmp_path: Path
) -> None:
    without_places(geotagged[0], tmp_path / "photos", known=100, country="Atlantis")
    recipe = tmp_path / "photos" / "recipe.yaml"
    done = run_factory("build", recipe, "--set", UNKNOWN[0], "--set", UNKNOWN[1], cwd=tmp_path)
    assert "120 samples · 20 without a known place · 120 with a country that nobody knows" in done.stderr


def test_a_label_in_another_country_than_the_source_states_goes_to_people(
    geotagged: tuple[Path, Build], tmp_path: Path
) -> None:
    without_places(geotagged[0], tmp_path / "photos", known=100, country="Antarctica")
    build = built(tmp_path / "photos" / "recipe.yaml")
    assert reasons(build)["label:country_differs"] > 5
    assert not [name for name in labels(build) if cases(build)[name].verdict.decision == "accept"]  # type: ignore


def test_what_people_accept_they_accept_with_its_label(labelled: tuple[Build, dict[str, Any]], tmp_path: Path) -> None:
    build, _ = labelled
    waiting = {name: case for name, case in cases(build).items() if case.verdict and case.verdict.decision == "review"}
    mine = next(name for name, case in waiting.items() if case.verdict.unreleasable is None)  # type: ignore
    silent = [name for name, case in waiting.items() if case.verdict.label is None]  # type: ignore
    assert all(waiting[name].verdict.unreleasable == "no_place" for name in silent)  # type: ignore
    copied = open_build(shutil.copytree(build.paths.root, tmp_path / build.paths.root.name))
    copied.paths.decisions.parent.mkdir(exist_ok=True)
    decided = {"id": [mine], "decision": ["accept"], "by": [["somebody"]], "at": ["2026-01-01"], "note": [""]}
    pl.DataFrame(decided).write_parquet(copied.paths.decisions)
    from factory.select.accepted import accepted_rows

    row = accepted_rows(copied).filter(pl.col("id") == mine).row(0, named=True)
    label = labels(build)[mine]
    assert (row["lat"], row["lon"], row["country_code"]) == (label.lat, label.lon, label.country_code)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("verify.decide.target=0.95",), "was made with `target: 0.9`, and this recipe has `target: 0.95`"),
        (("verify.decide.target=null", "verify.decide.promise=0.9"), "this recipe has `promise: 0.9`"),
        (("verify.decide.radius_km=50",), "was made with `radius_km: 25`, and this recipe has `radius_km: 50`"),
        (("teachers.a.name=c",), "is of the teachers a, b; those of this build are b, c"),
    ],
)
def test_a_model_of_another_aim_or_of_other_teachers_is_refused_before_anybody_is_asked(
    geotagged: tuple[Path, Build], tmp_path: Path, change: tuple[str, ...], said: str
) -> None:
    recipe, earlier = geotagged
    without_places(recipe, tmp_path / "photos")
    sets = (*UNKNOWN, f"verify.decide.fitted_on={earlier.paths.model}", *change)
    arguments = [part for one in sets for part in ("--set", one)]
    for command in ("plan", "build"):
        done = run_factory(
            command, tmp_path / "photos" / "recipe.yaml", "--out", tmp_path / "out", *arguments, cwd=tmp_path
        )
        assert done.returncode == 2, done.stderr
        assert "fitted_on" in done.stderr and said in " ".join(done.stderr.split())
    assert not list(tmp_path.glob("out/*"))


def test_what_is_no_model_is_named_for_what_it_is(geotagged: tuple[Path, Build], tmp_path: Path) -> None:
    recipe, earlier = geotagged
    for path, said in (
        (earlier.paths.info, "it is no `model.json` that `calibrated` fitted"),
        (earlier.paths.root, "is a folder, expected a file in it"),
        (tmp_path / "model.json", "no file"),
    ):
        arguments = [part for one in (*UNKNOWN, f"verify.decide.fitted_on={path}") for part in ("--set", one)]
        done = run_factory("plan", recipe, *arguments, cwd=tmp_path)
        assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr


def test_nothing_is_labelled_where_teachers_changed_since_the_model_was_fitted(
    geotagged: tuple[Path, Build], tmp_path: Path
) -> None:
    recipe, earlier = geotagged
    without_places(recipe, tmp_path / "photos")
    model = f"verify.decide.fitted_on={earlier.paths.model}"
    other = built(tmp_path / "photos" / "recipe.yaml", model, "teachers.a.model=another")
    assert reasons(other)["calibrated:drifted"] > PHOTOS * 0.8
    answers = tmp_path / "photos" / "a.jsonl"
    lines = [orjson.loads(line) for line in answers.read_bytes().splitlines()]
    for line in lines:
        if "confidence" in line["response"]:
            line["response"]["confidence"] = 0.97 + 0.02 * line["response"]["confidence"]
    answers.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    sure = built(tmp_path / "photos" / "recipe.yaml", model)
    assert reasons(sure)["calibrated:drifted"] > PHOTOS * 0.8
    assert sure.info["counts"]["decisions"].get("accept", 0) == 0


def test_unknown_places_want_a_decider_that_labels(geotagged: tuple[Path, Build]) -> None:
    for rules in ("verify.decide={by: rules, reject: [], review: []}", "verify.decide={by: calibrated}"):
        done = run_factory("plan", geotagged[0], "--set", "plan.truth=unknown", "--set", rules, cwd=geotagged[0].parent)
        assert done.returncode == 2
        assert "wants a decider that labels photos without coordinates" in " ".join(done.stderr.split())
