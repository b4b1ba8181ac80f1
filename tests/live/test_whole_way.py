"""The whole way with a real server: pushed, answered by three people through the API, pulled as they said.

With 200 tasks over real photos of two collections where they are, and always with the demo's scenes.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import factory
from annotation.client import Client
from annotation.connection import Login
from annotation.index import pages
from annotation.projects import PICTURES, read_projects
from annotation.replies import TaskNames
from factory.cli.demo import demo_recipe
from factory.store.layout import Build, open_build
from factory.store.tables import read_table
from schemas import arrow
from tests.real_build import Done
from tests.real_build import factory as command
from tests.studio import Annotator, box, choice, number, words

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


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The demo's scenes, as disputed as they are."""
    result = factory.build(demo_recipe(), overrides=(REVIEW,), out=tmp_path_factory.mktemp("builds"))
    return open_build(result.directory)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Build:
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
    return open_build(factory.build(RECIPE, overrides=overrides, out=tmp_path_factory.mktemp("builds")).directory)


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
    """What is answered to a task, drawn by its name, and the columns that must come of it."""
    drawn = hashlib.sha256(external.encode()).digest()
    verdict = VERDICTS[drawn[0] % 4]
    results = [choice("verdict", verdict)]
    expected: dict[str, Any] = {"verdict": verdict, "flags": [], "lat": None, "lon": None, "comment": None, "boxes": []}
    if verdict == "fix":
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
    shown = {row["task"]: row["external"] for row in tasks.iter_rows(named=True)}
    by: dict[str, Annotator] = {}
    for row in tasks.iter_rows(named=True):
        by[row["external"]] = annotators[int(row["slot"]) - 1]
        by[row["external"]].answer(row["task"], said(row["external"])[0], seconds=7.25)
    back = run(build, login, "pull")
    assert back.returncode == 0, back.stderr
    found = read_table(build.paths.annotations, arrow.ANNOTATIONS)
    assert found["external"].sort().to_list() == sorted(shown.values())
    for row in found.iter_rows(named=True):
        expected = said(row["external"])[1]
        assert {name: row[name] for name in expected} == expected
        assert (row["reviewer"], row["seconds"], row["deleted"]) == (by[row["external"]].email, 7.25, False)
    assert run(build, login, "push", "--budget", str(budget)).stderr.count(" 0 tasks sent") == 1
    assert there(login, build) == tasks["external"].sort().to_list()
    assert read_table(build.paths.annotations, arrow.ANNOTATIONS).equals(found)
    return found


def test_the_demos_scenes(scenes: Build, studio: Login, annotators: Sequence[Annotator]) -> None:
    found = go(scenes, studio, annotators, budget=8)
    assert found.height == 16
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
    back = run(scenes, studio, "pull")
    assert back.returncode == 1
    assert f"/data?task={wrong['task']}: annotation {wrong['annotation']} is refused: verdict: 2 choices" in back.stderr
    assert f"annotation {other['annotation']} is refused: it was changed by another account (1)" in back.stderr
    now = {
        row["annotation"]: row for row in read_table(scenes.paths.annotations, arrow.ANNOTATIONS).iter_rows(named=True)
    }
    assert now.keys() == {*found["annotation"]} - {wrong["annotation"], other["annotation"]}
    assert now[changed["annotation"]]["verdict"] == "accept" and now[deleted["annotation"]]["deleted"]
    assert now[skipped["annotation"]]["skipped"]
    rest = [row for row in found.iter_rows(named=True) if row["annotation"] in now and now[row["annotation"]] == row]
    assert len(rest) == 16 - 5


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "photos2").is_dir(), reason=f"no real photos at {SHARED}: set FACTORY_SHARED")
def test_two_hundred_tasks_over_real_photos(photos: Build, studio: Login, annotators: Sequence[Annotator]) -> None:
    found = go(photos, studio, annotators, budget=100)
    assert found.height == 200
    assert {name[0] for name in found["id"]} == {"p", "q"}, "of both collections"
    assert set(found["verdict"]) == set(VERDICTS)
