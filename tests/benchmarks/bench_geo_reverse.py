"""Speed and memory of `reverse` against reverse_geocoder, in the same run on the same points.

    python tests/benchmarks/bench_geo_reverse.py [--rows 1000000 5000000] [--repeat 3]

Each measurement runs in a fresh process that reads its points from a file. Targets: country and admin-1 at least 3x the
speed of reverse_geocoder (mode 1, its default fast mode on two cores and single-threaded) per core, all three levels at
least 1.5x in wall time, at most 491 MB at 1,000,000 points, and at most 1.5 s to load the index.

The floor is the gather from the raster, about 65 million points a second; the stages show where the rest goes.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

MODES = ("reverse_geocoder", "country+admin1", "all levels")
PER_CORE, WALL, MEGABYTES, LOAD_SECONDS = 3.0, 1.5, 491.0, 1.5


def write_points(path: Path, rows: int) -> None:
    """Points scattered about 11 km around random GeoNames places, as photos are."""
    from factory.geo.gazetteer import cities

    draw = np.random.default_rng(17)
    start = draw.integers(0, cities().height, rows)
    places = np.column_stack([cities()["lat"].to_numpy()[start], cities()["lon"].to_numpy()[start]])
    places += draw.normal(0, 0.1, places.shape)
    places[:, 0] = np.clip(places[:, 0], -90, 90)
    places[:, 1] = (places[:, 1] + 180) % 360 - 180
    np.save(path, places)


def measure(mode: str, path: Path) -> dict[str, float]:
    """Seconds to load, wall and CPU seconds of the second run, and the peak resident memory of this process."""
    lat, lon = (np.ascontiguousarray(column) for column in np.load(path).T)
    rows = len(lat)
    run = _baseline(lat, lon) if mode == MODES[0] else _ours(lat, lon, mode)
    begun = time.perf_counter()
    run(1)
    loaded = time.perf_counter() - begun
    assert len(run(rows)) == rows
    begun, cpu = time.perf_counter(), time.process_time()
    run(rows)
    wall, used = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"load_s": loaded, "wall_s": wall, "cpu_s": used, "peak_mb": peak}


def _baseline(lat: np.ndarray[Any, Any], lon: np.ndarray[Any, Any]) -> Callable[[int], Any]:
    """mode=1 is single-threaded and the faster one here. Its caller needs a list of pairs, which is not timed."""
    import reverse_geocoder

    pairs = list(zip(lat.tolist(), lon.tolist(), strict=True))
    return lambda n: reverse_geocoder.search(pairs[:n], mode=1, verbose=False)


def _ours(lat: np.ndarray[Any, Any], lon: np.ndarray[Any, Any], mode: str) -> Callable[[int], Any]:
    from factory.geo import reverse

    if mode == "country+admin1":
        return lambda n: reverse(lat[:n], lon[:n], levels=("country", "admin1"))
    return lambda n: reverse(lat[:n], lon[:n])


def stages(path: Path) -> dict[str, float]:
    """CPU seconds of the parts of `reverse`, one after the other on one thread."""
    from factory.geo import polygons
    from factory.geo import reverse as _  # noqa: F401  (loads the package as callers do)
    from factory.geo.coast import shore_units
    from factory.geo.gazetteer import unit_countries
    from factory.geo.nearest_city import nearest_city
    from factory.geo.reverse import _along_curve, _unit_columns, _unit_rows, reverse
    from factory.geo.spherical import unit_vectors

    lat, lon = (np.ascontiguousarray(column) for column in np.load(path).T)
    reverse(lat[:70_000], lon[:70_000])
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = time.process_time()
        result = work()
        spent[name] = time.process_time() - begun
        return result

    def blocks(rows: Any, size: int = 1 << 14) -> list[Any]:
        return [rows[begin : begin + size] for begin in range(0, len(rows), size)]

    cell = ((lat + 90) * 4).astype(np.int32) * 1440 + ((lon + 180) * 4).astype(np.int32)
    timed("(one gather from the raster)", lambda: polygons.grid().wide[cell])
    every = np.arange(len(lat))
    raster = timed("raster", lambda: [polygons.by_raster(lat[rows], lon[rows]) for rows in blocks(every, 1 << 16)])
    unit = np.concatenate(raster)
    rows = _along_curve(np.flatnonzero(unit == polygons.MIXED), lat, lon)
    unit[rows] = timed("exact polygons", lambda: polygons.locate_exactly(lat[rows], lon[rows]))
    rows = _along_curve(np.flatnonzero(unit == polygons.NO_UNIT), lat, lon)
    unit[rows] = timed("coast", lambda: shore_units(lat[rows], lon[rows]))
    unit = np.maximum(unit, -1)
    levels = frozenset(("country", "admin1"))
    timed("names of the units", lambda: _unit_columns(_unit_rows(unit, "default"), "default", levels))
    land = timed("sort along a curve", lambda: _along_curve(np.flatnonzero(unit >= 0), lat, lon))
    country = unit_countries("default")[unit]
    vectors = timed("unit vectors", lambda: [unit_vectors(lat[rows], lon[rows]) for rows in blocks(land)])
    owners = blocks(country[land])
    timed("nearest city", lambda: [nearest_city(*pair, "default") for pair in zip(vectors, owners, strict=True)])
    begun = time.process_time()
    reverse(lat, lon)
    spent["whole"] = time.process_time() - begun
    parts = sum(value for name, value in spent.items() if name != "whole" and not name.startswith("("))
    spent["the rest: names of cities, columns"] = max(spent["whole"] - parts, 0.0)
    return spent


def in_child(*options: str) -> dict[str, float]:
    """Runs this file again and reads its one line of JSON."""
    command = [sys.executable, __file__, *options]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def main() -> int:
    """Prints a table a size; the exit code is 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--points", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(
            json.dumps(
                stages(options.points) if options.measure == "stages" else measure(options.measure, options.points)
            )
        )
        return 0
    missed = False
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "points.npy"
            write_points(path, rows)
            missed |= report(rows, path, options.repeat)
    return int(missed)


