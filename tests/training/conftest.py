"""Tiny models and releases that the tests of trainers share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.running import FULL, ran
from tests.training.tiny import make_llava, make_release
from train.folder import RunFolder


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny models are quickest so: two threads that wait for each other on a busy machine take many times as long."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 rows to learn from, in four tars; 16 held out."""
    return make_release(tmp_path_factory.mktemp("release"), 64, files=4, tars=True)


@pytest.fixture(scope="session")
def full(llava: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Forty-five steps of projector and language model, with checkpoints after 30 and 45."""
    return ran(tmp_path_factory.mktemp("full"), llava, release, *FULL)
