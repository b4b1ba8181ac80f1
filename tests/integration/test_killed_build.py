"""kill -9 of the whole process group at ten random moments: nothing paid for is lost, the release is the same bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from factory.store.layout import open_build
from tests.fake_endpoint import running_endpoint
from tests.real_build import factory_process, make_photos, only_build, release_digests, start_factory, write_recipe

SAMPLES, TEACHERS, IN_FLIGHT, KILLS = 2000, 2, 2 * 32, 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_kills_cost_at_most_the_calls_in_flight(tmp_path: Path) -> None:
    make_photos(tmp_path, SAMPLES)
    seed = random.SystemRandom().randrange(10**6)
    print("seed", seed)
    moments = random.Random(seed)
    with running_endpoint(tmp_path / "endpoint", latency_ms=50) as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url, teachers=TEACHERS)
        kills = 0
        while True:
            process = start_factory(["build", recipe, "--out", "killed", "--json"], cwd=tmp_path)
            try:
                process.wait(timeout=moments.uniform(1.0, 4.0) if kills < KILLS else 240)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                continue
            break
        out, talk = process.communicate()
        assert process.returncode == 0, talk
        result = json.loads(out)
        calls = len(endpoint.requests())
        print("kills", kills, "calls", calls, "bound", SAMPLES * TEACHERS + kills * IN_FLIGHT)
        assert kills == KILLS, "the build ended before it could be killed ten times"
        assert SAMPLES * TEACHERS <= calls <= SAMPLES * TEACHERS + kills * IN_FLIGHT
        assert result["counts"]["planned"] == SAMPLES

        killed = only_build(tmp_path / "killed")
        keys = open_build(killed).ledger["key"]
        assert len(keys) == keys.n_unique() == SAMPLES * TEACHERS
        assert factory_process("check", killed, cwd=tmp_path).returncode == 0

        whole = factory_process("build", recipe, "--out", "whole", cwd=tmp_path)
        assert whole.returncode == 0, whole.stderr
        assert release_digests(only_build(tmp_path / "whole")) == release_digests(killed)