def report(rows: int, path: Path, repeat: int) -> bool:
    """Prints one size, measured in turns so that the machine's load meets all alike; whether a target was missed."""
    runs: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
    for _ in range(repeat):
        for mode in MODES:
            runs[mode].append(in_child("--measure", mode, "--points", str(path)))
    best = {
        mode: {key: statistics.median(run[key] for run in found) for key in found[0]} for mode, found in runs.items()
    }
    base = best[MODES[0]]
    print(f"\n{rows:,} points, medians of {repeat}")
    print(f"{'':18} {'load s':>7} {'wall s':>7} {'cpu s':>7} {'peak MB':>8} {'x wall':>7} {'x core':>7}")
    for mode, found in best.items():
        ratios = base["wall_s"] / found["wall_s"], base["cpu_s"] / found["cpu_s"]
        numbers = f"{found['load_s']:7.2f} {found['wall_s']:7.2f} {found['cpu_s']:7.2f} {found['peak_mb']:8.0f}"
        print(f"{mode:18} {numbers} {ratios[0]:7.2f} {ratios[1]:7.2f}")
    for name, seconds in in_child("--measure", "stages", "--points", str(path)).items():
        print(f"    {name:32} {seconds / rows * 1e6:6.3f} CPU s a million")
    whole, labels = best["all levels"], best["country+admin1"]
    return (
        base["cpu_s"] / labels["cpu_s"] < PER_CORE
        or base["wall_s"] / whole["wall_s"] < WALL
        or (rows <= 1_000_000 and whole["peak_mb"] > MEGABYTES)
        or whole["load_s"] > LOAD_SECONDS
    )


if __name__ == "__main__":
    raise SystemExit(main())
