"""Rows with coarse coordinates say nowhere more than the grid, and the check finds where one does."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from factory.generators import open_generator
from factory.geo.degrees import DEGREE_SIGNS, MINUTE_SIGNS, read_degrees
from factory.geo.grid import Grid
from factory.recipe.model import GENERATOR
from factory.store.layout import open_build
from release import check_release, write_release
from release.coarse import Coarse, finer
from release.manifest import read_manifest
from release.read import open_release
from release.rules import _holds_cells
from release.withheld import WITHHELD, read_withheld, write_withheld
from schemas.settings import CoarseSettings, ReleaseSettings
from tests.build_fixture import change_plan, make_build
from tests.pages import REPOSITORY
from tests.released import change_rows, recorded_again, without_viewer

TENTH, FIVE_KM = Grid("decimals", 1), Grid("km", 5)
PARIS = 48.85837, 2.29448


def row(**more: Any) -> dict[str, Any]:
    return {"id": "a", "lat": PARIS[0], "lon": PARIS[1], "uncertainty_km": 0.0, **more}


def coarse(**more: Any) -> dict[str, Any]:
    return Coarse(TENTH).row(row(**more), PARIS)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("It is at 48.8584, 2.2945.", "It is at 48.9, 2.3."),
        ("48.8584,2.2945", "48.9,2.3"),
        ("48,8584; 2,2945", "48,9; 2,3"),
        ("48°51'30\"N 2°17'40\"E", "48.9°N 2.3°E"),
        ("48°51.396′ N, 2°21.132′ E", "48.9° N, 2.3° E"),
        ("48°51′23.7612″", "48.9°"),
        ("N48°51.396 E2°21.132", "N48.9° E2.3°"),
        ("48 51 23.76 N, 2 21 07 E", "48.9° N, 2.3° E"),
        ("N 48 51.396", "N 48.9°"),
        ("in 48 of 51 towns, 2 21 of them", "in 48 of 51 towns, 2 21 of them"),
        ("2:21:07 after the start, 48 min 51 s", "2:21:07 after the start, 48 min 51 s"),
        ('{"lat": 48.85837, "lon": 2.29448}', '{"lat": 48.9, "lon": 2.3}'),
        ("-2.29448 is west", "-2.3 is west"),
        ("about 48.9 and 48", "about 48.9 and 48"),
        ("35.6586 is Tokyo", "35.6586 is Tokyo"),
        ("12.03.2024, version 3.11.2", "12.03.2024, version 3.11.2"),
    ],
)
def test_numbers_that_say_the_place_become_coarse_and_others_stay(written: str, expected: str) -> None:
    assert coarse(response=written)["response"] == expected


def test_coordinates_of_the_row_and_of_answers_are_those_of_their_cells() -> None:
    made = coarse(
        answers=[{"lat": 48.8, "lon": 2.123, "distance_km": 13.9, "reasoning": "48.858"}],
        location={"lat": PARIS[0], "lng": PARIS[1]},
        guess_lat=40.123,
        guess_lon=-3.456,
    )
    assert (made["lat"], made["lon"]) == (48.9, 2.3)
    (answer,) = made["answers"]
    assert (answer["lat"], answer["lon"], answer["reasoning"]) == (48.8, 2.1, "48.9")
    assert answer["distance_km"] == round(TENTH.side_km, 6), "to a cell's side"
    assert made["location"] == {"lat": 48.9, "lng": 2.3}
    assert (made["guess_lat"], made["guess_lon"]) == (40.1, -3.5)


def test_what_depends_on_the_distance_to_the_truth_leaves() -> None:
    made = coarse(checks=[{"check": "near_truth", "score": 1.234}, {"check": "no_leak", "score": 3.0}], points=4991)
    assert [check["score"] for check in made["checks"]] == [None, 3.0]
    assert made["points"] is None


def test_the_uncertainty_grows_by_the_cell() -> None:
    assert coarse()["uncertainty_km"] == pytest.approx(TENTH.radius_km(48.9), abs=1e-3)
    assert finer(coarse(), TENTH) is None
    assert "uncertainty_km" in (finer({**coarse(), "uncertainty_km": 1.0}, TENTH) or "")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"lat": 48.858}, "lat 48.858"),
        ({"response": "at 48.858"}, "response 48.858"),
        ({"messages": [{"content": [{"text": "2.2945 E"}]}]}, "text 2.2945"),
        ({"answers": [{"lat": 48.858, "lon": 2.3}]}, "lat 48.858"),
        ({"answers": [{"distance_km": 3.21}]}, "distance_km 3.21"),
        ({"checks": [{"check": "near_truth", "score": 3.0}]}, "score 3.0"),
        ({"source_url": "https://maps.example/@48.85837,2.29448,15z"}, "source_url 48.85837"),
        ({"id": "2.29448_48.85837"}, "id"),
        ({"licence": "CC BY 2.2945"}, "licence 2.2945"),
    ],
)
def test_a_finer_coordinate_anywhere_in_a_row_is_found(more: dict[str, Any], said: str) -> None:
    assert said in (finer({**coarse(), **more}, TENTH) or "")


def test_versions_of_licences_and_models_are_no_coordinates() -> None:
    made = coarse(licence="CC BY-SA 2.25", model="teacher-2.31", captured_at="2024-05-01T10:00:48.86")
    assert finer(made, TENTH) is None and made["licence"] == "CC BY-SA 2.25"


TEXT = st.text(alphabet="0123456789.,:°'\"- NEedm", max_size=40)


@given(TEXT, st.floats(-90, 90), st.floats(-180, 180), st.sampled_from([TENTH, FIVE_KM, Grid("cell_degrees", 0.3)]))
def test_what_was_made_coarse_says_nothing_finer(text: str, lat: float, lon: float, grid: Grid) -> None:
    values = {"id": "a", "lat": lat, "lon": lon, "uncertainty_km": 0.0, "response": f"{text} {lat:.5f} {lon:.6f}"}
    made = Coarse(grid).row(values, (lat, lon))
    assert finer(made, grid) is None
    assert Coarse(grid).row({**made, "uncertainty_km": 0.0}, (lat, lon))["response"] == made["response"]


def parts(degrees: float, decimals: int) -> tuple[int, str, int, str]:
    """Whole degrees and minutes with decimals; whole minutes and seconds with them."""
    step = round(degrees * 60 * 10**decimals), round(degrees * 3600 * 10**decimals)
    whole, minutes = divmod(step[0], 60 * 10**decimals)
    all_minutes, seconds = divmod(step[1], 60 * 10**decimals)
    said = [f"{one // 10**decimals:02d}.{one % 10**decimals:0{decimals}d}" for one in (minutes, seconds)]
    return whole, said[0], all_minutes % 60, said[1]


SPELLINGS = (
    "{d}°{m}′", "{d}° {m}' {side}", "{d}º{m}’{side}", "{side}{d}°{m}", "{side} {d} {m}", "{d} {m} {side}",
    "{d},{m}{side}", "{d} deg {m}", "{d} degrees {m} minutes {word}", "{d}d{m}m", "{d}˚ {m}´",
    "{d}°{w}′{s}″", "{d}°{w}'{s}\"{side}", "{d}° {w}' {s}''", "{d}°{w}′{s}", "{side}{d}°{w}′{s}",
    "{d} {w} {s} {side}", "{side} {d} {w} {s}", "{d}:{w}:{s} {side}", "{d}:{w}:{s}{side}",
    "{d} deg {w}' {s}\" {side}", "{d}d{w}m{s}s", "{d},{w},{s}{side}", "{d}° {w}’ {s}” {word}",
    "{d} degrees {w} minutes {s} seconds {word}",
)  # fmt: skip
"""d: degrees; m: minutes with decimals; w, s: whole minutes, and seconds with decimals."""


@given(
    st.sampled_from(SPELLINGS),
    st.floats(-89, 89),
    st.floats(-179, 179),
    st.booleans(),
    st.integers(3, 9),
    st.sampled_from([TENTH, FIVE_KM, Grid("decimals", 3), Grid("decimals", 4), Grid("km", 0.5)]),
)
def test_every_spelling_of_a_point_is_found_and_becomes_coarse(
    spelling: str, lat: float, lon: float, is_lat: bool, decimals: int, grid: Grid
) -> None:
    value, cell = (lat if is_lat else lon), grid.point(lat, lon)[0 if is_lat else 1]
    sides = (("N", "north"), ("S", "south")) if is_lat else (("E", "east"), ("W", "west"))
    side, word = sides[value < 0]
    whole, minutes, whole_minutes, seconds = parts(abs(value), decimals)
    assume(abs(abs(value) - abs(cell)) > 1e-4)
    assume(int(abs(value) * 3600 * 10**decimals + 0.5) // (3600 * 10**decimals) == whole)
    written = spelling.format(d=whole, m=minutes, w=whole_minutes, s=seconds, side=side, word=word)
    stated = {"id": "a", "lat": lat, "lon": lon, "uncertainty_km": 0.0, "response": f"It lies at {written}, they say."}
    made = Coarse(grid).row(stated, (lat, lon))
    assert written not in made["response"] and finer(made, grid) is None
    assert finer({**made, "response": stated["response"]}, grid, (lat, lon)) is not None


@pytest.mark.parametrize("degree", DEGREE_SIGNS)
@pytest.mark.parametrize("minute", MINUTE_SIGNS)
@pytest.mark.parametrize("second", ['"', "″", "”", "“", "''", "′′", "’’"])
def test_with_any_sign_that_is_read_degrees_are_found(degree: str, minute: str, second: str) -> None:
    written = f"48{degree}51{minute}24{second}"
    assert read_degrees(written, "lat") == pytest.approx(48 + 51 / 60 + 24 / 3600)
    assert finer({"id": "a", "response": f"at {written}."}, Grid("km", 0.5), (48.8567, 2.35)) == f"response {written}"


@pytest.mark.parametrize("written", ["48:51:24", "48:51'24\"", "48° 51"])
def test_the_page_names_what_is_read_as_degrees_and_found_in_no_text(written: str) -> None:
    assert read_degrees(written, "lat") is not None
    assert finer({"id": "a", "response": f"at {written}."}, FIVE_KM, (48.8567, 2.35)) is None
    assert f"`{written}`" in (REPOSITORY / "docs" / "publishing.md").read_text()


@pytest.mark.parametrize("written", ["48°51.5022′", "48°51′30.132″"])
@pytest.mark.parametrize(("decimals", "expected"), [(2, "48.86°"), (3, "48.858°"), (4, "48.8584°")])
def test_minutes_and_seconds_are_as_fine_as_their_decimals(written: str, decimals: int, expected: str) -> None:
    grid = Grid("decimals", decimals)
    made = Coarse(grid).row(row(response=written), PARIS)
    assert made["response"] == expected
    assert "response 48°51" in (finer({**made, "response": written}, grid, PARIS) or "")


def test_as_many_decimals_as_one_likes_are_read() -> None:
    long = "48.8583" + "7" * 60
    assert coarse(response=f"{long}, 48°51.396{'0' * 60}′ N")["response"] == "48.9, 48.9° N"


def test_a_row_of_nowhere_keeps_its_texts() -> None:
    nowhere = {"id": "a", "lat": math.nan, "lon": math.nan, "uncertainty_km": 0.0, "response": "48.8584"}
    made = Coarse(TENTH).row(nowhere, (math.nan, math.nan))
    assert made["response"] == "48.8584" and made["uncertainty_km"] == 0.0 and finer(made, TENTH) is None


@pytest.mark.parametrize("wrong", [{}, {"decimals": 1, "km": 5}, {"decimals": 9}, {"km": 0}, {"cell_degrees": 3}])
def test_a_recipe_says_one_grid(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"one of decimals, km, cell_degrees|less than|greater than"):
        CoarseSettings(**wrong)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s001's source says where it is in its address; all texts of s006 do."""
    url = pl.when(pl.col("source_row") == 1).then(pl.format("https://maps.example/@{},{}", "lat", "lon"))
    build = change_plan(make_build(tmp_path_factory.mktemp("coarse") / "b", 8), source_url=url.otherwise("source_url"))
    write_release(build, settings=ReleaseSettings(coordinates=CoarseSettings(km=5)))
    return build.paths.release


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def rows(release: Path) -> list[dict[str, Any]]:
    opened = open_release(release)
    return [row for split in opened.splits for row in opened.rows(split)]


