"""A release as its users read it: with `datasets`, with `webdataset`, and with GLOBE's published preprocessor."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from release import write_release
from release.read import open_release
from schemas.rows.mp16_reason import ROW
from schemas.rows.schema import hub_features
from schemas.settings import ReleaseSettings
from tests import loaded as loaders
from tests.build_fixture import change_plan, make_build
from tests.unit.release.families import PAIR_ROW, PAIRS, QUIZ, QUIZ_ROW

pytest.importorskip("datasets", reason="pip install geo-reasoning-factory[datasets]")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("readable") / "b", 60)
    late = pl.when((pl.col("source_row") >= 40) & (pl.col("source_row") % 3 != 2))  # an author stays in one split
    build = change_plan(build, author=late.then(pl.lit("late")), captured_at=late.then(pl.lit("2024")))
    write_release(build)
    return build.paths.release


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    yield


def load(*args: Any, cache: Path, **kwargs: Any) -> Any:
    import datasets

    return datasets.load_dataset(*args, cache_dir=str(cache), **kwargs)


def files(release: Path, folder: str, ending: str) -> dict[str, str]:
    return {split: str(release / folder / f"{split}-*.{ending}") for split in ("train", "test")}


def globe_preprocess(row: dict[str, Any]) -> dict[str, Any]:
    """What GLOBE's published dataset code makes of a row, as its specification says (two regular expressions)."""
    solution = row["__#solution"]
    country = re.search(r"<country>(.*?)</country>", solution).group(1)  # type: ignore[union-attr]
    city = re.search(r"<city>(.*?)</city>", solution).group(1)  # type: ignore[union-attr]
    answer = f"<think>{row['response']}</think><answer>country: {country}\ncity: {city}</answer>"
    return {
        "response": answer,
        "solution": f"{country}\t{city}",
        "image": row["images"][0]["bytes"],
        "entities": {entity["text"].lower() for entity in row["entities"]},
    }


def test_the_folder_loads_as_a_dataset_with_decoded_images(release: Path, tmp_path: Path) -> None:
    loaded = load(str(release), cache=tmp_path)
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 20, "test": 9}
    row = loaded["train"][0]
    assert isinstance(row["images"][0], Image.Image)
    assert row["lat"] == 51.3397


def test_other_rows_in_a_folder_of_the_same_name_are_not_those_loaded_before(tmp_path: Path) -> None:
    """`datasets` knows a folder again by its name and its card; both releases have as many rows in each split."""
    for author in ("one", "other"):
        build = change_plan(make_build(tmp_path / author, 12), author=pl.lit(f"{author} ") + pl.col("id"))
        write_release(build, settings=ReleaseSettings(formats=("parquet",)))
        loaded = load(str(build.paths.release), cache=tmp_path / "cache", split="train")
        assert {name.split()[0] for name in loaded["author"]} == {author}


def test_parquet_files_load_with_their_features(release: Path, tmp_path: Path) -> None:
    import datasets

    loaded = load("parquet", data_files=files(release, "parquet", "parquet"), cache=tmp_path)
    features = loaded["test"].features
    assert features == datasets.Features.from_dict(hub_features(ROW.columns))
    assert features["images"].feature == datasets.Image()
    assert loaded["test"][0]["images"][0].size == (160, 120)


@pytest.mark.parametrize("streaming", [False, True])
def test_tars_load_although_early_rows_lack_values_that_later_have(
    release: Path, tmp_path: Path, streaming: bool
) -> None:
    loaded = load("webdataset", data_files=files(release, "webdataset", "tar"), cache=tmp_path, streaming=streaming)
    rows = list(loaded["train"])
    assert len(rows) == 20
    assert {tuple(row["json"]) for row in rows} == {ROW.json_keys}
    assert all(row["jpg"].size == (160, 120) for row in rows)
    assert {row["json"]["author"] for row in rows} == {"", "late"}


