"""A push that is killed, at ten moments, goes on: nothing is sent twice but the file under way, the end is the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from release import write_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from tests.hub_server import DROP, TOKEN, Asked, Fault, Hub, hub_served
from tests.push_server import pushing

REPO = "org/places"
MOMENTS = 10
Push = Callable[[Path, str, Callable[[int], None]], int]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("killed") / "b", 10, all_accepted=True)
    write_release(build, settings=ReleaseSettings(shard_size=5))
    return build.paths.release


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with hub_served() as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", served.url)
        patch.setenv("HF_TOKEN", TOKEN)
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        served.page = 100
        yield served


@pytest.fixture(scope="module")
def push(hub: Hub) -> Iterator[Push]:
    with pushing() as found:
        yield found


def emptied(hub: Hub) -> None:
    hub.repositories.clear()
    hub.objects.clear()
    hub.asked.clear()
    hub.fault = lambda number, asked: None


def end(hub: Hub) -> tuple[dict[str, bytes], int, dict[str, str]]:
    """What lies on main, how many commits led to it, and whether the tag is there."""
    repository = hub.repositories[REPO]
    tree = repository.tree("main")
    assert tree is not None and repository.private
    return (
        tree,
        hub.commits(REPO),
        {name: "main" for name, at in repository.tags.items() if at == repository.refs["main"]},
    )


class Killer:
    """Kills who pushes when a request arrives, before it is served or after."""

    def __init__(self, moment: int, *, served: bool) -> None:
        self._moment, self._served, self._process = moment, served, 0

    def started(self, process: int) -> None:
        self._process = process

    def __call__(self, number: int, asked: Asked) -> Fault:
        if number != self._moment:
            return None
        while not self._process:  # the request was faster than the word of who sends it
            os.sched_yield()
        os.kill(self._process, signal.SIGKILL)
        return None if self._served else DROP


def test_a_push_killed_at_ten_moments_ends_as_one_that_was_not(hub: Hub, release: Path, push: Push) -> None:
    emptied(hub)
    assert push(release, REPO, lambda _: None) == 0
    whole, requests = end(hub), len(hub.asked)
    uploads = len(hub.uploads)
    assert whole[1:] == (1, {"v1": "main"}) and uploads == len(set(hub.uploads)) > 3
    moments = [2 + round(step * (requests - 3) / (MOMENTS - 1)) for step in range(MOMENTS)]
    assert len(set(moments)) == MOMENTS and moments[-1] < requests
    for number, moment in enumerate(moments):
        emptied(hub)
        killer = Killer(moment, served=number % 2 == 0)
        hub.fault = killer
        assert push(release, REPO, killer.started) == -signal.SIGKILL, moment
        assert len(hub.asked) == moment
        hub.fault = lambda number, asked: None
        assert push(release, REPO, lambda _: None) == 0, moment
        assert end(hub) == whole, moment
        assert len(hub.uploads) - len(set(hub.uploads)) <= 1, moment
        assert sorted(set(hub.uploads)) == sorted(hub.objects)
