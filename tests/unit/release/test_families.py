"""Releases of families that are not MP16-Reason: several pictures, none, several rows a sample, rows made at once.

Nobody told `check_release` or `open_release` of these families: all they know stands in the manifest.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from factory.plugins.contracts import Generator
from release import Release, check_release, open_release, write_release
from release.manifest import read_manifest
from schemas.settings import ReleaseSettings
from tests.build_fixture import draw_jpeg, make_build
from tests.unit.release.families import PAIRS, QUIZ, QUIZ_AT_ONCE

ROLES: dict[str, tuple[str, ...]] = {"pairs": ("ground", "satellite"), "quiz": ()}


def released(tmp_path: Path, generator: Generator, samples: int = 8, **settings: Any) -> Path:
    build = make_build(tmp_path / "b", samples, roles=ROLES[generator.name])
    write_release(build, generator, settings=ReleaseSettings(**settings))
    return build.paths.release


def members(path: Path) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


@pytest.mark.parametrize("generator", [PAIRS, QUIZ, QUIZ_AT_ONCE], ids=["pairs", "quiz", "at_once"])
def test_a_family_nobody_knows_is_released_checked_and_read(tmp_path: Path, generator: Generator) -> None:
    release = released(tmp_path, generator)
    assert check_release(release) == []
    manifest = read_manifest(release)
    assert manifest["row"] == {**generator.row.plain(), "notes": dict(sorted(generator.row.notes.items()))}
    opened = open_release(release)
    assert opened.schema.columns.equals(generator.row.columns)
    assert len(opened) == manifest["counts"]["rows"] == sum(1 for split in opened.splits for _ in opened.rows(split))


def test_two_pictures_are_two_members_and_two_of_a_list(tmp_path: Path) -> None:
    release = released(tmp_path, PAIRS)
    names = members(release / "webdataset" / "train-000000.tar")
    assert names[:3] == ["000000.0.jpg", "000000.1.jpg", "000000.json"] and len(names) == 9
    table = pq.read_table(release / "parquet" / "train-00000-of-00001.parquet")
    images = table["images"].to_pylist()[1]
    assert images == [
        {"bytes": draw_jpeg(1), "path": "000001.0.jpg"},
        {"bytes": draw_jpeg(101), "path": "000001.1.jpg"},
    ]
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "4 rows of pairs." in card and "About pairs." in card and "How pairs was made." in card
    assert "`000042.0.jpg`, `000042.1.jpg`, ... are the pictures," in card
    assert "GLOBE" not in card and "response" not in card


def test_no_picture_is_json_alone(tmp_path: Path) -> None:
    release = released(tmp_path, QUIZ)
    assert members(release / "webdataset" / "test-000000.tar") == [f"{n:06d}.json" for n in range(3)]
    rows = list(open_release(release).rows("test"))
    assert [row["id"] for row in rows] == ["s002", "s002/2", "s002/3"]
    assert [row["images"] for row in rows] == [[], [], []]
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "image-text-to-text" not in card and "text-generation" in card
    assert "The photos keep" not in card


def test_rows_and_samples_are_told_apart(tmp_path: Path) -> None:
    release = released(tmp_path, QUIZ)
    counts = read_manifest(release)["counts"]
    assert (counts["rows"], counts["samples"], counts["planned"]) == (12, 4, 8)
    assert counts["splits"] == {"train": 9, "test": 3}
    assert sum(counts["countries"].values()) == 12
    card = (release / "README.md").read_text(encoding="utf-8")
    for said in ("12 rows of quiz.", "from 4 samples.", "| all | 12 |", "| decision | samples |", "| released | 4 |"):
        assert said in card, said


def test_full_shards_are_counted_in_rows(tmp_path: Path) -> None:
    release = released(tmp_path, QUIZ, shard_size=4)
    names = sorted(path.name for path in (release / "parquet").iterdir())
    assert names == ["test-00000-of-00001.parquet", *(f"train-0000{n}-of-00003.parquet" for n in range(3))]
    assert members(release / "webdataset" / "train-000002.tar") == ["000008.json"]
    assert [row["id"] for row in open_release(release).rows("train")][3:7] == ["s001", "s001/2", "s001/3", "s006"]


def test_teachers_are_counted_where_some_answered(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert [one["answered"] for one in read_manifest(released(tmp_path / "a", QUIZ))["teachers"]] == [4, 4]
    assert [one["answered"] for one in read_manifest(released(tmp_path / "b", QUIZ_AT_ONCE))["teachers"]] == [0, 0]


def test_a_release_without_teachers_and_checks_says_so(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8, roles=())
    lock = build.paths.recipe_lock.read_text(encoding="utf-8")
    start, end = lock.index("teachers:"), lock.index("select:")
    build.paths.recipe_lock.write_text(lock[:start] + lock[end:], encoding="utf-8")
    write_release(build, QUIZ_AT_ONCE)
    card = (build.paths.release / "README.md").read_text(encoding="utf-8")
    assert "No model was asked" in card and "language models." not in card and "A check passes" not in card
    assert "Generated text" not in (build.paths.release / "LICENSE-DATA.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("generator", [PAIRS, QUIZ], ids=["pairs", "quiz"])
def test_both_formats_read_as_the_same_rows(tmp_path: Path, generator: Generator) -> None:
    release = released(tmp_path, generator, 20)
    parquet, tars = open_release(release), open_release(release, format="webdataset")
    assert parquet.splits == tars.splits

    def plain(opened: Release) -> list[dict[str, Any]]:
        rows = [row for split in opened.splits for row in opened.rows(split)]
        return [{**row, "tiles": opened.schema.json_row(row).get("tiles")} for row in rows]  # its texts may be null

    assert plain(parquet) == plain(tars)
