from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from factory.errors import SourceError
from factory.sources.table import MAX_LINE_BYTES, table
from schemas import arrow


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_reads_csv_whatever_its_delimiter(tmp_path: Path, delimiter: str, start: str) -> None:
    lines = [["id", "file", "lat", "lon", "author"], ["007", "a.jpg", "60.1", "24.9", "Ann, Bob; Co"]]
    quoted = [delimiter.join(f'"{cell}"' if cell == "Ann, Bob; Co" else cell for cell in line) for line in lines]
    write(tmp_path, "t.csv", start + "\n".join(quoted) + "\n")
    row = table(tmp_path, path="t.csv").table().row(0, named=True)
    assert (row["id"], row["image"], row["lat"], row["author"]) == ("007", "a.jpg", "60.1", "Ann, Bob; Co")
    assert row["source_row"] == 0


def test_na_is_namibia_and_blank_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon,country,city\na,-22.5,17.1,NA,\nb,60,25,, \n")
    found = table(tmp_path, path="t.csv").table()
    assert found["country"].to_list() == ["NA", None]
    assert found["city"].to_list() == [None, None]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_other_formats_give_the_same_rows(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(
        {
            "id": ["a", "b"],
            "image": ["x/a.jpg", "b.jpg"],
            "lat": [60.125, None],
            "lon": [25.0, 3.5],
            "country": ["NA", None],
            "captured_at": ["2020-05-01T10:00:00", None],
        }
    )
    write_frame = frame.write_parquet if kind == "parquet" else frame.write_ndjson
    write_frame(tmp_path / f"t.{kind}")
    found = table(tmp_path, path=f"t.{kind}", licence="CC0-1.0", uncertainty_km=0.5).table()
    assert found.select(pl.col("lat", "lon").cast(pl.Float64)).rows() == [(60.125, 25.0), (None, 3.5)]
    assert (
        found.select("id", "image", "country", "captured_at").rows()
        == frame.select("id", "image", "country", "captured_at").rows()
    )
    assert found["licence"].to_list() == ["CC0-1.0"] * 2
    assert found["uncertainty_km"].cast(pl.Float64).to_list() == [0.5, 0.5]


def test_typed_parquet_columns_become_text(tmp_path: Path) -> None:
    pl.DataFrame(
        {"id": [7], "lat": [1.5], "lon": [[2.5]], "captured_at": [datetime(2020, 5, 1, 10)], "author": [b"\xff"]}
    ).write_parquet(tmp_path / "t.parquet")
    row = table(tmp_path, path="t.parquet").table().row(0, named=True)
    assert (row["id"], row["lat"], row["lon"], row["author"]) == ("7", 1.5, "list", "binary")
    assert row["captured_at"].startswith("2020-05-01T10:00:00")


def test_declared_encodings_are_read(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon,city\na,39.9,116.4,北京\n", "gbk")
    assert table(tmp_path, path="t.csv", encoding="gbk").table()["city"].item() == "北京"
    with pytest.raises(SourceError, match=r"t\.csv.*encoding"):
        table(tmp_path, path="t.csv").table()


def test_mapped_columns_come_before_usual_names(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon,true_lat,true_lon\na,1,2,60,25\n")
    source = table(tmp_path, path="t.csv", columns={"lat": "true_lat", "lon": "true_lon"})
    assert source.table().select("lat", "lon").row(0) == ("60", "25")
    assert source.coordinate_columns == ("true_lat", "true_lon")


def test_a_missing_column_is_named_with_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,latitud,lon\na,1,2\n")
    with pytest.raises(SourceError, match=r"no column `lat` for lat.*latitud.*columns: \{lat: NAME\}"):
        table(tmp_path, path="t.csv").table()
    with pytest.raises(SourceError, match=r"no column `Latitud` .*did you mean `latitud`"):
        table(tmp_path, path="t.csv", columns={"lat": "Latitud"}).table()


def test_mp16_is_known_by_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        "mp16.csv",
        "IMG_ID,AUTHOR,LAT,LON,S3_Label,S16_Label,S365_Label,Prob_indoor,Prob_natural,Prob_urban\n"
        "7e/c3/8163912402.jpg,78841376@N00,32.3,-64.7,2,12,353,0.27,0.04,0.68\n",
    )
    row = table(tmp_path, path="mp16.csv", layout="mp16").table().row(0, named=True)
    assert row["id"] == row["image"] == "7e_c3_8163912402.jpg"
    assert (row["author"], row["scene"]) == ("78841376@N00", "urban")


def test_osv5m_is_known_by_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        "osv5m.csv",
        "id,latitude,longitude,country,captured_at,region,city,creator_username\n"
        "297765091851450,-22.5,17.1,NA,1559817025000,Khomas,NaN,jo\n",
    )
    (tmp_path / "images" / "03").mkdir(parents=True)
    (tmp_path / "images" / "03" / "297765091851450.jpg").write_bytes(b"x")
    source = table(tmp_path, path="osv5m.csv", layout="osv5m", images="images")
    row = source.table().row(0, named=True)
    assert (row["image"], row["country"], row["city"]) == ("297765091851450.jpg", "NA", None)
    assert (row["captured_at"], row["licence"]) == ("2019-06-06T10:30:25Z", "CC-BY-SA-4.0")
    assert source.read(row["image"]) == tmp_path / "images" / "03" / "297765091851450.jpg"


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon\na,1,2\n")
    first = table(tmp_path, path="t.csv").digest()
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere", "u.csv", "id,lat,lon\na,1,2\n")
    assert table(tmp_path, path="elsewhere/u.csv").digest() == first
    write(tmp_path, "t.csv", "id,lat,lon\na,1,3\n")
    assert table(tmp_path, path="t.csv").digest() != first


def test_paths_expand_variables_and_name_those_that_are_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "t.csv", "id,lat,lon\na,1,2\n")
    monkeypatch.setenv("MY_TABLES", str(tmp_path))
    assert table(Path("nowhere"), path="${MY_TABLES}/t.csv").table().height == 1
    with pytest.raises(SourceError, match=r"source\.path: the environment variable NOT_SET_HERE is not set"):
        table(tmp_path, path="${NOT_SET_HERE}/t.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("header.csv", b"just one column\n"),
        ("ragged.csv", b"id,lat,lon\na,1,2,3,4,5\n"),
        ("zeros.csv", b"\0" * 4096),
        ("binary.csv", bytes(range(256)) * 16),
        ("twice.csv", b"id,lat,lat,lon\na,1,2,3\n"),
        ("open.csv", b'id,lat,lon\n"a,1,2\n'),
        ("long.csv", b"x" * (MAX_LINE_BYTES + 10)),
        ("fake.parquet", b"PAR1 this is no parquet PAR1"),
        ("empty.parquet", b""),
        ("bad.jsonl", b'{"id": "a", "lat": 1, "lon": 2}\n{"id": \n'),
        ("list.jsonl", b"[1, 2]\n"),
        ("deep.jsonl", b'{"id":' + b"[" * 20_000 + b"]" * 20_000 + b"}\n"),
        ("long.jsonl", b'{"id": "' + b"x" * MAX_LINE_BYTES + b'"}\n'),
        ("gone.csv", None),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name.replace(".", r"\.")):
        table(tmp_path, path=name).table()


