"""What changes between two commands, on a real server: tasks that are deleted and sent again, and screens of a recipe
that shows them otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotation.client import Client
from annotation.connection import Login
from annotation.pull import pull
from annotation.push import push, sent_rows
from annotation.replies import Anything
from annotation.screens import open_screen
from factory.generators.labelled import speaker
from factory.store.layout import Build, open_build
from release.rows import build_generator
from tests.build_fixture import FINGERPRINT, make_build
from tests.live.test_killed import wanted
from tests.studio import Annotator, choice


def sent(build: Build, client: Client, said: list[str] | None = None) -> int:
    screen = open_screen(build, speaker(build_generator(build)))
    return push(build, client, wanted(build), screen, say=(said if said is not None else []).append).made


def made(root: Path, digit: str) -> Build:
    """A build of its own on a server that others use, too."""
    build = make_build(root / f"trial-{digit * 8}", samples=8, shard_size=4)
    build.paths.info.write_text(build.paths.info.read_text().replace(FINGERPRINT, digit * len(FINGERPRINT)))
    return open_build(build.paths.root)


def test_what_was_said_of_deleted_tasks_counts_no_more_and_hand_made_ones_hide_nothing(
    studio: Login, annotators: Sequence[Annotator], tmp_path: Path
) -> None:
    build = made(tmp_path, "d")
    with Client(studio) as client:
        sent(build, client)
        first, second, third, *_ = sent_rows(build)
        for row in (first, second):
            annotators[0].answer(row["task"], [choice("verdict", "accept")])
        annotators[0].answer(third["task"], [choice("verdict", "maybe")])
        for project in {row["project"] for row in sent_rows(build)}:
            data = {"image": "/static/none.png", "map": "", **{f"clue_{index}": [] for index in range(64)}}
            client.make(f"/api/projects/{project}/import", Anything, [{"data": {**data, "longer": []}}])
        found = pull(build, client)
        assert (found.new, found.annotations, len(found.refused)) == (2, 2, 1)
        for row in (first, third):
            client.delete(f"/api/tasks/{row['task']}/")
        assert sent(build, client) == 2
        found = pull(build, client)
        assert (found.deleted, found.annotations, found.refused) == (1, 1, [])


def test_screens_that_nobody_answered_are_shown_as_the_recipe_wants_them_now(
    studio: Login, annotators: Sequence[Annotator], tmp_path: Path
) -> None:
    build, said = made(tmp_path, "e"), list[str]()
    with Client(studio) as client:
        sent(build, client)
        first, *others = sent_rows(build)
        annotators[0].answer(first["task"], [choice("verdict", "accept"), choice("flags", "unsure")])
        lock = build.paths.recipe_lock.read_text()
        build.paths.recipe_lock.write_text(f"{lock}\nreview: {{language: de, show_truth: false}}\n")
        build = open_build(build.paths.root)
        assert sent(build, client, said) == 0
        told = f"{len(others)} tasks made anew that nobody had answered, 1 task left as answered"
        assert [line for line in said if told in line], said
        shown = {row["task"]: client.get(f"/api/tasks/{row['task']}/", Anything).root for row in (first, *others)}
        assert "True place" in shown[first["task"]]["data"]["map"]
        for row in others:
            task = shown[row["task"]]
            assert "True place" not in task["data"]["map"]
            assert task["data"]["ext_id"] == row["external"] and len(task["predictions"]) == 1
        project = client.get(f"/api/projects/{first['project']}/", Anything).root
        assert "Annehmen" in project["label_config"]
        said.clear()
        assert sent(build, client, said) == 0 and not [line for line in said if "made anew" in line]
        assert pull(build, client).annotations == 1
