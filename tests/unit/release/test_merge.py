"""The union of releases of one family: rows as they stood, equal ones once, and nothing that does not go together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from factory.errors import RecipeError
from factory.store.layout import Build, open_build
from release import check_release, write_release
from release.manifest import manifest_bytes
from release.merge import merge_releases
from release.read import open_release
from schemas import arrow
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, make_build
from tests.joined import part_of, rows_of
from tests.rich_build import edit
from tests.unit.release.families import QUIZ


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """s000 to s013, and s010 to s023: four of them in both."""
    root = tmp_path_factory.mktemp("parts")
    return part_of(root / "a", 24, lambda n: n < 14), part_of(root / "b", 24, lambda n: n >= 10)


def test_a_merge_has_every_row_once_as_it_stood(parts: tuple[Path, Path], tmp_path: Path) -> None:
    done = merge_releases(parts, tmp_path / "m", title="Both")
    assert (done["rows"], done["equal"], list(done["parts"].values())) == (24, 4, [14, 10])
    merged = open_release(tmp_path / "m")
    every = {row["id"]: row for part in parts for row in rows_of(open_release(part))}
    for row in rows_of(merged):
        there = every[row["id"]]
        assert [image["bytes"] for image in row["images"]] == [image["bytes"] for image in there["images"]]
        assert {**row, "images": None} == {**there, "images": None}
    assert len(rows_of(merged)) == len(every) == 24
    assert check_release(tmp_path / "m") == []


def test_both_formats_hold_the_merge(parts: tuple[Path, Path], tmp_path: Path) -> None:
    merge_releases(parts, tmp_path / "m")
    tars = open_release(tmp_path / "m", format="webdataset")
    assert [row["id"] for row in rows_of(tars)] == [row["id"] for row in rows_of(open_release(tmp_path / "m"))]


def test_the_card_names_the_parts_and_the_strictest_licence(parts: tuple[Path, Path], tmp_path: Path) -> None:
    merge_releases(parts, tmp_path / "m", title="Both")
    card = (tmp_path / "m/README.md").read_text()
    assert "# Both" in card and "## What it is made of" in card
    assert "| 14 | 14 | all |" in card and "| 10 | 14 | all |" in card
    assert "and the same licence for what is made of it (CC BY-SA)" in card
    manifest = open_release(tmp_path / "m").manifest
    digests = [open_release(part).manifest["manifest_sha256"] for part in parts]
    assert [one["manifest_sha256"] for one in manifest["parts"]] == digests
    assert {"phase": "merge", "rule": "id", "reason": "equal_rows", "rows": 4} in manifest["counts"]["drops"]


def test_the_same_parts_make_the_same_bytes(parts: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("one", "two"):
        merge_releases(parts, tmp_path / name, title="Same")
    assert {p.name: p.read_bytes() for p in (tmp_path / "one").rglob("*.*")} == {
        p.name: p.read_bytes() for p in (tmp_path / "two").rglob("*.*")
    }


def test_an_id_that_stands_for_two_rows_is_refused_with_its_columns(parts: tuple[Path, Path], tmp_path: Path) -> None:
    one = pl.col("id") == "s012"
    other = part_of(
        tmp_path / "b",
        24,
        lambda n: n >= 10,
        change=lambda build: change_plan(build, city=pl.when(one).then(pl.lit("Elsewhere")).otherwise("city")),
    )
    with pytest.raises(RecipeError) as caught:
        merge_releases([parts[0], other], tmp_path / "m")
    assert "1 id would stand for two rows" in str(caught.value)
    assert "'s012' of mp16_reason-1 and of mp16_reason-2 differ in __#solution, city" in str(caught.value)
    assert not (tmp_path / "m").exists() and not (tmp_path / "m.tmp").exists()


def test_one_picture_in_two_splits_is_refused(parts: tuple[Path, Path], tmp_path: Path) -> None:
    shown = open_release(parts[0]).row("train", 0)
    photos = [shown["images"][0]["bytes"]]
    twin = part_of(tmp_path / "b", 24, lambda n: n == 20, photos=photos, splits=lambda _: "test")
    with pytest.raises(RecipeError, match="share their picture") as caught:
        merge_releases([parts[0], twin], tmp_path / "m")
    assert f"rows {shown['id']!r} (train) and 's020' (test) share their picture" in str(caught.value)
    assert not (tmp_path / "m").exists()
    done = merge_releases([parts[0], twin], tmp_path / "m", drop_leaks=True)
    ids = {row["id"] for row in rows_of(open_release(tmp_path / "m"))}
    assert done["leaks"] == 1 and shown["id"] not in ids and "s020" in ids


def test_nearly_one_picture_in_two_splits_is_refused(parts: tuple[Path, Path], tmp_path: Path) -> None:
    shown = open_release(parts[0]).row("train", 0)
    near = int(shown["image_phash"], 16) ^ 0b1011

    def looks_alike(build: Build) -> Build:
        for shard in build.paths.shards():
            edit(
                shard.answers,
                arrow.ANSWERS,
                lambda rows: [row["photos"][0].update(phash=near) for row in rows.values()],
            )
        return open_build(build.paths.root)

    twin = part_of(tmp_path / "b", 24, lambda n: n == 20, change=looks_alike, splits=lambda _: "test")
    with pytest.raises(RecipeError, match="share their picture, nearly"):
        merge_releases([parts[0], twin], tmp_path / "m")


def test_rules_of_splits_that_the_parts_share_hold_for_the_whole(tmp_path: Path) -> None:
    first = part_of(tmp_path / "a", 12, lambda n: n < 6, splits=lambda _: "train")
    second = part_of(tmp_path / "b", 12, lambda n: n >= 6, splits=lambda _: "validation")
    with pytest.raises(RecipeError, match="'s000' \\(train\\) and 's006' \\(validation\\) share their author"):
        merge_releases([first, second], tmp_path / "m")


def test_other_families_are_sent_to_mix(parts: tuple[Path, Path], tmp_path: Path) -> None:
    quiz = make_build(tmp_path / "q", 6, all_accepted=True)
    write_release(quiz, QUIZ)
    with pytest.raises(RecipeError, match=r"holds rows of quiz, version 1; .* `factory mix`"):
        merge_releases([parts[0], quiz.paths.release], tmp_path / "m")


def test_what_one_part_withdrew_is_in_no_row(parts: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "errata.csv").write_text("id,reason,since\ns003,asked,2026-05-01\ns020,asked,2026-05-01\n")
    settings = ReleaseSettings(withdrawn="errata.csv")
    second = part_of(tmp_path / "b", 24, lambda n: n >= 14, settings=settings, folder=tmp_path)
    done = merge_releases([parts[0], second], tmp_path / "m")
    assert done["withdrawn"] == 1
    ids = {row["id"] for row in rows_of(open_release(tmp_path / "m"))}
    assert "s003" not in ids and "s020" not in ids and len(ids) == 22
    assert pl.read_parquet(tmp_path / "m/withdrawn.parquet")["id"].to_list() == ["s003", "s020"]


def test_withheld_pictures_stay_withheld(tmp_path: Path) -> None:
    settings = ReleaseSettings(images="none")
    parts = [
        part_of(tmp_path / name, 12, wanted, settings=settings)
        for name, wanted in (("a", lambda n: n < 6), ("b", lambda n: n >= 6))
    ]
    merge_releases(parts, tmp_path / "m")
    assert pl.read_parquet(tmp_path / "m/withheld.parquet").height == 12
    assert check_release(tmp_path / "m") == []


def test_a_damaged_part_is_named(parts: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(parts[1], tmp_path / "b")
    file = next((tmp_path / "b/parquet").glob("train-*"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(bytes(data))
    with pytest.raises(RecipeError, match=r"train-.*\.parquet"):
        merge_releases([parts[0], tmp_path / "b"], tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("key", ["recipe", "counts", "teachers", "formats", "name", "licence"])
def test_a_manifest_of_other_types_is_named(key: str, parts: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(parts[1], tmp_path / "b")
    manifest = json.loads((tmp_path / "b/manifest.json").read_bytes())
    (tmp_path / "b/manifest.json").write_bytes(manifest_bytes({**manifest, key: 5}))
    with pytest.raises(RecipeError, match=r"manifest\.json: does not describe a release"):
        merge_releases([parts[0], tmp_path / "b"], tmp_path / "m")


def test_nothing_is_written_over(parts: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RecipeError, match="is there already"):
        merge_releases(parts, tmp_path)
