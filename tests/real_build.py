"""Real builds for tests: photos on disk, a recipe that asks an endpoint, and the `factory` command as a process."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from PIL import Image

from factory import build as build_recipe
from factory.cli.main import main
from factory.phases.disk import disk_needed, mean_source_bytes
from factory.recipe.load import load_recipe
from factory.sources import open_source
from factory.store.layout import open_build
from tests.fake_endpoint import plausible_answer

COMMAND = (sys.executable, "-m", "factory")
KEY = "sk-canary-0123456789"


def make_photos(root: Path, count: int, *, side: int = 48) -> Path:
    """Writes `count` different JPEGs and their table; the truth is where the fake endpoint says each was taken."""
    images = root / "images"
    images.mkdir(parents=True, exist_ok=True)
    with (root / "photos.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "image", "lat", "lon", "author", "licence"])
        for number in range(count):
            path = images / f"{number:05d}.jpg"
            noise = random.Random(number).randbytes(side * side * 3)
            Image.frombytes("RGB", (side, side), noise).save(path, quality=85)
            answer = plausible_answer(hashlib.sha256(path.read_bytes()).hexdigest())
            table.writerow(
                [f"p{number:05d}", path.name, answer["latitude"], answer["longitude"], f"a{number}", "CC0-1.0"]
            )
    return root / "photos.csv"


def write_recipe(root: Path, url: str, *, teachers: int = 1, extra: str = "", teacher_keys: str = "") -> Path:
    """A recipe over `make_photos` whose teachers are behind one endpoint."""
    asked = "\n".join(
        f"  - {{name: t{n}, backend: openai, model: model-{n}, base_urls: ['{url}'], attempts: 8, "
        f"max_in_flight: 32, recovery_s: 20{teacher_keys}}}"
        for n in range(teachers)
    )
    path = root / "recipe.yaml"
    path.write_text(
        f"""\
name: trial
generator: mp16_reason
source: {{kind: table, path: photos.csv, images: images}}
plan: {{shard_size: 250}}
teachers:
{asked}
verify:
  checks: [{{localizable: {{min_confidence: 0.1}}}}, {{near_truth: {{tier: region}}}}, no_leak]
  decide: {{reject: [localizable, near_truth, no_leak], review: []}}
select:
  - split: {{train: 0.8, validation: 0.1, test: 0.1, keep_together: [author]}}
{extra}"""
    )
    return path


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left, as `subprocess` would tell it."""

    returncode: int
    stdout: str
    stderr: str


def factory(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Runs the command to its end in this process: its `main`, with arguments, folder, environment and streams of its
    own. Starting an interpreter takes longer than most builds here; what is about processes uses `factory_process`."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.object(sys, "argv", ["factory", *map(str, arguments)]),
        mock.patch.dict(os.environ, {"OPENAI_API_KEY": KEY, **(env or {})}),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Done(int(ended.value.code or 0), *said)


def factory_process(*arguments: str | Path, cwd: Path, command: Sequence[str] = COMMAND, **options: Any) -> Done:
    """Runs the command, or another that takes its arguments, as a process of its own to its end; `options` are those of
    `subprocess.run`."""
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OPENAI_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        **options,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def start_factory(arguments: Sequence[str | Path], *, cwd: Path) -> subprocess.Popen[str]:
    """Starts the command in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OPENAI_API_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def release_digests(build: Path) -> dict[str, str]:
    """sha256 of every released file, by its path in the release."""
    files = sorted(path for path in (build / "release").rglob("*") if path.is_file())
    return {str(p.relative_to(build / "release")): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def only_build(out: Path) -> Path:
    """The one build directory in a folder."""
    (build,) = out.glob("*/build.json")
    return build.parent


def foreseen_and_taken(recipe: Path, out: Path, *overrides: str) -> tuple[int, int]:
    """Bytes that a build was said to need, told how many of its rows are kept, and the bytes its files have."""
    loaded = load_recipe(recipe, overrides=overrides)
    source = open_source(loaded.recipe.source, loaded.root)
    build = open_build(build_recipe(recipe, out=out, overrides=overrides).directory)
    foreseen = disk_needed(
        build.plan.height,
        images=loaded.recipe.images,
        answers=len(loaded.recipe.teachers),
        formats=loaded.recipe.release.formats,
        kept=build.info["counts"]["kept"] / build.plan.height,
        source_bytes=mean_source_bytes(source, build.plan["images"].explode().struct.field("locator")),
    )
    return foreseen, sum(path.stat().st_size for path in build.paths.root.rglob("*") if path.is_file())
