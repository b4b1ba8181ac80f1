"""Forward geocoding: load time and memory of the index, and unique strings a second, in one process.

    python tests/benchmarks/bench_geo_forward.py [--strings 100000] [--rounds 3]

Strings are cities of more than 500 people in the forms that models write, all different, in the shares named below;
each form is also timed alone. Best of the rounds, CPU seconds beside it. Targets: load in at most 1.5 s, 50,000 unique
strings a second.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import polars as pl

from factory.geo.entities import read_entities
from factory.geo.forward import forward
from factory.geo.gazetteer import admin1, cities, countries, table
from factory.geo.name_index import ALTERNATE, read_index


def forms(size: int) -> dict[str, pl.Series]:
    """Unique strings of each form: full, city and country, reversed, another name, misspelt, unknown."""
    names = dict(countries().select("code", "name").iter_rows())
    places = cities().filter(pl.col("population") > 500, pl.col("admin1_index").is_not_null())
    places = places.sample(min(size, places.height), seed=1).with_columns(
        region=admin1()["region"].gather(places.sample(min(size, places.height), seed=1)["admin1_index"]),
        land=pl.col("country").replace_strict(names),
    )
    entities = read_entities()
    other = table("names").filter(pl.col("source") == ALTERNATE).sample(size, seed=2)
    codes = pl.Series(entities.codes).gather(entities.country[other["entity"].to_numpy()])
    lands = codes.replace_strict(names)
    full = pl.concat_str("name", "region", "land", separator=", ")
    short = pl.concat_str("name", "land", separator=", ")
    backwards = pl.concat_str("land", "region", "name", separator=", ")
    wrong = pl.concat_str(pl.col("name").str.slice(0, 3) + "x" + pl.col("name").str.slice(3), "land", separator=", ")
    columns = places.select(full=full, short=short, backwards=backwards, misspelt=wrong)
    found = {name: columns[name].unique(maintain_order=True) for name in columns.columns}
    found["other names"] = (other["key"] + ", " + lands).unique(maintain_order=True)
    return found


def mixed(parts: dict[str, pl.Series], size: int) -> pl.Series:
    """40 % full, 40 % city and country, 9 % other names, 10 % reversed, 1 % misspelt."""
    shares = {"full": 0.4, "short": 0.4, "other names": 0.09, "backwards": 0.1, "misspelt": 0.01}
    return pl.concat([parts[name].head(int(share * size)) for name, share in shares.items()]).unique().shuffle(seed=4)


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    before, wall, cpu = megabytes(), time.perf_counter(), time.process_time()
    forward(["Paris, France"])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"load {wall:.2f} s ({cpu:.2f} CPU s), {megabytes() - before:.0f} MB on top of {before:.0f} MB", flush=True)
    print(f"{len(read_index().entity):,} rows in the index")
    parts = forms(given.strings)
    for name, strings in {"mixed": mixed(parts, given.strings), **parts}.items():
        best = (float("inf"), 0.0, 0.0)
        for _ in range(given.rounds):
            wall, cpu = time.perf_counter(), time.process_time()
            level = forward(strings)["level"]
            best = min(
                best, (time.perf_counter() - wall, time.process_time() - cpu, float((level == "city").mean() or 0))
            )
        rate = len(strings) / best[0]
        print(
            f"{name:<12} {len(strings):>8,} unique  {rate:>9,.0f} /s  {best[1]:5.2f} CPU s  {best[2]:.1%} cities",
            flush=True,
        )
    wall = time.perf_counter()
    for _ in range(50):
        forward(["Helsinki, Finland"])
    print(f"one string at a time: {(time.perf_counter() - wall) / 50 * 1000:.1f} ms; peak {megabytes():.0f} MB")


if __name__ == "__main__":
    main()
