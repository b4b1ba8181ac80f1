"""Play-throughs: what players said, round by round, with where each round was and how they did.

A table of rounds (CSV, JSON lines, or a JSONL file that NaviClues released) and a folder of transcripts, which are cut
to rounds by their times. The transcript is what a family may read; how the round ended, where it was and what was
guessed are texts of their own, which a teacher is not shown.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from factory.errors import ImageMissing, SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.captions import Segment, Timeline, read_transcript, timeline
from factory.sources.contract import ALIASES, DETAIL, PROBLEM, raw_columns, text_list
from factory.sources.csv_table import read_header, read_rows
from factory.sources.json_text import scalar_text
from factory.sources.paths import file_stamp, listing_digest, locate, recipe_path
from factory.sources.released_clues import flat, is_released, read_records
from factory.text import tidy
from schemas.rows.naviclues import UNKNOWN
from schemas.settings import InputPath, OptionalPath

MAX_ROUND_TEXT: Final = 20_000
"""Characters of what is said in one round: twenty minutes of fast speech. A longer one was cut at wrong times."""
TEXTS: Final = (
    *("transcript", "round", "points", "distance_km", "guess_lat", "guess_lon"),
    *("youtube_url", "challenge_url", "start_s", "end_s", "said_s", "continent"),
)
"""Texts of a sample. `transcript` has a line a segment, and `said_s` when each was said (`12.5 15`, seconds of the
recording); no text but `transcript` is for a teacher."""
_COLUMNS: Final = (*TEXTS, "start", "end", "distance", "lng")
_NEEDS: Final = (
    "it needs a table of rounds (transcript,start,end,lat,lon[,points,distance,guess_lat,guess_lon,round,image]) and a "
    "folder with their transcripts (.vtt, .srt, .json): for videos of your own, download the captions that your "
    "account shows, or let a speech recogniser write them"
)
_UNSAID: Final = (
    "it has finished clues and no `split_transcript`, as rows of filtered_clues.jsonl and quality_clues.jsonl; what "
    "was said stands in quality_data.jsonl"
)
_DECIMAL: Final = re.compile(r"[-+]?\d{1,12}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,2})?", re.ASCII)
_CLOCK: Final = re.compile(r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]\d(?:\.\d{1,6})?)", re.ASCII)


@register("source", "transcripts")
def transcripts(
    root: Path,
    *,
    path: InputPath,
    transcripts: InputPath,
    images: OptionalPath = None,
    licence: str | None = None,
    author: str | None = None,
) -> Source:
    """Rounds of play-throughs with what was said in them; pictures are optional.

    Args:
        root: the folder from which relative paths start.
        path: the table of rounds, `.csv` or `.jsonl`; or a JSONL file of NaviClues with `split_transcript`.
        transcripts: the folder with the files that the column `transcript` names: `.vtt`, `.srt`, `.json`, `.json3`.
        images: the folder with the pictures that the column `image` names; without it rounds have none.
        licence: of rounds, words and pictures, without one.
        author: of rounds without one.
    """
    folder = recipe_path(root, transcripts, key="transcripts")
    pictures = recipe_path(root, images, key="images") if images else None
    said = {"licence": licence, "author": author}
    return Transcripts(path, recipe_path(root, path, key="path"), folder, pictures, said)


@dataclass(frozen=True, slots=True, eq=False)
class Transcripts:
    """See `transcripts`. A locator is a path below `images`."""

    name: str
    file: Path
    folder: Path
    images: Path | None
    said: Mapping[str, str | None]
    """Licence and author of rows that do not say."""
    _held: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False)
    """The table that `digest` read, until the plan takes it."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "lat", "lon"

    def digest(self) -> str:
        table = self.table()
        self._held[:] = [table]
        digest = hashlib.sha256()
        with self.file.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        for row in table.select("id", "texts", PROBLEM).iter_rows():
            digest.update(repr(row).encode())  # what was read of the transcripts
        images = table["image"].drop_nulls()
        digest.update(listing_digest((name, (self.stamp(name) or (-1, 0))[0]) for name in images).encode())
        return digest.hexdigest()

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        known: dict[str, Timeline | str] = {}
        spoken: dict[tuple[str, Segment], dict[str, str | None]] = {}
        rows = [self._round(record, known, spoken) for record in self._records()]
        if known and not any(isinstance(found, Timeline) for found in known.values()):
            first = next(iter(known.values()))
            raise SourceError(f"source.transcripts: none of {len(known):,} can be read ({first}); {_NEEDS}")
        if rows and all(row.get(DETAIL) == _UNSAID for row in rows):
            raise SourceError(f"source.path: {self.name}: none of {len(rows):,} rows can be read: {_UNSAID}")
        names = ("id", *ALIASES, *TEXTS, PROBLEM, DETAIL)
        schema = dict.fromkeys(names, pl.String)
        frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
        texts = text_list({name: name for name in TEXTS})
        return raw_columns(frame.with_row_index("source_row").with_columns(texts).drop(TEXTS))

    def read(self, locator: str) -> Path:
        if self.images is None:
            raise ImageMissing(f"{locator!r}: the recipe names no `source.images`")
        return locate(self.images, locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return None if self.images is None else file_stamp(self.images, locator)

    def _records(self) -> Iterator[Mapping[str, str | None]]:
        """Every round as text, and the problem of one that the file itself makes unusable."""
        if not self.file.is_file():
            raise SourceError(f"source.path: there is no {self.name}; {_NEEDS}")
        if self.file.suffix.lower() in (".jsonl", ".ndjson"):
            for record in read_records(self.file, label=self.name):
                if is_released(record):
                    unsaid = {} if "split_transcript" in record else {PROBLEM: "no_transcript", DETAIL: _UNSAID}
                    yield {key: scalar_text(value) for key, value in flat(record).items()} | unsaid
                    continue
                plain = {key.lower(): value for key, value in record.items()}  # no words, no problem of its own making
                yield {key: scalar_text(plain[key]) for key in plain.keys() & {"id", *ALIASES, *_COLUMNS}}
            return
        try:
            header = read_header(self.file, label=self.name, encoding="utf-8", delimiter=None)
            wanted = [name for name in header.names if name.lower() in {*ALIASES, *_COLUMNS}]
            have = {name.lower() for name in wanted}
            if missing := [name for name in ("transcript", "start", "end") if name not in have]:
                raise SourceError(f"{self.name}: has no column {', '.join(missing)}; {_NEEDS}")
            frame = read_rows(self.file, wanted, label=self.name, encoding="utf-8", header=header)
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"source.path: {self.name} cannot be read ({error})") from None
        for row in frame.iter_rows(named=True):
            yield {key.lower(): value for key, value in row.items()}

    def _round(
        self,
        record: Mapping[str, str | None],
        known: dict[str, Timeline | str],
        spoken: dict[tuple[str, Segment], dict[str, str | None]],
    ) -> dict[str, str | None]:
        """One row of the table; `known` holds transcripts that were read, or why they could not be, `spoken` the round
        of each segment so far."""
        row = {key: (value or "").strip() or None for key, value in record.items()}
        row["lon"] = row.get("lon") or row.get("lng")
        row["distance_km"] = row.get("distance_km") or row.get("distance")
        row["country"] = None if row.get("country") == UNKNOWN else row.get("country")
        row |= {name: row.get(name) or value for name, value in self.said.items()}
        row["image"] = row.get("image") if self.images is not None else None
        row["source_url"] = row.get("source_url") or row.get("youtube_url")
        file = row.get("transcript")
        row["id"] = row.get("id") or "/".join(part for part in (file, row.get("round")) if part) or None
        if row.get(PROBLEM):
            return row
        try:
            _check_numbers(row)
            if "said" in row:  # a released row has its part of the transcript in it
                return row | {"transcript": _checked_text(row["said"] or "", "its `split_transcript` is empty")}
            times = _times(row)
            whole = self._transcript(file, known)
            _refuse_long(whole.characters(*times))
            said = whole.cut(*times)
            row |= {"start_s": f"{times[0]:.10g}", "end_s": f"{times[1]:.10g}"}
            if _claim(row, [(file or "", one) for one in said], spoken):
                return row
            row["transcript"] = _checked_text(
                "\n".join(one.text for one in said), "no segment lies in the round's times"
            )
            row["said_s"] = "\n".join(f"{one.start:.10g} {one.end:.10g}" for one in said)
            return row
        except _Unfit as unfit:
            return row | {"transcript": None, PROBLEM: unfit.slug, DETAIL: unfit.detail}

    def _transcript(self, file: str | None, known: dict[str, Timeline | str]) -> Timeline:
        if file is None:
            raise _Unfit("no_transcript", "the column `transcript` is empty")
        if file not in known:
            try:
                known[file] = timeline(read_transcript(locate(self.folder, file), label=file))
            except (SourceError, OSError) as error:
                known[file] = str(error)
        found = known[file]
        if isinstance(found, str):
            raise _Unfit("unreadable_transcript", found)
        return found


