"""Transcripts as segments: WebVTT, SRT, and JSON of segments (plain, Whisper's, YouTube's json3).

A transcript is somebody else's text. What cannot be read as its format says is an error with its line, never a guess;
what is no speech (`[Music]`, notes, styles, tags) is left out.
"""

from __future__ import annotations

import html
import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NamedTuple

from factory.errors import SourceError
from factory.sources.json_text import read_json
from factory.text import tidy

MAX_BYTES: Final = 8_000_000
"""Of one transcript: a day of speech is about one megabyte, several with the times of its words."""
MAX_SEGMENTS: Final = 100_000
"""Of one transcript: a segment a second for 27 hours."""
MAX_SEGMENT_TEXT: Final = 2_000
"""Characters of one segment; captions have some dozens."""
STILL_S: Final = 0.011
"""Automatic captions show what was said once more in cues of 10 ms, between two that roll."""
SUFFIXES: Final = (".vtt", ".srt", ".json", ".json3")

_CLOCK: Final = r"(?:(\d{1,3}):)?([0-5]\d):([0-5]\d)[.,](\d{3})"
_TIMES: Final = re.compile(rf"[ \t]*{_CLOCK}[ \t]+-->[ \t]+{_CLOCK}(?:[ \t].*)?")
_WORD_TIME: Final = re.compile(r"<(?:\d{1,3}:)?\d\d:\d\d\.\d{3}>")
_TAG: Final = re.compile(r"<[^<>]{0,200}>")
_NO_SPEECH: Final = re.compile(r"\[[^\[\]]{0,40}\]|\u266a")
_BLOCK: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?: |\Z)")
"""How a block begins that is no cue; read once a block, for its first line may be as long as the file."""
_LONG_REFERENCE: Final = re.compile(r"&#[0-9]{8,};?")
"""A character by a number that none has; `html.unescape` raises ValueError for one of thousands of digits."""


class Segment(NamedTuple):
    """What was said in one piece: seconds from the beginning, and one line of text that is not empty."""

    start: float
    end: float
    text: str


def read_transcript(path: Path, *, label: str) -> tuple[Segment, ...]:
    """The segments of a transcript by its file's ending, in their order.

    Args:
        path: a regular file.
        label: what messages call it.

    Raises:
        SourceError: too large, another format than its ending says, or without any speech; naming line or segment.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SourceError(f"{label}: longer than {MAX_BYTES:,} bytes: no transcript of a play-through")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SourceError(f"{label}: a transcript ends in {', '.join(SUFFIXES)}")
    if suffix in (".json", ".json3"):
        found = _json_segments(data, label)
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SourceError(f"{label}: not UTF-8 (byte {error.start:,}); save it as UTF-8") from None
        found = _cues(re.split(r"\r\n|\r|\n", text), label, vtt=suffix == ".vtt")
    segments: list[Segment] = []
    for start, end, said in found:
        if line := tidy(_NO_SPEECH.sub(" ", said), MAX_SEGMENT_TEXT):
            segments.append(Segment(start, end, line))
        if len(segments) > MAX_SEGMENTS:
            raise SourceError(f"{label}: more than {MAX_SEGMENTS:,} segments")
    if not segments:
        raise SourceError(f"{label}: nothing is said in it")
    return tuple(segments)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A transcript by time, so that each of thousands of rounds looks at its own segments alone."""

    segments: Sequence[Segment]
    middles: Sequence[float]
    """Seconds, sorted."""
    places: Sequence[int]
    """Of the segment of each middle."""
    lengths: Sequence[int]
    """Characters of all segments before each middle, and of all."""

    def characters(self, start: float, end: float) -> int:
        """Of what `cut` gives, a line a segment."""
        first, last = self._within(start, end)
        return self.lengths[last] - self.lengths[first] + max(0, last - first - 1)

    def cut(self, start: float, end: float) -> tuple[Segment, ...]:
        """The segments of one round, in seconds and in the transcript's order: those whose middle lies in [start, end),
        so that a segment on the border of two rounds belongs to one of them."""
        first, last = self._within(start, end)
        return tuple(self.segments[place] for place in sorted(self.places[first:last]))

    def _within(self, start: float, end: float) -> tuple[int, int]:
        first = bisect_left(self.middles, start)
        return first, max(first, bisect_left(self.middles, end))


