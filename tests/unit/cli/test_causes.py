"""What `factory plan` compares a new build with, and how it says what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from factory.cli.estimate import _causes
from factory.phases.earlier import EarlierBuild
from factory.store.layout import BuildPaths

NOW = {"select.quota": 1, "inputs.source": "ab" * 32} | {f"k{number}": number for number in range(12)}


def earlier(folder: Path, name: str, profile: str | None, identity: dict[str, Any]) -> EarlierBuild:
    paths = BuildPaths(folder / name)
    paths.root.mkdir()
    info = {"recipe": "x", "state": "done", "profile": profile, "counts": {"planned": 40}, "identity": identity}
    paths.info.write_text(json.dumps(info))
    return EarlierBuild(paths, {}, identity, name)


def test_it_is_compared_with_the_nearest_build_of_its_profile_not_with_the_newest(tmp_path: Path) -> None:
    newest = earlier(tmp_path, "x-3", "demo", NOW | {"k1": 5})
    far = earlier(tmp_path, "x-2", None, NOW | {"k1": 5, "k2": 5})
    near = earlier(tmp_path, "x-1", None, NOW | {"k3": 5})
    assert _causes([newest, far, near], NOW, None, 40) == (f"it differs from {near.paths.root}:", "k3: 5 → 3")


def test_a_folder_that_changed_is_told_by_its_samples_and_not_by_a_hash(tmp_path: Path) -> None:
    before = earlier(tmp_path, "x-1", None, NOW | {"inputs.source": "cd" * 32})
    (_, said) = _causes([before], NOW, None, 42)
    assert said == "source: its content changed: 40 → 42 samples planned"


def test_what_changed_takes_eight_lines_at_most(tmp_path: Path) -> None:
    before = earlier(tmp_path, "x-1", None, dict.fromkeys(NOW, "other"))
    said = _causes([before], NOW, None, 42)
    assert len(said) == 8 and said[-1] == "... and 8 more"


def test_a_build_of_which_nothing_is_known_is_compared_with_nothing(tmp_path: Path) -> None:
    assert _causes([EarlierBuild(BuildPaths(tmp_path), {}, {}, "")], NOW, None, 1) == ()
