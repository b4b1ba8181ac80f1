"""The whole way with a real server: pushed, answered by three people through the API and by one on the screen, pulled
as they said, agreement as counted by hand, decided, and released as decided.

With 200 tasks over real photos of two collections where they are, and always with the demo's scenes.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

import factory
from annotation import agreement
from annotation.client import Client
from annotation.connection import Login
from annotation.index import pages
from annotation.projects import PICTURES, read_projects
from annotation.replies import TaskNames
from annotation.words import is_refused
from factory.cli.check import file_faults
from factory.cli.demo import demo_recipe
from factory.store.layout import Build, open_build
from factory.store.reviews import decided_by, read_reviews
from factory.store.tables import read_table
from release.check import check_release
from release.read import open_release
from schemas import arrow
from tests.browsing import CHROMIUM
from tests.live.test_screens import draw
from tests.real_build import Done
from tests.real_build import factory as command
from tests.studio import Annotator, box, choice, number, words
from tests.studio_browser import logged_in, open_first

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FACTORY_SHARED", REPOSITORY.parent / "shared"))
RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"
REVIEW = "review={overlap: 2, audit_share: 1.0}"
VERDICTS = ("accept", "fix", "reject", "not_localizable")


def run(build: Build, login: Login, *arguments: str | Path) -> Done:
    environment = {"LABEL_STUDIO_URL": login.url, "LABEL_STUDIO_API_KEY": login.key}
    done = command("review", *arguments[:1], build.paths.root, *arguments[1:], cwd=build.paths.root, env=environment)
    assert login.key not in done.stdout + done.stderr
    return done


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A build that people look at, and how it is made."""

    recipe: Path
    overrides: tuple[str, ...]
    out: Path

    def made(self) -> Build:
        """Runs what is not done yet."""
        return open_build(factory.build(self.recipe, overrides=self.overrides, out=self.out).directory)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    """The demo's scenes, as disputed as they are."""
    return Reviewed(demo_recipe(), (REVIEW,), tmp_path_factory.mktemp("builds"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    """215 real photos of two collections with two teachers' recorded answers, judged without a look at the truth."""
    folder = tmp_path_factory.mktemp("photos")
    _together(folder)
    columns = "{id: id, image: file, lat: lat, lon: lon, author: author, licence: licence}"
    teachers = ", ".join(
        f"{{name: teacher_{name}, backend: replay, model: {name}, path: {folder / f'teacher_{name}.jsonl'}}}"
        for name in "ab"
    )
    overrides = (
        f"source={{kind: table, path: {folder / 'photos.csv'}, images: {SHARED}, columns: {columns}}}",
        f"teachers=[{teachers}]",
        "verify.checks=[localizable: {min_confidence: 0.3}, teachers_agree, grounded, no_leak]",
        "verify.decide={reject: [], review: [localizable, teachers_agree, grounded, no_leak]}",
        REVIEW,
    )
    return Reviewed(RECIPE, overrides, tmp_path_factory.mktemp("builds"))


def _together(folder: Path) -> None:
    """One table and one recording a teacher of both collections."""
    names = ("id", "file", "lat", "lon", "author", "licence")
    with (folder / "photos.csv").open("w", newline="") as out:
        table = csv.DictWriter(out, names, extrasaction="ignore")
        table.writeheader()
        for collection in ("photos", "photos2"):
            with (SHARED / collection / "photos.csv").open(newline="") as file:
                for row in csv.DictReader(file):
                    inside = row["file"] if "/" in row["file"] else f"images/{row['file']}"
                    table.writerow({**row, "file": f"{collection}/{inside}"})
    for name in "ab":
        with (folder / f"teacher_{name}.jsonl").open("wb") as out:
            for collection in ("photos", "photos2"):
                with (SHARED / collection / "responses" / f"teacher_{name}.jsonl").open("rb") as file:
                    shutil.copyfileobj(file, out)


def said(external: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What is answered to a task, drawn by its name, and the columns that must come of it. Two of three answers are
    what most say of the sample."""
    drawn = hashlib.sha256(external.encode()).digest()
    usual = hashlib.sha256(external.rpartition(":")[0].encode()).digest()
    verdict = VERDICTS[(usual if drawn[4] % 3 else drawn)[0] % 4]
    results = [choice("verdict", verdict)]
    expected: dict[str, Any] = {"verdict": verdict, "flags": [], "lat": None, "lon": None, "comment": None, "boxes": []}
    if verdict == "fix" and drawn[5] % 2:
        text = "The sign and the facades decide."
        results.append(words("reasoning", text))
        expected["reasoning"] = text
    elif verdict == "fix":
        lat, lon = drawn[1] / 255 * 180 - 90, drawn[2] / 255 * 360 - 180
        results += [number("lat", lat), number("lon", lon), words("reasoning", f"Seen on the spot: {drawn.hex()}")]
        expected |= {"lat": lat, "lon": lon, "reasoning": f"Seen on the spot: {drawn.hex()}"}
    if drawn[3] % 5 == 0:
        results += [choice("flags", "privacy"), box("privacy", 10, 20, 30, 40)]
        expected |= {
            "flags": ["privacy"],
            "boxes": [{"kind": "privacy", "x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}],
        }
    if verdict == "reject":
        results.append(words("comment", "<b>no</b> {{ sign }}"))
        expected["comment"] = "<b>no</b> {{ sign }}"
    return results, expected


def there(login: Login, build: Build) -> list[str]:
    """The names of all tasks that the server has in the build's projects."""
    found: list[str] = []
    with Client(login) as client:
        for slot, project in read_projects(build.paths.review_projects).items():
            if slot != PICTURES:
                for page in pages(client, project, TaskNames, {"include": "id,data"}):
                    found += [str(task.data.ext_id) for task in page.tasks]
    return sorted(found)


def go(build: Build, login: Login, annotators: Sequence[Annotator], *, budget: int) -> pl.DataFrame:
    """Pushes, answers, pulls; gives the annotations."""
    sent = run(build, login, "push", "--budget", str(budget), "--reviewers", "3")
    assert sent.returncode == 0, sent.stderr
    tasks = read_table(build.paths.tasks, arrow.TASKS)
    assert there(login, build) == tasks["external"].sort().to_list(), "each once"
    said_of = {name: said(name) for name in tasks["external"]}
    by = {row["external"]: annotators[int(row["slot"]) - 1] for row in tasks.iter_rows(named=True)}
    if CHROMIUM is not None:
        project = read_projects(build.paths.review_projects)["1"].id
        task, drawn = answered_on_the_screen(login, annotators[3], project)
        (name,) = tasks.filter(pl.col("task") == task)["external"]
        said_of[name], by[name] = ([], drawn), annotators[3]
    for row in tasks.iter_rows(named=True):
        if results := said_of[row["external"]][0]:
            by[row["external"]].answer(row["task"], results, seconds=7.25)
    back = run(build, login, "pull")
    assert back.returncode == 0, back.stderr
    found = read_table(build.paths.annotations, arrow.ANNOTATIONS)
    assert found["external"].sort().to_list() == tasks["external"].sort().to_list()
    for row in found.iter_rows(named=True):
        results, expected = said_of[row["external"]]
        assert {name: row[name] for name in expected} == expected
        assert row["reviewer"] == by[row["external"]].email and not row["deleted"]
        assert row["seconds"] == 7.25 if results else 0 < row["seconds"] < 600
    assert run(build, login, "push", "--budget", str(budget)).stderr.count(" 0 tasks sent") == 1
    assert there(login, build) == tasks["external"].sort().to_list()
    assert read_table(build.paths.annotations, arrow.ANNOTATIONS).equals(found)
    return found


EDITED: Final = "The sign is <b>blue</b> & {{ green }}."


def answered_on_the_screen(login: Login, person: Annotator, project: int) -> tuple[int, dict[str, Any]]:
    """Opens the first task of a project, chooses a verdict and a flag by their keys, draws a box, edits the text, and
    submits; gives the task and the columns that must come of it."""
    with logged_in(login.url, person.email) as context:
        page = context.new_page()
        open_first(page, login.url, project)
        page.wait_for_selector("[data-testid=htx-textbox-edit-button]")
        page.keyboard.press("2")
        page.keyboard.press("5")
        draw(page, key="0", share=(0.25, 0.25, 0.5, 0.75))
        page.locator("[data-testid=htx-textbox-edit-button]").click()
        page.keyboard.press("Control+a")
        page.keyboard.type(EDITED)
        page.keyboard.press("Shift+Enter")
        with page.expect_response(
            lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
        ) as sent:
            page.keyboard.press("Control+Enter")
        task = int(sent.value.url.split("/tasks/")[1].split("/")[0])
    return task, {"verdict": "fix", "flags": ["privacy"], "reasoning": EDITED, "lat": None, "comment": None}


def agreement_by_hand(found: pl.DataFrame) -> tuple[float, float]:
    """The share of pairs of verdicts about one sample that are the same, and Krippendorff's alpha, from each pair of
    annotations one by one."""
    units: dict[str, list[str]] = {}
    for name, verdict in found.select("id", "verdict").iter_rows():
        units.setdefault(name, []).append(verdict)
    paired = [said for said in units.values() if len(said) > 1]
    same = sum(one == other for first, *rest in paired for one, other in [(first, rest[0])])
    total, counts = 2 * len(paired), Counter(verdict for said in paired for verdict in said)
    by_chance = sum(count * (total - count) for count in counts.values()) / (total * (total - 1))
    return same / len(paired), 1 - (1 - same / len(paired)) / by_chance


Rows = dict[str, dict[str, Any]]


def decided_and_released(reviewed: Reviewed, login: Login, found: pl.DataFrame, before: Rows) -> None:
    """Agreement is what counting by hand gives; every difference of the release is a decision's, and each decision that
    can be is in it."""
    ratings = agreement.ratings_of(found)
    alike, alpha = agreement_by_hand(found)
    assert agreement.percent_agreement(ratings) == pytest.approx(alike)
    assert agreement.krippendorff_alpha(ratings) == pytest.approx(alpha)
    build = reviewed.made()
    assert list(file_faults(build.paths.root)) == [] and list(check_release(build.paths.release)) == []
    after, decided = released(build), {row["id"]: row for row in read_reviews(build.paths).iter_rows(named=True)}
    verdicts = {row["id"]: row for row in build.verdicts.iter_rows(named=True)}
    kept = dict(build.selection.select("id", "kept").iter_rows())
    for name in verdicts:
        person, verdict = decided.get(name, {}), verdicts[name]
        holds = decided_by(verdict["decision"], person.get("decision"), verdict["unreleasable"])
        assert (name in after) == (holds == "accept" and kept[name]), name
        if name not in after:
            continue
        changed = after[name]["people"]["changed"].split(", ")
        assert after[name]["response"] == person["text"] if "text" in changed else True
        if name in before:
            was, now = (rows[name]["images"][0]["bytes"] for rows in (before, after))
            assert (now == was) == ("blurred" not in changed), "the same bytes, or blurred"
            if not person:
                own = ("split", "images")
                assert {key: value for key, value in after[name].items() if key not in own} == {
                    key: value for key, value in before[name].items() if key not in own
                }
    assert {name for name, row in decided.items() if row["decision"] == "reject"}.isdisjoint(after)
    assert after.keys() != before.keys() and any(row["people"]["decision"] == "accept" for row in after.values())


def released(build: Build) -> Rows:
    release = open_release(build.paths.release)
    return {row["id"]: row for split in release.splits for row in release.rows(split)}


def test_the_demos_scenes(scenes: Reviewed, studio: Login, annotators: Sequence[Annotator]) -> None:
    build = scenes.made()
    before = released(build)
    found = go(build, studio, annotators, budget=8)
    assert found.height == 16
    decided_and_released(scenes, studio, found, before)
    changed_on_the_server(build, found, studio, annotators)


def changed_on_the_server(build: Build, found: pl.DataFrame, studio: Login, annotators: Sequence[Annotator]) -> None:
    """What was changed, deleted, skipped or spoilt there is known after the next pull."""
    changed, deleted, skipped, wrong, *_ = found.iter_rows(named=True)
    by = {annotator.email: annotator for annotator in annotators}
    at = "/api/annotations/{annotation}/"
    by[changed["reviewer"]].call("PATCH", at.format(**changed), {"result": [choice("verdict", "accept")]})
    by[deleted["reviewer"]].call("DELETE", at.format(**deleted))
    by[skipped["reviewer"]].call("PATCH", at.format(**skipped), {"was_cancelled": True})
    by[wrong["reviewer"]].call("PATCH", at.format(**wrong), {"result": [choice("verdict", "accept", "reject")]})
    lead = Annotator(studio.url, "lead", 1, studio.key)
    other = found.row(5, named=True)
    lead.call("PATCH", at.format(**other), {"result": [choice("verdict", "reject")]})
    back = run(build, studio, "pull")
    assert back.returncode == 1
    assert f"/data?task={wrong['task']}: annotation {wrong['annotation']} is refused: verdict: 2 choices" in back.stderr
    assert f"annotation {other['annotation']} is refused: it was changed by another account (1)" in back.stderr
    after = read_table(build.paths.annotations, arrow.ANNOTATIONS).iter_rows(named=True)
    now = {row["annotation"]: row for row in after if not is_refused(row)}
    assert now.keys() == {*found["annotation"]} - {wrong["annotation"], other["annotation"]}
    assert now[changed["annotation"]]["verdict"] == "accept" and now[deleted["annotation"]]["deleted"]
    assert now[skipped["annotation"]]["skipped"]
    rest = [row for row in found.iter_rows(named=True) if row["annotation"] in now and now[row["annotation"]] == row]
    assert len(rest) == 16 - 5


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "photos2").is_dir(), reason=f"no real photos at {SHARED}: set FACTORY_SHARED")
def test_two_hundred_tasks_over_real_photos(photos: Reviewed, studio: Login, annotators: Sequence[Annotator]) -> None:
    build = photos.made()
    before = released(build)
    found = go(build, studio, annotators, budget=100)
    assert found.height == 200
    assert {name[0] for name in found["id"]} == {"p", "q"}, "of both collections"
    assert set(found["verdict"]) == set(VERDICTS)
    decided_and_released(photos, studio, found, before)
