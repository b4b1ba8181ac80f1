"""`factory geo` as users meet it: real processes, real files, exit codes and messages."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.real_build import factory, factory_process, start_factory


def points_file(path: Path, rows: int = 2000) -> Path:
    """Points in two boxes: around Helsinki and around Cape Town."""
    draw = np.random.default_rng(1)
    south = draw.random(rows) < 0.5
    frame = pl.DataFrame(
        {
            "name": [f"p{i:05}" for i in range(rows)],
            "LAT": np.where(south, -33.9, 60.2) + draw.normal(0, 0.05, rows),
            "LON": np.where(south, 18.6, 24.9) + draw.normal(0, 0.05, rows),
        }
    )
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


@pytest.mark.parametrize(
    ("lat", "lon", "country"),
    [
        ("60.17", "24.94", "FI"),
        ("-33.9", "18.5", "ZA"),
        ("-.5", "-78.5", "EC"),
        ("67", "184.5", "RU"),
        ("1e1", "-1e1", "GN"),
    ],
)
def test_a_point_is_named_whatever_its_signs(tmp_path: Path, lat: str, lon: str, country: str) -> None:
    done = factory("geo", "reverse", lat, lon, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["country"] == country and row["lat"] == float(lat) and done.stdout.count("\n") == 1


def test_a_point_is_read_as_one_argument_too(tmp_path: Path) -> None:
    for point in ("60.17,24.94", "60.17, 24.94", "60°10'N 24°56'E"):
        done = factory("geo", "reverse", point, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)["city"] == "Helsinki", done.stderr


def test_places_are_read_from_standard_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "factory", "geo", "forward", "--json"]
    asked = "Paris, Texas\n\nHelsinki\n"
    done = subprocess.run(command, input=asked, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert [json.loads(line)["city"] for line in done.stdout.splitlines()] == ["Paris", "Helsinki"], done.stderr


def test_columns_of_coordinates_are_guessed_or_asked_for(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Latitude,lng\n60.17,24.94\n", encoding="utf-8")
    done = factory("geo", "label", "in.csv", "out.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Helsinki" in (tmp_path / "out.csv").read_text(encoding="utf-8")
    (tmp_path / "in.csv").write_text("north,east\n60.17,24.94\n", encoding="utf-8")
    asked = factory("geo", "label", "in.csv", "out.csv", cwd=tmp_path)
    assert asked.returncode == 2 and "--lat COLUMN" in asked.stderr


def test_a_point_is_printed_for_people_and_the_sea_says_so(tmp_path: Path) -> None:
    land = factory("geo", "reverse", "60.17", "24.94", cwd=tmp_path)
    assert re.match(r"Helsinki, .*, Finland\n", land.stdout) and re.search(r"\n +city +Helsinki\n", land.stdout)
    sea = factory("geo", "reverse", "--", "-45", "-130", cwd=tmp_path)
    assert sea.returncode == 0 and sea.stdout.startswith("no country: high seas")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("95", "10"), "lat 95 is out of range; expected -90 to 90; are the two swapped?"),
        (("10", "600"), "lon 600 is out of range; expected -180 to 180, or one turn off (-540 to 540)"),
        (("north", "10"), "'north' is no lat"),
        (("nan", "10"), "'nan' is no lat"),
        (("\udcff", "10"), "is no lat"),
        (("10",), "'10' is no point"),
    ],
)
def test_an_impossible_point_ends_with_2_and_a_message(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = factory("geo", "reverse", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_places_are_found_and_an_unknown_one_ends_with_1(tmp_path: Path) -> None:
    done = factory("geo", "forward", "Paris, Texas", "Helsinki, Finland", "--json", cwd=tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert rows[0]["lat"] == pytest.approx(33.66, abs=0.1) and rows[1]["lon"] == pytest.approx(24.94, abs=0.1)
    several = factory("geo", "forward", "Springfield, USA", "--candidates", "3", "--json", cwd=tmp_path)
    assert len(several.stdout.splitlines()) == 3
    lost = factory("geo", "forward", "Helsinki, Finland", "qqxzv wplkj", cwd=tmp_path)
    assert lost.returncode == 1 and "qqxzv wplkj: not found" in lost.stderr and lost.stdout.startswith("Helsinki")


def test_bytes_that_are_no_text_are_not_found_and_end_nothing_else(tmp_path: Path) -> None:
    for options in ([], ["--json"]):
        done = factory("geo", "forward", "\udcff\udcfe", "Paris", *options, cwd=tmp_path)
        assert done.returncode == 1 and "not found" in done.stderr and "Traceback" not in done.stderr
        assert "Paris" in done.stdout
    (tmp_path / "in.csv").write_text("lat,lon\n1,2\n")
    refused = factory("geo", "label", "in.csv", "out.csv", "--prefix", "\udcff", cwd=tmp_path)
    assert refused.returncode == 2 and "is no text in UTF-8" in refused.stderr and "Traceback" not in refused.stderr
    drawn = factory("geo", "map", "in.csv", "\udcff.html", cwd=tmp_path)
    assert drawn.returncode == 0 and drawn.stdout == "\ufffd.html\n", drawn.stderr


def test_a_written_place_follows_the_worldview(tmp_path: Path) -> None:
    for options, country in (([], "UA"), (["--worldview", "natural_earth"], "RU")):
        done = factory("geo", "forward", "Simferopol", *options, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)["country_code"] == country
    wrong = factory("geo", "forward", "Simferopol", "--worldview", "mars", cwd=tmp_path)
    assert wrong.returncode == 2 and "choose one of default, natural_earth" in wrong.stderr


@pytest.mark.parametrize("name", ["in.parquet", "in.csv"])
def test_a_file_is_labelled(tmp_path: Path, name: str) -> None:
    source = points_file(tmp_path / name)
    target = tmp_path / f"out{source.suffix}"
    done = factory("geo", "label", source, target, "--lat", "LAT", "--lon", "LON", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] == 2000 and "rows/s" in done.stderr
    read = pl.read_parquet if name == "in.parquet" else pl.read_csv
    before, after = read(source), read(target)
    assert after.select(before.columns).equals(before)
    assert set(after["geo_country"].drop_nulls()) == {"FI", "ZA"}
    assert (
        {"geo_region", "geo_city", "geo_admin1", "geo_city_km", "geo_place"}
        <= set(told["columns"])
        == set(after.columns[3:])
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, target.name])


@pytest.mark.parametrize("command", [("label", "t.parquet", "o.parquet"), ("map", "t.parquet", "o.html")])
def test_a_parquet_file_with_nothing_in_its_frame_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Arrow calls this an error of the system, of which none has a number."""
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    done = factory("geo", *command, cwd=tmp_path)
    assert done.returncode == 2 and "t.parquet: cannot be read as parquet" in done.stderr, done


