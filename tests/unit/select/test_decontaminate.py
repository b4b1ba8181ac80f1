from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from factory.errors import SourceError
from factory.images.phash import phash
from factory.plugins.registry import plugin
from factory.select import Benchmark, decontaminate, overlaps_by_metadata
from factory.select.benchmarks import read_benchmark
from tests.build_fixture import draw_jpeg
from tests.unit.select.frames import frame_of

TABLE = """IMG_ID,AUTHOR,LAT,LON
1000269685_e60e9cdfb4_1125_78841376@N00.jpg,78841376@N00,32.325436,-64.764404
folder/photo.PNG,NA,-22.5594,17.0832
"""


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    (tmp_path / "bench.csv").write_text(TABLE, encoding="utf-8")
    return Benchmark(name="bench", table=tmp_path / "bench.csv")


def overlap(benchmark: Benchmark, row: dict[str, object], radius_km: float = 1.0) -> list[tuple[str, str]]:
    return overlaps_by_metadata(frame_of([row]), [benchmark], radius_km=radius_km).select("reason", "detail").rows()


@pytest.mark.parametrize(
    "spelling",
    [
        "1000269685_e60e9cdfb4_1125_78841376@N00.jpg",
        "1000269685_e60e9cdfb4_1125_78841376@N00",
        "7e/c3/1000269685.jpg",
        "7e_c3_1000269685",
        "folder/photo.png",
        "folder_photo",
    ],
)
def test_knows_an_id_in_all_its_spellings(benchmark: Benchmark, spelling: str) -> None:
    ((reason, detail),) = overlap(benchmark, {"id": spelling})
    assert reason == "benchmark_id"
    assert detail.startswith("bench holds it as ")


def test_a_longer_number_is_another_photo(benchmark: Benchmark) -> None:
    assert overlap(benchmark, {"id": "7e_c3_10002696850"}) == []


def test_the_same_author_at_the_same_coordinate_is_the_same_photo(benchmark: Benchmark) -> None:
    row = {"author": "78841376@N00", "lat": 32.32544, "lon": -64.7644}
    ((reason, _),) = overlap(benchmark, row, radius_km=0)
    assert reason == "benchmark_author_place"
    assert overlap(benchmark, {**row, "author": None}, radius_km=0) == []


def test_a_photo_near_a_benchmarks_photo_leaves(benchmark: Benchmark) -> None:
    assert overlap(benchmark, {"lat": 32.333, "lon": -64.764404}) == [
        ("benchmark_nearby", "0.841 km from 1000269685_e60e9cdfb4_1125_78841376@N00.jpg of bench")
    ]
    assert overlap(benchmark, {"lat": 32.335, "lon": -64.764404}) == []