def test_tars_read_with_webdataset(release: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    tar = str(release / "webdataset" / "test-000000.tar")
    rows = list(webdataset.WebDataset(tar, shardshuffle=False).decode("pil"))
    assert [row["__key__"] for row in rows] == [f"{n:06d}" for n in range(9)]
    assert {row["json"]["split"] for row in rows} == {"test"}
    assert rows[0]["jpg"].size == (160, 120)


def test_five_programs_load_it_and_agree_whose_each_photo_is(release: Path, tmp_path: Path) -> None:
    due = loaders.attributed(row for split in ("train", "test") for row in open_release(release).rows(split))
    assert len(due) == 29 and any(author for _, author, _ in due.values())
    assert loaders.attributed(loaders.with_datasets(release, tmp_path)) == due
    assert loaders.attributed(loaders.with_webdataset(release)) == due
    assert loaders.attributed(loaders.with_polars(release)) == due
    assert loaders.attributed(loaders.with_duckdb(release)) == due
    assert loaders.attributed(loaders.with_croissant(release)) == due


def test_globes_preprocessor_reads_every_row(release: Path, tmp_path: Path) -> None:
    import datasets

    loaded = load("parquet", data_files=files(release, "parquet", "parquet"), cache=tmp_path)["train"]
    loaded = loaded.cast_column("images", datasets.List(datasets.Image(decode=False)))
    for row in loaded:
        read = globe_preprocess(row)
        assert read["solution"] == f"{row['country']}\t{row['city']}"
        assert re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", read["response"], re.DOTALL)
        assert len(read["entities"]) == 2
        with Image.open(io.BytesIO(read["image"])) as picture:
            assert picture.size == (row["width"], row["height"])


def test_messages_load_as_conversations_whose_pictures_are_the_rows(release: Path, tmp_path: Path) -> None:
    row = load("parquet", data_files=files(release, "parquet", "parquet"), cache=tmp_path)["train"][0]
    assert [turn["role"] for turn in row["messages"]] == ["system", "user", "assistant"]
    parts = [part["type"] for turn in row["messages"] for part in turn["content"]]
    assert parts.count("image") == len(row["images"]) == 1


def test_rows_of_two_pictures_load_in_either_format(tmp_path: Path) -> None:
    import datasets

    build = make_build(tmp_path / "b", 20, roles=("ground", "satellite"))
    write_release(build, PAIRS)
    loaded = load("parquet", data_files=files(build.paths.release, "parquet", "parquet"), cache=tmp_path)
    assert loaded["test"].features == datasets.Features.from_dict(hub_features(PAIR_ROW.columns))
    assert [picture.size for picture in loaded["test"][0]["images"]] == [(160, 120)] * 2
    tars = load("webdataset", data_files=files(build.paths.release, "webdataset", "tar"), cache=tmp_path)
    assert tars["test"][0]["0.jpg"].size == tars["test"][0]["1.jpg"].size == (160, 120)
    webdataset = pytest.importorskip("webdataset")
    tar = str(build.paths.release / "webdataset" / "test-000000.tar")
    (first, *_) = webdataset.WebDataset(tar, shardshuffle=False).decode("pil")
    assert {"0.jpg", "1.jpg", "json"} < set(first)


def test_rows_without_a_picture_load_in_either_format(tmp_path: Path) -> None:
    import datasets

    build = make_build(tmp_path / "b", 20, roles=())
    write_release(build, QUIZ)
    loaded = load(str(build.paths.release), cache=tmp_path)
    assert loaded["test"].features == datasets.Features.from_dict(hub_features(QUIZ_ROW.columns))
    assert loaded["test"][1]["id"] == "s002/2" and loaded["test"][1]["images"] == []
    tars = load("webdataset", data_files=files(build.paths.release, "webdataset", "tar"), cache=tmp_path)
    assert tars["test"][1]["json"]["id"] == "s002/2"
