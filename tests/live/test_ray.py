"""Builds on a cluster of several nodes whose processes, nodes, driver and storage fail: the release is, byte for byte,
the local engine's, and the endpoint saw at most one call an answer and what was in flight at each death."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator

import pytest

from tests.fake_endpoint import running_endpoint
from tests.live.ray_cluster import ANSWERS, Trial, kill, machines, make_trial, until
from tests.real_build import only_build, start_factory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    folder = tmp_path_factory.mktemp("ray")
    with running_endpoint(folder / "endpoint", latency_ms=400) as endpoint:
        yield make_trial(folder, endpoint)


@pytest.fixture
def trial(made: Trial) -> Iterator[Trial]:
    made.endpoint.reset()
    yield made
    shutil.rmtree(made.folder / "there", ignore_errors=True)


def test_a_cluster_makes_the_release_of_the_local_engine(trial: Trial) -> None:
    with machines(2) as there:
        trial.ended(trial.start(there), deaths=0)
        trial.endpoint.reset()
        again = trial.start(there)
        again.communicate(timeout=120)
        assert again.returncode == 0 and trial.endpoint.stats()["requests"] == 0


def test_workers_that_are_killed_cost_at_most_what_they_had_in_flight(trial: Trial) -> None:
    with machines(2) as there:
        build = trial.start(there)
        for calls in (ANSWERS // 8, ANSWERS // 3, ANSWERS // 2):
            trial.endpoint.wait_for(calls)
            os.kill(until(lambda: there.workers(0) or there.workers(1))[0], signal.SIGKILL)
        trial.ended(build, deaths=3)


def test_a_node_that_dies_is_gone_and_its_answers_are_not(trial: Trial) -> None:
    with machines(2) as there:
        build = trial.start(there)
        trial.endpoint.wait_for(ANSWERS // 4)
        os.kill(there.raylet(1), signal.SIGKILL)
        trial.ended(build, deaths=1)


def test_a_driver_that_dies_is_started_again(trial: Trial) -> None:
    with machines(2) as there:
        for calls in (ANSWERS // 5, ANSWERS // 2):
            build = trial.start(there)
            trial.endpoint.wait_for(calls)
            kill(build)
        trial.ended(trial.start(there), deaths=2)


def test_after_a_driver_died_the_local_engine_goes_on_with_what_was_answered(trial: Trial) -> None:
    with machines(2) as there:
        build = trial.start(there)
        trial.endpoint.wait_for(ANSWERS // 2)
        kill(build)
    trial.ended(start_factory(["build", trial.recipe, "--out", "there", "--json"], cwd=trial.folder), deaths=1)


def test_a_node_that_joins_late_gets_its_part(trial: Trial) -> None:
    with machines(1) as there:
        build = trial.start(there)
        trial.endpoint.wait_for(ANSWERS // 8)
        there.join()
        there.busy(1)
        trial.ended(build, deaths=0)


def test_a_node_that_stands_still_for_a_while_goes_on(trial: Trial) -> None:
    with machines(2) as there:
        build = trial.start(there)
        trial.endpoint.wait_for(ANSWERS // 4)
        slow = there.busy(1)
        os.kill(slow, signal.SIGSTOP)
        time.sleep(4)
        os.kill(slow, signal.SIGCONT)
        trial.ended(build, deaths=1)  # what it had in flight may have run out of time


def test_a_shared_folder_that_is_away_for_a_while_is_waited_for(trial: Trial) -> None:
    with machines(2) as there:
        build = trial.start(there)
        trial.endpoint.wait_for(ANSWERS // 4)
        root = next(iter((trial.folder / "there").glob("trial-*")))
        shards = root / "shards"
        shards.rename(root / "unmounted")
        shards.write_text("a folder that cannot be reached now")
        time.sleep(5)
        shards.unlink()
        (root / "unmounted").rename(shards)
        trial.ended(build, deaths=0)
    assert only_build(trial.folder / "there") == root


def test_objects_on_s3_come_home_though_the_server_is_away_for_a_while(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    moto = pytest.importorskip("moto.server")
    boto = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "made",
        "AWS_SECRET_ACCESS_KEY": "up",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto.client("s3")
    client.create_bucket(Bucket="home", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    with machines(2) as there:
        build = trial.start(there, "--storage", "s3://home/builds")
        trial.endpoint.wait_for(ANSWERS // 4)
        server.stop()
        server = moto.ThreadedMotoServer(port=port, verbose=False)
        time.sleep(3)
        server.start()
        os.kill(until(lambda: there.workers(0) or there.workers(1))[0], signal.SIGKILL)
        trial.ended(build, deaths=1)
    assert client.list_objects_v2(Bucket="home")["KeyCount"] == 0
    server.stop()
