"""NAVICLUES whole: what a teacher is shown, a build killed between its rounds, the demo's stories, rows of a paper."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

import factory
from factory.phases.run import BuildResult
from factory.sources.released_clues import read_records, write_records
from factory.store.layout import open_build
from release import check_release
from release.read import open_release
from schemas.rows.naviclues import from_released, to_released
from tests.fake_endpoint import completion
from tests.golden_digests import held_to
from tests.http_server import answering
from tests.published import naviclues as published
from tests.real_build import factory as command
from tests.real_build import make_photos, only_build, start_factory

REPOSITORY: Final = Path(__file__).resolve().parents[3]
RECIPE: Final = REPOSITORY / "recipes" / "naviclues.yaml"
GOLDEN: Final = REPOSITORY / "tests" / "golden" / "naviclues.json"
PAGE: Final = REPOSITORY / "docs" / "families" / "naviclues.md"


class Editor:
    """A teacher that writes one sentence a line, each with the whole line behind it."""

    asked: ClassVar[list[str]] = []
    """The body of each request."""
    stall_at: ClassVar[int] = 0
    stall: ClassVar[threading.Event | None] = None
    """What the request of that number, from 1, waits for, where a build is to be killed in it."""

    @classmethod
    def reply(cls, body: bytes) -> bytes:
        cls.asked.append(body.decode())
        if cls.stall is not None and len(cls.asked) == cls.stall_at:
            cls.stall.wait()
        said = re.search(r"<transcript>\n(.*)\n</transcript>", user_text(body.decode()), re.DOTALL)
        assert said is not None
        sentences = [{"quotes": [line], "text": f"{line[0].upper()}{line[1:]}."} for line in said[1].splitlines()]
        return completion(json.dumps({"sentences": sentences, "country": "Kenya"}))


def user_text(body: str) -> str:
    """The words of the last turn of a request."""
    content = json.loads(body)["messages"][-1]["content"]
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


@pytest.fixture
def endpoint() -> Iterator[str]:
    Editor.asked, Editor.stall, Editor.stall_at = [], None, 0
    with answering(Editor.reply) as url:
        yield url
        if Editor.stall is not None:
            Editor.stall.set()


def write_rounds(root: Path, url: str, rounds: int = 4) -> Path:
    """Rounds near Narok, every other one with a picture, in one transcript."""
    make_photos(root, rounds)
    lines, cues = ["transcript,round,start,end,lat,lon,points,distance,image,country,youtube_url"], ["WEBVTT\n"]
    for number in range(rounds):
        at = number * 10
        image = "" if number % 2 else f"{number:05d}.jpg"
        lines.append(
            f"a.vtt,{number + 1},{at},{at + 10},{-1.1 - number / 9:.3f},35.9,4865,41,{image},Kenya,https://v.example/7"
        )
        cues.append(
            f"00:{at + 1:02}.000 --> 00:{at + 4:02}.000\nthe soil is red and the {number + 2} plates are yellow\n"
        )
        cues.append(f"00:{at + 4:02}.000 --> 00:{at + 7:02}.000\nso that is in Kenya and it is for the plates\n")
    (root / "rounds.csv").write_text("\n".join(lines) + "\n")
    (root / "a.vtt").write_text("\n".join(cues))
    path = root / "rounds.yaml"
    path.write_text(
        f"""\
name: rounds
generator: naviclues
source: {{kind: transcripts, path: rounds.csv, transcripts: ., images: images}}
teachers:
  - {{name: t, backend: openai, model: m, base_urls: ['{url}'], timeout_s: 900, max_in_flight: 1}}
verify:
  checks: [round_score, points_fit_distance, spans_exist, spans_support, right_country, no_game_talk]
  decide: {{by: rules, reject: [round_score, spans_exist, right_country, no_game_talk],
            review: [points_fit_distance, spans_support]}}
