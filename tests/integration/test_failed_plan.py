"""A plan that cannot be made leaves nothing behind; what waits or is short of answers is said before and after."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

import factory
from factory.cli.check import file_faults
from factory.cli.console import print_estimate, print_status
from factory.cli.doctor import examine
from factory.cli.estimate import estimate
from factory.cli.status import build_status
from factory.errors import SourceError
from factory.recipe.load import load_recipe
from factory.store.layout import Build, BuildPaths
from tests.build_fixture import draw_jpeg

RECIPE = """\
name: tiny
generator: mp16_reason
source: {kind: table, path: photos.csv}
plan: {shard_size: 1}
teachers: [{name: only, backend: replay, path: answers.jsonl}]
verify: {checks: [localizable, near_truth], decide: {reject: [], review: [localizable, near_truth]}}
review: {wait: true}
"""
ANSWER = {"localizable": False, "confidence": 0.1, "reasoning": "A road.", "country": "Finland", "lat": 61, "lon": 25}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Three photos, of which the recording has two, and one more it knows nothing of."""
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(draw_jpeg(number))
    (tmp_path / "photos.csv").write_text("id,image,lat,lon\n" + "".join(f"s{n},{n}.jpg,60,25\n" for n in range(3)))
    records = [{"id": name, "response": ANSWER} for name in ("s0", "s1", "other")]
    (tmp_path / "answers.jsonl").write_bytes(b"\n".join(map(orjson.dumps, records)))
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return tmp_path / "tiny.yaml"


def test_of_a_build_whose_plan_cannot_be_made_nothing_stays_and_the_same_command_works_later(recipe: Path) -> None:
    table, out = recipe.with_name("photos.csv"), recipe.parent / "out"
    good = table.read_text()
    table.write_text("id,image,lat,lon\ns0,0.jpg,,\n")
    for _ in range(2):
        with pytest.raises(SourceError, match="no sample is left to work on"):
            factory.build(recipe, out=out)
        assert list(out.iterdir()) == []
    table.write_text(good)
    assert factory.build(recipe, out=out).state == "waiting"


def test_a_plan_that_fails_takes_no_answers_away(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = Path(factory.build(recipe, out=recipe.parent / "out").directory)
    (build / "build.json").unlink()
    (build / "plan.parquet").unlink()

    def fails(*_given: object) -> None:
        raise SourceError("the disk with the table is away")

    monkeypatch.setattr("factory.phases.steps.plan_source", fails)
    with pytest.raises(SourceError):
        factory.build(recipe, out=recipe.parent / "out")
    assert (build / "shards" / "00000" / "ledger.parquet").exists()
    monkeypatch.undo()
    assert factory.build(recipe, out=recipe.parent / "out").calls_now == 0


def test_plan_and_doctor_say_how_many_questions_a_recording_answers(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreseen = estimate(load_recipe(recipe), out=recipe.parent / "out")
    (teacher,) = foreseen.teachers
    assert (teacher.questions, teacher.answered, teacher.calls) == (3, 2, 0)
    assert foreseen.notes == (
        "only has recorded answers to 2 of 3 questions; 1 question will end without one (not_recorded)",
    )
    (found,) = [one for one in examine(recipe, profile=None, overrides=()) if one.subject == "only"]
    assert (found.text, found.fault) == ("has recorded answers to 2 of 3 planned questions", False)
    recipe.with_name("answers.jsonl").write_text('{"id": "S0", "response": "x"}\n')
    (found,) = [one for one in examine(recipe, profile=None, overrides=()) if one.subject == "only"]
    assert found.fault and found.text.startswith("has recorded answers to 0 of 3")


def test_draws_are_questions_of_their_own(recipe: Path) -> None:
    loaded = load_recipe(recipe, overrides=("teachers.0.sampling.draws=2",))
    (teacher,) = estimate(loaded, out=recipe.parent / "out").teachers
    assert (teacher.questions, teacher.answered) == (6, 2)


def test_the_plan_says_how_many_samples_have_no_place(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.with_name("photos.csv").write_text("id,image,lat,lon\ns0,0.jpg,60,25\ns1,1.jpg,,\n")
    loaded = load_recipe(
        recipe, overrides=("plan.truth=unknown", "verify.decide={by: calibrated, target: 0.9, reject: []}")
    )
    print_estimate(estimate(loaded, out=recipe.parent / "out"))
    assert "2 in 2 shards · 1 without a known place" in capsys.readouterr().out


def test_status_says_what_a_build_waits_for_and_seconds_count_runs_that_waited(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = factory.build(recipe, out=recipe.parent / "out")
    build = Build(BuildPaths(Path(result.directory)))
    assert result.exit_code == 5
    state = build_status(build)
    print_status(state)
    assert state.waiting == result.waiting and "waits     for people: 2 of 2" in capsys.readouterr().out
    first = build.info["seconds"]
    assert first > 0
    factory.build(recipe, out=recipe.parent / "out")
    again = Build(build.paths)
    assert again.info["seconds"] > first and again.info["waiting"] == result.waiting
    (build.paths.shard(0).root / "thawing.sqlite-wal").write_bytes(b"left by a run that was killed")
    assert list(file_faults(build.paths.root)) == []
