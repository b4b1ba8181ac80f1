"""A small release to evaluate on, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.write import write_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of mp16_reason: ten rows to train on, four to test."""
    build = make_build(tmp_path_factory.mktemp("evaluated") / "b", 14, all_accepted=True)
    write_release(build, settings=ReleaseSettings(shard_size=10))
    return build.paths.release
