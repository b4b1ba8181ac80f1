"""Errata: samples that may be released no more, by the list that the recipe names as `release.withdrawn` (a file or an
address), or that lies beside it as `withdrawn.csv`.

    id,sha256,author,reason,since
    p002,,,shows a person who asked to be left out,2026-05-01
    ,9f86d081...,,published without leave,2026-05-02
    ,,Jane Doe,the author asked,2026-06-01

Each line names samples by one of three: their id, the SHA-256 of a picture (of the source's file, or of the picture in
a release, whichever people have), or their author, however spaced and in whatever capitals. Every release that is made
with the list leaves them out and lists their ids in `withdrawn.parquet`, so that whoever has an earlier one can follow.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from factory.errors import RecipeError
from factory.geo.files import parted_otherwise
from factory.sources.csv_table import read_header
from factory.store.layout import Build
from factory.store.places import placed_plan
from factory.store.tables import read_columns
from release.files import sample_of
from release.read import Release
from schemas.parquet_bounds import refuse_bomb

WITHDRAWN: Final = "withdrawn.parquet"
SCHEMA: Final = pa.schema([pa.field(name, pa.string()) for name in ("id", "reason", "since")])
"""A sample that was withdrawn: its id, why, and the day since when, as people wrote them."""
NAMED_BY: Final = ("id", "sha256", "author")
_TOLD: Final = ("reason", "since")
_NONE: Final = pl.DataFrame(schema=dict.fromkeys((*NAMED_BY, *_TOLD), pl.String))


def read_withdrawals(path: Path, label: str | None = None) -> pl.DataFrame:
    """The lines of a list of withdrawals as line (its number in the file), id, sha256, author, reason, since: texts,
    null where a line has none.

    Args:
        label: what the list is called in messages; by default its path.

    Raises RecipeError for a file that is none, with the line and the column.
    """
    label = label or str(path)
    lines = _lines(path, label)
    if odd := [name for name in lines.columns if name not in _NONE.columns]:
        raise RecipeError(
            f"{label}: has a column `{odd[0]}`; expected {', '.join(_NONE.columns)}{parted_otherwise(lines.columns)}"
        )
    if lacking := [name for name in _TOLD if name not in lines.columns]:
        raise RecipeError(f"{label}: has no column `{lacking[0]}`; each line says why and since when")
    table = pl.concat([_NONE, lines.cast(pl.String)], how="diagonal")
    blank = pl.all().str.strip_chars()
    table = table.with_columns(pl.when(blank != "").then(blank).name.keep())
    first = 1 if path.suffix.lower() == ".parquet" else 2
    for number, line in enumerate(table.iter_rows(named=True), start=first):
        for fault in _line_faults(line):
            raise RecipeError(f"{label}: line {number}: {fault}")
    return table.with_columns(pl.col("sha256").str.to_lowercase()).with_row_index("line", offset=first)


def _lines(path: Path, label: str) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            refuse_bomb(path)
            return pl.scan_parquet(path, glob=False, hive_partitioning=False).collect()
        read_header(path, label=label, encoding="utf-8", delimiter=",")
        return pl.read_csv(path, glob=False, infer_schema=False, null_values=[""], encoding="utf8")
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecipeError(f"{label}: cannot be read ({first}); expected CSV or Parquet") from None


def _line_faults(line: dict[str, Any]) -> Iterator[str]:
    named = [name for name in NAMED_BY if line[name] is not None]
    if len(named) != 1:
        yield f"names {' and '.join(named) or 'nothing'}; expected one of {', '.join(NAMED_BY)}"
    if line["sha256"] is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", line["sha256"]):
        yield f"sha256 is {line['sha256']!r}, expected 64 hexadecimal digits"
    for name in _TOLD:
        if line[name] is None:
            yield f"has no {name}"
    try:
        date.fromisoformat(line["since"] or "")
    except ValueError:
        yield f"since is {line['since']!r}, expected a day such as 2026-05-01"


def folded(author: str) -> str:
    """An author's name in the form in which names are compared."""
    return " ".join(unicodedata.normalize("NFKC", author).casefold().split())


