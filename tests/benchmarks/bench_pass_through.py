"""Pictures of 300 kB passed undecoded from zips to shards, beside `tar` of the same bytes.

    python tests/benchmarks/bench_pass_through.py [--pictures 3000] [--pairs 3]

Wall time, both with fsync, one after the other in turn: the work phase of a build on two workers, and `tar` of the
unpacked pictures, as many processes as workers, one archive each. The issue's aim is a ratio of at least 0.7.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from factory.phases.build import phases_with, run_build  # noqa: E402 - a script finds its neighbours only so
from factory.phases.phase import Phase, Waiting  # noqa: E402
from factory.phases.run import Run  # noqa: E402
from factory.recipe.load import load_recipe  # noqa: E402

BYTES = 300_000


def draw() -> bytes:
    """A JPEG of about 300 kB with a camera's metadata."""
    noise = np.random.default_rng(5).normal(0, 26, (768, 1024, 3))
    pixels = noise + np.linspace(0, 200, 1024)[None, :, None]
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0110] = "TestCam 9"
    for quality in range(95, 30, -1):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, exif=exif)
        if out.tell() <= BYTES:
            break
    return out.getvalue()


def lay_out(root: Path, pictures: int) -> None:
    """OSV-5M's table and zips, and the same pictures as files for `tar`."""
    (root / "zips").mkdir()
    (root / "files").mkdir()
    jpeg = draw()
    lines = ["id,latitude,longitude,country,region,city"]
    with zipfile.ZipFile(root / "zips" / "00.zip", "w") as zipped:
        for number in range(1, pictures + 1):
            own = jpeg[:-2] + number.to_bytes(4, "big").replace(b"\xff", b"\x00") + jpeg[-2:]
            zipped.writestr(f"00/{number}.jpg", own)
            (root / "files" / f"{number}.jpg").write_bytes(own)
            lines.append(f"{number},48.85,2.35,FR,Ile-de-France,Paris")
    (root / "train.csv").write_text("\n".join(lines) + "\n")
    print(f"{pictures:,} pictures of {len(jpeg):,} bytes")


def cpu_s() -> float:
    """User and system time of this process and of those it has waited for, seconds."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def tar(root: Path, out: Path, workers: int) -> float:
    """Seconds of `tar`, each process over its part of the files, and of bringing the archives to the disk."""
    names = sorted(path.name for path in (root / "files").iterdir())
    begun = time.perf_counter()
    running = []
    for number in range(workers):
        listed = out / f"{number}.txt"
        listed.write_text("\n".join(names[number::workers]))
        command = ["tar", "-cf", str(out / f"{number}.tar"), "-C", str(root / "files"), "-T", str(listed)]
        running.append(subprocess.Popen(command))
    if any(process.wait() for process in running):
        raise SystemExit("tar failed")
    for number in range(workers):
        with (out / f"{number}.tar").open("rb") as file:
            os.fsync(file.fileno())
    return time.perf_counter() - begun


def build(root: Path, out: Path, workers: int) -> float:
    """Seconds of the work phase, processes started within, files durable."""
    taken: list[float] = []

    def timed(phase: Phase) -> Phase:
        def go(run: Run) -> Waiting | None:
            begun = time.perf_counter()
            waiting = phase.go(run)
            taken.append(time.perf_counter() - begun)
            return waiting

        return replace(phase, go=go)

    given = (f"source.path={root}/train.csv", f"source.images={root}/zips", "plan.shard_size=1000")
    loaded = load_recipe(REPOSITORY / "recipes" / "mg_geo_meta.yaml", profile="full", overrides=given)
    assert loaded.recipe.images.pass_through
    phases = [timed(phase) for phase in phases_with(lambda _: {}) if phase.name in ("plan", "work")]
    counts = run_build(loaded, out=out, phases=phases, workers=workers).counts
    assert not counts["failures"], counts["failures"]
    return taken[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay_out(root, given.pictures)
        ratios = []
        for pair in range(given.pairs):
            out = root / f"pair{pair}"
            (out / "tar").mkdir(parents=True)
            begun = cpu_s()
            beside = tar(root, out / "tar", given.workers)
            between = cpu_s()
            ours = build(root, out / "build", given.workers)
            ratios.append(beside / ours)
            used = f"CPU {between - begun:.1f} s and, with planning, {cpu_s() - between:.1f} s"
            print(f"tar {beside:.2f} s, pass-through {ours:.2f} s: ratio {ratios[-1]:.2f} ({used})", flush=True)
        print(f"median ratio {sorted(ratios)[len(ratios) // 2]:.2f}; the aim is 0.70")


if __name__ == "__main__":
    main()
