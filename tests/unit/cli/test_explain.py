from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from factory.cli.console import print_json, print_story
from factory.cli.explain import explain_sample
from factory.errors import CorruptBuild, RecipeError
from factory.store.layout import Build, open_build
from schemas import arrow
from tests.build_fixture import make_build
from tests.rich_build import Rows, decide, edit, forget_places, make_rich_build


@pytest.fixture
def rich(tmp_path: Path) -> Build:
    return make_rich_build(tmp_path / "rich")


def said(build: Build, sample: str, capsys: pytest.CaptureFixture[str]) -> str:
    print_story(explain_sample(build, sample))
    return capsys.readouterr().out


def test_pictures_and_texts_are_told_with_what_was_seen_of_them(
    rich: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    story = explain_sample(rich, "s000")
    assert [(picture["role"], picture["width"]) for picture in story.pictures] == [("photo", 160), ("satellite", 256)]
    assert story.pictures[1]["locator"] == "tiles/s000.png"
    assert [text["name"] for text in story.texts] == ["transcript"] and "images" not in story.truth
    text = said(rich, "s000", capsys)
    assert "satellite  256x256" in text and f"transcript, {story.texts[0]['characters']} characters" in text


def test_draws_and_the_combined_answer_are_told_apart(rich: Build, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(rich, "s000", capsys)
    assert "100 km off · draw 2" in text
    assert "4,600 km off · combined" in text
    assert 'values {"question":"Where was this taken?"' in text
    assert "saw the country" in said(rich, "s001", capsys)


def test_every_question_is_told_with_its_place_in_the_conversation(
    rich: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    story = explain_sample(rich, "s000")
    asked = [(call["teacher"], call["purpose"], call["draw"], call["turn"], call["attempt"]) for call in story.calls]
    assert asked == [
        ("first", "answer", 0, 0, 0),
        ("first", "answer", 1, 0, 0),
        ("judge", "judge", 0, 1, 1),
        ("second", "answer", 0, 0, 0),
        ("signs", "witness:signs", 0, 0, 0),
    ]
    assert "judge judge, draw 1, turn 2, attempt 2: replay ok" in said(rich, "s000", capsys)


def test_what_a_witness_found_is_told_and_its_vectors_are_counted(
    rich: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    (signs,) = explain_sample(rich, "s000").evidence
    assert signs["vectors"] == 1 and signs["findings"][0]["box"] == [1.0, 2.0, 30.0, 40.0]
    text = said(rich, "s000", capsys)
    assert "signs  place at 51.3000, 12.4000 (0.50)" in text and "signs  1 vector" in text


@pytest.mark.parametrize(
    ("sample", "outcome"),
    [
        ("s000", "released in train"),
        ("s003", "released in train"),
        ("s004", "rejected: near_truth:too_far"),
        ("s005", "quarantined: images:truncated; people's decision cannot count"),
        ("s006", "rejected by people"),
        ("s009", "waits for review: teachers_agree:one_answer"),
        ("d0", "dropped by plan: coordinates"),
    ],
)
def test_where_a_sample_went(rich: Build, sample: str, outcome: str) -> None:
    assert explain_sample(rich, sample).outcome == outcome


def test_what_people_decided_is_told(rich: Build, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_sample(rich, "s003").verdict == "review"
    assert "people     accept by anna, 2026-11-02T10:00:00+00:00: the sign is real" in said(rich, "s003", capsys)


def test_a_build_under_way_tells_what_is_known_so_far(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build = make_build(tmp_path / "b", samples=6)
    build.paths.selection.unlink()
    assert explain_sample(build, "s000").outcome == "accepted, not selected yet"
    decide(build, ("s003", "accept", ""))
    assert explain_sample(build, "s003").outcome == "accepted by people, not selected yet"
    build.paths.shard(0).verdicts.unlink()
    story = explain_sample(build, "s000")
    assert story.outcome == "answered, not verified yet"
    assert len(story.answers) == 2 and story.answers[0]["located"] is None and story.checks == []
    assert "km off" not in said(build, "s000", capsys)
    build.paths.shard(0).report.unlink()
    assert explain_sample(build, "s000").outcome == "first answered, second answered; its shard 0 is not finished yet"
    assert "not looked at yet" in said(build, "s000", capsys)


def test_a_family_without_places_is_told_by_its_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(forget_places(make_build(tmp_path / "b")), "s000", capsys)
    assert "values alone" in text and "a street in s000" in text and "no place" not in text


def test_things_that_a_family_lists_are_told_a_line_each_by_their_id(
    rich: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    story = explain_sample(rich, "s000")
    clues = [{"clue": f"Clue {number}. " * 30, "id": f"KE-{number}", "score": 0.5} for number in range(20)]
    print_story(replace(story, answers=[{**story.answers[0], "values": {"chosen": clues, "offered": ["KE-1"]}}]))
    text = " ".join(capsys.readouterr().out.split())
    assert 'values {"offered":["KE-1"]} chosen: id KE-0 · clue Clue 0. Clue 0.' in text
    assert "… · score 0.5 chosen: id KE-1 ·" in text
    assert "chosen: id KE-15" in text and "chosen: id KE-16" not in text and "chosen: ... 4 more" in text


def test_a_story_is_one_line_of_json(rich: Build, capsys: pytest.CaptureFixture[str]) -> None:
    print_json(explain_sample(rich, "s000"))
    story = orjson.loads(capsys.readouterr().out)
    assert story["answers"][3]["values"]["rounds"] == 2


def test_an_unknown_id_names_near_ones(rich: Build) -> None:
    with pytest.raises(RecipeError, match="near: s0"):
        explain_sample(rich, "s00")


def test_answers_and_verdicts_that_do_not_fit_are_named(rich: Build) -> None:
    def forget_one(rows: Rows) -> None:
        rows["s000"]["located"].pop()

    edit(rich.paths.shard(0).verdicts, arrow.VERDICTS, forget_one)
    with pytest.raises(CorruptBuild, match=r"answers\.parquet"):
        explain_sample(open_build(rich.paths.root), "s000")
    rich.paths.shard(0).answers.write_bytes(b"PAR1")
    with pytest.raises(CorruptBuild, match=r"answers\.parquet"):
        explain_sample(rich, "s000")
