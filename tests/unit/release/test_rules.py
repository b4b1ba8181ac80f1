"""Rules for a release as a whole: each is broken once in a good release, everything else made to agree with it, and is
the only one that speaks."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from factory.cli.check import file_faults
from factory.errors import RecipeError
from factory.select.benchmarks import Benchmark
from release import check_release, write_release
from release.manifest import manifest_bytes, read_manifest
from release.read import open_release
from schemas.rows.mp16_reason import ROW
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, draw_jpeg, make_build
from tests.released import change_rows, recorded_again, rewrite_tar

SPLIT = {"split": {"keep_together": ["author", "geocell", "near_duplicates"], "cell_degrees": 0.05, "max_hamming": 6}}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s000, s001, s006 to train on, s002 to test; its recipe keeps author, geocell and picture apart."""
    build = make_build(tmp_path_factory.mktemp("rules") / "b", 8)
    write_release(build)
    fields = read_manifest(build.paths.release)
    fields["recipe"]["select"] = [SPLIT]
    (build.paths.release / "manifest.json").write_bytes(manifest_bytes(fields))
    return build.paths.release


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def row_of(release: Path, row_id: str) -> dict[str, Any]:
    return open_release(release).find(row_id)


def of_test(release: Path, change: Callable[[dict[str, Any]], Any]) -> list[str]:
    """The faults after a change of s002, the row of the split `test`."""
    change_rows(release, lambda row: (change(row), None)[1], number=0, split="test")
    return check_release(release)


def of_train(release: Path, change: Callable[[dict[str, Any]], Any]) -> list[str]:
    """The faults after a change of s001."""
    change_rows(release, lambda row: (change(row), None)[1])
    return check_release(release)


def test_a_good_release_breaks_none(sound: Path) -> None:
    assert check_release(sound) == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("Which street of Kyoto is this?", "region Kyoto"),
        ("Which town of Japan is this?", "country Japan"),
        ("Welche Stadt in Japón ist das?", "country Japón"),
        ("What lies at 35.01, 135.77?", "coordinates 35.01"),
    ],
)
def test_a_question_that_tells_the_place_is_named(release: Path, told: str, said: str) -> None:
    def tell(row: dict[str, Any]) -> None:
        row["messages"][1]["content"][-1]["text"] = told

    faults = of_train(release, tell)
    assert [fault.split(": ", 1)[1] for fault in faults] == [
        f"row 's001' tells its place before the last answer: {said}"
    ]


def test_what_a_family_declares_may_be_told(release: Path) -> None:
    def tell(row: dict[str, Any]) -> None:
        row["messages"][1]["content"][-1]["text"] = "Which town of Japan is this?"

    change_rows(release, tell)
    recorded_again(release, row={**ROW.plain(), "truth_in_messages": "country"})
    assert check_release(release) == []


def test_an_author_in_two_splits_is_named(release: Path) -> None:
    faults = of_test(release, lambda row: row.update(author="author <b>1</b>"))
    assert faults == [
        f"{release}: rows 's002' (test) and 's001' (train) share their author, and are in different splits"
    ]


def test_a_geocell_in_two_splits_is_named(release: Path) -> None:
    there = row_of(release, "s001")
    faults = of_test(release, lambda row: row.update(lat=there["lat"] + 0.001, lon=there["lon"]))
    assert len(faults) == 1 and "'s002' (test) and 's001' (train) share their geocell" in faults[0]


def test_nearly_the_same_picture_in_two_splits_is_named(release: Path) -> None:
    near = f"{int(row_of(release, 's001')['image_phash'], 16) ^ 0b111:016x}"
    faults = of_test(release, lambda row: row.update(image_phash=near))
    assert len(faults) == 1 and "'s002' (test) and 's001' (train) share their picture, nearly" in faults[0]


def test_what_the_recipe_does_not_keep_apart_may_be_shared(release: Path) -> None:
    change_rows(release, lambda row: row.update(author="author <b>1</b>"), number=0, split="test")
    fields = read_manifest(release)
    recorded_again(release, recipe={**fields["recipe"], "select": [{"split": {"keep_together": ["geocell"]}}]})
    assert check_release(release) == []


