from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo.degrees import MAX_TEXT, parse_degrees, parse_places, read_degrees, split_pair
from factory.sources.coordinates import judge_coordinates


def parsed(text: str, axis: str) -> float | None:
    return parse_degrees(pl.Series([text]), axis=axis).item()  # type: ignore[arg-type]


def pair(text: str) -> tuple[float | None, float | None]:
    cell = pl.Series([text])
    return parse_places(cell, cell).row(0)


@pytest.mark.parametrize(
    ("text", "axis", "degrees"),
    [
        ("48.8566", "lat", 48.8566),
        ("48,8566", "lat", 48.8566),
        ("  48.8566 ", "lat", 48.8566),
        ("-33.5", "lat", -33.5),
        ("−33,5", "lat", -33.5),
        ("48.85N", "lat", 48.85),
        ("33.5 S", "lat", -33.5),
        ("w 2.35", "lon", -2.35),
        ("2.35°E", "lon", 2.35),
        ("48°51'24\"N", "lat", 48.856667),
        ("48°51′24.5″ N", "lat", 48.856806),
        ("0°7'39''W", "lon", -0.1275),
        ("48° 30' N", "lat", 48.5),
        ("1e1", "lat", 10.0),
        ("+5.", "lat", 5.0),
        ("48 deg 51' 24.00\" N", "lat", 48.856667),
        ("11 deg 52' 53.32\" E", "lon", 11.881478),
        ("33.87° South", "lat", -33.87),
        ("48.85° North", "lat", 48.85),
        ("70.5 WEST", "lon", -70.5),
        ("-33.5 S", "lat", -33.5),
        ("+48.85N", "lat", 48.85),
        ("-0°30'", "lat", -0.5),
        ("48:51:24", "lat", 48.856667),
        ("48d51m24sN", "lat", 48.856667),
        ("118,19.1802W", "lon", -118.31967),
        ("43,27,52.038N", "lat", 43.464455),
    ],
)
def test_reads_what_people_write(text: str, axis: str, degrees: float) -> None:
    assert parsed(text, axis) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("unknown", "lat"), ("NA", "lat"), ("nan", "lat"), ("inf", "lat"), ("48.85E", "lat"), ("2.35N", "lon"),
        ("-33.5N", "lat"), ("+33.5S", "lat"), ("48.85N 2.35E", "lat"), ("N48N", "lat"), ("48°61'N", "lat"),
        ("1,2,3", "lat"), ("0x10", "lat"), ("48.85;", "lat"), ("°", "lat"), ("9" * 5000, "lat"), ("48\0", "lat"),
        ("48.8566'", "lat"), ("451'", "lat"), ("45'", "lat"), ("48.5°30'", "lat"), ("48°30.5'10\"", "lat"),
        ("48°51'61\"", "lat"), ("48d51m24s", "lat"), ("48.85 Nord", "lat"), ("1_0", "lat"), ("٤٨", "lat"),
        ("48.8566, 2.3522", "lat"), ("48" + "0" * MAX_TEXT + "°N", "lat"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_no_number(text: str, axis: str) -> None:
    assert parsed(text, axis) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("48.8566, 2.3522", (48.8566, 2.3522)),
        ("48.8566,2.3522", (48.8566, 2.3522)),
        ("(48,8566; 2,3522)", (48.8566, 2.3522)),
        ("48 deg 51' 24.00\" N, 2 deg 21' 7.20\" E", (48.856667, 2.352)),
        ("2.3522E 48.8566N", (48.8566, 2.3522)),
        ("-33.87 151.21", (-33.87, 151.21)),
    ],
)
def test_a_pair_in_one_cell_is_a_place(text: str, place: tuple[float, float]) -> None:
    assert pair(text) == pytest.approx(place, abs=1e-6)
    assert split_pair(text) is not None


@pytest.mark.parametrize("text", ["48.85N 2.35N", "1.5,2.5,3.5", "somewhere, far", "", ";", "5 5 5"])
def test_what_is_no_pair_is_no_place(text: str) -> None:
    assert pair(text) == (None, None)


def test_a_number_with_a_decimal_comma_is_no_pair() -> None:
    assert pair("48,5") == (48.5, 48.5)


