from __future__ import annotations

import csv
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import RecipeError, SourceError
from factory.geo.file_writers import new_file
from factory.geo.files import Batch, columns_of, format_of, read_batches
from factory.geo.label import label_file, labels, read_points, write_rows
from factory.geo.points_map import points_page, write_points_map

HELSINKI, CAPE_TOWN, OCEAN = (60.17, 24.94), (-33.93, 18.42), (-45.0, -130.0)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def save(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_ndjson(path)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


HOSTILE_CELLS = {
    "id": ["007", "NA", "=HYPERLINK(1)", ' "quoted", and\nbroken ', "1e5"],
    "lat": ["60.17", "-33.93", "-45", "", "48,85"],
    "lon": ["24.94", " 18.42 ", "-130", "5", "2,35"],
    "note": ["", "null", "true", "ночь", "3.10"],
}


def test_a_csv_keeps_every_cell_but_formulas(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HOSTILE_CELLS)
        writer.writerows(zip(*HOSTILE_CELLS.values(), strict=True))
    done = label_file(source, target)
    found = rows_of(target)
    kept = {**HOSTILE_CELLS, "id": [cell.replace("=", "'=") for cell in HOSTILE_CELLS["id"]]}
    assert {name: [row[name] for row in found] for name in HOSTILE_CELLS} == kept and done.marked == 1
    assert list(found[0])[:4] == list(HOSTILE_CELLS) and tuple(list(found[0])[4:]) == done.columns
    assert [row["geo_country"] for row in found] == ["FI", "ZA", "", "", "FR"]
    assert found[0]["geo_city"] == "Helsinki"
    assert [row["geo_place"] for row in found] == ["land", "land", "sea", "invalid", "land"]
    assert (done.rows, done.with_country, done.without_place) == (5, 3, 1)


def test_a_csv_with_a_byte_order_mark_and_windows_lines_leaves_with_them(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "lat,lon\r\n60.17,24.94\r\n", "utf-8-sig")
    label_file(source, tmp_path / "out.csv")
    found = (tmp_path / "out.csv").read_bytes()
    assert found.startswith(b"\xef\xbb\xbflat,lon,geo_country,") and found.count(b"\r\n") == found.count(b"\n") == 2
    assert columns_of(tmp_path / "out.csv")[:2] == ["lat", "lon"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("first", "row", "lon"),
    [
        (",lat,lon", "0,60.17,24.94", "lon"),  # as pandas writes its index
        (",lat,column_0", "0,60.17,24.94", "column_0"),
        ("lat,lon,,", "60.17,24.94,a,b", "lon"),
        ("lat,lon,note,note", "60.17,24.94,a,b", "lon"),
        ('"lat","lon","a ""b"" c","two\nlines"', "60.17,24.94,a,b", "lon"),
        (" lat,lat,lon,new0,own1", "x,60.17,24.94,a,b", "lon"),
        ('lat,lon,5" disk', "60.17,24.94,a", "lon"),
    ],
)
def test_the_first_line_of_a_csv_keeps_its_bytes(tmp_path: Path, first: str, row: str, lon: str) -> None:
    source = write(tmp_path / "in.csv", f"{first}\n{row}\n")
    done = label_file(source, tmp_path / "out.csv", lon=lon)
    found = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert found.startswith(f"{first},{','.join(done.columns)}\n{row},FI,") and done.with_country == 1
    write_rows(source, tmp_path / "kept.csv", pl.DataFrame({"row": [0]}))
    assert (tmp_path / "kept.csv").read_bytes() == source.read_bytes()


def test_blank_lines_before_the_first_are_no_columns(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "\n\nlat,lon\n\n60.17,24.94\n")
    assert columns_of(source) == ["lat", "lon"]
    assert label_file(source, tmp_path / "out.csv").with_country == 1


def test_a_parquet_may_have_one_name_twice_and_one_without(tmp_path: Path) -> None:
    arrays = [pa.array([value]) for value in (60.17, 24.94, 1, "x", "y")]
    pq.write_table(pa.Table.from_arrays(arrays, names=["lat", "lon", "", "note", "note"]), tmp_path / "in.parquet")
    label_file(tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pq.ParquetFile(tmp_path / "out.parquet").schema_arrow.names
    assert found[:6] == ["lat", "lon", "", "note", "note", "geo_country"]


def test_a_column_that_is_asked_for_must_be_the_only_one_of_its_name(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "lat,lon,kind,kind\n1,2,a,b\n")
    assert read_points(source).height == 1
    with pytest.raises(SourceError, match="the column 'kind' stands in it twice"):
        read_points(source, colour="kind")


def test_parquet_keeps_its_types_and_metadata(tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = pa.table(
        {
            "LAT": pa.array([60.17, -33.93, None, float("nan")], pa.float32()),
            "LON": pa.array([24.94, 18.42, 1.0, 1.0]),
            "tags": pa.array([["a"], [], None, ["b", "c"]], pa.list_(pa.string())),
            "kind": pa.array(["x", "y", "x", None]).dictionary_encode(),
            "price": pa.array([1, 2, 3, 4], pa.int64()).cast(pa.decimal128(23, 2)),
            "seen": pa.array([1, 2, 3, None], pa.timestamp("ms", tz="Europe/Helsinki")),
        }
    ).replace_schema_metadata({"made by": "hand"})
    pq.write_table(table, source)
    done = label_file(source, target, lat="LAT", lon="LON")
    found = pq.read_table(target)
    kept, before = found.select(table.column_names), pq.read_table(source)
    assert kept.schema.equals(before.schema)
    assert repr(kept.to_pylist()) == repr(before.to_pylist())  # as text, because NaN is not equal to itself
    assert found.schema.metadata[b"made by"] == b"hand"
    assert found["geo_country"].to_pylist() == ["FI", "ZA", None, None]
    assert done.without_place == 2


def test_a_json_line_keeps_its_own_bytes(tmp_path: Path) -> None:
    lines = [
        '{"lat": 60.170, "lon": 24.94, "big": 123456789012345678901234567890, "x": {"y": [1.50]}}',
        '{"lon":"18.42" , "lat":"-33.93","lat_note":"\\u00e9" }',
        "{}",
    ]
    source = write(tmp_path / "in.jsonl", "\n".join(lines) + "\n\n")
    label_file(source, tmp_path / "out.jsonl")
    found = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len(found) == 3
    for before, after in zip(lines, found, strict=True):
        assert after.startswith(before[:-1].rstrip())
    assert [json.loads(line)["geo_country"] for line in found] == ["FI", "ZA", None]


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.jsonl"])
def test_the_result_does_not_depend_on_the_size_of_a_batch(tmp_path: Path, name: str) -> None:
    draw = np.random.default_rng(1)
    frame = pl.DataFrame({"n": range(500), "lat": draw.uniform(-90, 90, 500), "lon": draw.uniform(-180, 180, 500)})
    save(frame, tmp_path / name)
    seen: list[tuple[int, float]] = []
    whole, parts = tmp_path / f"whole-{name}", tmp_path / f"parts-{name}"
    label_file(tmp_path / name, whole)
    label_file(tmp_path / name, parts, batch_rows=7, progress=lambda rows, share: seen.append((rows, share)))
    if name == "in.parquet":
        assert pl.read_parquet(whole).equals(pl.read_parquet(parts))
    else:
        assert whole.read_bytes() == parts.read_bytes()
    assert seen[-1] == (500, 1.0) and len(seen) > 50


@pytest.mark.parametrize("text", ["lat,lon", "lat,lon\n", "lat,lon\r\n", "\ufefflat,lon", "lat,lon\n\n"])
def test_a_csv_of_a_first_line_alone_has_no_rows(tmp_path: Path, text: str) -> None:
    done = label_file(write(tmp_path / "in.csv", text), tmp_path / "out.csv")
    assert done.rows == 0
    assert columns_of(tmp_path / "out.csv") == ["lat", "lon", *done.columns]


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.jsonl"])
def test_a_file_without_rows_gets_the_columns_all_the_same(tmp_path: Path, name: str) -> None:
    source, target = tmp_path / name, tmp_path / f"out-{name}"
    if name == "in.parquet":
        pl.DataFrame(schema={"lat": pl.Float64, "lon": pl.Float64}).write_parquet(source)
    else:
        write(source, "lat,lon\n" if name == "in.csv" else "")
    done = label_file(source, target)
    assert done.rows == 0
    columns = columns_of(target)
    assert columns is None or columns == ["lat", "lon", *done.columns]


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("in.csv", "lat,lon,geo_city\n1,2,x\n", RecipeError, "'geo_city' already"),
        ("in.jsonl", '{"lat": 1, "lon": 2, "geo_city": 3}\n', RecipeError, "'geo_city' already"),
        ("in.csv", "latitude,lon\n1,2\n", RecipeError, "no column 'lat'; the columns are latitude, lon"),
        ("in.csv", "lat,lon,lat\n1,2,3\n", SourceError, "'lat' stands in it twice"),
        ("in.csv", "lat,lon\n1,2\n1,2,3\n", SourceError, "in.csv: cannot be read as csv"),
        ("in.csv", "", SourceError, "empty"),
        ("in.csv", "lat;lon\n1;2\n", SourceError, "one column, 'lat;lon'; it is parted by `;`, expected `,`"),
        ("in.csv", "lat\tlon\n1\t2\n", SourceError, "it is parted by a tab, expected `,`"),
        ("in.tsv", "lat,lon\n1,2\n", SourceError, "it is parted by `,`, expected a tab"),
        ("in.csv", 'lat,lon,"x\n1,2,3\n', SourceError, "is a quote left open"),
        ("in.csv", "lat,lon," + "x" * 2_000_000 + "\n", SourceError, "cannot be read as csv|has no end"),
        ("in.jsonl", '{"lat": 1}\nnot json\n', SourceError, "row 2: not JSON"),
        ("in.jsonl", "[1, 2]\n", SourceError, "row 1: a list"),
        ("in.parquet", "no parquet", SourceError, "cannot be read as parquet"),
        ("in.txt", "lat,lon\n", RecipeError, "expected one of .csv"),
    ],
)
def test_what_cannot_be_labelled_is_refused_and_leaves_nothing_behind(
    tmp_path: Path, name: str, text: str, error: type[Exception], message: str
) -> None:
    source = write(tmp_path / name, text)
    with pytest.raises(error, match=message):
        label_file(source, tmp_path / f"out{source.suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_bytes_that_are_no_text_are_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b"lat,lon,note\n1,2,\xff\xfe\n")
    with pytest.raises(SourceError, match=r"in\.csv: cannot be read as csv"):
        label_file(source, tmp_path / "out.csv")


def test_a_message_quotes_no_control_characters(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "lat,lon\n1,2,\x1b[2Jgone" + "x" * 5000 + "\n")
    with pytest.raises(SourceError) as caught:
        label_file(source, tmp_path / "out.csv")
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_missing_file_a_folder_and_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        label_file(tmp_path / "none.csv", tmp_path / "out.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceError, match="cannot be read"):
        label_file(tmp_path / "folder.csv", tmp_path / "out.csv")
    source = write(tmp_path / "in.csv", "lat,lon\n1,2\n")
    with pytest.raises(RecipeError, match="tables no JSON lines: give the output the input's ending"):
        label_file(source, tmp_path / "out.jsonl")
    with pytest.raises(RecipeError, match="would replace the input"):
        label_file(source, source)
    with pytest.raises(RecipeError, match="no such folder"):
        label_file(source, tmp_path / "nowhere" / "out.csv")


def test_an_old_output_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    source, target = write(tmp_path / "in.csv", "lat,lon\n1,2\n"), write(tmp_path / "out.csv", "old")
    with pytest.raises(ZeroDivisionError), new_file(target, source, pa.schema([])) as writer:
        writer(pa.table({"lat": ["1"], "lon": ["2"]}), pa.table({}))
        raise ZeroDivisionError
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 2


def test_batches_are_numbered(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "lat,lon\n" + "1,2\n" * 10)
    batches: list[Batch] = list(read_batches(source, rows=4))
    assert [(batch.first_row, batch.table.num_rows) for batch in batches] == [(0, 4), (4, 4), (8, 2)]
    assert format_of(Path("X.PARQUET")) == "parquet"


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.jsonl"])
def test_chosen_rows_leave_in_the_order_of_the_file(tmp_path: Path, name: str) -> None:
    source, target = tmp_path / name, tmp_path / f"out-{name}"
    frame = pl.DataFrame({"id": [f"{i:03}" for i in range(50)], "lat": 1.0, "lon": 2.0})
    save(frame, source)
    write_rows(source, target, pl.DataFrame({"row": [30, 2, 49], "draw": [1, 2, 3]}))
    readers = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}
    found = readers[source.suffix](target)
    assert found["geo_draw"].to_list() == [2, 1, 3]
    assert found["id"].cast(pl.String).str.zfill(3).to_list() == ["002", "030", "049"]


def test_points_are_null_where_there_is_no_place(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "lat,lon,kind\n95,1,a\n60.17,24.94,b\nx,1,\n")
    found = read_points(source, colour="kind")
    assert found.rows() == [(None, None, "a"), (60.17, 24.94, "b"), (None, None, "")]


def test_longitudes_one_turn_off_are_turned_back_everywhere(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "lat,lon\n67,184.5\n67,-175.5\n60.17,-335.06\n60.17,540.5\n68.5,-540\n")
    turned = [-175.5, -175.5, 24.94, None, -180.0]
    assert read_points(source)["lon"].to_list() == [pytest.approx(lon) if lon else None for lon in turned]
    label_file(source, tmp_path / "out.csv")
    rows = rows_of(tmp_path / "out.csv")
    assert [row["geo_country"] for row in rows] == ["RU", "RU", "FI", "", "RU"]
    assert [row["geo_place"] for row in rows] == ["land", "land", "land", "invalid", "land"]
    points = pl.DataFrame({"lat": [64.5, 64.5, 64.5, None], "lon": [184.5, -175.5, 541.0, 1.0]})
    page = points_page(points, title="turns")
    assert "2 points; 2 rows have no place" in page
    dots = re.findall(r'class="dot" [^>]*d="(M[^"]+)"', page)
    assert len(dots) == 2 and len(set(dots)) == 1


def test_a_column_of_lists_cannot_colour_a_map(tmp_path: Path) -> None:
    pl.DataFrame({"lat": [1.0], "lon": [2.0], "kind": [["a"]]}).write_parquet(tmp_path / "in.parquet")
    with pytest.raises(RecipeError, match="the column 'kind' is List"):
        read_points(tmp_path / "in.parquet", colour="kind")


def test_labels_are_null_on_the_high_seas_and_for_no_place() -> None:
    lats, lons = zip(HELSINKI, CAPE_TOWN, OCEAN, (float("nan"), 0.0), (91.0, 0.0), strict=True)
    found = labels(pl.Series(lats), pl.Series(lons))
    assert found["country"].to_list() == ["FI", "ZA", None, None, None]
    assert found["place"].to_list() == ["land", "land", "sea", "invalid", "invalid"]
    assert {"country", "admin1", "region", "city", "city_km", "place"} <= set(found.columns)


def test_labels_tell_the_border_and_the_worldview_when_asked() -> None:
    simferopol = pl.Series([44.95]), pl.Series([34.1])
    assert labels(*simferopol)["country"].item() == "UA"
    assert labels(*simferopol, worldview="natural_earth")["country"].item() == "RU"
    strasbourg = labels(pl.Series([48.58]), pl.Series([7.75]), border=True)
    assert 0 < strasbourg["border_km"].item() < 10
    with pytest.raises(RecipeError, match="no worldview 'ours'"):
        labels(*simferopol, worldview="ours")


def test_a_map_shows_points_as_text_and_runs_nothing(tmp_path: Path) -> None:
    points = pl.DataFrame(
        {
            "lat": [60.17, -33.9, None],
            "lon": [24.9, 18.4, 1.0],
            "label": ["<script>x</script>", "b", "c"],
            "colour": ["<b>", "y", "y"],
        }
    )
    write_points_map(points, tmp_path / "map.html", title="<i>points</i>")
    page = (tmp_path / "map.html").read_text()
    assert page.count('class="dot"') == 2 and "1 rows have no place" in page
    assert "<script" not in page and "<i>points" not in page and "&lt;b&gt;" in page
    assert "default-src 'none'" in page and "http" not in page.split("</style>")[1].split("Outlines")[0]


def test_a_map_of_very_many_points_stays_small() -> None:
    draw = np.random.default_rng(1)
    page = points_page(
        pl.DataFrame({"lat": draw.uniform(-60, 80, 200_000), "lon": draw.uniform(-180, 180, 200_000)}), title="many"
    )
    assert len(page) < 1_500_000 and "200,000 points, in bins" in page
    assert "0 points" in points_page(pl.DataFrame(schema={"lat": pl.Float64, "lon": pl.Float64}), title="none")


def test_a_table_leaves_in_the_format_that_the_outputs_name_says(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", 'lat,lon,code,"a, b"\n60.17,24.94,007,"x, y"\n,,NA,\n')
    ways = [source, *(tmp_path / name for name in ("a.parquet", "b.tsv", "c.parquet", "d.csv"))]
    for number, (one, other) in enumerate(pairwise(ways)):
        label_file(one, other, prefix=f"p{number}_")
    parquet = pl.read_parquet(ways[3])
    text = pl.read_csv(ways[4], infer_schema=False)
    for found in (parquet, text):
        assert found.select("lat", "code", "a, b").rows()[0] == ("60.17", "007", "x, y")
        assert found["code"].to_list() == ["007", "NA"]
        assert found["p0_country"].to_list()[0] == found["p2_country"].to_list()[0] == "FI"


def test_an_empty_table_converts_too(tmp_path: Path) -> None:
    label_file(write(tmp_path / "in.csv", "lat,lon\n"), tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found.height == 0 and found.columns[:3] == ["lat", "lon", "geo_country"]


@pytest.mark.parametrize(("header", "named"), [("lat,lon,a,a", "'a'"), ("lat,lon,", "''")])
def test_names_that_parquet_cannot_have_are_refused(tmp_path: Path, header: str, named: str) -> None:
    source = write(tmp_path / "in.csv", header + "\n")
    with pytest.raises(RecipeError, match=f"has {named} as a column's name"):
        label_file(source, tmp_path / "out.parquet")


def test_columns_that_are_no_text_stay_in_parquet(tmp_path: Path) -> None:
    pl.DataFrame({"lat": [1.0], "lon": [2.0], "tags": [["a"]]}).write_parquet(tmp_path / "in.parquet")
    with pytest.raises(RecipeError, match=r"the column 'tags' of in\.parquet holds no text; keep it as parquet"):
        label_file(tmp_path / "in.parquet", tmp_path / "out.csv")
