from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from factory.errors import SourceError
from factory.sources.csv_table import MAX_HEADER_BYTES
from factory.sources.json_lines import MAX_LINE_BYTES
from factory.sources.table import table
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
    write(tmp_path, "t.csv", "id,lat,lon,country,city,uncertainty_km\na,-22.5,17.1,NA,,\nb,60,25,, , \n")
    found = table(tmp_path, path="t.csv", uncertainty_km=0.5).table()
    assert found["uncertainty_km"].to_list() == ["0.5", "0.5"]
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
    pl.DataFrame({"id": [7], "lat": [1.5], "lon": [2], "captured_at": [datetime(2020, 5, 1, 10)]}).write_parquet(
        tmp_path / "t.parquet"
    )
    row = table(tmp_path, path="t.parquet").table().row(0, named=True)
    assert (row["id"], row["lat"], row["lon"]) == ("7", 1.5, 2)
    assert row["captured_at"].startswith("2020-05-01T10:00:00")


def test_a_column_that_holds_no_text_is_never_planned_under_the_name_of_its_type(tmp_path: Path) -> None:
    rows = {"id": ["a"], "lat": [1.5], "lon": [2.5], "author": [b"jo"], "city": [["Oulu"]], "image": [["a.jpg"]]}
    pl.DataFrame(rows).drop("image").write_parquet(tmp_path / "t.parquet")
    row = table(tmp_path, path="t.parquet").table().row(0, named=True)
    assert (row["author"], row["city"]) == (None, None)
    with pytest.raises(SourceError, match=r"column `author` for author holds Binary; expected text or a number"):
        table(tmp_path, path="t.parquet", columns={"author": "author"}).table()
    pl.DataFrame(rows).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(SourceError, match=r"column `image` for image holds List\(String\); .*\{bytes, path\}"):
        table(tmp_path, path="t.parquet").table()
    pl.DataFrame(rows | {"lon": [[2.5]]}).drop("image").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="column `lon` for lon holds List"):
        table(tmp_path, path="t.parquet").table()


def test_declared_encodings_are_read(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon,city\na,39.9,116.4,北京\n", "gbk")
    assert table(tmp_path, path="t.csv", encoding="gbk").table()["city"].item() == "北京"
    with pytest.raises(SourceError, match=r"t\.csv.*encoding"):
        table(tmp_path, path="t.csv").table()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_every_width_of_unicode_is_read_when_it_is_named(tmp_path: Path, encoding: str, kind: str) -> None:
    rows = {"csv": "id,lat,lon,city\na,39.9,116.4,北京\n", "jsonl": '{"id":"a","lat":39.9,"lon":116.4,"city":"北京"}\n'}
    write(tmp_path, f"t.{kind}", rows[kind], encoding)
    assert table(tmp_path, path=f"t.{kind}", encoding=encoding).table()["city"].item() == "北京"


def test_utf_16_that_is_not_named_is_refused_with_its_remedy(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon\na,39.9,116.4\n", "utf-16")
    with pytest.raises(SourceError, match=r"t\.csv.*`encoding:` \(utf-16"):
        table(tmp_path, path="t.csv").table()


@pytest.mark.parametrize("encoding", ["zlib", "base64", "nonsense"])
def test_what_is_no_encoding_of_text_is_refused(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, "t.csv", "id,lat,lon\na,39.9,116.4\n")
    with pytest.raises(SourceError, match=r"t\.csv.*encoding"):
        table(tmp_path, path="t.csv", encoding=encoding).table()


def test_bytes_that_are_no_text_matter_only_where_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"id,lat,lon,note,city\na,1,2,\xff,x\n" + b"b,1,2,y,\xe9\n")
    assert table(tmp_path, path="t.csv", columns={"city": "id"}).table().height == 2
    with pytest.raises(SourceError, match=r"t\.csv:3: no UTF-8 text.*encoding"):
        table(tmp_path, path="t.csv").table()


def test_stray_quotes_in_any_column_swallow_no_row(tmp_path: Path) -> None:
    rows = [f'{n}.jpg,{19 + n}" screen,60.{n},25' for n in range(20)]
    write(tmp_path, "t.csv", "image,title,lat,lon\n" + "\n".join(rows) + "\n")
    found = table(tmp_path, path="t.csv").table()
    assert found["lat"].to_list() == [f"60.{n}" for n in range(20)]


def test_a_row_of_another_length_than_the_header_is_never_read(tmp_path: Path) -> None:
    text = "image,title,lat,lon\n1.jpg,Route 66, 35,35.2,-111.6\n2.jpg,ok,60,25\n\n3.jpg,60,25\n"
    write(tmp_path, "t.csv", text)
    found = table(tmp_path, path="t.csv").table()
    assert found.select("source_row", "image", "lat", "problem", "problem_detail").rows() == [
        (0, None, None, "too_many_fields", "line 2 has 5 fields, the header has 4"),
        (1, "2.jpg", "60", None, None),
        (2, None, None, "too_few_fields", "line 5 has 3 fields, the header has 4"),
    ]


def test_an_author_with_a_comma_in_mp16_drops_his_row_alone(tmp_path: Path) -> None:
    write(tmp_path, "m.csv", "IMG_ID,AUTHOR,LAT,LON\na.jpg,Ann, Bo,60,25\nb.jpg,Cy,61,26\n")
    found = table(tmp_path, path="m.csv", layout="mp16").table()
    assert found.select("id", "lat", "problem").rows() == [(None, None, "too_many_fields"), ("b.jpg", "61", None)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('a,1,2\n"b,1,2\nc,1,2\n', r"t\.csv:3: a quote is opened and never closed"),
        ('a,1,2\n"b"x,1,2\n', r"t\.csv:3: a quoted field goes on behind its closing quote"),
        ('a,1,2\n"b,1,2\nc,"1",2\n', r"t\.csv:3: a quoted field goes on"),
        ("a,1,2,\nb,1,2,\n", r"t\.csv: line 2 has 4 fields, the header has 3.*delimiter"),
    ],
)
def test_quotes_that_make_no_sense_are_refused_with_the_line(tmp_path: Path, rows: str, message: str) -> None:
    write(tmp_path, "t.csv", "id,lat,lon\n" + rows)
    with pytest.raises(SourceError, match=message):
        table(tmp_path, path="t.csv").table()


