"""Peak memory of a whole build with many planned samples.

    python tests/benchmarks/bench_memory.py [--samples 100000] [--photos 500]

The table has one row a sample over a few hundred different photos, so that the time goes into our bookkeeping; the
same picture is asked about once. Peak memory is that of the build's own process (one worker, shards of 1,000).
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fake_endpoint import running_endpoint
from tests.real_build import make_photos, start_factory, write_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--photos", type=int, default=500)
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


if __name__ == "__main__":
    main()
