"""Retrieval at the size of VIGOR: 52,000 queries against 90,618 pictures, beside the bare products of the same blocks.

python tests/benchmarks/bench_retrieval.py [WIDTH]
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from train.evaluate.retrieval import Places, _blocks, retrieve

QUERIES, GALLERY = 52_000, 90_618


def main(width: int) -> None:
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((GALLERY, width), dtype=np.float32)
    positive = rng.integers(0, GALLERY, QUERIES)
    queries = gallery[positive] + 8 * rng.standard_normal((QUERIES, width), dtype=np.float32)
    lat, lon = rng.uniform(47, 48, GALLERY), rng.uniform(-123, -122, GALLERY)
    places = Places(lat[positive], lon[positive], lat, lon)
    semi = rng.integers(0, GALLERY, (QUERIES, 3))
    semi[semi == positive[:, None]] = -1
    started = time.perf_counter()
    found = retrieve(queries, gallery, positive, semi=semi, places=places)
    ours = time.perf_counter() - started
    part = queries[: 8 * 1_024]
    started = time.perf_counter()
    for _ in _blocks(part, gallery):
        pass
    bare = (time.perf_counter() - started) * QUERIES / len(part)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{QUERIES:,} x {GALLERY:,}, width {width}: {ours:.0f} s, {ours / bare:.2f} of the bare products; {peak:.2f} GB"
    )
    print(found.plain())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 768)
