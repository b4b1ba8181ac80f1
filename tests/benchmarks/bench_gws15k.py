"""GWS15k drawn from a pool of OSV-5M's size: `factory plan` on a simulated table, both algorithms.

    python tests/benchmarks/bench_gws15k.py [--rows 5000000]

Prints seconds, CPU seconds and the peak memory of all processes together, beside a plan of the same table that draws
nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.benchmarks.bench_meta import write_table  # noqa: E402 - a script finds its neighbours only so
from tests.measured import measured  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "images").mkdir()
        write_table(root / "test.csv", given.rows)
        for what, recipe, more in (
            ("nothing drawn", "mg_geo_meta.yaml", ()),
            ("repaired", "gws15k.yaml", ()),
            ("published", "gws15k.yaml", ("--set", "source.algorithm=published")),
        ):
            begun = time.perf_counter()
            found = measured(
                *("plan", REPOSITORY / "recipes" / recipe, "--profile", "rows", *more),
                *("--set", f"source.path={root}/test.csv", "--set", f"source.images={root}/images"),
                cwd=root,
                timeout_s=3600,
            )
            seconds = time.perf_counter() - begun
            print(found.done.stdout)
            print(f"{what}: {seconds:.1f} s, {found.cpu_s:.1f} s of CPU, {found.peak_mb:,.0f} MB at most\n", flush=True)


if __name__ == "__main__":
    main()
