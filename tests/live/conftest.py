"""A real Label Studio for the tests of this folder: `make test-live`.

It is the one that `factory review serve` installs and starts; `FACTORY_LABEL_STUDIO` names another installation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from annotation.connection import Login
from annotation.environment import install, studio_home
from annotation.server import serve, stop
from tests.studio import Annotator, sign_up


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(1_200))


@pytest.fixture(scope="session")
def home() -> Path:
    """The installation."""
    found = studio_home()
    install(found, print)
    return found


@pytest.fixture(scope="session")
def studio(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    """A server for all tests that do it no harm."""
    folder = tmp_path_factory.mktemp("studio") / "server"
    try:
        yield serve(folder, print, home=home).login
    finally:
        stop(folder)


@pytest.fixture(scope="session")
def annotators(studio: Login) -> Sequence[Annotator]:
    """Four accounts that may annotate; the last works on the screen."""
    return [sign_up(studio, f"annotator{number}@example.com") for number in range(1, 5)]
