"""Transcripts of the formats that people have, and files that pretend to be some."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.sources import captions
from factory.sources.captions import Segment, read_transcript, timeline
from tests.effort import bounded_work

VTT = """WEBVTT - a round

NOTE an arrow --> in a note
is none of a cue

STYLE
::cue { color: papayawhip; }

1
00:16.500 --> 00:18.500 align:start position:0%
<v Ana>okay so &amp; um
- yellow <b>plates</b>

00:00:18.500 --> 00:00:20.500
[Music]

01:00:20.500 --> 01:00:21.500
driving on the left"""

ROLLING = """WEBVTT
Kind: captions
Language: en
Style:
::cue(c.colorCCCCCC) { color: rgb(204,204,204);
 }
##

00:00:01.000 --> 00:00:03.000 align:start position:0%
\x20
so<00:00:01.200><c> red</c><c.colorE5E5E5><00:00:01.400><c> soil</c></c>

00:00:03.000 --> 00:00:03.010 align:start position:0%
so red<c.colorE5E5E5> soil</c>
\x20

00:00:03.010 --> 00:00:05.000 align:start position:0%
so red soil
and<00:00:03.400><c> acacias</c>

00:00:05.000 --> 00:00:05.010 align:start position:0%
and acacias
"""

SRT = """1
00:00:01,000 --> 00:00:02,000
that looks like Chile

2
00:00:02,000 --> 00:00:03,000


