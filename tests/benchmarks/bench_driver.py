"""What the machine of a cluster's driver needs: the plan, a spec a shard, and what travels of it, for millions of rows.

    python tests/benchmarks/bench_driver.py [--rows 1000000] [--shard-size 1000] [--lent 128]

A CSV in MP-16's layout is planned as a build does it, the plan is written, a spec is made for every shard, and `--lent`
of them, spread over the plan, are lent as to so many machines at once: claim, fence and the plan's rows. CPU seconds,
since others may keep the machine busy, and the peak memory of the one process. The aim for 5,000,000 is 4 GB.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.benchmarks.bench_plan import write_table as write_csv  # noqa: E402 - a script finds its neighbours only so


@contextmanager
def told(what: str) -> Iterator[None]:
    begun, clock = time.process_time(), time.monotonic()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    cpu, wall = time.process_time() - begun, time.monotonic() - clock
    print(f"{what:34} {cpu:8.1f} s of CPU {wall:8.1f} s by the clock   {peak:5.2f} GB at most so far", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shard-size", type=int, default=1_000)
    parser.add_argument("--lent", type=int, default=128)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with told(f"a table of {given.rows:,} rows"):
            _apart(Path(folder), given.rows)
        measure(Path(folder), given)


def _apart(folder: Path, rows: int) -> None:
    """In a child, so that its memory is not counted."""
    import os

    child = os.fork()
    if not child:
        write_csv(folder / "photos.csv", rows)
        os._exit(0)
    os.waitpid(child, 0)


def measure(root: Path, given: argparse.Namespace) -> None:
    from factory.phases.plan import compile_plan
    from factory.shard.away import lend
    from factory.shard.memory import give_back
    from factory.shard.spec import ShardSpec
    from factory.sources.table import table
    from factory.store.home import Home
    from factory.store.layout import BuildPaths
    from factory.store.tables import write_table
    from schemas.settings import PlanSettings

    paths = BuildPaths(root / "build")
    paths.shard_folder.mkdir(parents=True)
    with told("plan"):
        plan = compile_plan(
            table(root, path="photos.csv", layout="mp16").table(), PlanSettings(shard_size=given.shard_size)
        )
        samples, shards = plan.samples.height, plan.samples["shard"].n_unique()
        write_table(plan.samples.to_arrow(), paths.plan)
        del plan
        give_back()
    shared: Any = None
    with told(f"{shards:,} specs of {samples:,} samples"):
        specs = [ShardSpec(build=str(paths.root), number=n, recipe={}, root=str(root)) for n in range(shards)]
    home = Home(str(paths.root))
    chosen = specs[:: max(1, len(specs) // given.lent)][: given.lent]
    with told(f"{len(chosen)} specs lent"):
        lent = [lend(spec, shared, home=home) for spec in chosen]
    size = sum(len(spec.away.plan) for spec in lent if spec.away is not None)
    whole = paths.plan.stat().st_size
    print(f"a spec that travels has {size / len(lent) / 1e3:.0f} kB; plan.parquet {whole / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
