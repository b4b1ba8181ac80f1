"""A whole shard against a 50 ms endpoint, beside the bare openai client in the same run.

    python tests/benchmarks/bench_shard.py [--samples 2000] [--in-flight 64] [--rounds 3]

The shard's path is everything a build does for a sample: read and decode the photo in a worker process, write the image
tar, key, ledger look-up, call, durable commit, parse, answers and seal; verification is another phase. One process,
one shard.

Nothing heavy is imported at the top: a decode worker imports the file that its parent was started with, and that of
`factory build` costs it nothing either.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def run_one(root: Path, recipe_file: Path, in_flight: int, number: int) -> tuple[float, float]:
    """(samples a second, CPU milliseconds a sample in this process) of one fresh shard."""
    from factory.phases.plan import plan_source
    from factory.recipe.load import load_recipe
    from factory.shard.run import run_shard
    from factory.shard.spec import ShardSpec
    from factory.sources import open_source
    from factory.store.layout import BuildPaths
    from factory.store.tables import write_table

    loaded = load_recipe(recipe_file, overrides=[f"teachers.0.max_in_flight={in_flight}", "plan.shard_size=100000"])
    paths = BuildPaths(root / f"build-{number}")
    paths.root.mkdir()
    source = open_source(loaded.recipe.source, loaded.root)
    plan = plan_source(source, loaded.recipe, loaded.root)
    write_table(plan.samples.to_arrow(), paths.plan)
    spec = ShardSpec(build=str(paths.root), number=0, recipe=loaded.plain(), root=str(loaded.root))
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    report = run_shard(spec)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert report.calls_now == report.samples == plan.samples.height, report
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report.samples / seconds, 1000 * used / report.samples


def main() -> None:
    from tests.benchmarks.bench_teacher_calls import bare_openai, measure, plain_aiohttp
    from tests.fake_endpoint import running_endpoint
    from tests.real_build import make_photos, write_recipe

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {"plain aiohttp": [], "bare openai": [], "whole shard": []}
    cpus: dict[str, list[float]] = {name: [] for name in rates}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        root = Path(folder).resolve()
        make_photos(root, options.samples, side=144)
        images = [path.read_bytes() for path in sorted((root / "images").iterdir())]
        size = sum(map(len, images)) / len(images) / 1000
        with running_endpoint(root / "endpoint", latency_ms=options.latency_ms, quiet=True) as server:
            recipe = write_recipe(root, server.url)
            run_one(root, recipe, options.in_flight, 0)
            for number in range(1, options.rounds + 1):
                measured = {
                    "plain aiohttp": measure(plain_aiohttp, server.url, images, options.in_flight),
                    "bare openai": measure(bare_openai, server.url, images, options.in_flight),
                    "whole shard": run_one(root, recipe, options.in_flight, number),
                }
                for name, (rate, cpu) in measured.items():
                    rates[name].append(rate)
                    cpus[name].append(cpu)
    bare = statistics.median(rates["bare openai"])
    print(f"{options.samples} samples of {size:.0f} KB, {options.in_flight} in flight, {options.latency_ms:g} ms")
    for name, values in rates.items():
        median, cpu = statistics.median(values), statistics.median(cpus[name])
        each = " ".join(f"{rate:.0f}" for rate in values)
        print(f"{name:14} {median:7.0f}/s  {median / bare:5.2f} of bare openai  {cpu:.2f} ms CPU a sample  ({each})")
    ideal = options.in_flight / (options.latency_ms / 1000)
    print(f"{'ideal':14} {ideal:7.0f}/s  {ideal / bare:5.2f} of bare openai")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:.0f} MB")


if __name__ == "__main__":
    main()
