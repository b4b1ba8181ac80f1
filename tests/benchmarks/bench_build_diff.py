"""`factory diff` of two builds: time and memory for 100,000 samples, of which a tenth was decided otherwise.

    python tests/benchmarks/bench_build_diff.py [--rows 100000]

The builds are made of one small fixture's tables, each row many times under other ids. The diff runs in a fresh
process, as the command does. Target: 100,000 samples under 10 s of CPU, which a machine that does nothing else needs at
most on its clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from factory.store.layout import Build, BuildPaths  # noqa: E402 - a script finds its neighbours only so
from factory.store.tables import write_table  # noqa: E402
from schemas import arrow  # noqa: E402
from tests.build_fixture import make_build  # noqa: E402

SHARD = 1_000
TARGET_SECONDS = 10.0


def large(small: Build, root: Path, rows: int, *, nearer: bool) -> Path:
    """A build of so many samples; `nearer` accepts every rejected one, and moves one label of seven."""
    paths = BuildPaths(root)
    root.mkdir()
    for path in (small.paths.recipe_lock, small.paths.dropped):
        (root / path.name).write_bytes(path.read_bytes())
    info = json.loads(small.paths.info.read_bytes())
    paths.info.write_text(json.dumps({**info, "identity": {"verify.near_truth.tier": "region" if nearer else "city"}}))
    plan = repeated(pq.read_table(small.paths.plan, schema=arrow.PLAN), rows)
    numbers = pa.array(range(rows), pa.int32())
    for name, values in (("shard", [n // SHARD for n in range(rows)]), ("position", [n % SHARD for n in range(rows)])):
        plan = plan.set_column(plan.schema.names.index(name), plan.schema.field(name), pa.array(values, pa.int32()))
    if nearer:
        moved = [lat + 0.5 * (n % 7 == 0) for n, lat in enumerate(plan["lat"].to_pylist())]
        plan = plan.set_column(plan.schema.names.index("lat"), plan.schema.field("lat"), pa.array(moved))
    write_table(plan, paths.plan)
    verdicts = [pq.read_table(shard.verdicts, schema=arrow.VERDICTS) for shard in small.paths.shards()]
    every = repeated(pa.concat_tables(verdicts), rows)
    if nearer:
        every = with_decisions(every, lambda decision: "accept" if decision == "reject" else decision)
    for start in range(0, rows, SHARD):
        shard = paths.shard(start // SHARD)
        shard.root.mkdir(parents=True)
        write_table(every.slice(start, SHARD), shard.verdicts)
    decided = pl.DataFrame({"id": every["id"].to_pylist(), "decision": every["decision"].to_pylist(), "n": numbers})
    kept = decided.filter(pl.col("decision") == "accept").select(
        "id",
        shard=(pl.col("n") // SHARD).cast(pl.Int32),
        position=(pl.col("n") % SHARD).cast(pl.Int32),
        kept=True,
        split=pl.when(pl.col("n") % 10 == 0).then(pl.lit("test")).otherwise(pl.lit("train")),
        group=pl.lit(None, pl.String),
        removed_by=pl.lit(None, pl.String),
        reason=pl.lit(None, pl.String),
        detail=pl.lit(None, pl.String),
    )
    write_table(kept.to_arrow().cast(arrow.SELECTION), paths.selection)
    return root


def repeated(table: pa.Table, rows: int) -> pa.Table:
    """The rows of a small table again and again, each under an id of its own."""
    taken = table.take(pa.array([n % table.num_rows for n in range(rows)]))
    return taken.set_column(
        table.schema.names.index("id"), table.schema.field("id"), pa.array([f"s{n:07d}" for n in range(rows)])
    )


def with_decisions(table: pa.Table, change: Callable[[str], str]) -> pa.Table:
    """Other decisions, and of each check that failed that it passed."""
    rows = table.to_pylist()
    for row in rows:
        if (decision := change(row["decision"])) != row["decision"]:
            row.update(decision=decision, reasons=[])
            row["checks"] = [{**one, "outcome": "pass", "threshold": 750.0} for one in row["checks"]]
    return pa.Table.from_pylist(rows, schema=table.schema)


def main() -> int:
    """Prints what it took; the exit code is 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    options, missed = parser.parse_args(), False
    with tempfile.TemporaryDirectory() as folder:
        small = make_build(Path(folder) / "small", 600, shard_size=600)
        builds = [large(small, Path(folder) / name, options.rows, nearer=name == "b") for name in ("a", "b")]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-P", "-m", "factory", "diff", *map(str, builds)]
        for extra in ([], ["--json"]):
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run([*command, *extra], check=True, stdout=subprocess.PIPE, env=environment)
            took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            size = f"peak {after.ru_maxrss / 1024:,.0f} MB, {len(done.stdout):,} bytes"
            told = " ".join(extra) or "for a person"
            print(f"{options.rows:,} samples {told}: {took:.1f} s ({cpu:.1f} s of CPU), {size}")
            if not extra:
                print("\n".join(done.stdout.decode().splitlines()[:12]))
            missed |= cpu > TARGET_SECONDS
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