def test_a_release_says_nowhere_more_than_its_grid(sound: Path) -> None:
    assert check_release(sound) == []
    found = rows(sound)
    assert [row["id"] for row in found] == ["s000", "s006", "s002"]
    assert all(FIVE_KM.point(row["lat"], row["lon"]) == (row["lat"], row["lon"]) for row in found)
    assert all(finer(row, FIVE_KM) is None for row in found)


def test_no_file_of_a_release_has_a_coordinate_of_the_build(sound: Path) -> None:
    plan = open_build(sound.parent).plan.filter(pl.col("id").is_in(["s000", "s002", "s006"]))
    exact = [f"{value:.4f}".encode() for value in (*plan["lat"], *plan["lon"])]
    for file in (path for path in sound.rglob("*") if path.is_file()):
        assert not [value for value in exact if value in file.read_bytes()], file


def test_a_sample_whose_address_says_its_place_leaves_and_is_counted(sound: Path) -> None:
    manifest = read_manifest(sound)
    drop = {"phase": "release", "rule": "coordinates", "reason": "finer_coordinates", "rows": 1}
    assert drop in manifest["counts"]["drops"] and manifest["counts"]["rows"] == 3
    told = manifest["privacy"]["coordinates"]
    assert (told["kind"], told["size"], told["km"], told["left"]) == ("km", 5.0, 5.0, 1)