"""
    )
    return path


def built(recipe: Path, out: Path) -> list[dict[str, Any]]:
    process = start_factory(("build", recipe, "--out", out, "--workers", "1"), cwd=recipe.parent)
    said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return list(open_release(only_build(out) / "release").rows("train"))


def test_a_teacher_is_shown_the_words_of_its_round_and_nothing_else(endpoint: str, tmp_path: Path) -> None:
    rows = built(write_rounds(tmp_path, endpoint), tmp_path / "out")
    assert [row["task"] for row in rows] == ["reasoning", "rewriting"] * 2
    assert [len(row["images"]) for row in rows] == [1, 0, 1, 0]
    assert len(Editor.asked) == 4
    for number, body in enumerate(sorted(Editor.asked, key=lambda body: user_text(body))):
        said = user_text(body)
        others = [f"{other + 2} plates" for other in range(4) if other != number]
        assert f"{number + 2} plates" in said and not any(other in said for other in others)
        truth = ("-1.1", "35.9", "4865", "v.example", "Narok", "a.vtt", "image_url")
        assert not any(word in body for word in truth)
    assert rows[1]["sentences"][1]["start_s"] == 14.0 and rows[1]["sentences"][1]["end_s"] == 17.0
    assert {row["youtube_url"] for row in rows} == {"XXXX"} and not any("v.example" in str(row) for row in rows)


def test_killed_between_its_rounds_it_asks_about_none_twice(endpoint: str, tmp_path: Path) -> None:
    recipe, Editor.stall, Editor.stall_at = write_rounds(tmp_path, endpoint), threading.Event(), 3
    process = start_factory(("build", recipe, "--out", tmp_path / "out", "--workers", "1"), cwd=tmp_path)
    while len(Editor.asked) < 3:
        assert process.poll() is None, process.communicate()
        threading.Event().wait(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    Editor.stall.set()
    rows = built(recipe, tmp_path / "out")
    asked = [user_text(body) for body in Editor.asked]
    assert len(rows) == 4
    assert [asked.count(body) for body in dict.fromkeys(asked)] == [1, 1, 2, 1], "only the call in flight is repeated"
    keys = open_build(only_build(tmp_path / "out")).ledger["key"]
    assert len(keys) == keys.n_unique() == 4


def test_a_changed_threshold_asks_nobody(endpoint: str, tmp_path: Path) -> None:
    recipe = write_rounds(tmp_path, endpoint, 2)
    built(recipe, tmp_path / "out")
    recipe.write_text(recipe.read_text().replace("[round_score,", "[{round_score: {min_points: 4900}},", 1))
    done = command("build", recipe, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 1 and len(Editor.asked) == 2, "no row scored that, and nothing was asked again"


def test_finished_clues_are_refused_with_the_file_that_has_the_words(endpoint: str, tmp_path: Path) -> None:
    recipe = write_rounds(tmp_path, endpoint, 1)
    place = {"round": 1, "lat": 1.5, "lng": 2.5, "continent": "Africa", "country": "Niger"}
    row = {"points": 5000, "distance": 0.0, "image_path": "a/1.jpg", "location": place, "clues": "Red."}
    (tmp_path / "clues.jsonl").write_text(write_records([row]))
    recipe.write_text(recipe.read_text().replace("rounds.csv", "clues.jsonl"))
    done = command("build", recipe, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "clues.jsonl: none of 1 rows can be read" in done.stderr and "quality_data.jsonl" in done.stderr
    assert Editor.asked == []


# --- the demo ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def test_the_demo_tells_every_kind_of_story(demo: BuildResult) -> None:
    counts = demo.counts
    assert (counts["planned"], counts["calls"], counts["replayed"]) == (16, 0, 16)
    assert counts["dropped_by_reason"] == {"overlapping_times": 2, "bad_times": 1, "nothing_said": 1}
    assert counts["decisions"] == {"accept": 8, "reject": 5, "review": 3}
    assert set(counts["splits"]) == {"train", "validation", "test"}
    told = {row["id"]: row["reasons"] for row in open_build(demo.directory).verdicts.to_dicts() if row["reasons"]}
    assert told == {
        "ada.vtt/5": ["spans_exist:no_reason", "clue_length:too_short"],  # a lucky guess
        "ben.srt/1": ["right_country:country_differs"],
        "ben.srt/2": ["round_score:low_score"],
        "ben.srt/3": ["points_fit_distance:points_differ"],
        "cy.json/1": ["spans_support:new_claim"],  # an invented clue
        "cy.json/2": ["spans_exist:not_said", "spans_support:new_claim"],  # and one with invented words
        "cy.json/3": ["spans_support:new_number", "no_game_talk:speaks_of_the_game"],
        "cy.json/4": ["spans_support:lost_doubt"],
    }


def demo_rows(demo: BuildResult) -> list[Mapping[str, Any]]:
    release = open_release(Path(demo.directory) / "release")
    return [row for split in demo.counts["splits"] for row in release.rows(split)]


def test_rows_are_as_the_data_and_the_paper_say_in_both_formats(demo: BuildResult) -> None:
    release = Path(demo.directory) / "release"
    for read in (published.parquet_rows, published.tar_rows):
        rows = list(read(release))
        assert len(rows) == demo.counts["kept"] == 8
        assert [fault for row in rows for fault in published.faults(row)] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"points": 3399, "distance": 576.5}, "3399 points"),
        ({"points": "4250", "distance": 301.0}, "4250 points for 301.0 km"),
        ({"distance": 41}, "distance is 41"),
        ({"location": {"round": 1}}, "location is"),
        ({"sentences": []}, "not their sentences"),
        ({"clues": "My guess is Kenya."}, "speak of the game"),
        ({"messages": []}, "turns of"),
        ({"task": "rewriting"}, "a rewriting row with a picture"),
    ],
)
def test_the_validator_finds_faults(demo: BuildResult, change: dict[str, Any], fault: str) -> None:
    row = next(row for row in demo_rows(demo) if row["task"] == "reasoning")
    assert any(fault in found for found in published.faults({**row, **change}))


def test_a_first_idea_that_is_taken_back_is_in_no_row(demo: BuildResult) -> None:
    rows = {row["id"]: row for row in demo_rows(demo)}
    assert "Tanzania" not in rows["ada.vtt/1"]["clues"] and "Kenya" in rows["ada.vtt/1"]["clues"]
    assert "right" not in rows["cy.json/6"]["clues"] and "on the left" in rows["cy.json/6"]["clues"]


def test_a_sentence_leads_back_to_its_words_and_their_second(demo: BuildResult, tmp_path: Path) -> None:
    done = command("explain", demo.directory, "cy.json/1", cwd=tmp_path)
    assert done.returncode == 0
    assert "waits for review: spans_support:new_claim" in done.stdout
    assert "new claim: “white”; new word: “plates”" in done.stdout
    assert "the sign says Pienza, that's Italy" in done.stdout
    row = next(row for row in demo_rows(demo) if row["id"] == "ada.vtt/2")
    assert [(one["start_s"], one["end_s"]) for one in row["sentences"]] == [(18, 22), (23, 27), (28, 32)]


def test_a_release_is_written_as_naviclues_wrote_its_own(demo: BuildResult, tmp_path: Path) -> None:
    """As the page tells it."""
    rows = [to_released(row) for row in demo_rows(demo) if row["image_path"]]
    (tmp_path / "filtered_clues.jsonl").write_text(write_records(rows), encoding="utf-8")
    again = list(read_records(tmp_path / "filtered_clues.jsonl", label="again"))
    assert [to_released(from_released(row)) for row in again] == rows and len(rows) == 6


def test_the_page_shows_a_row_of_the_demo(demo: BuildResult) -> None:
    shown = json.loads(PAGE.read_text().split("```json\n")[1].split("```")[0])
    row = next(row for row in demo_rows(demo) if row["id"] == shown["id"])
    for turn in row["messages"]:
        turn["content"] = [{name: value for name, value in part.items() if value} for part in turn["content"]]
    assert {name: row[name] for name in shown} == shown


def test_the_demos_release_is_the_same_bytes_everywhere(demo: BuildResult) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    held_to(GOLDEN, demo)
    assert check_release(Path(demo.directory) / "release") == []
