"""A recipe that shows screens otherwise than they were sent: what nobody has answered is shown anew, and it is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from annotation.push import sent_rows
from factory.store.layout import Build, open_build
from tests.build_fixture import make_build
from tests.fake_studio import TOKEN, Studio, running_studio
from tests.pair_releases import two_releases
from tests.real_build import Done, factory
from tests.studio import choice
from tests.studio_recorded import rated

TRUTH = "True place"


@pytest.fixture
def server() -> Iterator[tuple[Studio, str]]:
    with running_studio() as running:
        yield running


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return make_build(tmp_path / "trial-00000000", samples=12, shard_size=4)


def run(build: Build, url: str, *arguments: str) -> Done:
    environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
    done = factory("review", *arguments, build.paths.root, cwd=build.paths.root, env=environment)
    assert done.returncode == 0, done.stderr
    return done


def choose(build: Build, review: str) -> None:
    """What `factory build` notes of a recipe whose block `review` was changed."""
    lock = build.paths.recipe_lock.read_text().partition("\nreview:")[0].rstrip()
    build.paths.recipe_lock.write_text(f"{lock}\nreview: {{audit_share: 1.0, {review}}}\n")


def data(studio: Studio) -> dict[str, dict[str, Any]]:
    return {task["data"]["ext_id"]: task["data"] for task in studio.tasks.values()}


def test_what_nobody_answered_is_shown_as_the_recipe_wants_it_now(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    choose(build, "language: en")
    run(build, url, "push")
    english = data(studio)
    assert len(english) > 3 and all(TRUTH in one["map"] for one in english.values())
    first = min(studio.tasks)
    answered = studio.tasks[first]["data"]["ext_id"]
    studio.answer(first, [choice("verdict", "accept")])
    choose(build, "language: de, show_truth: false")
    back = run(build, url, "pull")
    assert (
        "the recipe wants screens with language de, show_truth false, and there are some with language en, show_truth "
        f"true: `factory review push {build.paths.root}` shows those anew that nobody has answered" in back.stderr
    )
    assert data(studio) == english, "a pull changes nothing"
    rows = sent_rows(build)
    sent = run(build, url, "push")
    told = f"{len(english) - 1} tasks made anew that nobody had answered, 1 task left as answered"
    assert f"screens have language de, show_truth false now: {told}" in sent.stderr
    after = data(studio)
    assert after.pop(answered) == english.pop(answered), "it was answered on the screen that stood there"
    assert [name for name, one in after.items() if "Wahrer Ort" in one["map"] or TRUTH in one["map"]] == []
    assert {*after} == {*english} and sent_rows(open_build(build.paths.root)) == rows
    configs = {one["label_config"] for one in studio.projects.values() if "reviewer" in one["title"]}
    assert len(configs) == 1 and "Annehmen" in configs.pop()
    again = run(build, url, "push")
    assert "made anew" not in again.stderr and "screens with" not in run(build, url, "pull").stderr
    assert data(studio) == {
        **after,
        answered: data(studio)[answered],
    }


def test_a_renewal_that_was_stopped_goes_on(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    choose(build, "language: en")
    run(build, url, "push")
    choose(build, "show_truth: false")
    left = [2]

    def fault(_number: int, method: str, path: str) -> str | None:
        if method != "PATCH" or not path.startswith("/api/tasks/"):
            return None
        left[0] -= 1
        return "before" if left[0] < 0 else None

    studio.fault = fault
    environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
    stopped = factory("review", "push", build.paths.root, cwd=build.paths.root, env=environment)
    assert (
        stopped.returncode == 3 and sum(TRUTH in one["map"] for one in data(studio).values()) == len(data(studio)) - 2
    )
    studio.fault = lambda *_: None
    assert f"{len(data(studio)) - 2} tasks made anew" in run(build, url, "push").stderr
    assert not any(TRUTH in one["map"] for one in data(studio).values())


def test_screens_of_which_nobody_knows_what_they_show_are_compared_once(
    build: Build, server: tuple[Studio, str]
) -> None:
    studio, url = server
    choose(build, "language: en")
    run(build, url, "push")
    kept = orjson.loads(build.paths.review_projects.read_bytes())
    for project in kept["projects"].values():
        del project["shown"]  # as older versions wrote it
    build.paths.review_projects.write_bytes(orjson.dumps(kept))
    name = min(data(studio))
    data(studio)[name]["map"] = f"<p>{TRUTH}, as an older version wrote it</p>"
    assert "screens with" not in run(build, url, "pull").stderr
    assert "1 task made anew" in run(build, url, "push").stderr
    studio.seen.clear()
    run(build, url, "push")
    assert ("PATCH", f"/api/tasks/{min(studio.tasks)}/") not in studio.seen


def test_pairs_are_shown_anew_with_each_text_where_it_stood(server: tuple[Studio, str], tmp_path: Path) -> None:
    studio, url = server
    sides = two_releases(tmp_path, samples=8)

    def compared(*more: str) -> Done:
        environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
        done = factory("review", "pairs", *sides, "--reviewers", "2", *more, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done

    compared()
    before = data(studio)
    first = min(studio.tasks)
    answered = studio.tasks[first]["data"]["ext_id"]
    studio.answer(first, rated("left"))
    hidden = compared("--hide-truth", "--seed", "7")
    assert (
        f"show_truth false now: {len(before) - 1} tasks made anew that nobody had answered, 1 task left"
        in hidden.stderr
    )
    after = data(studio)
    assert after.pop(answered) == before.pop(answered)
    assert all(one["map"] != before[name]["map"] for name, one in after.items())
    assert all({**one, "map": ""} == {**before[name], "map": ""} for name, one in after.items())
    assert "made anew" not in compared("--hide-truth").stderr
