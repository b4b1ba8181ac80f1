"""The main job on 138 real photos with the recorded answers of two vision-language teachers."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

import factory
from factory.cli.explain import explain_sample
from factory.store.layout import Build, open_build
from release import check_release
from tests import loaded

REPOSITORY = Path(__file__).resolve().parents[2]
PHOTOS = Path(os.environ.get("FACTORY_SHARED", REPOSITORY.parent / "shared")) / "photos"
RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no real photos at {PHOTOS}: set FACTORY_SHARED"),
]

COLUMNS = (
    "{id: id, image: file, lat: lat, lon: lon, uncertainty_km: coord_uncertainty_km, scene: scene_guess, "
    "captured_at: captured_at, author: author, licence: licence, source_url: original_page}"
)
OVERRIDES = (
    f"source={{kind: table, path: {PHOTOS / 'photos.csv'}, images: {PHOTOS}, columns: {COLUMNS}}}",
    f"teachers=[{{name: teacher_a, backend: replay, model: a, path: {PHOTOS / 'responses' / 'teacher_a.jsonl'}}}, "
    f"{{name: teacher_b, backend: replay, model: b, path: {PHOTOS / 'responses' / 'teacher_b.jsonl'}}}]",
    # The demo's scenes have one author and may share him across splits; photos of many people may not.
    "select=[near_duplicates: {max_hamming: 6}, geocell_split: {train: 0.7, validation: 0.15, test: 0.15, "
    "apart: [author, near_duplicates], seed: 7}]",
)
WITHOUT_TRUTH = (
    "verify.checks=[localizable: {min_confidence: 0.3}, teachers_agree, grounded, no_leak]",
    "verify.decide={reject: [localizable, no_leak], review: [teachers_agree, grounded]}",
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("builds")


@pytest.fixture(scope="module")
def build(out: Path) -> Build:
    return open_build(factory.build(RECIPE, overrides=OVERRIDES, out=out).directory)


@pytest.fixture(scope="module")
def blind_build(out: Path, build: Build) -> Build:
    """The same answers, judged without a look at the truth: what would be accepted waits for people, unmeasured."""
    result = factory.build(RECIPE, overrides=(*OVERRIDES, *WITHOUT_TRUTH), out=out)
    assert result.calls_now == 0
    return open_build(result.directory)


def by_teacher(build: Build) -> pl.DataFrame:
    answers = build.verdicts.select("id", "decision", "reasons", answer="located").explode("answer").unnest("answer")
    return answers.join(build.plan.select("id", "uncertainty_km", truth="country_code"), on="id")


def test_every_photo_is_decided_and_every_decision_explained(build: Build) -> None:
    decided = build.verdicts
    assert decided.height == 138
    assert decided.filter((pl.col("decision") != "accept") & (pl.col("reasons").list.len() == 0)).is_empty()
    counts = dict(decided["decision"].value_counts().iter_rows())
    print(counts)
    assert counts["accept"] >= 85 and counts.get("quarantine", 0) == 0


def test_what_is_accepted_without_the_truth_is_nearly_always_right(blind_build: Build) -> None:
    assert blind_build.verdicts.filter(pl.col("decision") == "accept").is_empty()
    unmeasured = pl.col("reasons").list.join(",") == "near_truth:not_measured"
    accepted = by_teacher(blind_build).filter(unmeasured)
    rows = accepted.group_by("id").agg(
        right=(pl.col("distance_km") <= 25 + pl.col("uncertainty_km")).all(), country=pl.col("country_correct").all()
    )
    print(f"accepted {rows.height}, within 25 km {rows['right'].mean():.3f}, country {rows['country'].mean():.3f}")
    assert rows.height >= 85
    assert rows["right"].mean() >= 0.97
    assert rows["country"].mean() >= 0.99


def test_the_teachers_reach_what_was_measured_when_they_were_recorded(build: Build) -> None:
    answers = by_teacher(build)
    for teacher, recorded in {
        "teacher_a": (0.739, 0.841, 0.913, 0.949, 0.993),
        "teacher_b": (0.732, 0.797, 0.884, 0.942, 0.957),
    }.items():
        mine = answers.filter(pl.col("teacher") == teacher)
        for tier, share in zip((1, 25, 200, 750, 2500), recorded, strict=True):
            within = mine.select(
                (pl.col("distance_km") <= tier + pl.col("uncertainty_km")).fill_null(False).mean()
            ).item()
            strict = mine.select((pl.col("distance_km") <= tier).fill_null(False).mean()).item()
            print(f"{teacher} within {tier} km: {strict:.3f} ({within:.3f} with the uncertainty; recorded {share})")
            assert strict - 0.02 <= share <= within + 0.02


def test_the_release_is_sound_and_holds_every_kept_row(build: Build) -> None:
    assert check_release(build.paths.release) == []
    kept = build.selection.filter("kept")
    assert kept["split"].is_in(["train", "validation", "test"]).all()
    parquet = pl.scan_parquet(build.paths.release / "parquet" / "*.parquet").select("id").collect()
    assert sorted(parquet["id"]) == sorted(kept["id"])


def test_no_released_photo_carries_metadata_or_shares_an_author_across_splits(build: Build) -> None:
    kept = build.selection.filter("kept").join(build.plan.select("id", "author"), on="id")
    splits_of_author = kept.drop_nulls("author").group_by("author").agg(pl.col("split").n_unique())
    assert splits_of_author["split"].max() == 1


def test_every_photo_is_attributed_as_its_source_says_in_five_programs(build: Build, tmp_path: Path) -> None:
    """Mixed licences: Creative Commons of several versions, public domain, permissive ones and grants in words."""
    release = build.paths.release
    photos = pl.read_csv(PHOTOS / "photos.csv", infer_schema=False)
    stated = {
        row["id"]: tuple(row[name] or None for name in ("licence", "author", "original_page"))
        for row in photos.iter_rows(named=True)
    }
    due = {name: stated[name] for name in build.selection.filter("kept")["id"]}
    assert len({licence for licence, _, _ in due.values()}) > 8
    assert loaded.attributed(loaded.with_datasets(release, tmp_path)) == due
    assert loaded.attributed(loaded.with_webdataset(release)) == due
    assert loaded.attributed(loaded.with_polars(release)) == due
    assert loaded.attributed(loaded.with_duckdb(release)) == due
    assert loaded.attributed(loaded.with_croissant(release)) == due
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "license: other" in card and "license_link: LICENSE-DATA.md" in card


def test_one_sample_tells_its_whole_story(build: Build) -> None:
    story = explain_sample(build, "p002")
    assert len(story.answers) == len(story.calls) == 2
    assert story.outcome.startswith("rejected") and story.reasons
