"""Rows that are released as columns are, byte for byte, those that are released one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import release.check
import release.columns
import release.parquet_files
import release.rows
from factory.errors import CorruptBuild, PluginFault
from release import check_release, write_release
from release.at_once import Block
from release.rows import release_order, released_rows
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from tests.unit.release.families import QUIZ_AT_ONCE, quiz_at_once

Records = Callable[[pl.DataFrame], pl.DataFrame]


def files(tmp_path: Path, name: str, records: Records, **settings: Any) -> dict[str, bytes]:
    build = make_build(tmp_path / name, 20, roles=())
    write_release(build, replace(QUIZ_AT_ONCE, records=records), settings=ReleaseSettings(**settings))
    root = build.paths.release
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def twice(frame: pl.DataFrame) -> pl.DataFrame:
    """Two rows a sample, the further ones of all samples behind the first ones."""
    rows = quiz_at_once(frame)
    return pl.concat([rows, rows.with_columns(pl.col("id") + "/2")]) if frame.height == 1 else _woven(rows)


def _woven(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([pl.concat([row, row.with_columns(pl.col("id") + "/2")]) for row in rows.iter_slices(1)])


@pytest.mark.parametrize("records", [quiz_at_once, twice])
@pytest.mark.parametrize("formats", [("parquet",), ("webdataset",), ("webdataset", "parquet")], ids=", ".join)
def test_both_ways_write_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: Records, formats: tuple[str, ...]
) -> None:
    monkeypatch.setattr(release.parquet_files, "GROUP_ROWS", 3)
    given = {"formats": formats, "shard_size": 4}
    found = files(tmp_path, "a", records, **given)
    monkeypatch.setattr(release.rows, "block", lambda *_: None)
    monkeypatch.setattr(release.columns, "_plain", lambda *_: None)
    assert found == files(tmp_path, "b", records, **given)
    assert any(name.endswith((".parquet", ".tar")) for name in found)


@pytest.mark.parametrize("records", [quiz_at_once, twice])
def test_rows_in_which_nothing_is_odd_stay_columns(tmp_path: Path, records: Records) -> None:
    build = make_build(tmp_path / "b", 8, roles=())
    found = [*released_rows(build, release_order(build), replace(QUIZ_AT_ONCE, records=records), None)]
    assert found and all(isinstance(one, Block) for one in found)


def test_columns_of_other_types_are_looked_at_one_by_one(tmp_path: Path) -> None:
    def worded(frame: pl.DataFrame) -> pl.DataFrame:
        return quiz_at_once(frame).with_columns(level=pl.lit("low"))

    with pytest.raises(PluginFault, match="level: expected int, found 'low'"):
        files(tmp_path, "a", worded)


@pytest.mark.parametrize(
    ("records", "fault", "said"),
    [
        (lambda frame: quiz_at_once(frame).drop("level"), PluginFault, "row 1 of sample 's000': .*schema: level"),
        (lambda frame: quiz_at_once(frame).head(1), CorruptBuild, "'s001' is kept but `quiz` makes no row of it"),
        (
            lambda frame: pl.concat([quiz_at_once(frame), quiz_at_once(frame).tail(1).with_columns(id=pl.lit("x"))]),
            PluginFault,
            "row 2 of sample 's002': is called 'x', expected 's002/2'",
        ),
        (lambda frame: [], PluginFault, "returned list, not DataFrame"),
        (lambda frame: quiz_at_once(frame).with_columns(id=pl.lit("x")), PluginFault, "first row is 'x', of no sample"),
        (lambda frame: quiz_at_once(frame).with_columns(id=pl.lit(1)), PluginFault, "first row is 1, of no sample"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(tmp_path: Path, records: Records, fault: type[Exception], said: str) -> None:
    build = make_build(tmp_path / "b", 8, roles=())
    with pytest.raises(fault, match=said):
        list(released_rows(build, release_order(build), replace(QUIZ_AT_ONCE, records=records), None))


def test_a_row_cannot_take_another_samples_id(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8, roles=())
    order = release_order(build).with_columns(id=pl.when(pl.col("id") == "s006").then(pl.lit("s000/2")).otherwise("id"))
    with pytest.raises(CorruptBuild, match="'s000' has a row 's000/2', which is another sample's id"):
        list(released_rows(build, order, replace(QUIZ_AT_ONCE, records=twice), None))


def test_faults_of_released_rows_are_found_among_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = make_build(tmp_path / "b", 20, roles=())

    def odd(frame: pl.DataFrame) -> pl.DataFrame:
        bad = pl.when(pl.col("id") == "s001").then(pl.lit("much")).otherwise(pl.lit("none"))
        return quiz_at_once(frame).with_columns(saw_truth=bad)

    with pytest.raises(CorruptBuild) as found:
        write_release(build, replace(QUIZ_AT_ONCE, records=odd), settings=ReleaseSettings(formats=("parquet",)))
    assert "row 's001' says saw_truth 'much'" in str(found.value)
    monkeypatch.setenv("OPENAI_API_KEY", "CC BY 4.0, a very secret key")
    whole = make_build(tmp_path / "c", 20, roles=())
    write_release(whole, QUIZ_AT_ONCE, settings=ReleaseSettings(formats=("parquet",), licence="CC0-1.0"))
    assert check_release(whole.paths.release) == []
    monkeypatch.setenv("OPENAI_API_KEY", "Under which licence")
    assert any("OPENAI_API_KEY" in fault for fault in check_release(whole.paths.release))