def test_the_recipes_way_by_cells_keeps_the_same_apart(release: Path) -> None:
    change_rows(release, lambda row: row.update(author="author <b>1</b>"), number=0, split="test")
    fields = read_manifest(release)
    recorded_again(release, recipe={**fields["recipe"], "select": [{"geocell_split": {}}]})
    (fault,) = check_release(release)
    assert "share their author" in fault


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("id", "s001", "benchmark_id: bench holds it as s001"),
        ("lat", 35.0120, "benchmark_nearby: 0.0"),
    ],
)
def test_a_row_of_a_benchmark_is_named(release: Path, tmp_path: Path, column: str, value: Any, said: str) -> None:
    line = {"id": "other", "lat": 0.0, "lon": 135.7681} | {column: value}
    pl.DataFrame([line]).write_csv(tmp_path / "bench.csv")
    (fault,) = check_release(release, benchmarks=[Benchmark(name="bench", table=tmp_path / "bench.csv")])
    assert fault.startswith(f"{release}: row 's001' is of a benchmark ({said}")
    assert check_release(release) == []


def test_the_command_takes_a_benchmark(release: Path, tmp_path: Path) -> None:
    pl.DataFrame({"id": ["s001"]}).write_csv(tmp_path / "bench.csv")
    (fault,) = file_faults(release, [tmp_path / "bench.csv"])
    assert "row 's001' is of a benchmark (benchmark_id: bench holds it as s001)" in fault
    with pytest.raises(RecipeError, match=r"nowhere\.csv: no such table or folder"):
        file_faults(release, [tmp_path / "nowhere.csv"])


def test_a_picture_of_a_benchmark_is_named(release: Path, tmp_path: Path) -> None:
    pl.DataFrame({"phash": [row_of(release, "s006")["image_phash"]]}).write_csv(tmp_path / "bench.csv")
    (fault,) = check_release(release, benchmarks=[Benchmark(name="b", table=tmp_path / "bench.csv")])
    assert "row 's006' is of a benchmark" in fault


def test_a_licence_that_is_not_counted_is_named(release: Path) -> None:
    faults = of_train(release, lambda row: row.update(licence=""))
    assert faults == [f"{release}: licences of rows are not those of the manifest: 'CC0', 'unknown'"]


def card_says(release: Path, licence: str) -> list[str]:
    card = release / "README.md"
    text = card.read_text(encoding="utf-8").replace("license: other", f"license: {licence}", 1)
    card.write_text(text, encoding="utf-8")
    recorded_again(release)
    return check_release(release)


def licensed(tmp_path: Path, licence: str) -> Path:
    """A release in which s001 has this licence, all others CC0, each photo with its address."""
    one = pl.when(pl.col("source_row") == 1).then(pl.lit(licence)).otherwise(pl.lit("CC0"))
    build = change_plan(make_build(tmp_path / "b", 8), licence=one)
    write_release(build)
    return build.paths.release


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("CC BY-SA 4.0", "must stay under its share-alike licence"),
        ("CC BY-NC 4.0", "allows no commercial use"),
        ("CC BY-ND 4.0", "allows no changed copies"),
        ("MIT", "has terms of its own"),
    ],
)
def test_a_card_that_promises_more_than_a_row_allows_is_named(tmp_path: Path, licence: str, why: str) -> None:
    faults = card_says(licensed(tmp_path, licence), "cc-by-4.0")
    assert [fault.split(": ", 1)[1] for fault in faults] == [f"row 's001' {why}, and the card says cc-by-4.0 of all"]
    assert card_says(licensed(tmp_path / "fine", "CC BY 4.0"), "cc-by-4.0") == []


def test_a_photo_that_must_be_attributed_and_names_nobody_is_named(tmp_path: Path) -> None:
    release = licensed(tmp_path, "CC BY 4.0")
    faults = of_train(release, lambda row: row.update(author="", source_url=""))
    assert faults == [f"{release}: row 's001' must be attributed, and names nobody"]


def test_a_changed_picture_under_a_licence_that_forbids_it_is_named(tmp_path: Path) -> None:
    release = licensed(tmp_path, "CC BY 4.0")
    fields = read_manifest(release)
    counts = {**fields["counts"], "licences": {"CC0": 3, "CC BY-ND 4.0": 1}}
    change_rows(release, lambda row: row.update(licence="CC BY-ND 4.0"))
    recorded_again(release, counts=counts)
    faults = check_release(release)
    assert [fault.split(": ", 1)[1] for fault in faults] == [
        "row 's001' has a changed picture, which its licence does not allow"
    ]


