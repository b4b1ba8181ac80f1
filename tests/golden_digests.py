"""Releases whose bytes never change unmeant: one file of digests a family in `tests/golden`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from factory.phases.run import BuildResult
from tests.real_build import release_digests


def held_to(golden: Path, built: BuildResult) -> dict[str, str]:
    """The digests of a build's release, which are those of the golden file; RENEW_GOLDEN=1 writes it."""
    digests = release_digests(Path(built.directory))
    if os.environ.get("RENEW_GOLDEN"):
        golden.write_text(json.dumps(digests, indent=2) + "\n")
    assert digests == json.loads(golden.read_text())
    return digests
