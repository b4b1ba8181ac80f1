"""Rounds of play-throughs: how transcripts are cut to them, and what makes a round unusable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import SourceError
from factory.phases.plan import PlanSettings, compile_plan
from factory.plugins.contracts import Needs
from factory.sources import transcripts as module
from factory.sources.captions import Segment, Timeline
from factory.sources.contract import DETAIL
from factory.sources.released_clues import read_records, write_records
from factory.sources.transcripts import transcripts

SRT = """1
00:00:01,000 --> 00:00:04,000
okay, um, red soil

2
00:00:04,000 --> 00:00:07,000
no wait, that is Kenya

3
00:01:01,000 --> 00:01:04,000
next one, bollards
"""
HEADER = "transcript,round,start,end,lat,lon,points,distance,guess_lat,guess_lon,image\n"
GOOD = "a.srt,1,0,0:30,-1.29,36.82,4800,61,-1.5,36.3,a.jpg\na.srt,2,0:30,1:30,52.1,5.3,3400,575,,,\n"


def write(root: Path, rounds: str = HEADER + GOOD, name: str = "rounds.csv") -> Path:
    (root / "said").mkdir(exist_ok=True)
    (root / "said" / "a.srt").write_text(SRT)
    (root / name).write_text(rounds)
    return root


def rows(root: Path, name: str = "rounds.csv", **keys: Any) -> list[dict[str, Any]]:
    source = transcripts(write(root) if not (root / name).exists() else root, path=name, transcripts="said", **keys)
    found = source.table()
    return [{**row, **{one["name"]: one["text"] for one in row["texts"]}} for row in found.iter_rows(named=True)]


def test_a_transcript_is_cut_to_its_rounds(tmp_path: Path) -> None:
    first, second = rows(tmp_path)
    assert first["transcript"] == "okay, um, red soil\nno wait, that is Kenya"
    assert second["transcript"] == "next one, bollards"
    assert (first["id"], first["points"], first["distance_km"], first["guess_lat"]) == ("a.srt/1", "4800", "61", "-1.5")
    assert (second["start_s"], second["end_s"], "guess_lat" in second) == ("30", "90", False)
    assert (first["said_s"], second["said_s"]) == ("1 4\n4 7", "61 64"), "when each line was said"
    assert (first["image"], first["problem"]) == (None, None)  # the recipe names no folder of pictures


def test_a_round_may_have_a_picture_and_needs_none(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"picture")
    write(tmp_path)
    source = transcripts(tmp_path, path="rounds.csv", transcripts="said", images="photos")
    assert source.table()["image"].to_list() == ["a.jpg", None]
    assert source.read("a.jpg") == tmp_path / "photos" / "a.jpg"
    assert source.stamp("../rounds.csv") is None
    plan = compile_plan(source.table(), PlanSettings(), needs=Needs(images=(), texts=("transcript",)))
    assert plan.samples["id"].to_list() == ["a.srt/1", "a.srt/2"]


@pytest.mark.parametrize(
    ("row", "problem", "says"),
    [
        (",1,0,30,1,2,,,,,", "no_transcript", "is empty"),
        ("b.srt,1,0,30,1,2,,,,,", "unreadable_transcript", "no such file"),
        ("../rounds.csv,1,0,30,1,2,,,,,", "unreadable_transcript", "without `..`"),
        ("a.srt,1,,30,1,2,,,,,", "bad_times", "start ''"),
        ("a.srt,1,0,nan,1,2,,,,,", "bad_times", "end 'nan'"),
        ("a.srt,1,0,1:75,1,2,,,,,", "bad_times", "1:75"),
        ("a.srt,1,30,20,1,2,,,,,", "bad_times", "end 20 does not come after start 30"),
        ("a.srt,1,0:30,30,1,2,,,,,", "bad_times", "does not come after"),
        ("a.srt,1,100,120,1,2,,,,,", "nothing_said", "no segment"),
        ("a.srt,1,0,30,1,2,5001,,,,", "bad_points", "0 to 5000"),
        ("a.srt,1,0,30,1,2,inf,,,,", "bad_points", "'inf'"),
        ("a.srt,1,0,30,1,2,3400.5,,,,", "bad_points", "3400.5"),
        ("a.srt,1,0,30,1,2,,-1,,,", "bad_distance_km", "'-1'"),
        ("a.srt,1,0,30,1,2,,,91,3,", "bad_guess_lat", "-90 to 90"),
        ("a.srt,1,0,30,1,2,,,3,,", "bad_guess", "is missing"),
        ("a.srt,1,0", "too_few_fields", "3 fields"),
    ],
)
def test_a_bad_round_is_kept_out_with_its_reason(tmp_path: Path, row: str, problem: str, says: str) -> None:
    write(tmp_path, f"{HEADER}{GOOD}{row}\n")
    bad = rows(tmp_path)[2]
    assert bad["problem"] == problem and says in bad["problem_detail"]
    assert problem == "too_few_fields" or not {"transcript"} & set(bad)


def test_rounds_that_share_words_are_none_of_them_used(tmp_path: Path) -> None:
    """Else what was said about one place would be told of another."""
    write(tmp_path, f"{HEADER}a.srt,1,0,30,1,2,,,,,\na.srt,2,0:03,0:50,50,60,,,,,\na.srt,3,55,90,5,6,,,,,\n")
    first, second, third = rows(tmp_path)
    assert [one["problem"] for one in (first, second, third)] == ["overlapping_times", "overlapping_times", None]
    assert "a.srt/2" in first["problem_detail"] and "a.srt/1" in second["problem_detail"]
    assert "transcript" not in first and "transcript" not in second
    assert third["transcript"] == "next one, bollards"


def test_times_that_overlap_without_a_word_between_them_are_fine(tmp_path: Path) -> None:
    write(tmp_path, f"{HEADER}a.srt,1,0,31,1,2,,,,,\na.srt,2,30,90,50,60,,,,,\n")
    assert [one["problem"] for one in rows(tmp_path)] == [None, None]


def test_a_table_as_json_lines_neither_speaks_for_the_transcript_nor_names_problems(tmp_path: Path) -> None:
    place = {"transcript": "a.srt", "start": 0, "end": 30, "lat": 1, "lon": 2}
    made = {"said": "smuggled words", "problem": "a slug of its own", "problem_detail": "likewise", "Said": "again"}
    write(tmp_path, json.dumps(place | made) + "\n", name="rounds.jsonl")
    (only,) = rows(tmp_path, name="rounds.jsonl")
    assert only["transcript"] == "okay, um, red soil\nno wait, that is Kenya"
    assert only["problem"] is None


def test_more_than_a_round_can_say_is_no_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROUND_TEXT", 20)
    assert [row["problem"] for row in rows(tmp_path)] == ["round_too_long", None]


def test_a_round_that_is_too_long_is_counted_and_not_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    cut = Timeline.cut

    def counted(whole: Timeline, start: float, end: float) -> tuple[Segment, ...]:
        found = cut(whole, start, end)
        given.append(len(found))
        return found

    monkeypatch.setattr(Timeline, "cut", counted)
    lines = "".join(f"a.json,{number},0,99999,1,2,,,,,\n" for number in range(200)) + "a.json,x,50,60,1,2,,,,,\n"
    write(tmp_path, HEADER + lines)
    segments = [{"start": at, "end": at + 1, "text": "a tree, and another one"} for at in range(2_000)]
    (tmp_path / "said" / "a.json").write_text(json.dumps(segments))
    found = rows(tmp_path)
    assert [row["problem"] for row in found] == ["round_too_long"] * 200 + [None]
    assert "47,999 characters" in found[0][DETAIL]
    assert given == [10], "segments that were looked at for all rounds together"


def test_what_is_missing_is_said_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"there is no other\.csv; it needs a table of rounds .* download the captions"
    ):
        transcripts(tmp_path, path="other.csv", transcripts="said").table()
    write(tmp_path)
    (tmp_path / "said" / "a.srt").unlink()
    with pytest.raises(SourceError, match=r"none of 1 can be read .*a\.srt.*; it needs"):
        transcripts(tmp_path, path="rounds.csv", transcripts="said").table()


@pytest.mark.parametrize("header", ["", "a,b", "id,transcript,lat,lon,start"])
def test_a_table_without_the_columns_of_rounds_is_refused(tmp_path: Path, header: str) -> None:
    write(tmp_path, f"{header}\n1,2,3,4,5\n")
    with pytest.raises(SourceError, match=r"^rounds\.csv"):
        transcripts(tmp_path, path="rounds.csv", transcripts="said").table()


def test_a_changed_transcript_is_another_source(tmp_path: Path) -> None:
    write(tmp_path)
    before = transcripts(tmp_path, path="rounds.csv", transcripts="said").digest()
    assert transcripts(tmp_path, path="rounds.csv", transcripts="said").digest() == before
    (tmp_path / "said" / "a.srt").write_text(SRT.replace("bollards", "poles"))
    assert transcripts(tmp_path, path="rounds.csv", transcripts="said").digest() != before


def released(**more: Any) -> dict[str, Any]:
    place = {"round": 2, "lat": -1.29, "lng": 36.82, "continent": "N/A", "country": "N/A"}
    row = {"youtube_url": "XXXX", "challenge_url": "XXXX", "points": "4999", "distance": 2e-05, "image_path": "i/1.jpg"}
    return row | {"location": place} | more


def test_a_released_row_is_a_round_and_nothing_in_it_is_evaluated(tmp_path: Path) -> None:
    trap = f"__import__('pathlib').Path({str(tmp_path / 'ran')!r}).touch()"
    lines = [released(split_transcript="so red soil\num", challenge_info=trap), released(image_path="2", clues="Red.")]
    write(tmp_path, write_records(lines), "released.jsonl")
    first, second = rows(tmp_path, "released.jsonl")
    assert (first["id"], first["transcript"], first["points"]) == ("i/1.jpg", "so red soil\num", "4999")
    assert (first["lat"], first["lon"], first["country"], first["continent"]) == ("-1.29", "36.82", None, "N/A")
    assert second["problem"] == "no_transcript" and "quality_data.jsonl" in second["problem_detail"]
    assert not (tmp_path / "ran").exists()


def test_a_released_round_in_which_nothing_is_said_is_told_from_one_without_a_transcript(tmp_path: Path) -> None:
    write(tmp_path, write_records([released(split_transcript=" "), released(image_path="2", clues="Red.")]), "a.jsonl")
    assert [row["problem"] for row in rows(tmp_path, "a.jsonl")] == ["nothing_said", "no_transcript"]


def test_a_file_of_finished_clues_is_refused_with_the_name_of_the_one_to_read(tmp_path: Path) -> None:
    write(tmp_path, write_records([released(clues="Red."), released(image_path="2", clues="Blue.")]), "a.jsonl")
    with pytest.raises(SourceError, match=r"a\.jsonl: none of 2 rows can be read: .*quality_data\.jsonl"):
        rows(tmp_path, "a.jsonl")


def test_rounds_without_a_licence_or_an_author_get_those_of_the_recipe(tmp_path: Path) -> None:
    first, _ = rows(tmp_path, licence="CC0-1.0", author="we")
    assert (first["licence"], first["author"]) == ("CC0-1.0", "we")
    write(tmp_path, HEADER.replace(",image", ",author") + GOOD, "other.csv")
    assert [row["author"] for row in rows(tmp_path, "other.csv", author="we")] == ["a.jpg", "we"]


def test_released_rows_are_written_back_as_they_were(tmp_path: Path) -> None:
    lines = [released(clues="Caf\u00e9.\n\nRoad\u2028"), released(points=4999, distance=0.1 + 0.2, clues='"x"')]
    (tmp_path / "a.jsonl").write_text(write_records(lines), encoding="utf-8")
    found = list(read_records(tmp_path / "a.jsonl", label="a.jsonl"))
    assert found == lines and [type(row["points"]) for row in found] == [str, int]
    assert list(found[0]) == list(lines[0])


@pytest.mark.parametrize("line", ["[1]", "{", '{"a": ' * 3000, "x" * 1_000_001])
def test_a_line_that_is_no_released_row_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(released()) + "\n" + line)
    with pytest.raises(SourceError, match=r"^a\.jsonl:2: "):
        list(read_records(tmp_path / "a.jsonl", label="a.jsonl"))
