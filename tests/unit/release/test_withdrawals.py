"""Errata: what a file of withdrawals names is in no release that is made with it, and the release says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import FactoryError, RecipeError
from release import check_release, write_release
from release.manifest import read_manifest
from release.read import open_release
from release.withdrawals import read_withdrawals
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build

HEAD = "id,sha256,author,reason,since\n"


def released(tmp_path: Path, lines: str, **settings: Any) -> Path:
    """The release of s000, s001, s002, s006, ... without what the lines withdraw."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "errata.csv").write_text(HEAD + lines, encoding="utf-8")
    build = make_build(tmp_path / "b", 20)
    write_release(build, settings=ReleaseSettings(withdrawn="errata.csv", **settings), root=tmp_path)
    return build.paths.release


def ids(release: Path) -> set[str]:
    opened = open_release(release)
    return {row["id"] for split in opened.splits for row in opened.rows(split)}


def told(release: Path) -> list[tuple[str, str, str]]:
    return pl.read_parquet(release / "withdrawn.parquet").rows()


def test_a_row_leaves_by_its_id_and_is_listed_with_reason_and_day(tmp_path: Path) -> None:
    release = released(tmp_path, "s001,,,shows a private garden,2026-05-01\n")
    assert "s001" not in ids(release) and "s000" in ids(release)
    assert told(release) == [("s001", "shows a private garden", "2026-05-01")]
    counts = read_manifest(release)["counts"]
    assert {"phase": "release", "rule": "withdrawn", "reason": "withdrawn", "rows": 1} in counts["drops"]
    assert counts["rows"] == len(ids(release)) == 9
    assert check_release(release) == []


def test_a_photo_leaves_by_the_hash_of_its_file(tmp_path: Path) -> None:
    before = open_release(released(tmp_path / "all", "")).find("s006")["image_sha256"]
    release = released(tmp_path / "less", f",{before.upper()},,published without leave,2026-05-02\n")
    assert told(release) == [("s006", "published without leave", "2026-05-02")]
    assert "s006" not in ids(release)


def test_all_of_an_author_leave_and_the_name_does_not_stand_in_the_list(tmp_path: Path) -> None:
    release = released(tmp_path, ",,author <b>0</b>,the author asked,2026-06-01\n")
    opened = open_release(release)
    assert not {row["author"] for split in opened.splits for row in opened.rows(split)} & {"author <b>0</b>"}
    assert {name for name, _, _ in told(release)} >= {"s000", "s006", "s012", "s018"}
    assert b"author <b>0" not in (release / "withdrawn.parquet").read_bytes()


def test_an_id_stays_listed_that_this_build_does_not_have(tmp_path: Path) -> None:
    release = released(tmp_path, "long-gone,,,asked,2026-05-01\ns001,,,a,2026-05-02\ns001,,,b,2026-05-03\n")
    assert [(name, why) for name, why, _ in told(release)] == [("long-gone", "asked"), ("s001", "a")]


def test_splits_of_all_others_stay_as_they_were(tmp_path: Path) -> None:
    before = open_release(released(tmp_path / "all", ""))
    after = open_release(released(tmp_path / "less", "s001,,,a,2026-05-01\n"))
    for split in before.splits:
        assert [r["id"] for r in after.rows(split)] == [r["id"] for r in before.rows(split) if r["id"] != "s001"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "a,,x,why,2026-01-01\n", "line 2: names id and author; expected one of id, sha256, author"),
        (HEAD + "a,,,why,2026-01-01\n,,,why,2026-01-01\n", "line 3: names nothing"),
        (HEAD + "a,,,,2026-01-01\n", "line 2: has no reason"),
        (HEAD + "a,,,why,\n", "line 2: has no since"),
        (HEAD + "a,,,why,yesterday\n", "line 2: since is 'yesterday', expected a day such as 2026-05-01"),
        (HEAD + ",abc,,why,2026-01-01\n", "line 2: sha256 is 'abc', expected 64 hexadecimal digits"),
        ("id,reason,since,colour\na,b,2026-01-01,red\n", "has a column `colour`; expected id, sha256, author, reason"),
        ("id,reason\na,b\n", "has no column `since`"),
    ],
)
def test_a_file_that_is_none_is_refused_by_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "errata.csv").write_text(text)
    with pytest.raises(RecipeError, match=r"errata\.csv: ") as raised:
        read_withdrawals(tmp_path / "errata.csv")
    assert said in str(raised.value)


def test_parquet_says_the_same(tmp_path: Path) -> None:
    lines = {"id": ["a", None], "author": [None, " Ada "], "reason": ["x", "y"], "since": ["2026-01-01", "2026-01-02"]}
    pl.DataFrame(lines).write_parquet(tmp_path / "errata.parquet")
    assert read_withdrawals(tmp_path / "errata.parquet").select("id", "author").rows() == [("a", None), (None, "Ada")]
    with pytest.raises(RecipeError, match="nowhere"):
        read_withdrawals(tmp_path / "nowhere.parquet")


@given(st.binary(max_size=300))
def test_no_bytes_make_more_than_a_message(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("errata") / "errata.csv"
    path.write_bytes(data)
    with pytest.raises(FactoryError, match=r"errata\.csv"):
        read_withdrawals(path)
        raise FactoryError("errata.csv: sound")