def test_the_card_says_what_it_protects_and_what_not(sound: Path) -> None:
    card = (sound / "README.md").read_text(encoding="utf-8")
    assert "Coordinates are those of cells of about 5 km" in card
    assert "the picture itself, and names of places in texts, say as much as they did" in card


def test_the_map_shows_cells(sound: Path, tmp_path: Path) -> None:
    fine = make_build(tmp_path / "fine", 8)
    write_release(fine)
    assert (sound / "map.svg").read_bytes() != (fine.paths.release / "map.svg").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row.update(lat=row["lat"] + 0.001), "row 's006' says more than its grid: lat"),
        (lambda row: row.update(response=f"It is at {row['lat'] + 0.0012:.4f}"), "says more than its grid: response"),
        (lambda row: row["answers"][0].update(distance_km=1.5), "says more than its grid: distance_km 1.5"),
        (lambda row: row.update(source_url=f"https://x.example/{row['lon'] + 0.001:.5f}"), "its grid: source_url"),
    ],
)
def test_a_finer_coordinate_in_a_release_is_named(
    release: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    change_rows(release, change)
    faults = check_release(release)
    assert len(faults) == 1 and said in faults[0]


@pytest.fixture(scope="module")
def meta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family that asks nobody and shows no picture: its answers are JSON with the coordinates."""
    build = make_build(tmp_path_factory.mktemp("meta") / "b", 8)
    generator = open_generator(GENERATOR.validate({"name": "mg_geo_meta", "pictures": False}))
    write_release(
        build, generator, settings=ReleaseSettings(coordinates=CoarseSettings(decimals=1), formats=("parquet",))
    )
    return build.paths.release


def test_answers_of_a_family_that_asks_nobody_are_as_coarse_as_its_columns(meta: Path) -> None:
    for row in rows(meta):
        said = json.loads(row["answer"])
        assert (
            (float(said["lat"]), float(said["lon"])) == (row["lat"], row["lon"]) == TENTH.point(row["lat"], row["lon"])
        )
        assert row["answer"] in row["messages"][-1]["content"][0]["text"]
    assert check_release(meta) == [] and read_manifest(meta)["privacy"]["coordinates"]["rows"] == len(rows(meta))


def test_rows_without_pictures_are_looked_at_too(meta: Path, tmp_path: Path) -> None:
    shutil.copytree(meta, tmp_path / "release")
    without_viewer(tmp_path / "release")
    (file,) = (tmp_path / "release").rglob("train-*.parquet")
    table = pq.read_table(file)
    found = table.to_pylist()
    found[0]["region"] = f"{found[0]['lat'] + 0.0123:.4f}"
    pq.write_table(pa.Table.from_pylist(found, schema=table.schema), file, write_page_checksum=True)
    recorded_again(tmp_path / "release")
    (fault,) = check_release(tmp_path / "release")
    assert "says more than its grid: region" in fault


def test_an_address_beside_the_rows_says_no_more_either(tmp_path: Path) -> None:
    """A family without a column for the address: what is withheld has it all the same."""
    url = pl.format("https://maps.example/@{},{}", "lat", "lon")
    build = change_plan(make_build(tmp_path / "b", 8), source_url=url)
    generator = open_generator(GENERATOR.validate({"name": "mg_geo_meta"}))
    how: dict[str, Any] = {"images": "none", "formats": ("parquet",), "coordinates": CoarseSettings(km=5)}
    write_release(build, generator, settings=ReleaseSettings(**how))
    release = build.paths.release
    lines = read_withheld(release / WITHHELD)
    assert len(lines) == 4 and {line["source_url"] for line in lines} == {None} and check_release(release) == []
    by_id = {row["id"]: row for row in rows(release)}
    told = [{**line, "source_url": f"https://x.example/{by_id[line['id']]['lat'] + 0.001}"} for line in lines[:1]]
    write_withheld(release / WITHHELD, [*told, *lines[1:]])
    recorded_again(release)
    (fault,) = check_release(release)
    assert fault.startswith(f"{release / WITHHELD}: 's000' says more than its grid: source_url")


def test_splits_by_cells_are_not_held_against_coordinates_that_may_lie_in_the_next() -> None:
    degrees = Grid("cell_degrees", 0.05)
    assert [_holds_cells(grid, 0.1) for grid in (None, TENTH, FIVE_KM, degrees)] == [True, False, False, True]
