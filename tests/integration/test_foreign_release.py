"""A release whose maker made every digest fit: `factory check` tells what it finds, in bounded memory and time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.cli.check import MOST_FAULTS
from factory.store.info import write_info
from release.manifest import MANIFEST, digest_of, manifest_bytes
from tests.measured import measured
from tests.real_build import factory, only_build

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "mp16_reason.yaml"
SMALL = ("-s", "plan.limit=12", "-s", "plan.shard_size=6", "--workers", "1")
MEMORY_MB = 700
CPU_S = 60.0
LONGEST = 10_000
"""Characters that are said of one fault, or of a folder with one."""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    done = factory("build", RECIPE, *SMALL, cwd=folder)
    assert done.returncode == 0, done.stderr
    return only_build(folder / "builds")


def resealed(root: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """Makes a manifest fit the files beside it, after a change of its own."""
    manifest = json.loads((root / MANIFEST).read_bytes())
    for entry in manifest["files"]:
        path = root / entry["path"]
        if path.is_file():
            entry |= {"bytes": path.stat().st_size, "sha256": digest_of(path)}
    change(manifest)
    (root / MANIFEST).write_bytes(manifest_bytes(manifest))


def hole(root: Path) -> None:
    with (root / "README.md").open("r+b") as file:
        file.truncate(3 << 30)


def no_text(root: Path) -> None:
    with (root / "README.md").open("ab") as file:
        file.write(b"\xff\xfe" + b" " * 5_000_000)


def digits(root: Path) -> None:
    card = root / "README.md"
    card.write_text(card.read_text().replace("| all |", f"| train | {'9' * 5_000} |\n| all |", 1))


def nothing(_: Path) -> None: ...


def thousandfold(manifest: dict[str, Any]) -> None:
    manifest["files"] *= 8_000


def without_card(manifest: dict[str, Any]) -> None:
    manifest["files"] = [entry for entry in manifest["files"] if entry["path"] != "README.md"]


FORGED: dict[str, tuple[Callable[[Path], None], Callable[[dict[str, Any]], None], str]] = {
    "a card that is one hole": (hole, lambda _: None, "README.md: 3221225472 bytes; what has no rows has at most"),
    "a card that is no text": (no_text, lambda _: None, "does not describe a release"),
    "a count of 5,000 digits": (digits, lambda _: None, "does not describe a release"),
    "every file thousands of times": (nothing, thousandfold, " twice"),
    "a card that nobody lists": (nothing, without_card, "README.md: not in the manifest"),
}
"""What is done to the files, what to the manifest, and words of what is told."""


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_release_is_told_in_few_words_and_little_memory(made_once: Path, tmp_path: Path, forgery: str) -> None:
    files, fields, words = FORGED[forgery]
    root = Path(shutil.copytree(made_once / "release", tmp_path / "r"))
    files(root)
    resealed(root, fields)
    found = measured("check", root, cwd=tmp_path)
    said = found.done.stdout + found.done.stderr
    assert found.done.returncode == 1 and words in said and "Traceback" not in said, said[-2_000:]
    assert len(said) < LONGEST and found.peak_mb < MEMORY_MB and found.cpu_s < CPU_S, (found.peak_mb, found.cpu_s)


def shards(build: Path) -> None:
    info = json.loads((build / "build.json").read_bytes())
    info["counts"]["shards"] = 10_000_000
    write_info(info, build / "build.json")
    (build / "plan.parquet").write_bytes(b"x")


def verdicts(build: Path) -> None:
    (build / "verified.json").write_text(json.dumps({"verdicts": ["a" * 64] * 900_000, "model": ""}))


def files(build: Path) -> None:
    for number in range(2 * MOST_FAULTS):
        (build / f"f{number}").touch()


@pytest.mark.parametrize("forge", [shards, verdicts, files])
def test_a_build_with_faults_beyond_number_is_not_looked_at_to_its_end(
    made_once: Path, tmp_path: Path, forge: Callable[[Path], None]
) -> None:
    build = Path(shutil.copytree(made_once, tmp_path / "b"))
    forge(build)
    found = measured("check", build, cwd=tmp_path)
    assert found.done.returncode == 1 and "more than 1,000 faults" in found.done.stderr, found.done
    assert len(found.done.stdout.splitlines()) == MOST_FAULTS
    assert found.peak_mb < MEMORY_MB and found.cpu_s < CPU_S, (found.peak_mb, found.cpu_s)
