"""What is refused of what people said withdraws their older words, and hides nothing that is private."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotation.words import REFUSED, UNREAD_MARK
from factory.phases.decide import decide_build
from factory.store.layout import Build, open_build
from factory.store.reviews import read_reviews
from tests.build_fixture import make_build
from tests.fake_studio import TOKEN, Studio, running_studio
from tests.real_build import Done, factory
from tests.review_sync import annotations, pulled, pushed, tasks
from tests.studio import box, choice, number

PRIVATE = box("privacy", 25, 25, 50, 50)
NOWHERE = [number("lat", 200.0), number("lon", 0.0)]


@pytest.fixture
def server() -> Iterator[tuple[Studio, str]]:
    with running_studio() as (studio, url):
        studio.users = [{"id": at, "email": f"r{at}@example.com", "username": ""} for at in (1, 2, 3)]
        yield studio, url


@pytest.fixture
def build(tmp_path: Path) -> Build:
    made = make_build(tmp_path / "trial-00000000", samples=6, shard_size=5)
    made.paths.recipe_lock.write_text(made.paths.recipe_lock.read_text() + "review: {overlap: 2}\n")
    return open_build(made.paths.root)


def review(build: Build, url: str, *arguments: str) -> Done:
    environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
    return factory("review", arguments[0], build.paths.root, *arguments[1:], cwd=build.paths.root, env=environment)


def of_one_sample(build: Build) -> tuple[str, list[int]]:
    """A sample, and its reviewers' tasks."""
    name = tasks(build)["id"][0]
    return name, tasks(build).filter(id=name)["task"].to_list()


def decided(build: Build, name: str) -> dict[str, Any] | None:
    decide_build(open_build(build.paths.root))
    return next((row for row in read_reviews(build.paths).to_dicts() if row["id"] == name), None)


