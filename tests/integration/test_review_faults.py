"""Push and pull against a server that fails: nothing twice, nothing lost, clear messages."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import polars as pl
import pytest

from annotation import sending
from annotation.client import Client
from annotation.connection import Login
from annotation.pull import Pulled, pull
from annotation.push import Pushed, push
from annotation.tasks import Wanted, asked
from factory.errors import BuildLocked, EnvironmentFault, FactoryError
from factory.phases.decide import decide_build
from factory.store.annotations import Row, change_annotations
from factory.store.layout import Build, open_build
from factory.store.lease import lease
from factory.store.tables import read_table
from schemas import arrow
from tests.annotations import said as annotated
from tests.annotations import shown
from tests.build_fixture import make_build
from tests.fake_studio import TOKEN, Studio, running_studio
from tests.faults.mutate import mutated
from tests.plain_screen import PlainScreen
from tests.real_build import factory, start_factory
from tests.studio import box, choice, number, words

SAMPLES = 6
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


def wanted(build: Build) -> list[Wanted]:
    """All samples that have a picture and an answer, two reviewers each of three."""
    whole = build.verdicts.filter(pl.col("decision") != "quarantine")["id"].to_list()
    plan = build.plan.filter(pl.col("id").is_in(whole)).select("id", "shard")
    ones = [Wanted(id=name, shard=shard, slot="", kind="dispute", uncertainty=0.25) for name, shard in plan.iter_rows()]
    return list(asked(ones, reviewers=3, overlap=2))


def opened(url: str, *, call_s: float = 20.0, key: str = TOKEN) -> Client:
    return Client(Login(url=url, key=key, source="LABEL_STUDIO_API_KEY"), call_s=call_s, sleep=lambda _: None)


def pushed(build: Build, url: str, **options: Any) -> Pushed:
    with opened(url, **options) as client:
        return push(build, client, wanted(build), PlainScreen())


def pulled(build: Build, url: str, **options: Any) -> Pulled:
    with opened(url, **options) as client:
        return pull(build, client)


def tasks(build: Build) -> pl.DataFrame:
    return read_table(build.paths.tasks, arrow.TASKS)


def names(build: Build) -> list[str]:
    return sorted(one.external for one in wanted(build))


def assert_each_once(build: Build, studio: Studio) -> None:
    """Every wanted task is on the server once, and noted with its number; every picture once."""
    assert studio.names() == names(build)
    noted = {row["external"]: row["task"] for row in tasks(build).iter_rows(named=True)}
    assert noted == {task["data"]["ext_id"]: number for number, task in studio.tasks.items()}
    shown = {task["data"]["image"] for task in studio.tasks.values()}
    assert shown <= {f"/data/{file}" for _, file, _ in studio.uploads.values()}


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
    assert studio.tasks and not build.paths.tasks.exists(), "made, and not noted"
    done = factory("review", "push", build.paths.root, cwd=build.paths.root, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(set(studio.names())) == len(studio.tasks) and tasks(build).height == len(studio.tasks)


@pytest.mark.parametrize("seed", range(25))
def test_mangled_answers_end_a_command_in_words(build: Build, server: tuple[Studio, str], seed: int) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    rng = Random(seed)
    studio.mangle = lambda content: mutated(content, rng) if rng.random() < 0.3 else content
    for act in (pulled, pushed):
        try:
            act(build, url)
        except FactoryError as told:
            assert str(told)
    studio.mangle = lambda content: content
    build.paths.review_projects.unlink(missing_ok=True)
    pushed(build, url)
    pulled(build, url)
    assert {name: studio.names().count(name) for name in names(build)} == dict.fromkeys(names(build), 1)


def test_a_list_that_never_ends_ends_the_command(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    studio.mangle = lambda content: b'{"tasks": [], "total": 9}' if content.startswith(b'{"tasks"') else content
    with pytest.raises(EnvironmentFault, match="lists 9 tasks above 0, and gives none"):
        pulled(build, url)


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


def test_another_server_is_not_taken_for_the_one_that_was_sent_to(build: Build, server: tuple[Studio, str]) -> None:
    pushed(build, server[1])
    with running_studio() as (empty, url):
        empty._clock = 100  # its projects have the same numbers, and other times
        with pytest.raises(EnvironmentFault, match="Is this the server that it was sent to"):
            pulled(build, url)
        assert pushed(build, url).made == len(names(build))
        assert_each_once(build, empty)


def said(build: Build, studio: Studio) -> None:
    """Three reviewers answer some tasks, one in each way that counts."""
    numbers = {task["data"]["ext_id"]: number for number, task in studio.tasks.items()}
    first, second, third, *_ = sorted(numbers)
    studio.users = [{"id": n, "email": f"r{n}@example.com", "username": ""} for n in (1, 2, 3)]
    studio.answer(numbers[first], [choice("verdict", "accept")], by=2)
    fixed = [choice("verdict", "fix"), choice("flags", "privacy", "unsure"), words("reasoning", "The sign says so.")]
    fixed += [number("lat", 51.5), number("lon", -0.1), box("privacy", 10, 20, 30, 40), words("comment", "see box")]
    studio.answer(numbers[second], fixed, by=3, was_cancelled=False)
    studio.answer(numbers[third], [], by=3, was_cancelled=True)


def annotations(build: Build) -> pl.DataFrame:
    return read_table(build.paths.annotations, arrow.ANNOTATIONS)


def test_what_people_said_is_read(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    found = pulled(build, url)
    assert (found.new, found.changed, found.deleted, found.skipped, found.annotations) == (3, 0, 0, 1, 2)
    accepted, fixed, skipped = annotations(build).iter_rows(named=True)
    assert (accepted["verdict"], accepted["reviewer"], accepted["seconds"]) == ("accept", "r2@example.com", 9.5)
    assert (fixed["flags"], fixed["reasoning"]) == (["privacy", "unsure"], "The sign says so.")
    assert (fixed["lat"], fixed["lon"], fixed["comment"]) == (51.5, -0.1, "see box")
    assert fixed["boxes"] == [{"kind": "privacy", "x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}]
    assert (skipped["skipped"], skipped["verdict"]) == (True, None)
    sent = tasks(build).filter(pl.col("external") == fixed["external"]).row(0, named=True)
    assert (fixed["images"], fixed["keys"], fixed["id"]) == (sent["images"], sent["keys"], sent["id"])


def test_only_what_changed_is_asked_for_again(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    pulled(build, url)
    before = annotations(build)
    came = sorted(build.paths.pulls.iterdir())
    again = pulled(build, url)
    assert (again.new, again.changed, again.deleted) == (0, 0, 0) and annotations(build).equals(before)
    assert sorted(build.paths.pulls.iterdir()) == came
    studio._clock += 3_000  # most of an hour later
    studio.change(1, result=[choice("verdict", "reject")])
    studio.remove(2)
    third = pulled(build, url)
    assert (third.new, third.changed, third.deleted, third.annotations) == (0, 1, 1, 1)
    assert annotations(build)["verdict"].to_list() == ["reject", "fix", None]
    assert annotations(build)["deleted"].to_list() == [False, True, False]
    raw = pl.concat([read_table(path, arrow.RAW) for path in sorted(build.paths.pulls.iterdir())])
    assert sorted(raw["annotation"]) == [1, 1, 2, 3], "every state as it came, none written over"


def test_what_a_lead_says_while_a_pull_runs_stays(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    name = wanted(build)[0].id

    def lead_speaks(_number: int, _method: str, path: str) -> None:
        if path == "/api/users":  # the pull has read what was there
            decide_build(build, lead="dora", said=[f"{name}=reject"])

    studio.fault = lead_speaks
    assert pulled(build, url).new == 3
    rows = annotations(build)
    assert sorted(rows["annotation"]) == [-1, 1, 2, 3]
    assert rows.filter(pl.col("annotation") == -1).select("id", "reviewer", "verdict").row(0) == (
        name,
        "dora",
        "reject",
    )
    studio.fault = lambda *_: None
    assert pulled(build, url).new == 0 and annotations(build).height == 4


def test_who_writes_what_people_said_waits_for_who_does_and_reads_it_again(build: Build) -> None:
    names, there = sorted({one.id for one in wanted(build)})[:2], threading.Event()

    def slowly(rows: list[Row]) -> list[Row]:
        there.set()
        thread.join(0.5)
        assert thread.is_alive(), "two write at once"
        return [*rows, annotated(names[0], "ann", **shown(build, names[0]))]

    def speak() -> None:
        there.wait()
        decide_build(build, lead="dora", said=[f"{names[1]}=accept"])

    thread = threading.Thread(target=speak)
    thread.start()
    change_annotations(build.paths, slowly)
    thread.join()
    assert sorted(annotations(build)["reviewer"]) == ["ann", "dora"]


def test_answers_to_a_deleted_task_are_deleted(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    pulled(build, url)
    gone = studio.annotations[2]["task"]
    del studio.tasks[gone], studio.annotations[2]
    assert pulled(build, url).deleted == 1
    assert annotations(build)["deleted"].to_list() == [False, True, False]


def test_what_cannot_count_is_refused_with_the_address_of_its_task(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    task = min(studio.tasks)
    project = studio.tasks[task]["project"]
    good = studio.answer(task, [choice("verdict", "accept")])
    odd = {"unknown user": {"by": 77}, "unknown field": {}, "impossible place": {}}
    results = {
        "unknown user": [choice("verdict", "accept")],
        "unknown field": [choice("verdict", "accept"), choice("verdikt", "accept")],
        "impossible place": [choice("verdict", "fix"), number("lat", 91.0), number("lon", 0.0)],
    }
    numbers = {name: studio.answer(task, results[name], **more) for name, more in odd.items()}
    studio.change(good, updated_by=77)
    found = pulled(build, url)
    assert found.annotations == 0
    reasons = {row["annotation"]: row["reason"] for row in found.refused}
    assert "77, which the server does not list" in reasons[numbers["unknown user"]]
    assert "'verdikt' is no control of the screen (did you mean `verdict`?)" in reasons[numbers["unknown field"]]
    assert "lat: 91.0 is no number of degrees" in reasons[numbers["impossible place"]]
    assert "changed by another account" in reasons[good]
    assert {row["link"] for row in found.refused} == {f"{url}/projects/{project}/data?task={task}"}
    studio.change(numbers["impossible place"], result=[choice("verdict", "accept")])
    mended = pulled(build, url)
    assert (mended.new, mended.annotations, len(mended.refused)) == (1, 1, 3)


@pytest.mark.parametrize("fault", ["before", "dropped"])
def test_a_pull_that_fails_at_any_request_loses_nothing(
    build: Build, server: tuple[Studio, str], fault: str, tmp_path: Path
) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    at = 0
    while True:
        at += 1
        shutil.copytree(build.paths.root, tmp_path / str(at) / build.paths.root.name)
        copy = open_build(tmp_path / str(at) / build.paths.root.name)
        first = len(studio.seen)
        always = at % 2 == 0  # a fault that passes, and one that stays
        studio.fault = lambda seen, *_, n=first + at, stays=always: fault if seen == n or (stays and seen > n) else None
        try:
            pulled(copy, url)
        except EnvironmentFault as told:
            assert "the same command goes on" in str(told)
        finally:
            studio.fault = lambda *_: None
        if len(studio.seen) - first < at:
            break
        pulled(copy, url)
        assert annotations(copy)["annotation"].to_list() == [1, 2, 3]
        assert annotations(copy)["verdict"].to_list() == ["accept", "fix", None]
    assert at > 8
