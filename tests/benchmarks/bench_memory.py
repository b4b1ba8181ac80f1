"""Peak memory of a whole build with many planned samples, and the time in which a new threshold is applied to them.

    python tests/benchmarks/bench_memory.py [--samples 100000] [--photos 500] [--workers 2]

The table has one row a sample over a few hundred different photos, so that the time goes into our bookkeeping; the
same picture is asked about once. Peak memory is that of the build's own process (one worker, shards of 1,000). Then the
recipe is built with another threshold: its shards are linked, everything is verified again, and nobody is asked.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import factory
from factory.phases.run import Silent
from tests.fake_endpoint import running_endpoint
from tests.real_build import make_photos, start_factory, write_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2, help="processes that verify again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        root = Path(folder).resolve()
        table = make_photos(root, options.photos)
        rows = list(csv.reader(table.open()))
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0])
            for number in range(options.samples):
                writer.writerow([f"s{number:07d}", *rows[1 + number % options.photos][1:]])
        with running_endpoint(root / "endpoint", quiet=True) as server:
            recipe = write_recipe(root, server.url, extra="release: {formats: [parquet]}\n")
            started = time.perf_counter()
            command = ["build", recipe, "--out", "out", "--workers", "1", "--set", "plan.shard_size=1000"]
            process = start_factory(command, cwd=root)
            _, talk = process.communicate()
            seconds = time.perf_counter() - started
            assert process.returncode == 0, talk
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{options.samples:,} samples in {seconds:.0f} s, peak memory of the largest process {peak:.0f} MB")
            asked = server.stats()["requests"]
            verify_again(recipe, root / "out", options.workers)
            assert server.stats()["requests"] == asked, "a new threshold asked somebody"


class Clock(Silent):
    """Notes when each phase ends."""

    def __init__(self) -> None:
        self.ends = {"start": time.perf_counter()}

    def phase(self, name: str, text: str) -> None:
        self.ends[name] = time.perf_counter()


def verify_again(recipe: Path, out: Path, workers: int) -> None:
    clock = Clock()
    overrides = ("plan.shard_size=1000", "verify.checks.localizable.min_confidence=0.55")
    result = factory.build(recipe, out=out, overrides=overrides, workers=workers, listener=clock)
    names = list(clock.ends)
    took = [f"{name} {clock.ends[name] - clock.ends[before]:.1f} s" for before, name in pairwise(names)]
    total = clock.ends["verify"] - clock.ends["plan"]
    print(
        f"again with another threshold: {total:.1f} s to link and verify, {result.calls_now} calls ({', '.join(took)})"
    )


if __name__ == "__main__":
    main()