def test_a_box_counts_beside_a_field_that_is_refused(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    name, (first, second) = of_one_sample(build)
    studio.answer(first, [choice("verdict", "accept")], by=1)
    bad = studio.answer(second, [choice("verdict", "accept"), *NOWHERE, PRIVATE], by=2)
    back = review(build, url, "pull")
    assert back.returncode == 1 and f"annotation {bad} is refused: lat" in back.stderr
    row = decided(build, name)
    assert row is not None and row["decision"] is None, "one has looked"
    assert row["boxes"] == [{"kind": "privacy", "x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5}]
    studio.change(bad, result=[choice("verdict", "accept")])
    assert pulled(build, url).refused == []
    row = decided(build, name)
    assert row is not None and (row["decision"], row["boxes"]) == ("accept", [])


def test_a_mark_that_cannot_be_read_withholds_until_it_is_mended_or_gone(
    build: Build, server: tuple[Studio, str]
) -> None:
    studio, url = server
    pushed(build, url)
    name, (first, second) = of_one_sample(build)
    accept = choice("verdict", "accept")
    studio.answer(first, [accept], by=1)
    turned = {**PRIVATE, "value": {**PRIVATE["value"], "rotation": 30}}
    bad = studio.answer(second, [accept, turned], by=2)
    back = review(build, url, "pull")
    assert f"annotation {bad}, which is refused, may mark something as private: until it is mended" in back.stderr
    row = decided(build, name)
    assert row is not None and (row["decision"], row["rule"]) == ("review", "tied")
    assert row["note"] == "something may be marked as private, and the mark cannot be read"
    done = review(build, url, "decide", f"{name}=accept", "--lead", "lena")
    assert f"for the lead: {name}  something may be marked as private" in done.stderr
    studio.change(bad, result=[accept, PRIVATE])
    pulled(build, url)
    row = decided(build, name)
    assert row is not None and (row["decision"], len(row["boxes"])) == ("accept", 1)
    studio.change(bad, result=[accept, turned])
    pulled(build, url)
    studio.remove(bad)
    pulled(build, url)
    row = decided(build, name)
    assert row is not None and (row["decision"], row["boxes"]) == ("accept", [])
    last = annotations(build).filter(annotation=bad).row(0, named=True)
    assert last["deleted"] and last["flags"] == [REFUSED, UNREAD_MARK], "so that later builds hear of it"


def test_a_refused_last_word_withdraws_the_older_one_and_pull_says_so(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    name, (first, second) = of_one_sample(build)
    for task, by in ((first, 1), (second, 2)):
        studio.answer(task, [choice("verdict", "accept")], by=by)
    pulled(build, url)
    row = decided(build, name)
    assert row is not None and row["decision"] == "accept"
    bad = studio.answer(second, [choice("verdict", "reject"), *NOWHERE], by=2)
    project = studio.tasks[second]["project"]
    back = review(build, url, "pull")
    link = f"{url}/projects/{project}/data?task={second}"
    told = f"{link}: annotation {bad}, which is refused, takes back what the same person said before: no word of theirs"
    assert told in back.stderr
    assert decided(build, name) is None, "no word of theirs, and not the old one"
    studio.change(bad, result=[choice("verdict", "reject")])
    assert "takes back" not in review(build, url, "pull").stderr
    row = decided(build, name)
    assert row is not None and (row["decision"], row["note"]) == ("review", "1 accept, 1 reject")


def test_what_older_versions_refused_is_heard_at_the_next_pull(build: Build, server: tuple[Studio, str]) -> None:
    studio, url = server
    pushed(build, url)
    _, (first, _) = of_one_sample(build)
    studio.answer(first, [choice("verdict", "maybe"), PRIVATE], by=1)
    pulled(build, url)
    from factory.store.annotations import change_annotations

    change_annotations(build.paths, lambda rows: [row for row in rows if REFUSED not in row["flags"]])
    studio._clock += 3_000
    pulled(build, url)
    assert annotations(build)["flags"].to_list() == [[REFUSED]]
    before = annotations(build)
    pulled(build, url)
    assert annotations(build).equals(before)


def test_a_refused_mark_of_an_account_that_nobody_lists_is_blurred_in_the_release(tmp_path: Path) -> None:
    """From the server to the released pixels."""
    import factory as api
    from tests.pages import REPOSITORY

    recipe = REPOSITORY / "recipes" / "mp16_reason.yaml"
    audit = ("review.audit_share=1",)
    first = api.open_build(api.build(recipe, out=tmp_path, overrides=audit, workers=1).directory)
    was = _pictures(first)
    with running_studio() as (studio, url):
        assert review(first, url, "push", "--recipe", str(recipe)).returncode == 0
        rows = tasks(first)
        name, task = next((row["id"], row["task"]) for row in rows.to_dicts() if row["id"] in was)
        studio.answer(task, [choice("verdict", "accept"), PRIVATE], by=77)
        assert review(first, url, "pull").returncode == 1
    now = _pictures(api.open_build(api.build(recipe, out=tmp_path, overrides=audit, workers=1).directory))
    assert was.keys() == now.keys()
    assert {one for one in was if was[one] != now[one]} == {name}
    before, after = (np.asarray(Image.open(io.BytesIO(one[name])).convert("L"), dtype=int) for one in (was, now))
    height, width = before.shape
    inner = (slice(height // 3, 2 * height // 3), slice(width // 3, 2 * width // 3))
    assert np.abs(np.diff(after[inner], axis=1)).mean() < np.abs(np.diff(before[inner], axis=1)).mean()
    assert np.abs(before - after)[inner].mean() > np.abs(before - after)[: height // 8].mean()


def _pictures(build: Build) -> dict[str, bytes]:
    import polars as pl

    files = sorted((build.paths.release / "parquet").rglob("*.parquet"))
    return {row["id"]: row["images"][0]["bytes"] for file in files for row in pl.read_parquet(file).to_dicts()}
