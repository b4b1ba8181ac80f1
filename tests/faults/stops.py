"""Builds that are killed, or whose disk fails, at any of the calls by which files become durable.

    python -m tests.faults.stops [--seeds 200] [--seed 7]

A build of six photos syncs, renames and links some hundred times. Each case draws one of these calls and what happens
there: the process dies before or after it, or the disk says EIO, ENOSPC or EDQUOT, this once or from then on. The
command must end by SIGKILL, or with exit code 3 and a message; and the same command, on a disk that is well, must make
the release of an undisturbed build, byte for byte, in which `factory check` finds nothing wrong. Prints its seed.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.fake_endpoint import plausible_answer
from tests.faults.__main__ import apart
from tests.real_build import make_photos, only_build, release_digests

PHOTOS = 6
RECIPE = """\
name: t
generator: mp16_reason
source: {kind: table, path: photos.csv, images: images}
plan: {shard_size: 3}
teachers: [{name: a, backend: replay, path: said.jsonl, model: one}]
verify:
  checks: [{near_truth: {tier: region}}]
  decide: {reject: [near_truth], review: []}
"""
CALLS = ("fsync", "replace", "link")
WHAT = ("killed before", "killed after", "EIO", "ENOSPC", "EDQUOT", "ENOSPC from then on")


@dataclass(slots=True)
class Disk:
    """Counts the calls of this process, and fails at one of them."""

    at: int = 0
    what: str = ""
    count: int = 0

    def put_in(self) -> None:
        for name in CALLS:
            setattr(os, name, self.around(getattr(os, name)))

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.count += 1
            due = self.count == self.at
            if due and self.what == "killed before":
                os.kill(os.getpid(), signal.SIGKILL)
            if (due and self.what.startswith("E")) or (self.at <= self.count and self.what.endswith("on")):
                number = getattr(errno, self.what.split()[0])
                raise OSError(number, os.strerror(number))
            done = real(*given, **named)
            if due and self.what == "killed after":
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return call


def make(root: Path) -> None:
    """Photos, what a teacher said of them, and the recipe."""
    make_photos(root, PHOTOS)
    said = []
    for number, path in enumerate(sorted((root / "images").iterdir())):
        answer = plausible_answer(hashlib.sha256(path.read_bytes()).hexdigest())
        said.append(json.dumps({"id": f"p{number:05d}", "response": json.dumps(answer)}))
    (root / "said.jsonl").write_text("\n".join(said))
    (root / "recipe.yaml").write_text(RECIPE)


def command(words: list[str], root: Path, disk: Disk | None = None) -> tuple[int, str]:
    """The command in a process of its own: its exit code, negative for a signal, and what it said. With a disk, the
    count of its calls is written to `count`."""

    def run() -> int:
        out = os.open(root / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(root)
        sys.argv = ["factory", *words]
        from factory.cli.main import main as factory

        if disk is not None:
            disk.put_in()
        try:
            factory()
        except SystemExit as ended:
            if disk is not None:
                (root / "count").write_text(str(disk.count))
            return int(ended.code or 0)
        return 0

    code = apart(run)
    return code, (root / "said").read_text("utf-8", "replace")


def undisturbed(root: Path) -> tuple[dict[str, str], int]:
    """The release of a build that nothing happened to, and how many calls it made."""
    code, said = command(["build", "recipe.yaml", "--workers", "1", "--out", "sound"], root, Disk())
    assert code == 0, said
    return release_digests(only_build(root / "sound")), int((root / "count").read_text())


def stopped(root: Path, draw: Random, sound: dict[str, str], calls: int) -> str:
    """One case; what went wrong, or nothing."""
    disk = Disk(draw.randint(1, calls), draw.choice(WHAT))
    shutil.rmtree(root / "out", ignore_errors=True)
    build = ["build", "recipe.yaml", "--workers", "1", "--out", "out"]
    code, said = command(build, root, disk)
    case = f"{disk.what} at call {disk.at} of {calls}"
    if code not in (0, 3, -signal.SIGKILL) or "Traceback" in said:
        return f"{case}: it ended with {code}\n{said[-3_000:]}"
    code, said = command(build, root)
    if code:
        return f"{case}: going on ended with {code}\n{said[-3_000:]}"
    if release_digests(only_build(root / "out")) != sound:
        return f"{case}: another release"
    code, said = command(["check", str(only_build(root / "out"))], root)
    return f"{case}: check ended with {code}\n{said[-3_000:]}" if code else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.faults.stops", description="Builds that are stopped anywhere.")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="the first; drawn and printed by default")
    given = parser.parse_args()
    first = secrets.randbelow(10**9) if given.seed is None else given.seed
    print(f"seed {first}", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if apart(lambda: make(root) or 0):
            return 2
        sound, calls = undisturbed(root)
        for seed in range(first, first + given.seeds):
            if found := stopped(root, Random(seed), sound, calls):
                failed += 1
                print(
                    f"seed {seed}: {found}\n  again: python -m tests.faults.stops --seeds 1 --seed {seed}", flush=True
                )
    print(f"{given.seeds} builds of {calls} calls each, {failed} failed; seed {first}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
