"""A build on a Ray cluster of this machine beside the local engine, on the same cores.

    python tests/benchmarks/bench_ray.py [--samples 1500] [--rounds 3]

Both run as many shards at once as `--workers`, against an endpoint that answers at once. What is compared is the time
from the first request to the last, so beyond the start of Ray and of its workers; and, since others may keep the
machine busy, rounds alternate and each engine's best counts. The aim is 0.9 of the local engine's rate.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.fake_endpoint import running_endpoint  # noqa: E402 - a script finds its neighbours only so
from tests.real_build import factory_process, make_photos, write_recipe  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--latency-ms", type=float, default=0)
    given = parser.parse_args()
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_photos(root, given.samples)
        for _ in range(given.rounds):
            for engine in ("local", "ray"):
                with running_endpoint(root / "endpoint", latency_ms=given.latency_ms) as endpoint:
                    recipe = write_recipe(root, endpoint.url, teachers=2)
                    command = ["build", recipe, "--out", "out", "--workers", str(given.workers), "--engine", engine]
                    done = factory_process(*command, cwd=root)
                    assert done.returncode == 0, done.stderr
                    times = sorted(float(line["t"]) for line in endpoint.requests())
                shutil.rmtree(root / "out")
                shutil.rmtree(root / "endpoint")
                rate = len(times) / (times[-1] - times[0])
                best[engine] = max(rate, best.get(engine, 0.0))
                print(f"{engine:6} {rate:7.0f} requests a second", flush=True)
    print(f"ray beside local: {best['ray'] / best['local']:.2f}")


if __name__ == "__main__":
    main()
