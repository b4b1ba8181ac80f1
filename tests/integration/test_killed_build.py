"""kill -9 of the whole process group after ten random numbers of calls: nothing paid for is lost, the same release."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path

import pytest

from factory.store.layout import open_build
from tests.fake_endpoint import running_endpoint
from tests.real_build import factory_process, make_photos, only_build, release_digests, start_factory, write_recipe

SAMPLES, TEACHERS, IN_FLIGHT, KILLS = 600, 2, 2 * 32, 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_kills_cost_at_most_the_calls_in_flight(tmp_path: Path) -> None:
    make_photos(tmp_path, SAMPLES)
    seed = random.SystemRandom().randrange(10**6)
    print("seed", seed)
    moments = random.Random(seed)
    with running_endpoint(tmp_path / "endpoint", latency_ms=50) as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url, teachers=TEACHERS)
        command = ["build", recipe, "--out", "killed", "--json"]
        for calls in sorted(moments.sample(range(1, SAMPLES * TEACHERS), KILLS)):
            process = start_factory(command, cwd=tmp_path)
            endpoint.wait_for(calls)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        process = start_factory(command, cwd=tmp_path)
        out, talk = process.communicate(timeout=240)
        assert process.returncode == 0, talk
        result = json.loads(out)
        calls = len(endpoint.requests())
        print("calls", calls, "bound", SAMPLES * TEACHERS + KILLS * IN_FLIGHT)
        assert SAMPLES * TEACHERS <= calls <= SAMPLES * TEACHERS + KILLS * IN_FLIGHT
        assert result["counts"]["planned"] == SAMPLES

        killed = only_build(tmp_path / "killed")
        keys = open_build(killed).ledger["key"]
        assert len(keys) == keys.n_unique() == SAMPLES * TEACHERS
        assert factory_process("check", killed, cwd=tmp_path).returncode == 0

        whole = factory_process("build", recipe, "--out", "whole", cwd=tmp_path)
        assert whole.returncode == 0, whole.stderr
        assert release_digests(only_build(tmp_path / "whole")) == release_digests(killed)