def test_fields_and_quotes_go_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.sources.csv_table.BLOCK_BYTES", 16)
    text = "id,lat,lon,note\r\n" + "".join(f'{n},6{n % 10},25,"two\r\nlines ""{n}"" {"x" * n}"\r\n' for n in range(30))
    write(tmp_path, "t.csv", text)
    found = table(tmp_path, path="t.csv", texts={"note": "note"}).table()
    assert found["id"].to_list() == [str(n) for n in range(30)]
    assert found["texts"][29].to_list() == [{"name": "note", "text": f'two\r\nlines "29" {"x" * 29}'}]


def test_the_table_is_parsed_once_for_digest_and_plan(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "id,lat,lon\na,1,2\n")
    source = table(tmp_path, path="t.csv")
    source.digest()
    path.unlink()
    assert source.table()["id"].to_list() == ["a"]
    with pytest.raises(SourceError, match="no such file"):
        source.table()


def test_a_table_that_nobody_takes_is_let_go_when_a_picture_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "id,lat,lon\na,1,2\n")
    source = table(tmp_path, path="t.csv")
    source.digest()
    source.stamp("a.jpg")
    path.unlink()
    with pytest.raises(SourceError, match="no such file"):
        source.table()


def test_a_folder_of_images_that_is_none_is_named_with_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "id,lat,lon\na,1,2\n")
    (tmp_path / "pictures").mkdir()
    with pytest.raises(SourceError, match=r"source\.images: there is no folder .*picture \(did you mean `pictures`"):
        table(tmp_path, path="t.csv", images="picture").table()


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
    with pytest.raises(SourceError, match=r"source\.path: .*: the environment variable NOT_SET_HERE is not set"):
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
        ("long.csv", b"x" * (MAX_HEADER_BYTES + 10)),
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


def test_json_that_python_reads_is_read_and_ids_stay_apart(tmp_path: Path) -> None:
    lines = [
        '\ufeff{"id": 18446744073709551617, "lat": 48.856600000000000001, "lon": 2, "iso": NaN}',
        '{"id": 18446744073709551618, "lat": NaN, "lon": -Infinity}',
        '{"id": "half \\ud83d", "lat": 1, "lon": 2, "other": [1e400, -0]}',
    ]
    write(tmp_path, "t.jsonl", "\n".join(lines))
    assert table(tmp_path, path="t.jsonl").table().select("id", "lat", "lon").rows() == [
        ("18446744073709551617", "48.856600000000000001", "2"),
        ("18446744073709551618", None, "-Infinity"),
        ("half \\ud83d", "1", "2"),
    ]


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
