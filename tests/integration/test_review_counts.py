"""What people said is counted once: `pull`, `decide`, `report` and `build` say the same, in the same words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import factory as api
from annotation.words import REFUSED
from factory.phases.weigh import Tally, told, weigh_build
from factory.store.layout import Build
from tests.annotations import said, shown, write_annotations
from tests.build_fixture import make_build
from tests.fake_studio import TOKEN, running_studio
from tests.pages import REPOSITORY
from tests.real_build import Done, factory
from tests.review_sync import tasks
from tests.studio import choice

RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"
SETTINGS = ("--set", "review.overlap=2", "--set", "review.audit_share=1", "--workers", "1")
LINE = re.compile(r"[\d,]+ annotations?\b.*; people decided .*")


def test_pull_decide_report_and_build_tell_the_same(tmp_path: Path) -> None:
    def built() -> Done:
        done = factory("build", RECIPE, "--out", tmp_path, *SETTINGS, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done

    built()
    (root,) = tmp_path.glob("mp16_reason-*")
    with running_studio() as (studio, url):
        studio.users = [{"id": at, "email": f"r{at}@example.com", "username": ""} for at in (1, 2)]

        def review(*arguments: str) -> Done:
            environment = {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": TOKEN}
            return factory("review", arguments[0], root, *arguments[1:], cwd=tmp_path, env=environment)

        assert review("push", "--recipe", str(RECIPE)).returncode == 0
        both: dict[str, list[int]] = {}
        for row in tasks(api.open_build(root)).to_dicts():
            both.setdefault(row["id"], []).append(row["task"])
        accepted, rejected, tied, alone, slip, skipped, *unseen = both.values()
        answers: list[tuple[list[int], tuple[Any, ...]]] = [
            (accepted, ("accept", "accept")),
            (rejected, ("reject", "reject")),
            (tied, ("accept", "reject")),
            (alone, ("accept",)),
            (slip, ("accept", "maybe")),
            (skipped, ("accept", None)),
        ]
        for numbers, verdicts in answers:
            for by, (task, verdict) in enumerate(zip(numbers, verdicts, strict=False), start=1):
                result = [] if verdict is None else [choice("verdict", verdict)]
                studio.answer(task, result, by=by, was_cancelled=verdict is None)
        pulled = review("pull", "--json")
    line = (
        f"9 annotations (1 skipped, 1 refused); people decided 2 samples: 1 accepted, 1 rejected (majority 2); "
        f"2 for the lead, {2 + len(unseen)} without enough words"
    )
    decided, reported = review("decide", "--json"), review("report")
    for done in (pulled, decided, reported, built()):
        assert LINE.findall(done.stderr) == [line], done.stderr
    counts = Tally(
        annotations=9, skipped=1, refused=1, accepted=1, rejected=1, disagreed=2, waiting=2 + len(unseen)
    ).plain() | {"rules": {"majority": 2}}
    for done in (pulled, decided):
        assert json.loads(done.stdout)["people"] == counts
    page = Path(reported.stdout.strip()).read_text()
    assert line in page
    assert "<b>2</b><span>for the lead</span>" in page and "<b>9</b><span>annotations</span>" in page
    assert api.open_build(root).info["counts"]["people"] == counts


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return make_build(tmp_path / "trial-00000000")


def test_a_lead_s_word_counts_and_what_was_taken_back_or_is_of_no_sample_does_not(build: Build) -> None:
    seen = shown(build, "s000")
    rows = [
        said("s000", "ann", **seen),
        said("s000", "ann", "reject", deleted=True, **seen),
        said("s000", "ben", None, flags=[REFUSED], deleted=True, **seen),
        said("s000", "lena", slot="lead", **seen),
        said("gone", "ann", **seen),
    ]
    write_annotations(build.paths, rows)
    found = weigh_build(build)
    assert found.tally == Tally(annotations=3, accepted=1, rules={"lead": 1})
    line = "3 annotations; people decided 1 sample: 1 accepted, 0 rejected (lead 1)"
    line += "; 0 for the lead, 0 without enough words"
    assert told(found.tally.plain()) == line
    assert not build.paths.decisions.exists(), "nothing is written"