def test_an_unknown_suffix_asks_for_the_format(tmp_path: Path) -> None:
    write(tmp_path, "t.data", "id,lat,lon\na,1,2\n")
    with pytest.raises(SourceError, match="format:"):
        table(tmp_path, path="t.data")
    assert table(tmp_path, path="t.data", format="csv").table().height == 1


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon\n")
    assert table(tmp_path, path="t.csv").table().height == 0


def test_jsonl_keeps_the_exact_number_and_skips_blank_lines(tmp_path: Path) -> None:
    write(tmp_path, "t.jsonl", '{"id": 5, "lat": 0.1, "lon": 1e-3}\n\n{"id": "b", "lon": "2", "extra": {}}\n')
    found = table(tmp_path, path="t.jsonl").table()
    assert found.select("id", "lat", "lon").rows() == [("5", "0.1", "0.001"), ("b", None, "2")]


SEVERAL = "id,street,tile,said,lat,lon\na,s/a.jpg,t/a.png, a tram bell ,60,25\nb,s/b.jpg,,,60,25\nc,,,,60,25\n"
PICTURES, TEXTS = {"ground": "street", "satellite": "tile"}, {"transcript": "said"}


def several(folder: Path, kind: str = "csv") -> Any:
    """The same rows in any format."""
    write(folder, "t.csv", SEVERAL)
    frame = pl.read_csv(folder / "t.csv", infer_schema=False)
    if kind == "parquet":
        frame.write_parquet(folder / "t.parquet")
    elif kind == "jsonl":
        frame.write_ndjson(folder / "t.jsonl")
    return table(folder, path=f"t.{kind}", pictures=PICTURES, texts=TEXTS)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_a_row_may_have_several_pictures_and_texts(tmp_path: Path, kind: str) -> None:
    found = several(tmp_path, kind).table()
    assert (
        found.select("images", "texts")
        .to_arrow()
        .cast(pa.schema([arrow.PLAN.field("images"), arrow.PLAN.field("texts")]))
    )
    shown = [[(one["role"], one["locator"], one["lat"], one["embed"]) for one in images] for images in found["images"]]
    assert shown == [
        [("ground", "s/a.jpg", None, True), ("satellite", "t/a.png", None, True)],
        [("ground", "s/b.jpg", None, True)],
        [],
    ]
    assert found["texts"].to_list() == [[{"name": "transcript", "text": "a tram bell"}], [], []]
    assert found["image"].to_list() == [None] * 3


def test_a_row_without_an_id_is_called_after_its_first_picture(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", SEVERAL.replace("id,", "no,", 1))
    found = table(tmp_path, path="t.csv", pictures=PICTURES).table()
    assert found["id"].to_list() == ["s/a.jpg", "s/b.jpg", None]


def test_without_pictures_and_texts_there_are_no_lists(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,image,lat,lon\na,a.jpg,60,25\n")
    assert not {"images", "texts"} & set(table(tmp_path, path="t.csv").table().columns)


@pytest.mark.parametrize(("key", "mapped"), [("pictures", {"ground": "stret"}), ("texts", {"transcript": "siad"})])
def test_a_missing_column_of_a_picture_or_text_is_named(tmp_path: Path, key: str, mapped: dict[str, str]) -> None:
    write(tmp_path, "t.csv", SEVERAL)
    with pytest.raises(SourceError, match=rf"no column `{next(iter(mapped.values()))}`.*`{key}: "):
        table(tmp_path, path="t.csv", **{key: mapped}).table()  # type: ignore[arg-type]


def test_every_picture_counts_in_the_digest(tmp_path: Path) -> None:
    source = several(tmp_path)
    for name in ("s/a.jpg", "s/b.jpg", "t/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    before = source.digest()
    (tmp_path / "t" / "a.png").write_bytes(b"xx")
    assert source.digest() != before


def test_a_stamp_is_size_and_time_without_reading(tmp_path: Path) -> None:
    source = several(tmp_path)
    assert source.stamp("s/a.jpg") is None
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.jpg").write_bytes(b"three")
    os.utime(tmp_path / "s" / "a.jpg", ns=(1, 2_000_000_007))
    assert source.stamp("s/a.jpg") == (5, 2_000_000_007)
    assert source.stamp("../outside") is None