def test_a_row_among_another_class_of_licences_is_named(tmp_path: Path) -> None:
    licence = pl.lit("CC BY 4.0")
    build = change_plan(make_build(tmp_path / "b", 8), licence=licence)
    write_release(build, settings=ReleaseSettings(configs="licence", formats=("parquet",), viewer=False))
    release = build.paths.release
    file = release / "parquet" / "cc-by" / "test-00000-of-00001.parquet"
    table = pq.read_table(file)
    rows = [{**row, "licence": "CC0"} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file, write_page_checksum=True)
    counts = {**read_manifest(release)["counts"], "licences": {"CC BY 4.0": 3, "CC0": 1}}
    recorded_again(release, counts=counts)
    faults = [fault for fault in check_release(release) if "card says" not in fault]
    assert faults == [f"{release}: row 's002' is under 'CC0' and lies among cc-by"]


def test_a_row_that_is_there_twice_is_named(release: Path) -> None:
    faults = of_test(release, lambda row: row.update(id="s001"))
    assert faults == [f"{release}: row 's001' is there twice"]


def test_a_row_that_is_withdrawn_and_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "errata.csv").write_text("id,reason,since\ngone,asked,2026-05-01\n")
    build = make_build(tmp_path / "b", 8)
    write_release(build, settings=ReleaseSettings(withdrawn="errata.csv"), root=tmp_path)
    release = build.paths.release
    table = pq.read_table(release / "withdrawn.parquet")
    pq.write_table(
        pa.Table.from_pylist([{**table.to_pylist()[0], "id": "s006"}], table.schema), release / "withdrawn.parquet"
    )
    recorded_again(release)
    assert check_release(release) == [f"{release}: row 's006' is withdrawn, and there"]
    pq.write_table(table.drop_columns("since"), release / "withdrawn.parquet")
    recorded_again(release)
    (fault,) = check_release(release)
    assert "withdrawn.parquet: has other columns than id, reason, since" in fault


def test_a_withheld_photo_without_its_line_is_named(tmp_path: Path) -> None:
    nd = pl.when(pl.col("source_row") == 1).then(pl.lit("CC BY-ND 4.0")).otherwise("licence")
    build = change_plan(make_build(tmp_path / "b", 8), licence=nd)
    write_release(build)
    release = build.paths.release
    table = pq.read_table(release / "withheld.parquet")
    pq.write_table(
        pa.Table.from_pylist([{**table.to_pylist()[0], "id": "s9"}], table.schema), release / "withheld.parquet"
    )
    recorded_again(release)
    assert check_release(release) == [f"{release}: row 's001' is not in withheld.parquet"]


def test_a_configuration_that_counts_other_rows_is_named(release: Path) -> None:
    (config,) = read_manifest(release)["configs"]
    recorded_again(release, configs=[{**config, "splits": {"train": 4}}])
    faults = check_release(release)
    assert faults == [
        f"{release / form}: its configurations are others than those of the manifest"
        for form in ("parquet", "webdataset")
    ]


def test_a_place_in_a_pictures_metadata_is_named(release: Path) -> None:
    picture = Image.open(io.BytesIO(draw_jpeg(1)))
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (35.0, 0.0, 41.76), 3: "E", 4: (135.0, 46.0, 5.2)})
    out = io.BytesIO()
    picture.save(out, "JPEG", quality="keep", exif=exif)
    with_place = out.getvalue()
    file = release / "parquet" / "train-00000-of-00001.parquet"
    table = pq.read_table(file)
    rows = table.to_pylist()
    rows[1]["images"][0]["bytes"] = with_place
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file, write_page_checksum=True)
    rewrite_tar(release / "webdataset" / "train-000000.tar", {"000001.jpg": with_place})
    recorded_again(release)
    faults = check_release(release)
    assert faults and all("image of row 's001': carries" in fault for fault in faults)
    assert any("GPS" in fault.upper() or "EXIF" in fault.upper() for fault in faults)


def test_many_processes_find_what_one_finds(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 20)
    write_release(build, settings=ReleaseSettings(shard_size=2))
    release = build.paths.release
    with tarfile.open(release / "webdataset" / "train-000001.tar") as tar:
        jpeg = tar.extractfile("000002.jpg").read()  # type: ignore[union-attr]
    rewrite_tar(release / "webdataset" / "train-000001.tar", {"000002.jpg": jpeg[:-60]})
    recorded_again(release)
    alone = check_release(release, workers=1)
    assert len(alone) == 2 and check_release(release, workers=2) == alone
