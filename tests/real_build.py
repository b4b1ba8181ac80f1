"""Real builds for tests: photos on disk, a recipe that asks an endpoint, and the `factory` command as a process."""

from __future__ import annotations

import csv
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from factory import build as build_recipe
from factory.phases.disk import disk_needed, mean_source_bytes
from factory.recipe.load import load_recipe
from factory.sources import open_source
from factory.store.layout import open_build
from tests.fake_endpoint import plausible_answer

COMMAND = (sys.executable, "-m", "factory.cli.main")


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


def factory(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None, **options: Any) -> Any:
    """Runs the command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OPENAI_API_KEY": "sk-canary-0123456789", **(env or {})},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        **options,
    )


def start_factory(arguments: Sequence[str | Path], *, cwd: Path) -> subprocess.Popen[str]:
    """Starts the command in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OPENAI_API_KEY": "sk-canary-0123456789"},
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
