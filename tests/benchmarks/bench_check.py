"""Seconds and CPU seconds of checking a release, in one process and in several.

    python tests/benchmarks/bench_check.py RELEASE [--workers 2]

CPU of the processes that look is that of the server which starts them and of those that have ended, as Linux counts it.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    from release import check_release

    for workers in dict.fromkeys((1, options.workers)):
        before, started = own_cpu(), time.perf_counter()
        faults = check_release(options.release, workers=workers)
        took, cpu = time.perf_counter() - started, own_cpu() - before
        told = f"{took:.1f} s; CPU {cpu:.1f} s here, {others_cpu():.1f} s in others; load {os.getloadavg()[0]:.1f}"
        print(f"{workers} processes: {told}; {len(faults)} faults")


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def others_cpu() -> float:
    """CPU seconds of the server of processes and of its children that have ended; 0 where there is none."""
    server: Any = forkserver
    pid = server._forkserver._forkserver_pid
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