00:00:03,000 --> 00:00:04,000
no, wait"""


def read(folder: Path, name: str, text: str | bytes) -> tuple[Segment, ...]:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_transcript(folder / name, label=name)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_webvtt_without_its_tags_notes_styles_ids_and_music(tmp_path: Path, ends: str, mark: bytes) -> None:
    assert read(tmp_path, "a.vtt", mark + VTT.replace("\n", ends).encode()) == (
        Segment(16.5, 18.5, "okay so & um - yellow plates"),
        Segment(3620.5, 3621.5, "driving on the left"),
    )


def test_rolling_captions_say_each_thing_once(tmp_path: Path) -> None:
    assert [one.text for one in read(tmp_path, "a.vtt", ROLLING)] == ["so red soil", "and acacias"]


def test_srt_with_a_missing_number_and_an_empty_cue(tmp_path: Path) -> None:
    assert read(tmp_path, "a.srt", SRT) == (Segment(1, 2, "that looks like Chile"), Segment(3, 4, "no, wait"))


@pytest.mark.parametrize("wrapped", [True, False])
def test_segments_as_json(tmp_path: Path, wrapped: bool) -> None:
    segments = [{"start": 0, "end": 1.25, "text": " um", "tokens": [1]}, {"start": 2, "end": 2, "text": "hi\nall"}]
    value = {"text": "um hi", "segments": segments} if wrapped else segments
    assert read(tmp_path, "a.json", json.dumps(value)) == (Segment(0, 1.25, "um"), Segment(2, 2, "hi all"))


def test_json3_without_its_windows_line_feeds_and_empty_pieces(tmp_path: Path) -> None:
    events = [
        {"tStartMs": 0, "dDurationMs": 61000, "id": 1, "wpWinPosId": 1},
        {"tStartMs": 320, "dDurationMs": 5080, "segs": [{"utf8": "[Music]"}]},
        {"tStartMs": 5400, "dDurationMs": 4200, "segs": [{"utf8": "yellow"}, {"utf8": " line", "tOffsetMs": 520}]},
        {"tStartMs": 7990, "aAppend": 1, "segs": [{"utf8": "\n"}]},
        {"tStartMs": 8000, "segs": [{"utf8": "so"}, {"acAsrConf": 0}]},
    ]
    assert read(tmp_path, "a.json3", json.dumps({"wireMagic": "pb3", "events": events})) == (
        Segment(5.4, 9.6, "yellow line"),
        Segment(8.0, 8.0, "so"),
    )


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.vtt", "00:00:01.000 --> 00:00:02.000\nhi", "a.vtt:1: a WebVTT file begins with"),
        ("a.vtt", "WEBVTT\n\n1 --> 2\nhi", "a.vtt:3: expected times as"),
        ("a.srt", "1\n00:00:05,000 --> 00:00:02,000\nhi", "a.srt:2: ends before it starts"),
        ("a.srt", "just words", "nothing is said"),
        ("a.srt", b"\xff\xfe1", "not UTF-8"),
        ("a.txt", "hi", "a transcript ends in .vtt"),
        ("a.json", "[", "no JSON"),
        ("a.json", '{"text": "hi"}', "expected a list of segments"),
        ("a.json", '[{"start": 0, "end": 1, "text": 3}]', "segment 0 (from 0)"),
        ("a.json", '[{"start": -1, "end": 1, "text": "x"}]', "segment 0 (from 0)"),
        ("a.json", '[{"start": true, "end": 1, "text": "x"}]', "a time is no number"),
        ("a.json", '[{"start": 0, "end": 1e999, "text": "x"}]', "segment 0 (from 0)"),
        ("a.json", "[" * 5000 + "]" * 5000, "no JSON"),
        ("a.json", '{"events": [3]}', "segment 0 (from 0)"),
    ],
)
def test_what_is_no_transcript_is_refused_by_its_line(tmp_path: Path, name: str, text: str | bytes, says: str) -> None:
    with pytest.raises(SourceError) as raised:
        read(tmp_path, name, text)
    assert says in str(raised.value)


def test_length_and_number_of_segments_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "MAX_SEGMENTS", 1)
    with pytest.raises(SourceError, match="more than 1 segments"):
        read(tmp_path, "a.srt", SRT)
    monkeypatch.setattr(captions, "MAX_BYTES", 10)
    with pytest.raises(SourceError, match="longer than 10 bytes"):
        read(tmp_path, "a.srt", SRT)


def test_a_segment_on_the_border_belongs_to_one_round() -> None:
    said = (Segment(0, 2, "one"), Segment(9, 12, "two"), Segment(12, 13, "three"))
    whole = timeline(said)
    rounds = [whole.cut(0, 10), whole.cut(10, 20)]
    assert [[one.text for one in part] for part in rounds] == [["one"], ["two", "three"]]


class Unread(list[Segment]):
    """Segments that nobody may go through from first to last."""

    def __iter__(self) -> Iterator[Segment]:
        raise AssertionError("every segment was looked at")


def test_a_round_looks_at_its_own_segments_alone() -> None:
    said = [Segment(at, at + 1, "so") for at in range(100)]
    whole = replace(timeline(said), segments=Unread(said))
    assert whole.cut(10, 12) == (said[10], said[11]) and whole.characters(10, 12) == 5


@settings(deadline=None, max_examples=50)
@given(
    said=st.lists(st.builds(Segment, st.integers(0, 9), st.integers(0, 9), st.text(max_size=3)), max_size=12),
    start=st.integers(0, 10),
    end=st.integers(0, 10),
)
def test_a_round_is_what_a_look_at_every_segment_finds(said: list[Segment], start: int, end: int) -> None:
    expected = tuple(one for one in said if start <= (one.start + one.end) / 2 < end)
    whole = timeline(said)
    assert whole.cut(start, end) == expected
    assert whole.characters(start, end) == len("\n".join(one.text for one in expected))


def test_a_long_first_line_is_looked_at_once_a_block(tmp_path: Path) -> None:
    cue, blanks = "00:00:01,000 --> 00:00:02,000\n", " " * 3_000_000
    cues = cue * 3_000 + "so\n"
    (tmp_path / "a.srt").write_text(blanks + "\n" + cues)
    with bounded_work():
        read_transcript(tmp_path / "a.srt", label="a.srt")


def test_a_character_by_a_number_of_thousands_of_digits_is_none(tmp_path: Path) -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\n"
    (found,) = read(tmp_path, "a.srt", f"{cue}so &#{'1' * 5000}; &#65;&#x{'1' * 5000};")
    assert found.text == "so \ufffd A\ufffd"


@settings(deadline=None, max_examples=60)
@given(
    body=st.text(alphabet="01:.,-> \n\r<c>/aWEBVTNO[]&;\ufeff", max_size=300), kind=st.sampled_from([".vtt", ".srt"])
)
def test_any_text_is_read_or_refused(body: str, kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        found = read(folder, f"a{kind}", ("WEBVTT\n" if kind == ".vtt" else "") + body)
    except SourceError:
        return
    assert all(one.text and 0 <= one.start <= one.end for one in found)
