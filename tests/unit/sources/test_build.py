"""What the answers of a finished build say of a photo: which of them count, and what P(yes) they make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.errors import CorruptBuild, SourceError
from factory.sources.build import build
from factory.sources.built_answers import judged
from factory.store.cases import AnsweredSample, answers_table, case_of, verdicts_table
from factory.store.layout import ShardPaths
from factory.store.tables import write_table
from schemas import Answered, CheckResult, GeoAnswer, LocatedAnswer, Photo, Sample, Verdict

PHOTO = Photo(role="photo", sha256="0" * 64, phash=1, width=8, height=8, bytes=100)


def answer(
    teacher: str = "a",
    *,
    localizable: bool = True,
    km: float | None = 1.0,
    unreadable: tuple[str, ...] = (),
    named_km: float | None = None,
    **more: Any,
) -> LocatedAnswer:
    place = None if more.get("failure") else GeoAnswer(localizable=localizable, unreadable=unreadable)
    answered = Answered(teacher=teacher, model="m", place=place, **more)
    return LocatedAnswer(answered=answered, distance_km=km, named_distance_km=named_km)


def shard(
    root: Path,
    answers: Sequence[LocatedAnswer],
    *,
    photos: Sequence[Photo] = (PHOTO,),
    checks: Sequence[CheckResult] = (),
) -> ShardPaths:
    """A shard of one sample, `s`."""
    paths = ShardPaths(root / "00000")
    paths.root.mkdir()
    found = AnsweredSample(photos=tuple(photos), answers=tuple(one.answered for one in answers))
    verdict = Verdict(decision="accept", reasons=(), checks=tuple(checks))
    case = case_of(Sample(id="s", lat=1.0, lon=2.0), found, answers, verdict)
    write_table(answers_table(["s"], [found]), paths.answers)
    write_table(verdicts_table(["s"], [case]), paths.verdicts)
    return paths


def told(root: Path, *answers: LocatedAnswer, uncertainty_km: float = 0.0, **more: Any) -> dict[str, Any]:
    plan = pl.DataFrame({"id": ["s"], "uncertainty_km": [uncertainty_km]})
    return judged(shard(root, answers, **more), plan, role="photo", radius_km=25.0).row(0, named=True)


def counts(found: dict[str, Any]) -> tuple[int, int, int, int, int, float]:
    return tuple(found[name] for name in ("teachers", "answers", "localizable", "near", "yes", "share"))  # type: ignore[return-value]


def test_yes_is_localizable_and_near(tmp_path: Path) -> None:
    given = [answer("a"), answer("b", km=400.0), answer("c", localizable=False, km=2.0), answer("d", km=25.0)]
    assert counts(told(tmp_path, *given)) == (4, 4, 3, 3, 2, 0.5)


def test_the_radius_grows_by_how_far_off_the_truth_may_be(tmp_path: Path) -> None:
    assert told(tmp_path, answer(km=27.0), uncertainty_km=2.0)["yes"] == 1


def test_a_named_place_stands_for_coordinates_that_are_not_there(tmp_path: Path) -> None:
    found = told(tmp_path, answer("a", km=None, named_km=3.0), answer("b", km=90.0, named_km=3.0))
    assert (found["near"], found["share"]) == (1, 0.5)


def test_every_teacher_counts_alike_however_often_it_was_asked(tmp_path: Path) -> None:
    draws = [answer("a", km=1.0 if draw < 2 else 900.0, draw=draw) for draw in range(4)]
    assert counts(told(tmp_path, *draws, answer("b", km=900.0))) == (2, 5, 5, 2, 2, 0.25)


@pytest.mark.parametrize(
    "lost",
    [
        {"failure": "refused"},
        {"saw_truth": "place"},
        {"saw_truth": "country"},
        {"combined": True},
        {"unreadable": ("localizable",)},
        {"unreadable": ("coordinates",), "km": None},
    ],
    ids=["failed", "knew the place", "knew the country", "combined", "unreadable word", "unreadable place"],
)
def test_what_says_nothing_of_the_photo_does_not_count(tmp_path: Path, lost: dict[str, Any]) -> None:
    assert counts(told(tmp_path, answer("a"), answer("b", **lost))) == (1, 1, 1, 1, 1, 1.0)


def test_an_answer_that_names_no_place_at_all_is_a_no(tmp_path: Path) -> None:
    assert counts(told(tmp_path, answer(km=None))) == (1, 1, 1, 0, 0, 0.0)


def test_a_photo_without_any_answer_that_counts_has_no_share(tmp_path: Path) -> None:
    found = told(tmp_path, answer(failure="refused"))
    assert (found["teachers"], found["share"]) == (None, None)


@pytest.mark.parametrize(("outcome", "probability"), [("pass", 0.93), ("fail", 0.93), ("abstain", None)])
def test_a_probability_is_taken_where_the_decider_judged(
    tmp_path: Path, outcome: Any, probability: float | None
) -> None:
    other = CheckResult(check="grounded", outcome="pass", reason="x", score=0.1)
    own = CheckResult(check="calibrated", outcome=outcome, reason="x", score=0.93)
    assert told(tmp_path, answer(), checks=(other, own))["calibrated"] == probability


@pytest.mark.parametrize("score", [7.5, -0.1, float("nan")])
def test_a_probability_that_is_none_is_not_taken(tmp_path: Path, score: float) -> None:
    own = CheckResult(check="calibrated", outcome="pass", reason="x", score=score)
    assert told(tmp_path, answer(), checks=(own,))["calibrated"] is None


def test_the_picture_is_the_first_of_its_role_that_decoded(tmp_path: Path) -> None:
    refused = Photo(role="photo", sha256="", refused="truncated")
    above = Photo(role="above", sha256="1" * 64, phash=1, width=8, height=8, bytes=100)
    assert told(tmp_path, answer(), photos=(above, refused, PHOTO, PHOTO))["picture"] == 2
    (tmp_path / "no").mkdir()
    assert told(tmp_path / "no", answer(), photos=(above, refused))["picture"] is None


def test_files_of_other_samples_are_refused(tmp_path: Path) -> None:
    paths = shard(tmp_path, [answer()])
    with pytest.raises(CorruptBuild, match="are of other samples"):
        judged(paths, pl.DataFrame({"id": ["t"], "uncertainty_km": [0.0]}), role="photo", radius_km=25.0)
    (tmp_path / "more").mkdir()
    more = shard(tmp_path / "more", [answer(), answer("b")])
    more.answers.replace(paths.answers)
    with pytest.raises(CorruptBuild, match="how many answers"):
        judged(paths, pl.DataFrame({"id": ["s"], "uncertainty_km": [0.0]}), role="photo", radius_km=25.0)


def test_a_build_that_is_not_there_is_named_with_what_makes_one(tmp_path: Path) -> None:
    for path in ("builds/mp16_reason-*", "builds/gone"):
        with pytest.raises(SourceError, match=r"source\.path: there is no build .*builds/.*make demo"):
            build(tmp_path, path=path)


def test_of_several_builds_one_must_be_named(tmp_path: Path) -> None:
    for name in ("x-1", "x-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "build.json").write_text("{}")
    with pytest.raises(SourceError, match=r"2 builds are called x-\*: x-1, x-2; name one of them"):
        build(tmp_path, path="x-*")


def test_a_no_must_lie_below_a_yes(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"yes_from: 0\.4 is not above `no_to`, 0\.5"):
        build(tmp_path, path="x", yes_from=0.4, no_to=0.5)