def timeline(segments: Sequence[Segment]) -> Timeline:
    """Segments in the order of their middles."""
    middles = [(one.start + one.end) / 2 for one in segments]
    places = sorted(range(len(segments)), key=middles.__getitem__)
    lengths = [0, *accumulate(len(segments[place].text) for place in places)]
    return Timeline(segments, [middles[place] for place in places], places, lengths)


def _cues(lines: Sequence[str], label: str, *, vtt: bool) -> Iterator[Segment]:
    if vtt and not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise SourceError(f"{label}:1: a WebVTT file begins with the line WEBVTT")
    rolling = vtt and any(_WORD_TIME.search(line) for line in lines)
    before = ""
    for number, times, texts in _timed(lines, label):
        start, end = times
        if rolling:
            said, before = _rolled(texts, end - start, before)
        else:
            said = " ".join(_plain(line) for line in texts)
        if end < start:
            raise SourceError(f"{label}:{number}: ends before it starts")
        yield Segment(start, end, said)


def _timed(lines: Sequence[str], label: str) -> Iterator[tuple[int, tuple[float, float], list[str]]]:
    """Each line of times with its number, and the lines of text below it. An id above a cue is no text."""
    at: list[int] = []
    apart = False
    for number, line in enumerate(lines):
        if not line or not number or not lines[number - 1]:
            apart = _BLOCK.match(line) is not None
        if apart or "-->" not in line:  # an arrow in a note is none of a cue
            continue
        if not _TIMES.fullmatch(line):
            raise SourceError(f"{label}:{number + 1}: expected times as 00:01:02.345 --> 00:01:04.000")
        at.append(number)
    for place, number in enumerate(at):
        stop = at[place + 1] if place + 1 < len(at) else len(lines)
        texts: list[str] = []
        for line in lines[number + 1 : stop]:
            if not line:  # a line with a blank in it is still of the cue
                break
            texts.append(line)
        found = _TIMES.fullmatch(lines[number])
        assert found is not None
        yield number + 1, (_seconds(found.groups()[:4]), _seconds(found.groups()[4:])), texts


def _seconds(clock: Sequence[str | None]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in clock)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _plain(line: str) -> str:
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", _TAG.sub("", line)))


def _rolled(texts: Sequence[str], lasts: float, before: str) -> tuple[str, str]:
    """What a cue of rolling captions says that the cues before it did not, and the last line shown."""
    timed = [_plain(line) for line in texts if _WORD_TIME.search(line)]
    shown = [line for line in (" ".join(_plain(line).split()) for line in texts) if line]
    last = shown[-1] if shown else before
    if timed:
        return " ".join(timed), last
    return (last, last) if lasts > STILL_S and last != before else ("", last)


def _json_segments(data: bytes, label: str) -> Iterator[Segment]:
    try:
        value = read_json(data)
    except ValueError as error:
        raise SourceError(f"{label}: no JSON ({error})") from None
    if isinstance(value, dict) and isinstance(value.get("events"), list):
        every, read = value["events"], _of_event
    else:
        every, read = (value.get("segments") if isinstance(value, dict) else value), _of_segment
    if not isinstance(every, list):
        raise SourceError(f"{label}: expected a list of segments, {{start, end, text}}, or an object that has one")
    for number, one in enumerate(every):
        try:
            segment = read(one)
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{label}: segment {number} (from 0) is not {{start, end, text}} ({type(error).__name__}: {error})"
            ) from None
        if segment is not None:
            yield segment


def _of_segment(one: Any) -> Segment:
    return _segment(_number(one["start"]), _number(one["end"]), one["text"])


def _of_event(one: Any) -> Segment | None:
    """Of json3; windows and line feeds say nothing."""
    if "segs" not in one or one.get("aAppend"):
        return None
    start, lasts = _number(one["tStartMs"]), _number(one.get("dDurationMs", 0))
    said = "".join(str(part.get("utf8", "")) for part in one["segs"])
    return _segment(start / 1000, (start + lasts) / 1000, said)


def _segment(start: float, end: float, text: Any) -> Segment:
    if not isinstance(text, str):
        raise ValueError("text is no text")
    if end < start:
        raise ValueError("ends before it starts")
    return Segment(start, end, text)


def _number(value: Any) -> float:
    """Seconds. `read_json` gives numbers of many digits as their text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a time is no number")
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError("a time is not a number of seconds from 0")
    return number
