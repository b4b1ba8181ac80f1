"""Pull against a server that fails, and of answers that cannot count: nothing twice, nothing lost, clear messages."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import polars as pl
import pytest

from factory.errors import EnvironmentFault, FactoryError
from factory.phases.decide import decide_build
from factory.store.annotations import Row, change_annotations
from factory.store.layout import Build, open_build
from factory.store.tables import read_table, write_table
from schemas import arrow
from tests.annotations import said as annotated
from tests.annotations import shown
from tests.build_fixture import make_build
from tests.fake_studio import Studio, running_studio
from tests.faults.mutate import mutated
from tests.review_sync import SAMPLES, annotations, names, pulled, pushed, said, tasks, wanted
from tests.studio import choice, number, words


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


def test_what_was_said_of_a_deleted_task_is_deleted_though_it_was_sent_again_before(
    build: Build, server: tuple[Studio, str]
) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    studio.answer(studio.annotations[2]["task"], [choice("verdict", "acept")], by=2)
    assert len(pulled(build, url).refused) == 1
    studio.drop(studio.annotations[2]["task"])
    assert pushed(build, url).made == 1
    found = pulled(build, url)
    assert (found.deleted, found.annotations, found.refused) == (1, 1, [])
    assert annotations(build)["deleted"].to_list() == [False, True, False]
    assert pulled(build, url).deleted == 0


def test_somebody_else_s_tasks_hide_no_deletion(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    for project in {task["project"] for task in studio.tasks.values()}:
        studio.add(project, note="a trial of the lead's")
    pulled(build, url)
    studio.drop(studio.annotations[1]["task"])
    assert pulled(build, url).deleted == 1
    assert annotations(build)["deleted"].to_list() == [True, False, False]


def test_what_is_refused_stays_until_it_is_mended_or_gone(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    first, second, third, *_ = sorted(studio.tasks)
    odd = [studio.answer(task, [choice("verdict", "acept")]) for task in (first, second, third)]
    assert {row["annotation"] for row in pulled(build, url).refused} == {*odd}
    studio._clock += 3_000
    assert {row["annotation"] for row in pulled(build, url).refused} == {*odd}, "it is told until it is mended"
    studio.drop(first)
    studio.remove(odd[1])
    assert {row["annotation"] for row in pulled(build, url).refused} == {odd[2]}
    studio.change(odd[2], result=[choice("verdict", "accept")])
    found = pulled(build, url)
    assert (found.refused, found.annotations) == ([], 1)


def test_what_was_refused_for_want_of_its_task_or_account_counts_once_that_is_known(
    build: Build, server: tuple[Studio, str]
) -> None:
    studio, url = server
    pushed(build, url)
    first, second, *_ = sorted(studio.tasks)
    table = read_table(build.paths.tasks, arrow.TASKS)
    write_table(table.filter(pl.col("task") != first).to_arrow().cast(arrow.TASKS), build.paths.tasks)
    studio.answer(first, [choice("verdict", "accept")])
    studio.answer(second, [choice("verdict", "accept")], by=5)
    told = [row["reason"] for row in pulled(build, url).refused]
    assert ["was not sent by this build" in told[0], "5, which the server does not list" in told[1]] == [True, True]
    studio._clock += 3_000
    studio.answer(max(studio.tasks), [choice("verdict", "accept")])
    assert len(pulled(build, url).refused) == 2, "from here on these tasks are not asked for"
    pushed(build, url)
    studio.users.append({"id": 5, "email": "late@example.com"})
    found = pulled(build, url)
    assert (found.new, found.annotations, found.refused) == (2, 3, [])


def test_another_server_s_numbers_are_not_taken_for_those_of_the_one_before(
    build: Build, server: tuple[Studio, str]
) -> None:
    studio, url = server
    pushed(build, url)
    said(build, studio)
    studio.answer(max(studio.tasks), [choice("verdict", "acept")])
    pulled(build, url)
    before = annotations(build).drop("annotation")
    with running_studio() as (other, there):
        other._clock = 100
        other.users = studio.users
        pushed(build, there)
        other.answer(min(other.tasks), [choice("verdict", "reject")], by=3)
        other.answer(max(other.tasks), [choice("verdict", "reject")], by=3)
        found = pulled(build, there)
        assert (found.new, found.deleted, found.annotations, found.refused) == (2, 0, 2, [])
        rows = annotations(build)
        assert rows.filter(pl.col("annotation") < 0).drop("annotation").equals(before), "what was pulled before is kept"
        assert rows.filter(pl.col("annotation") > 0)["verdict"].to_list() == ["reject", "reject"]
        assert pulled(build, there).new == 0 and annotations(build).equals(rows)


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_newer_build_counts_a_word_once_when_its_project_is_gone_and_its_number_another(
    template: Path, tmp_path: Path, server: tuple[Studio, str], meanwhile: bool
) -> None:
    """In the newest build, which was told before, and in one that learns of it from both of the others."""
    old, newer, newest = (
        open_build(shutil.copytree(template, tmp_path / f"mp16_reason-0000000{at}")) for at in range(3)
    )
    studio, url = server
    pushed(old, url)
    said(old, studio)
    pulled(old, url)
    decide_build(newer)
    marks = ("reviewer", "external", "verdict", "boxes", "taken_from", "deleted")
    before = annotations(newer).select(marks)
    assert before.height == 3 and set(before["taken_from"]) == {old.paths.root.name}
    with running_studio() as (other, there):
        other.users = studio.users
        other._clock = 100
        pushed(old, there)
        if meanwhile:  # it gives the numbers anew, to words of others about other tasks
            other.answer(max(other.tasks), [choice("verdict", "reject")], by=1)
        pulled(old, there)
    more = int(meanwhile)
    assert annotations(old).height == 3 + more
    for build in (newest, newer):
        tally = decide_build(build).tally
        rows = annotations(build)
        assert rows.height == 3 + more and tally.annotations == 2 + more, rows
        kept = rows.select(marks).join(before, on=("reviewer", "external"), how="semi")
        assert kept.sort("external").equals(before.sort("external"))
        assert decide_build(build).tally == tally and annotations(build).equals(rows)


def test_what_was_taken_back_is_not_heard_from_a_build_that_does_not_know_it_yet(
    template: Path, tmp_path: Path, server: tuple[Studio, str]
) -> None:
    old, newer, newest = (
        open_build(shutil.copytree(template, tmp_path / f"mp16_reason-0000000{at}")) for at in range(3)
    )
    studio, url = server
    pushed(old, url)
    said(old, studio)
    pulled(old, url)
    decide_build(newer)
    change_annotations(old.paths, lambda rows: [row | {"deleted": True} for row in rows])
    assert decide_build(newest).tally.annotations == 0 and not newest.paths.annotations.exists()


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


def test_a_rewritten_text_is_refused_where_no_text_of_the_family_can_be(
    build: Build, server: tuple[Studio, str]
) -> None:
    studio, url = server
    pushed(build, url)
    task = min(studio.tasks)
    sent = studio.answer(task, [choice("verdict", "fix"), words("reasoning", "Better.")])
    lock = build.paths.recipe_lock.read_text()
    build.paths.recipe_lock.write_text(lock.replace("{name: mp16_reason, answer: nearest}", "{name: mg_geo_dialog}"))
    (refused,) = pulled(open_build(build.paths.root), url).refused
    assert "'reasoning' is no control of the screen" in refused["reason"] and refused["annotation"] == sent
    assert refused["link"].endswith(f"/data?task={task}")
    build.paths.recipe_lock.write_text(lock)
    pulled(open_build(build.paths.root), url)
    assert annotations(build)["reasoning"].to_list() == ["Better."]


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
