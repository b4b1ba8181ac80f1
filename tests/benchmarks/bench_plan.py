"""Time and memory of planning: a CSV in MP-16's layout, read, judged, labelled and cut into shards.

    python tests/benchmarks/bench_plan.py [--rows 100000 1000000]

Each size runs in a fresh process. Targets: 1,000,000 rows under 20 s on two cores, 100,000 rows under 600 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

TARGET_SECONDS = {1_000_000: 20.0}
TARGET_MB = {100_000: 600.0}


def write_table(path: Path, rows: int) -> None:
    """Clustered points such as photos have, with 1 % of rows that must be dropped."""
    draw = np.random.default_rng(7)
    centres = np.column_stack([draw.uniform(-55, 70, 20_000), draw.uniform(-180, 180, 20_000)])
    places = centres[draw.integers(0, len(centres), rows)] + draw.normal(0, 0.05, (rows, 2))
    number = pl.int_range(rows, eager=True)
    frame = pl.DataFrame(
        {
            "IMG_ID": pl.select(pl.format("{}/{}/{}.jpg", number % 97, number % 89, number)).to_series(),
            "AUTHOR": draw.integers(0, rows // 20 + 1, rows).astype(str),
            "LAT": np.clip(places[:, 0], -90, 90).round(6).astype(str),
            "LON": ((places[:, 1] + 180) % 360 - 180).round(6).astype(str),
            "S3_Label": draw.integers(0, 3, rows).astype(str),
            "Prob_indoor": draw.uniform(size=rows),
            "Prob_natural": draw.uniform(size=rows),
            "Prob_urban": draw.uniform(size=rows),
        }
    )
    broken = pl.Series(draw.uniform(size=rows) < 0.01)
    frame.with_columns(LAT=pl.when(broken).then(pl.lit("unknown")).otherwise("LAT")).write_csv(path)


def plan_once(path: Path) -> dict[str, float]:
    """Seconds of reading and of compiling, and the peak resident memory of this process in MB."""
    from factory.phases.plan import compile_plan
    from factory.sources.table import table
    from schemas.settings import PlanSettings

    begun = time.perf_counter()
    source = table(path.parent, path=path.name, layout="mp16")
    source.digest()
    raw = source.table()
    read = time.perf_counter()
    plan = compile_plan(raw, PlanSettings())
    done = time.perf_counter()
    assert plan.samples.height + plan.dropped.height == raw.height
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"read_s": read - begun, "compile_s": done - read, "planned": plan.samples.height, "peak_mb": peak}


def main() -> int:
    """Prints a line a size; the exit code is 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plan:
        print(json.dumps(plan_once(options.plan)))
        return 0
    missed = False
    print(f"{'rows':>10} {'read s':>8} {'compile s':>10} {'total s':>8} {'peak MB':>8}")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            write_table(path, rows)
            command = [sys.executable, __file__, "--plan", str(path)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        total = found["read_s"] + found["compile_s"]
        print(f"{rows:>10,} {found['read_s']:8.2f} {found['compile_s']:10.2f} {total:8.2f} {found['peak_mb']:8.0f}")
        missed |= total > TARGET_SECONDS.get(rows, float("inf"))
        missed |= found["peak_mb"] > TARGET_MB.get(rows, float("inf"))
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
