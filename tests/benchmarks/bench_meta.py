"""MG-Geo Meta at OSV-5M's size: rows planned, cross-checked and released without pictures, from a simulated table.

    python tests/benchmarks/bench_meta.py [--rows 100000]

The issue's aim for 4,870,000 rows is 300 seconds on two cores and 4 GB. Prints seconds, CPU seconds and the peak memory
of all processes together.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.measured import measured  # noqa: E402 - a script finds its neighbours only so


def write_table(path: Path, rows: int) -> None:
    """Photos some kilometres around the gazetteer's cities, with 2 % of rows that lack a name."""
    from factory.geo.gazetteer import cities

    draw = np.random.default_rng(11)
    known = cities().filter(pl.col("population") > 0).select("name", "lat", "lon", "country")
    chosen = known[draw.integers(0, known.height, rows)]
    moved = draw.normal(0, 0.03, (2, rows))
    frame = pl.DataFrame(
        {
            "id": (10**14 + draw.permutation(rows).astype(np.int64)).astype(str),
            "latitude": np.clip(chosen["lat"].to_numpy() + moved[0], -89, 89).round(6),
            "longitude": (((chosen["lon"].to_numpy() + moved[1]) + 180) % 360 - 180).round(6),
            "country": chosen["country"],
            "captured_at": (1_500_000_000_000 + draw.integers(0, 10**11, rows)).astype(str),
            "region": pl.Series(draw.integers(0, 2700, rows)).cast(pl.String),
            "city": chosen["name"],
            "creator_username": draw.integers(0, rows // 40 + 1, rows).astype(str),
        }
    )
    unnamed = pl.Series(draw.uniform(size=rows) < 0.02)
    frame.with_columns(city=pl.when(unnamed).then(pl.lit("NaN")).otherwise("city")).write_csv(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "images").mkdir()
        write_table(root / "train.csv", given.rows)
        begun = time.perf_counter()
        found = measured(
            *("build", REPOSITORY / "recipes" / "mg_geo_meta.yaml", "--profile", "rows", "--out", root / "out"),
            *("--workers", str(given.workers), "--set", f"source.path={root}/train.csv"),
            *("--set", f"source.images={root}/images"),
            cwd=REPOSITORY,
            timeout_s=3600,
        )
        seconds = time.perf_counter() - begun
        print(found.done)
        print(f"{given.rows:,} rows: {seconds:.1f} s, {found.cpu_s:.1f} s of CPU, {found.peak_mb:.0f} MB at most")
        print(f"{seconds / given.rows * 1e6:.0f} us a row: 4,870,000 would take {seconds / given.rows * 4.87e6:.0f} s")


if __name__ == "__main__":
    main()