def test_distance_works_across_the_date_line_and_at_the_pole(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,latitude,longitude\na,10.0,179.999\nb,90.0,0.0\n", encoding="utf-8")
    edge = Benchmark(name="edge", table=tmp_path / "b.csv")
    rows = frame_of([{"lat": 10.0, "lon": -179.999}, {"lat": 89.995, "lon": 170.0}, {"lat": 10.0, "lon": 0.0}])
    assert overlaps_by_metadata(rows, [edge])["id"].to_list() == ["r000", "r001"]


def test_the_author_NA_is_text_and_not_missing(benchmark: Benchmark) -> None:  # noqa: N802
    assert read_benchmark(benchmark)["author"].to_list() == ["78841376@N00", "NA"]


def test_reads_swapped_coordinates_the_right_way_round(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("IMG_ID,LON,LAT\na,35.0,135.7\nb,52.0,13.4\n", encoding="utf-8")
    table = read_benchmark(Benchmark(name="swapped", table=tmp_path / "s.csv"))
    assert table.select("lat", "lon").rows() == [(35.0, 135.7), (52.0, 13.4)]


def test_a_near_picture_leaves_and_says_which_it_resembles(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "seen.jpg").write_bytes(draw_jpeg(3))
    (tmp_path / "images" / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    with Image.open(tmp_path / "images" / "seen.jpg") as picture:
        known = phash(picture)
    frame = frame_of([{"image_phash": known ^ 0b11}, {"image_phash": known ^ (2**32 - 1)}, {}])
    found = decontaminate(frame, benchmarks=(Benchmark(name="set", images=tmp_path / "images", skip_unreadable=True),))
    assert found.removed.rows() == [("r000", "benchmark_picture", "2 bits from seen.jpg of set")]


def test_hashes_may_come_from_the_table_instead(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("id,phash\nx,00000000000000ff\ny,\n", encoding="utf-8")
    found = decontaminate(
        frame_of([{"image_phash": 0xFE}]), benchmarks=(Benchmark(name="h", table=tmp_path / "h.csv"),), max_hamming=1
    )
    assert found.removed["detail"].to_list() == ["1 bits from x of h"]


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("48°51,2,", "row 2: benchmark `b`: '48°51' in `lat`, so nothing would be compared with this row"),
        ("3,NaN,", "row 2: benchmark `b`: 'NaN' in `lon`.*; expected degrees such as 48.8584, or nothing"),
        ("3,inf,", "row 2: .*'inf' in `lon`"),
        ("95,179,", "row 2: .*95.0 in `lat`.*; expected -90 to 90"),
        ("3,181,", "row 2: .*181.0 in `lon`.*; expected -180 to 180"),
        ("3,4,zz", "row 2: .*'zz' in `phash`.*; expected 16 hexadecimal digits"),
    ],
)
def test_a_value_that_nothing_can_be_compared_with_is_refused(tmp_path: Path, second: str, told: str) -> None:
    (tmp_path / "b.csv").write_text(f"id,lat,lon,phash\na,1,170,ff\nb,{second}\n")
    with pytest.raises(SourceError, match=told):
        read_benchmark(Benchmark(name="b", table=tmp_path / "b.csv"))


def test_a_row_without_coordinates_is_known_by_its_id_alone(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,lat,lon\na,,\nb, ,\nc,1,2\n")
    table = read_benchmark(Benchmark(name="b", table=tmp_path / "b.csv"))
    assert table.select("id", "lat", "lon").rows() == [("a", None, None), ("b", None, None), ("c", 1.0, 2.0)]


def test_a_table_parted_by_semicolons_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id;lat;lon\nz;38.7118;-9.13\n")
    with pytest.raises(SourceError, match="it has id;lat;lon; it is parted by `;`, expected `,`: name them"):
        read_benchmark(Benchmark(name="b", table=tmp_path / "b.csv"))


def test_text_in_many_chunks_is_compared(benchmark: Benchmark) -> None:
    """As sorting and filtering leave it: several chunks, the first one empty (polars 2.1 could panic on these)."""
    rows = [
        {"id": "folder/photo.png", "author": None},
        {"id": "7e_c3_1000269685", "author": None},
        {"id": "by author", "author": "78841376@N00", "lat": 32.32544, "lon": -64.7644},
        {"id": "near", "author": None, "lat": -22.5594, "lon": 17.0842},
    ]
    frame = frame_of(rows).with_columns(scene=pl.lit("first"))
    empty = frame.clear()
    chunked = pl.concat([empty, frame, frame.with_columns(pl.col("id") + "?"), empty, frame[:2]], rechunk=False)
    chunked = chunked.filter(pl.col("position") >= 0)
    assert chunked["id"].n_chunks() > 1
    found = overlaps_by_metadata(chunked, [benchmark, benchmark.model_copy(update={"name": "again"})])
    assert found["reason"].to_list() == [
        "benchmark_id",
        "benchmark_id",
        "benchmark_author_place",
        "benchmark_nearby",
        "benchmark_author_place",
        "benchmark_nearby",
        "benchmark_id",
        "benchmark_id",
    ]


@pytest.mark.parametrize("name", ["missing.csv", "notes.csv", "broken.parquet"])
def test_a_table_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.csv").write_text("colour,size\nred,3\n", encoding="utf-8")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(SourceError, match=f"{name}.*`b`"):
        read_benchmark(Benchmark(name="b", table=tmp_path / name))


def test_a_column_that_is_not_there_is_named(benchmark: Benchmark) -> None:
    wrong = benchmark.model_copy(update={"columns": {"lat": "breite"}})
    with pytest.raises(SourceError, match=r"no column `breite` \(its lat\); it has IMG_ID, AUTHOR"):
        read_benchmark(wrong)


def test_half_of_the_coordinates_is_no_distance_and_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,latt,lon\nz,38.7118,-9.13\n")
    with pytest.raises(SourceError, match="half of its coordinates, `lon`"):
        read_benchmark(Benchmark(name="b", table=tmp_path / "b.csv"))


def test_the_settings_schema_stands_in_one_piece() -> None:
    schema = plugin("selector", "decontaminate").settings.model_json_schema()
    assert "$ref" not in str(schema)
    listed = schema["properties"]["benchmarks"]["items"]["properties"]
    assert set(listed) == set(Benchmark.model_fields)


def test_sets_without_a_table_overlap_with_nothing() -> None:
    assert overlaps_by_metadata(frame_of([{}]), [Benchmark(name="empty")]).is_empty()
    assert isinstance(overlaps_by_metadata(frame_of([]), [Benchmark(name="empty")]), pl.DataFrame)
