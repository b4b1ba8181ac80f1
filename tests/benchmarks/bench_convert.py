"""`factory convert`: time and memory for 100,000 rows of NaviClues to another format and back.

    python tests/benchmarks/bench_convert.py [--rows 100000] [--through sharegpt]

Rows are made: texts of 800 characters, as the released ones have in the mean, and paths of pictures alone (`--refer`).
Each command runs in a process of its own. Target: 20 s of CPU and 500 MB each way.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET_SECONDS, TARGET_MB = 20.0, 500.0
WORDS = "The road is narrow, its edge line yellow, and the poles lean as they do along the coast. "


def write_rows(path: Path, rows: int) -> None:
    """A file as NaviClues released its clues."""
    with path.open("wb") as file:
        for number in range(rows):
            place = {
                "round": number % 5 + 1,
                "lat": number / 1e3 % 90,
                "lng": number / 7e2 % 180,
                "continent": "Africa",
            }
            row = {
                **{"youtube_url": "XXXX", "challenge_url": "XXXX"},
                "points": str(number % 5000) if number % 50 == 0 else number % 5000,
                **{"distance": number / 3, "image_path": f"images/{number}/combined.jpg"},
                "location": {**place, "country": "Namibia"},
                "clues": f"{number}: {WORDS * 9}",
            }
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def main() -> int:
    """Prints a line each way; the exit code is 1 when a target is missed, or a byte comes back otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--through", default="sharegpt")
    options, missed = parser.parse_args(), False
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_rows(root / "clues.jsonl", options.rows)
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        for source, target, form in (("clues.jsonl", "there", options.through), ("there", "back", "naviclues")):
            command = [sys.executable, "-P", "-m", "factory", "convert", str(root / source), str(root / target)]
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*command, "--to", form, "--refer"], check=True, capture_output=True, env=environment)
            took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu, peak = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024
            print(f"{options.rows:,} rows to {form}: {took:.1f} s ({cpu:.1f} s of CPU), peak {peak:,.0f} MB")
            missed |= cpu > TARGET_SECONDS or peak > TARGET_MB
        same = (root / "back/data.jsonl").read_bytes() == (root / "clues.jsonl").read_bytes()
        print(f"what came back is {'the same bytes' if same else 'something else'}")
    return int(missed or not same)


if __name__ == "__main__":
    raise SystemExit(main())