def test_in_a_column_of_pairs_what_is_no_pair_is_nothing() -> None:
    """`45` is no latitude and longitude at once, and `48,5` may be two numbers or one."""
    column = pl.Series(["48.2, 16.3", "45", "48,5", None])
    assert parse_places(column, column).rows() == [(48.2, 16.3), (None, None), (None, None), (None, None)]


def test_two_columns_that_hold_the_same_number_once_are_two_columns() -> None:
    found = parse_places(pl.Series(["45", "48.2, 16.3", "1"]), pl.Series(["45", "48.2, 16.3", "2"]))
    assert found.rows() == [(45.0, 45.0), (48.2, 16.3), (1.0, 2.0)]


def test_two_different_cells_are_never_a_pair() -> None:
    cells = pl.DataFrame({"lat": ["48.8566, 2.3522"], "lon": ["9.0"]})
    assert judge_coordinates(cells)["verdict"].item() == "not_a_number"


@settings(deadline=None)
@given(st.text("0123456789.,-+°'\"NSEWdms:deg ", max_size=18), st.sampled_from(["lat", "lon"]))
def test_one_text_and_a_column_are_read_alike(text: str, axis: str) -> None:
    assert read_degrees(text, axis) == parsed(text, axis)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lat", "lon", "verdict"),
    [
        ("60.1", "24.9", "ok"),
        ("90", "-180", "ok"),
        ("0", "24.9", "ok"),
        (None, "24.9", "missing"),
        ("60.1", "  ", "missing"),
        ("north", "24.9", "not_a_number"),
        ("NaN", "24.9", "not_a_number"),
        ("145.7", "-16.9", "swapped_columns"),
        ("145.7", "100", "lat_out_of_range"),
        ("-200", "10", "lat_out_of_range"),
        ("60", "181", "lon_out_of_range"),
        ("0", "0.0", "null_island"),
        ("-0.001", "0.002", "null_island"),
    ],
)
def test_every_row_has_a_verdict(lat: str | None, lon: str | None, verdict: str) -> None:
    table = pl.DataFrame({"lat": [lat], "lon": [lon]}, schema={"lat": pl.String, "lon": pl.String})
    assert judge_coordinates(table)["verdict"].item() == verdict


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Int16])
def test_numbers_of_any_width_are_numbers(dtype: type[pl.DataType]) -> None:
    table = pl.DataFrame({"lat": [60, None], "lon": [25, 3]}, schema={"lat": dtype, "lon": dtype})
    assert judge_coordinates(table).rows() == [(60.0, 25.0, "ok"), (None, 3.0, "missing")]


def test_numbers_that_are_not_finite_are_named() -> None:
    table = pl.DataFrame({"lat": [math.nan, math.inf], "lon": [1.0, 1.0]})
    assert judge_coordinates(table)["verdict"].to_list() == ["not_a_number"] * 2


@settings(deadline=None)
@given(st.floats(-90, 90), st.sampled_from(["{:.6f}", "{:.6f} ", "{:f}", "{!r}"]))
def test_written_numbers_come_back(value: float, pattern: str) -> None:
    assert parsed(pattern.format(value), "lat") == pytest.approx(value, abs=1e-6)


@settings(deadline=None)
@given(st.floats(0, 180), st.sampled_from("EW"), st.sampled_from(".,"))
def test_a_letter_gives_the_hemisphere(value: float, letter: str, point: str) -> None:
    written = f"{value:.5f}".replace(".", point) + letter
    assert parsed(written, "lon") == pytest.approx(value if letter == "E" else -value, abs=1e-5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.none() | st.text(max_size=12), st.none() | st.text(max_size=12)), max_size=30))
def test_any_text_gets_one_verdict_each(rows: list[tuple[str | None, str | None]]) -> None:
    table = pl.DataFrame(rows, schema={"lat": pl.String, "lon": pl.String}, orient="row")
    judged = judge_coordinates(table)
    assert judged.height == len(rows)
    good = judged.filter(pl.col("verdict") == "ok")
    assert good.filter(~pl.col("lat").is_between(-90, 90) | ~pl.col("lon").is_between(-180, 180)).is_empty()
    assert good.null_count().sum_horizontal().sum() == 0
