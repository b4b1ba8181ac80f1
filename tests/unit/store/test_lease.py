"""Two builds never write one directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from factory.errors import BuildLocked
from factory.store.lease import lease

HOLD = "import sys, time; from pathlib import Path; from factory.store.lease import lease\n"
HOLD += "with lease(Path(sys.argv[1]), what='x'):\n    print('held', flush=True)\n    time.sleep(60)\n"


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    process = holder(tmp_path / "lease")
    try:
        with (
            pytest.raises(BuildLocked, match=f"builds/x is in use by process {process.pid}"),
            lease(tmp_path / "lease", what="builds/x"),
        ):
            pass
    finally:
        process.kill()
        process.wait()


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    process = holder(tmp_path / "lease")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with lease(tmp_path / "lease", what="builds/x"):
        assert str(os.getpid()) in (tmp_path / "lease").read_text()


def test_a_lease_whose_holder_took_the_folder_away_is_made_anew(tmp_path: Path) -> None:
    place = tmp_path / "build" / "lease"
    with lease(place, what="builds/x"):
        place.unlink()
        place.parent.rmdir()
        with lease(place, what="builds/x"), pytest.raises(BuildLocked), lease(place, what="builds/x"):
            pass
