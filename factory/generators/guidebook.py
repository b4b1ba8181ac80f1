"""NAVIG's guidebook as a repository of clues: two aligned files, whose image names say the country.

    python recipes/clues/from_guidebook.py text_descriptions.txt image_paths.txt clues.csv --source ... --licence ...

The CSV is yours to correct: a flagged pair leads to a line of it. Kinds are guessed from words. Rows about the game and
not about places, rows without a country in their image's name, empty, overlong and repeated ones are left out, counted.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from factory.errors import RecipeError
from factory.generators.clue_book import MAX_BYTES, MAX_CLUES, MAX_TEXT, GeoClue
from factory.geo.names import country_code
from factory.geo.spreadsheet import marked
from factory.store.files import no_file
from factory.text import tidy

ABOUT_THE_GAME: Final = re.compile(
    r"\b(?:leader ?boards?|world record|high ?scores?|speed ?runs?|elo|duels?|battle royale|divisions?|daily challenge|"
    r"streaks?|subscri(?:be|ption)|discord|twitch|youtube|patreon|geoguessr (?:pro|account|world cup))\b",
    re.IGNORECASE,
)
"""Words of rankings and channels: in NAVIG's guidebook the early rows of `top-tips` are about them."""

_GUESSES: Final = (
    ("vehicle", r"plates?\b|\bcars?\b|vehicle|\bbus(?:es)?\b|truck|tuk|taxi|motorbike"),
    ("language", r"language|script|alphabet|letters?\b|accent|diacritic|spell|word for|\bword\b|writing"),
    ("sign", r"\bsigns?\b|signpost|chevron|kilomet(?:re|er) marker|mile ?marker|arrow|warning"),
    (
        "road",
        r"\broads?\b|highway|motorway|\blines\b|(?:centre|center|edge|outer|middle) line|lane|asphalt|pavement|"
        r"drive on|driving side|shoulder|kerb",
    ),
    ("infrastructure", r"\bpoles?\b|bollard|guard ?rail|wire|lamp|street ?light|hydrant|insulator|transformer|bin\b"),
    ("architecture", r"house|roof|building|architect|church|mosque|temple|wall|fence|balcon"),
    ("nature", r"tree|palm|forest|mountain|hill|soil|grass|desert|landscape|vegetation|plant|climate|river|volcan"),
)
"""Kinds by the first words that fit; what fits none is `culture`."""


def read_guidebook(texts: Path, images: Path, *, source: str, licence: str) -> tuple[list[GeoClue], Counter[str]]:
    """The clues of a guidebook in NAVIG's layout, and how many rows were left out for which reason.

    Args:
        texts: `text_descriptions.txt`, one clue a line.
        images: `image_paths.txt`, line by line the picture of each; `Botswana_4.jpg` is of Botswana.
        source: who says so, for every clue.
        licence: of the texts.

    Raises RecipeError where a file cannot be read or the two are not aligned.
    """
    said, shown = _lines(texts), _lines(images)
    if len(said) != len(shown):
        raise RecipeError(f"{texts}: {len(said):,} lines, but {images} has {len(shown):,}; the two belong line to line")
    if len(said) > MAX_CLUES:
        raise RecipeError(f"{texts}: {len(said):,} lines; a repository has at most {MAX_CLUES:,} clues")
    clues: list[GeoClue] = []
    dropped: Counter[str] = Counter()
    taken: set[tuple[str, str]] = set()
    for number, (text, image) in enumerate(zip(said, shown, strict=True), start=1):
        text, country = tidy(text, MAX_TEXT + 1), country_of(image)
        reason = _unusable(text, country, taken)
        if reason is not None or country is None:
            dropped[reason or "no_country"] += 1
            continue
        taken.add((country, text))
        clues.append(GeoClue(f"{country}-{number}", text, country, None, kind_of(text), source, licence))
    return clues, dropped


def _unusable(text: str, country: str | None, taken: set[tuple[str, str]]) -> str | None:
    if not text:
        return "empty"
    if ABOUT_THE_GAME.search(text):
        return "about_the_game"
    if country is None:
        return "no_country"
    if len(text) > MAX_TEXT:
        return "too_long"
    return "repeated" if (country, text) in taken else None


def country_of(image: str) -> str | None:
    """The country in a picture's name: `plonkit/South_Africa_12.jpg` is ZA."""
    stem = PurePosixPath(image.strip().replace("\\", "/")).stem
    return country_code(re.sub(r"[_\s-]+\d+\Z", "", stem[:200]).replace("_", " "))


def kind_of(text: str) -> str:
    """The kind that a clue's words speak for."""
    return next((kind for kind, words in _GUESSES if re.search(words, text, re.IGNORECASE)), "culture")


def _lines(path: Path) -> list[str]:
    try:
        if (kind := no_file(path)) is not None:
            raise RecipeError(f"{path}: is {kind}, expected a text file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise RecipeError(f"{path}: {size:,} bytes; a guidebook has at most {MAX_BYTES:,}")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def as_csv(clues: Sequence[GeoClue]) -> str:
    """A repository in the form that people correct, often in a spreadsheet: no cell of it is a formula there, and
    `clue_book` reads each as it was."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "text", "country", "region", "kind", "source", "licence"))
    for clue in clues:
        cells = (clue.id, clue.text, clue.country, "", clue.kind, clue.source, clue.licence)
        writer.writerow([marked(cell) for cell in cells])
    return out.getvalue()