def test_label_refuses_what_would_lose_something(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("lat,lon,geo_city\n1,2,mine\n")
    taken = factory("geo", "label", "in.csv", "out.csv", cwd=tmp_path)
    assert taken.returncode == 2 and "'geo_city' already" in taken.stderr and "--prefix" in taken.stderr
    assert not (tmp_path / "out.csv").exists()
    other = factory("geo", "label", "in.csv", "out.csv", "--prefix", "our_", cwd=tmp_path)
    assert other.returncode == 0, other.stderr
    assert pl.read_csv(tmp_path / "out.csv")["geo_city"].to_list() == ["mine"]
    for arguments, message in [
        (("in.csv", "in.csv", "--prefix", "x_"), "would replace the input"),
        (("none.csv", "out2.csv"), "no such file"),
        (
            ("in.csv", "out2.csv", "--lat", "LAT", "--prefix", "x_"),
            "no column 'LAT'; the columns are lat, lon, geo_city",
        ),
        (("in.csv", "out2.jsonl", "--prefix", "x_"), "tables no JSON lines"),
    ]:
        done = factory("geo", "label", *arguments, cwd=tmp_path)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_an_interrupted_label_leaves_the_old_output_and_nothing_else(tmp_path: Path) -> None:
    source = points_file(tmp_path / "in.csv", rows=1_500_000)
    (tmp_path / "out.csv").write_text("old")
    process = start_factory(["geo", "label", source, "out.csv", "--lat", "LAT", "--lon", "LON"], cwd=tmp_path)
    while not list(tmp_path.glob(".out.csv.*")) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def start_label(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that labels in.csv as out.csv, and the part that it writes."""
    parts: list[Path] = []
    process = start_factory(["geo", "label", "in.csv", "out.csv", "--lat", "LAT", "--lon", "LON"], cwd=folder)
    while not any(part.stat().st_size for part in parts) and process.poll() is None:
        time.sleep(0.02)
        parts = list(folder.glob(".out.csv.*.part"))
    (part,) = parts
    return process, part


def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    points_file(tmp_path / "in.csv", rows=1_500_000)
    process, part = start_label(tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL and part.exists()
    (tmp_path / ".out.csv.notes.part").write_text("not ours")
    (tmp_path / "few.csv").write_text("LAT,LON\n60.17,24.94\n")
    done = factory("geo", "label", "few.csv", "out.csv", "--lat", "LAT", "--lon", "LON", cwd=tmp_path)
    assert done.returncode == 0 and "another process" not in done.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".out.csv.notes.part", "few.csv", "in.csv", "out.csv"]


def test_the_part_of_a_living_process_stays_and_is_told(tmp_path: Path) -> None:
    points_file(tmp_path / "in.csv", rows=600_000)
    process, part = start_label(tmp_path)
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        (tmp_path / "few.csv").write_text("LAT,LON\n60.17,24.94\n")
        done = factory_process("geo", "label", "few.csv", "out.csv", "--lat", "LAT", "--lon", "LON", cwd=tmp_path)
        assert done.returncode == 0
        assert f"out.csv: another process is writing it ({part.name})" in done.stderr
        assert part.exists() and len((tmp_path / "out.csv").read_text().splitlines()) == 2
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    process.communicate(timeout=120)
    assert process.returncode == 0 and not part.exists()
    with (tmp_path / "out.csv").open() as file:
        assert sum(1 for _ in file) == 600_001


def benchmark_inputs(folder: Path) -> tuple[Path, list[str | Path]]:
    (folder / "cities.csv").write_text("name,lat,lon,country\nHelsinki,60.2,24.9,FI\nCape Town,-33.9,18.6,ZA\n")
    (folder / "areas.csv").write_text("country,area_km2\nFI,338000\nZA,1221000\nTV,26\n")
    return points_file(folder / "pool.parquet"), [
        "--cities",
        "cities.csv",
        "--areas",
        "areas.csv",
        "--lat",
        "LAT",
        "--lon",
        "LON",
    ]


def test_gws15k_is_drawn_from_a_pool_and_says_who_fell_short(tmp_path: Path) -> None:
    pool, options = benchmark_inputs(tmp_path)
    command = ["geo", "sample", "gws15k", pool, "out.parquet", "-n", "300", "--seed", "1", *options, "--json"]
    done = factory(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] == 300 and told["shortfalls"].keys() == {"TV"} and "TV 0/" in done.stderr
    first = (tmp_path / "out.parquet").read_bytes()
    assert pl.read_parquet(tmp_path / "out.parquet").columns == [
        "name",
        "LAT",
        "LON",
        "geo_country",
        "geo_city",
        "geo_city_km",
    ]
    again = factory(*command, cwd=tmp_path)
    assert again.returncode == 0 and (tmp_path / "out.parquet").read_bytes() == first


def test_gws15k_ends_with_1_when_the_pool_is_too_small_and_with_2_when_it_could_not_end(tmp_path: Path) -> None:
    pool, options = benchmark_inputs(tmp_path)
    command = ["geo", "sample", "gws15k", pool, "out.parquet", "-n", "5000", *options]
    small = factory(*command, cwd=tmp_path)
    assert small.returncode == 1 and "of 5,000 points" in small.stderr
    published = factory(*command, "--mode", "published", cwd=tmp_path)
    assert published.returncode == 2 and "would never end" in published.stderr and "Traceback" not in published.stderr


def test_gws15k_says_what_is_wrong_with_its_inputs_and_writes_nothing(tmp_path: Path) -> None:
    pool, options = benchmark_inputs(tmp_path)
    (tmp_path / "none.csv").write_text("lat,lon\nx,y\n95,1\n")
    (tmp_path / "named.csv").write_text("lat,lon,country\n60.2,24.9,Finland\n")
    (tmp_path / "areas_named.csv").write_text("country,area_km2\nFinland,338000\n")
    (tmp_path / "lines.jsonl").write_text('{"lat": 60.2, "lon": 24.9, "country": "FI"}\n')
    (tmp_path / "twice.csv").write_text("lat,lon,country,name,name\n60.2,24.9,FI,a,b\n")
    for arguments, message in [
        (["none.csv"], "none.csv: none of its 2 rows has usable coordinates in 'lat' and 'lon'"),
        ([pool, "--lat", "LAT", "--lon", "LON", "--cities", "named.csv"], "'Finland'; expected ISO 3166-1 codes"),
        ([pool, "--lat", "LAT", "--lon", "LON", "--areas", "areas_named.csv"], "'Finland'; expected ISO 3166-1 codes"),
        ([pool, "--cities", "lines.jsonl"], "lines.jsonl: expected a table of countries as CSV, TSV or Parquet"),
        ([pool, "--cities", "twice.csv"], "twice.csv: the column 'name' stands in it twice"),
    ]:
        done = factory("geo", "sample", "gws15k", arguments[0], "out.csv", "-n", "10", *arguments[1:], cwd=tmp_path)
        assert done.returncode == 2 and message in done.stderr, done.stderr
        assert not (tmp_path / "out.csv").exists()
    own = ["--cities", "named.csv", "--areas", "areas_named.csv"]  # two tables of one's own may agree on any names
    done = factory("geo", "sample", "gws15k", pool, "o.parquet", "-n", "10", *options[4:], *own, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "cities.csv").open("a") as file:
        file.write("Oslo,59.9,10.7,Norway\n")
    done = factory("geo", "sample", "gws15k", pool, "o.parquet", "-n", "10", *options, cwd=tmp_path)
    assert done.returncode == 0 and "cities.csv: without an area, and so never drawn: 'Norway'" in done.stderr


def test_a_map_is_one_file_that_needs_nothing(tmp_path: Path) -> None:
    points_file(tmp_path / "points.csv", rows=50)
    done = factory("geo", "map", "points.csv", "out.html", "--lat", "LAT", "--lon", "LON", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "out.html" and (tmp_path / "out.html").read_text().count('class="dot"') == 50
    wrong = factory("geo", "map", "points.csv", "out.png", cwd=tmp_path)
    assert wrong.returncode == 2 and "ending .html" in wrong.stderr


@pytest.mark.parametrize("command", [("geo",), ("geo", "label"), ("geo", "sample", "gws15k"), ("geo", "reverse")])
def test_every_command_explains_itself(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = factory(*command, "--help", cwd=tmp_path)
    assert done.returncode == 0 and "Usage:" in done.stdout


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_a_full_disk_is_said_in_one_line_and_leaves_the_old_output(tmp_path: Path, name: str) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    source = points_file(tmp_path / name, rows=20_000)
    target = tmp_path / f"out{source.suffix}"
    target.write_text("old")
    arguments = ["geo", "label", source, target, "--lat", "LAT", "--lon", "LON"]
    done = factory_process(*arguments, cwd=tmp_path, preexec_fn=small_files)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr and "cannot be written" in done.stderr
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
