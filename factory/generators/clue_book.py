"""Repositories of geographic clues: CSV, JSON lines or YAML, read strictly, and bounded before they are read.

    id,text,country,region,kind,source,licence,names
    KE-side,In Kenya vehicles drive on the left.,KE,,road,countrymetadata (CC0-1.0),CC0-1.0,Kenyan

`region` may be empty: the clue holds in the whole country then. `names` lists, parted by `;`, further names that a
rephrasing may use (the adjective of a country). In a CSV the apostrophe that keeps a cell from being a formula
(`factory.geo.spreadsheet`) is none of the clue. Every problem of a file is told at once, with line, key and nearest
valid name.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from factory.errors import RecipeError
from factory.geo.files import parted_otherwise
from factory.geo.gazetteer import admin1
from factory.geo.names import country_code, country_name
from factory.geo.normalise import fold
from factory.geo.spreadsheet import unmarked
from factory.store.files import no_file
from factory.store.yaml_lines import read_yaml
from factory.text import did_you_mean, tidy
from schemas.plain_json import read_json

KINDS: Final = ("language", "sign", "road", "vehicle", "infrastructure", "architecture", "nature", "culture")
"""GaGA counts eight kinds of clues and prints their names only in a picture; these eight are ours."""
REQUIRED: Final = ("id", "text", "country", "kind", "source", "licence")
OPTIONAL: Final = ("region", "names")

MAX_BYTES: Final = 16 << 20
"""Of a file; GaGA's 3,000 clues have about 500 kB, NAVIG's 6,291 about 1 MB."""
MAX_CLUES: Final = 50_000
MAX_TEXT: Final = 1_000
"""Characters of a clue: a few sentences, not a page."""
MAX_FIELD: Final = 300
"""Characters of anything else."""
MOST_TOLD: Final = 10
"""Problems that a message lists."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")


@dataclass(frozen=True, slots=True)
class GeoClue:
    """What is known of a country, or of a region in it, and who says so."""

    id: str
    text: str
    country: str
    """ISO 3166-1 alpha-2."""
    region: str | None
    kind: str
    source: str
    licence: str
    names: tuple[str, ...] = ()
    """Further names that a rephrasing may use."""


@dataclass(frozen=True)
class ClueBook:
    """A repository, read."""

    clues: Mapping[str, GeoClue]
    _by_country: dict[str, list[tuple[GeoClue, str | None]]] = field(default_factory=dict)
    """With the key of each clue's region: a fold of 300 marks takes milliseconds, and a country has thousands."""

    def __post_init__(self) -> None:
        for clue in self.clues.values():
            region = None if clue.region is None else _region_key(clue.region)
            self._by_country.setdefault(clue.country, []).append((clue, region))

    def of(self, country: str | None, region: str | None = None) -> tuple[GeoClue, ...]:
        """The clues that hold in a whole country, and those of one region where it is given, in the file's order."""
        mine, wanted = self._by_country.get(country or "", ()), None if region is None else _region_key(region)
        return tuple(clue for clue, key in mine if key is None or key == wanted)

    @cached_property
    def plain_words(self) -> frozenset[str]:
        """Words that some clue writes in small letters: none of them is a proper name."""
        words = (word for clue in self.clues.values() for word in re.findall(r"[^\W\d_]+", clue.text))
        return frozenset(word for word in words if word.islower())


def same_region(clue: str, region: str | None) -> bool:
    return region is not None and _region_key(clue) == _region_key(region)


@lru_cache(maxsize=4096)
def _region_key(region: str) -> str:
    return fold(region)


def clue_book(path: str | Path) -> ClueBook:
    """The repository in a file, read once as long as it stays the same.

    Raises RecipeError listing what is wrong: file, line, key, and the nearest valid name.
    """
    path = Path(path)
    if (kind := no_file(path)) is not None or not path.is_file():
        raise RecipeError(f"{path}: {f'is {kind}' if kind else 'no such file'}, expected a repository of clues")
    stat = path.stat()
    if stat.st_size > MAX_BYTES:
        raise RecipeError(f"{path}: {stat.st_size:,} bytes; a repository of clues has at most {MAX_BYTES:,}")
    return _read(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _size: int, _mtime_ns: int) -> ClueBook:
    readers = {".csv": _csv_records, ".jsonl": _json_records, ".yaml": _yaml_records, ".yml": _yaml_records}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RecipeError(f"{path}: expected a file that ends in {', '.join(readers)}")
    clues: dict[str, GeoClue] = {}
    lines: dict[str, str] = {}
    problems: list[str] = []
    for where, record in reader(path):
        found = _clue(record)
        if isinstance(found, GeoClue) and found.id in clues:
            found = [f"id: `{found.id}` stands in {lines[found.id]}, too"]
        if isinstance(found, GeoClue):
            clues[found.id], lines[found.id] = found, where
        else:
            problems += [f"{where}: {problem}" for problem in found]
        if len(clues) > MAX_CLUES:
            raise RecipeError(f"{where}: more than {MAX_CLUES:,} clues")
        if len(problems) > MOST_TOLD:
            break
    if problems:
        more = ["... and more"] if len(problems) > MOST_TOLD else []
        raise RecipeError(*problems[:MOST_TOLD], *more)
    if not clues:
        raise RecipeError(f"{path}: holds no clue")
    return ClueBook(clues)