@dataclass(slots=True)
class Withdrawals:
    """A list of withdrawals, and which of its lines met a sample."""

    lines: pl.DataFrame
    """See `read_withdrawals`."""
    by_id: dict[str, int] = field(init=False)
    """Number of the row of `lines`, here and below; the first where several name the same."""
    by_hash: dict[str, int] = field(init=False)
    by_author: dict[str, int] = field(init=False)
    met: dict[int, set[str]] = field(default_factory=dict)
    """Samples that a line met."""

    def __post_init__(self) -> None:
        self.by_id, self.by_hash = self._first("id", str), self._first("sha256", str)
        self.by_author = self._first("author", folded)

    def _first(self, name: str, as_compared: Callable[[str], str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for number, value in enumerate(self.lines[name]):
            if value is not None:
                found.setdefault(as_compared(value), number)
        return found

    def __bool__(self) -> bool:
        return self.lines.height > 0

    def met_by(
        self, sample_id: str, author: str | None = None, hashes: Iterable[str | None] = (), jpegs: Iterable[bytes] = ()
    ) -> bool:
        """Whether a line names this sample, by its id, its author, or a picture's digest; each that does is noted.

        Args:
            hashes: digests of files of pictures, as they are known.
            jpegs: pictures, which are hashed where a line names any by its digest.
        """
        numbers = {self.by_id.get(sample_id)}
        if self.by_author and author:
            numbers.add(self.by_author.get(folded(author)))
        if self.by_hash:
            numbers |= {self.by_hash.get(digest) for digest in hashes if digest}
            numbers |= {self.by_hash.get(sha256(jpeg).hexdigest()) for jpeg in jpegs}
        found = numbers - {None}
        for number in found:
            self.met.setdefault(number, set()).add(sample_id)  # type: ignore[arg-type]
        return bool(found)

    def line_of(self, sample_id: str) -> int | None:
        """The number in its file of the first line that met a sample."""
        numbers = [number for number, samples in self.met.items() if sample_id in samples]
        return int(self.lines["line"][min(numbers)]) if numbers else None

    def listed(self) -> pl.DataFrame:
        """id, reason, since of every sample that was met, once each, in order of the ids; by the first line that names
        it. A line that names an id stands for it whether anybody has the sample or not: an earlier release may."""
        named = [(name, number) for name, number in self.by_id.items()]
        named += [(name, number) for number, samples in self.met.items() for name in samples]
        first: dict[str, int] = {}
        for name, number in sorted(named, key=lambda pair: pair[1]):
            first.setdefault(name, number)
        told = self.lines.select(_TOLD)
        rows = [{"id": name, **told.row(first[name], named=True)} for name in sorted(first)]
        return pl.DataFrame(rows, schema=dict.fromkeys(SCHEMA.names, pl.String))

    def told(self) -> dict[str, Any]:
        """How many lines there are, which of them met no sample (by their number in the file), and how many samples
        were met: for whoever made the release."""
        nobody = [int(line) for number, line in enumerate(self.lines["line"]) if not self.met.get(number)]
        samples = set[str]().union(*self.met.values())
        return {"lines": self.lines.height, "samples": len(samples), "nobody": nobody}


def no_withdrawals() -> Withdrawals:
    """A list without a line."""
    return Withdrawals(_NONE.with_row_index("line"))


def meet_planned(build: Build, withdrawals: Withdrawals) -> None:
    """Notes which planned samples the lines name by what is known before a picture is opened: id, author, and digest of
    a source's file."""
    if not withdrawals:
        return
    digests: Mapping[str, list[str | None]] = {}
    if withdrawals.by_hash:
        digests = {name: hashes for shard in build.paths.shards() for name, hashes in _digests(shard.answers)}
    for name, author in placed_plan(build, "author").select("id", "author").iter_rows():
        withdrawals.met_by(name, author, digests.get(name, ()))


def meet_released(release: Release, withdrawals: Withdrawals) -> None:
    """Notes which samples of an earlier release show a picture that a line names by its digest: this one may make
    another of the same photo. Raises DamagedRelease."""
    if not withdrawals.by_hash:
        return
    samples = set[str]()
    for row in _rows(release):
        samples.add(name := sample_of(row["id"], samples))  # a sample's further rows stand behind its first
        withdrawals.met_by(name, jpegs=[image["bytes"] for image in row["images"] or ()])


def _rows(release: Release) -> Iterator[Mapping[str, Any]]:
    for split in release.splits:
        yield from release.rows(split)


def _digests(answers: Path) -> Iterator[tuple[str, list[str | None]]]:
    if answers.exists():
        seen = read_columns(answers, ["id", "photos.list.element.sha256"])
        yield from ((name, [photo["sha256"] for photo in photos or ()]) for name, photos in seen.iter_rows())
