"""Rows that stand in folders of their own: by licence where the recipe asks, by part where a family has parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from release import check_release, write_release
from release.configs import configs, folder_in, folder_of, is_ids
from release.read import open_release
from schemas.rows import mg_geo_clue, mg_geo_dialog, mg_geo_meta
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, make_build
from tests.unit.release.families import QUIZ_AT_ONCE, schema_of


def front(release: Path) -> Any:
    return YAML(typ="safe").load((release / "README.md").read_text(encoding="utf-8").split("\n---\n\n")[0][4:])


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows under CC BY, CC0, BY-SA, BY-NC and BY-ND, in a configuration each."""
    few = pl.when(pl.col("source_row") == 6).then(pl.lit("CC BY-NC 2.0"))
    nd = few.when(pl.col("source_row") == 7).then(pl.lit("CC BY-ND 2.0")).otherwise("licence")
    build = change_plan(make_build(tmp_path_factory.mktemp("configs") / "b", 20), licence=nd)
    write_release(build, settings=ReleaseSettings(configs="licence"))
    return build.paths.release


def test_each_class_of_licences_is_a_configuration(release: Path) -> None:
    told = {one["config_name"]: one["data_files"] for one in front(release)["configs"]}
    assert list(told) == ["default", "cc-by", "cc-by-sa", "cc0", "ids", "nc"]
    assert told["cc-by"][0] == {"split": "train", "path": "parquet/cc-by/train-*.parquet"}
    assert told["default"][0]["path"] == [
        f"parquet/{name}/train-*.parquet" for name in ("cc-by", "cc-by-sa", "cc0", "nc")
    ]
    assert {one["config_name"] for one in front(release)["dataset_info"]} == set(told)
    for name in ("cc-by", "cc-by-sa", "cc0", "nc"):
        opened = open_release(release, config=name)
        rows = [row for split in opened.splits for row in opened.rows(split)]
        assert len(rows) == len(opened) > 0
    assert {row["licence"] for row in open_release(release, config="nc").rows("train")} == {"CC BY-NC 2.0"}
    with pytest.raises(KeyError, match=r"no configuration 'nd' in .*; there are default, cc-by"):
        open_release(release, config="nd")


def test_all_of_them_are_the_default_in_either_format_each_row_once(release: Path) -> None:
    opened = {form: open_release(release, format=form) for form in ("parquet", "webdataset")}  # type: ignore[arg-type]
    rows = {form: [row for split in one.splits for row in one.rows(split)] for form, one in opened.items()}
    assert rows["parquet"] == rows["webdataset"]
    assert len({row["id"] for row in rows["parquet"]}) == len(rows["parquet"]) == 9
    for form, one in opened.items():
        assert [one.row("train", n) for n in range(one.splits["train"])] == list(one.rows("train")), form
        assert sorted(row["id"] for row in one.stream("train")) == sorted(row["id"] for row in one.rows("train"))
        assert all(one.find(row["id"]) == row for row in rows[form])
    assert check_release(release) == []


def test_without_being_asked_nothing_is_set_apart(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    write_release(build)
    assert [one["config_name"] for one in front(build.paths.release)["configs"]] == ["default"]
    assert not [path for path in (build.paths.release / "parquet").iterdir() if path.is_dir()]


def test_parts_of_a_family_are_configurations(tmp_path: Path) -> None:
    assert [schema.ROW.part for schema in (mg_geo_meta, mg_geo_clue, mg_geo_dialog)] == ["meta", "clue", "dialog"]
    build = make_build(tmp_path / "b", 8, roles=())
    write_release(build, replace(QUIZ_AT_ONCE, row=replace(QUIZ_AT_ONCE.row, part="quiz")))
    release = build.paths.release
    (told,) = front(release)["configs"]
    assert (told["config_name"], told["default"]) == ("quiz", True)
    assert told["data_files"][0]["path"] == "parquet/quiz/train-*.parquet"
    assert len(open_release(release)) == len(open_release(release, config="quiz")) == 4
    assert check_release(release) == []


def test_rows_made_at_once_are_set_apart_like_others(tmp_path: Path) -> None:
    row = schema_of("quiz", level=pa.int32(), licence=pa.string())
    made = QUIZ_AT_ONCE.records
    assert made is not None
    generator = replace(QUIZ_AT_ONCE, row=row, records=lambda frame: made(frame).with_columns(licence=frame["licence"]))
    build = make_build(tmp_path / "b", 20, roles=())
    write_release(build, generator, settings=ReleaseSettings(configs="licence", shard_size=2))
    release = build.paths.release
    assert {row["licence"] for row in open_release(release, config="cc0").rows("train")} == {"CC0"}
    assert sum(len(open_release(release, config=name)) for name in ("cc0", "cc-by", "cc-by-sa")) == 10
    assert check_release(release) == []


def test_folders_are_named_by_part_and_class() -> None:
    assert folder_of("", None, withheld=False) == ""
    assert folder_of("meta", "cc-by", withheld=False) == "meta-cc-by"
    assert folder_of("meta", "nd", withheld=True) == "meta-ids" and is_ids("meta-ids") and not is_ids("idsx")
    assert folder_in("parquet/meta/train-0.parquet") == "meta"
    assert folder_in("parquet/train-0.parquet") == ""
    assert configs({}, "") == [{"name": "default", "folders": [], "splits": {}}]
