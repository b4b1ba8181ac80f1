from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

from factory.report.frames import dropped, read_frames
from factory.report.funnel import phases, places
from tests.build_fixture import make_build
from tests.rich_build import make_rich_build


def test_phases_follow_each_other_and_lose_what_they_say(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=24)
    found = phases(read_frames(build), dropped(build))
    assert [phase.name for phase in found] == ["plan", "images", "answers", "checks", "selection", "splits"]
    for before, after in itertools.pairwise(found):
        assert after.entering == before.remaining
    for phase in found:
        assert phase.entering - phase.remaining == sum(count for _, count in phase.segments)
    assert found[0].entering == 26
    assert [(loss.rule, loss.reason, loss.count) for loss in found[1].losses] == [("images", "truncated", 4)]
    assert found[-1].remaining == sum(loss.count for loss in found[-1].losses) == 11


def test_reasons_of_review_and_rejection_are_told_apart(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12)
    checks = phases(read_frames(build), dropped(build))[3]
    assert {(loss.rule, loss.reason, loss.kind) for loss in checks.losses} == {
        ("near_truth", "too_far", "reject"),
        ("teachers_agree", "one_answer", "review"),
    }
    assert checks.note == ""


def test_a_build_before_selection_ends_with_the_checks(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    build.paths.selection.unlink()
    assert [phase.name for phase in phases(read_frames(build), dropped(build))][-1] == "checks"


def test_a_build_before_its_first_shard_shows_the_plan_and_what_waits(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8)
    for shard in build.paths.shards():
        shard.report.unlink()
    found = phases(read_frames(build), dropped(build))
    assert [(phase.name, phase.remaining) for phase in found] == [("plan", 8), ("work", 0)]


def test_a_build_before_its_verification_shows_what_waits_for_it(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=12, shard_size=4)
    build.paths.selection.unlink()
    build.paths.shard(1).verdicts.unlink()
    build.paths.shard(2).report.unlink()
    found = phases(read_frames(build), dropped(build))
    assert [(phase.name, phase.remaining) for phase in found[:3]] == [("plan", 12), ("work", 8), ("verify", 4)]
    assert found[2].losses[0].reason == "shard not verified" and found[2].losses[0].kind == "answered"


def test_people_bring_samples_in_and_take_others_out(tmp_path: Path) -> None:
    build = make_rich_build(tmp_path / "b")
    found = {phase.name: phase for phase in phases(read_frames(build), dropped(build))}
    checks, people = found["checks"], found["people"]
    assert checks.remaining == 6
    assert (people.entering, people.remaining) == (7, 6), "one more came in, one was taken out"
    assert "1 more by people" in people.explanation
    assert found["selection"].entering == 6


def test_a_family_that_asks_nobody_has_no_phase_of_answers(tmp_path: Path) -> None:
    frames = read_frames(make_build(tmp_path / "b", samples=3))
    silent = replace(frames, answers=frames.answers.clear())
    assert "answers" not in [phase.name for phase in phases(silent, dropped(make_build(tmp_path / "c", samples=3)))]


def test_places_are_counted_by_decision(tmp_path: Path) -> None:
    samples = read_frames(make_build(tmp_path / "b", samples=14)).samples
    rows = places(samples, "country_code", "country")
    assert sum(row.total for row in rows) == 14
    assert all(sum(row.counts) == row.total for row in rows)
    assert ("NA", "Namibia") in {(row.key, row.name) for row in rows}