class _Unfit(Exception):
    """A round that cannot be used: the slug of its problem, and what a person needs to mend it."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, tidy(detail, 200)


def _claim(
    row: dict[str, str | None],
    said: Sequence[tuple[str, Segment]],
    spoken: dict[tuple[str, Segment], dict[str, str | None]],
) -> bool:
    """Two rounds never share words: what is said about one place would be told of another, so neither is used. Whether
    this one does."""
    others = {id(spoken[one]): spoken[one] for one in said if one in spoken}
    for other in others.values():
        for one, beside in ((row, other), (other, row)):
            detail = tidy(f"its times share words with those of {beside['id']}", 200)
            one |= {"transcript": None, PROBLEM: "overlapping_times", DETAIL: detail}
    spoken |= dict.fromkeys(said, row)
    return bool(others)


def _checked_text(text: str, nothing: str) -> str:
    if not text.strip():
        raise _Unfit("nothing_said", nothing)
    _refuse_long(len(text))
    lines = (tidy(line, MAX_ROUND_TEXT) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _refuse_long(characters: int) -> None:
    if characters > MAX_ROUND_TEXT:
        raise _Unfit("round_too_long", f"{characters:,} characters are said in it; are its times right?")


def _check_numbers(row: Mapping[str, str | None]) -> None:
    """Raises _Unfit where a result is no number within its bounds, or a guess is half a guess."""
    bounds = {"points": (0.0, 5000.0), "distance_km": (0.0, 20_100.0), "guess_lat": (-90, 90), "guess_lon": (-180, 180)}
    for name, (least, most) in bounds.items():
        written = row.get(name)
        if written is None:
            continue
        number = _number(written)
        if not least <= number <= most or (name == "points" and number != int(number)):
            raise _Unfit(f"bad_{name}", f"{name} {written[:40]!r} is not within {least:g} to {most:g}")
    if (row.get("guess_lat") is None) != (row.get("guess_lon") is None):
        raise _Unfit("bad_guess", "one of guess_lat and guess_lon is missing")


def _times(row: Mapping[str, str | None]) -> tuple[float, float]:
    """Start and end of a round in seconds. Raises _Unfit where one is no time, or nothing lies between them."""
    start, end = _seconds(row.get("start"), "start"), _seconds(row.get("end"), "end")
    if end <= start:
        raise _Unfit("bad_times", f"end {row.get('end')} does not come after start {row.get('start')}")
    return start, end


def _seconds(written: str | None, name: str) -> float:
    """Seconds from `75.5`, `1:15.5` or `0:01:15.5`."""
    clock = _CLOCK.fullmatch(written or "")
    if clock is not None:
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    number = _number(written or "")
    if not 0 <= number < 1e6:
        raise _Unfit("bad_times", f"{name} {(written or '')[:40]!r} is no time in seconds, nor as 1:02:03")
    return number


def _number(written: str) -> float:
    """NaN, which lies within no bounds, for what is no decimal number."""
    return float(written) if _DECIMAL.fullmatch(written) else math.nan