def _clue(record: Mapping[str, Any]) -> GeoClue | list[str]:
    """The clue in a record, or everything that is wrong with it."""
    keys = (*REQUIRED, *OPTIONAL)
    problems = [
        f"unknown key `{tidy(key, 60)}`{did_you_mean(key[:60], keys)}"
        for key in sorted(map(str, record.keys() - {*keys}))
    ]
    values: dict[str, str] = {}
    for key in keys:
        value, most = record.get(key), MAX_TEXT if key == "text" else MAX_FIELD
        if value is not None and not isinstance(value, str):
            problems.append(f"{key}: expected text, found {type(value).__name__}; quote it")
        elif value is not None and len(value) > most:
            problems.append(f"{key}: {len(value):,} characters; at most {most:,}")
        else:
            values[key] = tidy(value or "", most)
            if key in REQUIRED and not values[key]:
                problems.append(f"{key}: is missing")
    if problems:
        return problems
    country = country_code(values["country"])
    if _ID.fullmatch(values["id"]) is None:
        problems.append(f"id: `{values['id']}`: expected letters, digits and -_.: alone, at most 100")
    if values["kind"] not in KINDS:
        near = did_you_mean(values["kind"], KINDS)
        problems.append(f"kind: unknown `{values['kind']}`{near}; one of {', '.join(KINDS)}")
    if country is None:
        near = did_you_mean(values["country"], _country_names())
        problems.append(f"country: unknown `{values['country']}`{near}; a name, or two capital letters of ISO 3166-1")
    elif values["region"] and _region_key(values["region"]) not in _region_keys(country):
        near = did_you_mean(values["region"], _regions(country))
        problems.append(f"region: {country_name(country)} has no `{values['region']}`{near}")
    if problems or country is None:
        return problems
    names = tuple(name for part in values["names"].split(";") if (name := part.strip()))
    return GeoClue(
        values["id"], values["text"], country, values["region"] or None, values["kind"], values["source"],
        values["licence"], names,
    )  # fmt: skip


@lru_cache(maxsize=1)
def _country_names() -> tuple[str, ...]:
    from factory.geo.gazetteer import countries

    return tuple(name for code in countries()["code"] if (name := country_name(code)))


@lru_cache(maxsize=512)
def _regions(country: str) -> tuple[str, ...]:
    mine = admin1().filter(admin1()["country"] == country)
    return tuple(sorted({*mine["region"], *mine["admin1"]} - {None}))


@lru_cache(maxsize=512)
def _region_keys(country: str) -> frozenset[str]:
    return frozenset(map(fold, _regions(country)))


Records = Iterator[tuple[str, Mapping[str, Any]]]
"""Where a record stands (`file:line`), and its values."""


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: is not UTF-8 text ({error})") from None


def _csv_records(path: Path) -> Records:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if missing := [key for key in REQUIRED if key not in header]:
            parted = parted_otherwise(header)
            raise RecipeError(f"{path}:1: the first line names no column {', '.join(missing)}{parted}")
        if unknown := [key for key in header if key not in (*REQUIRED, *OPTIONAL)]:
            near = did_you_mean(unknown[0][:60], (*REQUIRED, *OPTIONAL))
            raise RecipeError(f"{path}:1: unknown column `{tidy(unknown[0], 60)}`{near}")
        if len({*header}) < len(header):
            raise RecipeError(f"{path}:1: the first line names a column twice")
        for values in reader:
            where = f"{path}:{reader.line_num}"
            if values and len(values) != len(header):
                raise RecipeError(f"{where}: {len(values)} fields; the first line has {len(header)}")
            if values:
                yield where, dict(zip(header, map(unmarked, values), strict=True))
    except csv.Error as error:
        raise RecipeError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _json_records(path: Path) -> Records:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            record = read_json(line.encode(), most=100)
        except ValueError as error:
            raise RecipeError(f"{where}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise RecipeError(f"{where}: expected an object, found {type(record).__name__}")
        yield where, record


def _yaml_records(path: Path) -> Records:
    document = read_yaml(path, times=2)
    listed = document.data.get("clues")
    if not isinstance(listed, list) or document.data.keys() != {"clues"}:
        raise RecipeError(f"{path}: expected one key `clues` with a list of clues")
    for index, record in enumerate(listed):
        where = document.where(("clues", index))
        if not isinstance(record, dict):
            raise RecipeError(f"{where}: expected a mapping, found {type(record).__name__}")
        yield where, record
