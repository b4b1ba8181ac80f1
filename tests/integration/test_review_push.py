"""Push against a server that fails: nothing twice, nothing lost, clear messages."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from annotation import sending
from annotation.push import push
from factory.errors import BuildLocked, EnvironmentFault
from factory.store.layout import Build, open_build
from factory.store.lease import lease
from tests.build_fixture import make_build
from tests.fake_studio import TOKEN, Studio, running_studio
from tests.plain_screen import PlainScreen
from tests.real_build import factory, start_factory
from tests.review_sync import SAMPLES, assert_each_once, names, opened, pulled, pushed, tasks, wanted

FAULTS = ("before", "dropped", "late")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("build") / "trial-00000000"
    make_build(root, samples=SAMPLES, shard_size=5)
    return root


@pytest.fixture
def build(template: Path, tmp_path: Path) -> Build:
    shutil.copytree(template, tmp_path / template.name)
    return open_build(tmp_path / template.name)


@pytest.fixture
def server() -> Iterator[tuple[Studio, str]]:
    with running_studio() as running:
        yield running


def test_pushed_twice_nothing_is_sent_again(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    first = pushed(build, url)
    assert (first.made, first.there) == (len(names(build)), 0)
    assert_each_once(build, studio)
    uploads, before = len(studio.uploads), build.paths.tasks.read_bytes()
    second = pushed(build, url)
    assert (second.made, second.there) == (0, len(names(build)))
    assert_each_once(build, studio)
    assert len(studio.uploads) == uploads and build.paths.tasks.read_bytes() == before


def test_what_was_pushed_is_found_by_a_build_that_forgot_it(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    projects = len(studio.projects)
    shutil.rmtree(build.paths.review)
    again = pushed(build, url)
    assert (again.made, again.there) == (0, len(names(build)))
    assert len(studio.projects) == projects
    assert_each_once(build, studio)


def test_a_partial_import_goes_on(build: Build, server: tuple[Studio, str], monkeypatch: pytest.MonkeyPatch) -> None:
    studio, url = server
    monkeypatch.setattr(sending, "BATCH", 2)
    imports = [0]

    def fault(_number: int, method: str, path: str) -> str | None:
        imports[0] += method == "POST" and path.endswith("/import")
        return "before" if imports[0] > 4 else None

    studio.fault = fault
    with pytest.raises(EnvironmentFault, match="the same command goes on"):
        pushed(build, url)
    made = len(studio.tasks)
    assert 0 < made < len(names(build))
    assert tasks(build).height == made
    studio.fault = lambda *_: None
    assert pushed(build, url).made == len(names(build)) - made
    assert_each_once(build, studio)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_push_that_fails_at_any_request_leaves_nothing_twice(
    template: Path, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 5)
    number = 0
    while True:
        number += 1
        root = tmp_path / str(number) / template.name
        shutil.copytree(template, root)
        build = open_build(root)
        with running_studio() as (studio, url):
            studio.fault = lambda seen, *_, at=number: fault if seen == at else None
            try:
                pushed(build, url)
            except EnvironmentFault as told:
                assert "goes on" in str(told) or "no task was made" in str(told)
            total = len(studio.seen)
            if total < number:
                break
            time.sleep(0.25 if fault == "late" else 0)
            pushed(build, url)
            assert_each_once(build, studio)
            assert len(studio.projects) == 4, (number, studio.seen)
    assert number > 12


def test_a_slow_server_makes_nothing_twice(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    slow = {"first import": True}

    def fault(_number: int, method: str, path: str) -> str | None:
        return "slow" if path.endswith("/import") and studio.tasks == {} and slow.pop("first import", None) else None

    studio.fault = fault
    pushed(build, url, call_s=0.4)
    time.sleep(0.3)
    pushed(build, url)
    assert_each_once(build, studio)


def test_two_pushes_at_once_are_one(build: Build, server: tuple[Studio, str]) -> None:
    with lease(build.paths.review_lease, what="it"), pytest.raises(BuildLocked, match="process"):
        pushed(build, server[1])
    pushed(build, server[1])
    with lease(build.paths.review_lease, what="it"), pytest.raises(BuildLocked):
        pulled(build, server[1])


def test_killed_in_the_middle_the_next_push_finds_what_is_there(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    studio.fault = lambda _n, method, path: "stuck" if (method, path) == ("POST", "/api/projects/2/import") else None
    environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
    with mock.patch.dict("os.environ", environment):
        running = start_factory(["review", "push", build.paths.root], cwd=build.paths.root)
    while not studio.tasks and running.poll() is None:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    studio.fault = lambda *_: None
    assert studio.tasks and tasks(build).is_empty(), "made, and not noted"
    done = factory("review", "push", build.paths.root, cwd=build.paths.root, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(set(studio.names())) == len(studio.tasks) and tasks(build).height == len(studio.tasks)


def test_where_less_is_taken_less_is_sent(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    studio.most_bytes = 6_000
    pushed(build, url)
    assert_each_once(build, studio)


def test_a_task_that_is_larger_than_anything_taken_is_named(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    studio.tasks.clear()
    studio.most_bytes = 300
    with pytest.raises(EnvironmentFault, match=r"takes no task of [\d,]+ bytes \(HTTP 413\), as that of 's\d+:\d"):
        pushed(build, url)


def test_a_picture_that_does_not_load_makes_no_task(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server

    def fault(_number: int, _method: str, path: str) -> str | None:
        if path.startswith("/data/"):
            studio.uploads = {n: (project, file, b"other") for n, (project, file, _) in studio.uploads.items()}
        return None

    studio.fault = fault
    with pytest.raises(EnvironmentFault, match="no task was made"):
        pushed(build, url)
    assert studio.tasks == {}


def test_a_revoked_token_is_told_and_a_new_one_goes_on(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    studio.fault = lambda seen, *_: setattr(studio, "token", "another") if seen == 14 else None
    with pytest.raises(EnvironmentFault, match=r"refuses the key of LABEL_STUDIO_API_KEY \(HTTP 401"):
        pushed(build, url)
    studio.fault = lambda *_: None
    pushed(build, url, key="another")
    assert_each_once(build, studio)


def test_tasks_that_were_deleted_on_the_server_are_sent_again(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    for gone in list(studio.tasks)[:3]:
        del studio.tasks[gone]
    assert pushed(build, url).made == 3
    assert_each_once(build, studio)


def test_somebody_else_s_task_stands_in_for_none_that_was_deleted(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    for slot in "123":
        ones = [one for one in wanted(build) if one.slot == slot]
        for some in (ones[:1], ones[1:]):  # a task of somebody else's between those of ours
            with opened(url) as client:
                push(build, client, some, PlainScreen())
            project = max(studio.projects)
            if some == ones[:1]:
                studio.add(project, note="a trial of the lead's")
    foreign = {number for number, task in studio.tasks.items() if "ext_id" not in task["data"]}
    assert len(foreign) == 3
    studio.drop(min(studio.tasks.keys() - foreign))
    assert pushed(build, url).made == 1
    assert {*studio.tasks} >= foreign
    studio.tasks = {number: task for number, task in studio.tasks.items() if number not in foreign}
    assert_each_once(build, studio)


def test_another_server_is_not_taken_for_the_one_that_was_sent_to(build: Build, server: tuple[Studio, str]) -> None:
    pushed(build, server[1])
    with running_studio() as (empty, url):
        empty._clock = 100  # its projects have the same numbers, and other times
        with pytest.raises(EnvironmentFault, match="Is this the server that it was sent to"):
            pulled(build, url)
        assert pushed(build, url).made == len(names(build))
        assert_each_once(build, empty)
