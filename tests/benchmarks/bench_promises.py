"""How often a promise holds, and what it costs: every world of `tests/promises.py` at several sizes.

    python tests/benchmarks/bench_promises.py [runs] [rows,rows,...] [world,world,...]

Prints a row a cell: in how many runs the true precision was what was promised (0.98 at 95 %: at least 930 of 1,000 are
wanted; 20 runs by default, for a look), in how many nothing could be promised, and the coverage next to that of an
oracle that knows the true precision of every threshold. A seed a run, so the table comes out the same everywhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.promises import WORLDS, one_build

PROMISE = 0.98
FRESH_ROWS = (10_000, 40_000)
"""Rows that the true precision is taken from: four times the build's, within these."""


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    sizes = [int(size) for size in (sys.argv[2] if len(sys.argv) > 2 else "500,5000,50000").split(",")]
    worlds = sys.argv[3].split(",") if len(sys.argv) > 3 else list(WORLDS)
    print("| world | rows | kept | of | nothing promised | least precision | coverage | oracle |")
    print("|---|---|---|---|---|---|---|---|")
    for rows in sizes:
        for name in worlds:
            draw = WORLDS[name]
            fresh = draw(np.random.default_rng(2**31), min(max(4 * rows, FRESH_ROWS[0]), FRESH_ROWS[1]))
            found = [one_build(draw, rows, seed, fresh, promise=PROMISE) for seed in range(runs)]
            kept = sum(one.precision >= PROMISE for one in found)
            none = sum(one.threshold.score is None for one in found)
            coverage = np.mean([one.coverage for one in found])
            oracle = np.mean([one.oracle for one in found])
            least = min(one.precision for one in found)
            print(
                f"| {name} | {rows:,} | {kept} | {runs} | {none} | {least:.3f} | {coverage:.3f} | {oracle:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
