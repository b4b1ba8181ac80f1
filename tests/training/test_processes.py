"""Processes that a launcher started have met, or the run stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from factory.errors import EnvironmentFault
from train.processes import PATIENCE, process_state

WAITS = """\
import torch
from train.processes import process_state
process_state()
print(torch.distributed.group.WORLD._get_backend(torch.device("cpu")).options._timeout)
"""


def test_one_of_two_that_is_alone_does_not_train(monkeypatch: pytest.MonkeyPatch) -> None:
    assert process_state().num_processes == 1
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EnvironmentFault, match="started as 2 processes, of which this one found 1"):
        process_state()


def test_processes_wait_for_one_that_measures_alone_longer_than_torch_would(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run([*launcher, str(tmp_path / "waits.py")], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split("\n")[:2] == [str(PATIENCE)] * 2
