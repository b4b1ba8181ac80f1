"""Does a released conversation give the answer away before it is asked for?

A student must find the place from what it is shown. Looked for are the names and the coordinates of the truth in
everything before the last assistant turn, system and user turns alike, whoever wrote them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from factory.geo.names import country_code, country_name
from schemas.record import SawTruth
from schemas.rows.messages import text_before_answer
from schemas.sample import Sample

PLAIN_LETTERS: Final = 6
"""Names from this length on are found in any capitals; shorter ones (Nice, Bath, Ulm) are words in small letters."""
WORD_LETTERS: Final = 3
"""Names up to this length (As, Of, Die, Y) are also words that begin sentences, where any word has a capital: there
they count only if no word follows ("As, Belgium"). Inside a sentence ("in As") the capital tells."""
_BEFORE: Final = 12
"""Characters in front of a word that are searched for the end of a sentence."""
NEAR_DEGREES: Final = 0.01
"""A number with two decimals or more is a coordinate of the truth when it differs by at most this (about a kilometre);
with fewer decimals it says little and is too often another number."""

_CAPITALISED: Final = re.compile(r"(?<!\w)[^\W\d_a-z][\w'’-]{3,40}(?!\w)")
"""Words of four letters and more that may be names; in scripts without capitals every word may be one."""
_SENTENCE_END: Final = re.compile(r"(?:\A|[.!?…:;\n\u2022*>-])[\s\"'“”„«»(\[]{0,8}\Z")
_NEXT_WORD: Final = re.compile(r"[ \t]+[^\W\d_]")
_DECIMALS: Final = (
    re.compile(r"(?<![\d.])[-+−]?(\d{1,3})\.(\d{2,40})(?!\d|\.\d)"),
    re.compile(r"(?<![\d.,])[-+−]?(\d{1,3}),(\d{2,40})(?!\d|[.,]\d)"),
)
"""With a point (two in a row may be set apart by a comma alone) and with a decimal comma."""
_SEXAGESIMAL: Final = re.compile(
    r"(?<![\d.,])(\d{1,3})\s?[°º]\s?(\d{1,2}(?:[.,]\d{1,40})?)\s?['′’](?:\s?(\d{1,2}(?:[.,]\d{1,40})?)\s?(?:[\"″”]|''))?"
)


@dataclass(frozen=True, slots=True)
class Read:
    """What a student is given, read once for all the samples that are asked the same."""

    text: str
    folded: str
    countries: tuple[tuple[str, str], ...]
    """Single words that name a country in some language, each with its code."""
    degrees: tuple[tuple[str, float, float], ...]
    """Numbers that may be a coordinate: as written, degrees without a sign, and how near to a truth they tell it."""


def truth_told(messages: Sequence[Mapping[str, Any]], sample: Sample, level: SawTruth) -> str | None:
    """What of the truth the messages tell a student before the last assistant turn, beyond what the family declares.

    Names of country, region and city count as whole words, short ones only with the same capitals, so that Nice is a
    place and nice is not; the country counts in any language the gazetteer knows ("Deutschland"). A declared country
    may be told also where a region or city bears its name. Numbers count with two decimals or more, or as degrees and
    minutes, when they are the latitude or longitude of the sample, whatever their sign: one of the two is enough.

    Args:
        messages: as in a row, `schemas.rows.schema.MESSAGE`.
        sample: with the truth.
        level: what the family declares (`RowSchema.truth_in_messages`): nothing, the country, or the place with all of
            its names and coordinates.

    Returns:
        What was found, for people: `city Leipzig`, `coordinates 51.34`; None when nothing was.
    """
    names = (sample.country_code, sample.region, sample.city)
    return truth_in(text_before_answer(messages), *names, sample.lat, sample.lon, level)


def truth_in(
    text: str, country_code: str | None, region: str | None, city: str | None, lat: float, lon: float, level: SawTruth
) -> str | None:
    """`truth_told` of the text before the last assistant turn and the truth in parts (WGS84 degrees, NaN unknown)."""
    if level == "place":
        return None
    read = read_text(text)
    country = country_name_of(country_code)
    for kind, written in (("country", country), ("region", region), ("city", city)):
        name, sought, first = sought_name(written or "")
        if not name or (level == "country" and name == country):
            continue
        within = read.folded if len(name) >= PLAIN_LETTERS else read.text
        # A pattern is compiled only for a name whose first word is there: compiling costs more than all the rest.
        if first in within and _is_told(name, sought, within):
            return f"{kind} {name}"
    if level == "none" and country_code is not None:
        for word, code in read.countries:
            if code == country_code:
                return f"country {word}"
    for written, degrees, near in read.degrees:
        if abs(degrees - abs(lat)) <= near or abs(degrees - abs(lon)) <= near:
            return f"coordinates {written}"
    return None


@lru_cache(maxsize=64)
def read_text(text: str) -> Read:
    """A text as `truth_in` looks into it."""
    text = unicodedata.normalize("NFC", text)
    named = ((word, _country_of(word)) for word in _CAPITALISED.findall(text))
    countries = tuple((word, code) for word, code in named if code is not None)
    return Read(text, text.casefold(), countries, tuple(_degrees(text)))


@lru_cache(maxsize=1024)
def country_name_of(code: str | None) -> str:
    """The name that is looked for; an empty text where there is none."""
    return unicodedata.normalize("NFC", (country_name(code) or "").strip())


@lru_cache(maxsize=16_384)
def sought_name(written: str) -> tuple[str, str, str]:
    """A name in one form, as it is looked for, and its first word; three empty texts for none."""
    name = unicodedata.normalize("NFC", written.strip())
    sought = name.casefold() if len(name) >= PLAIN_LETTERS else name
    return name, sought, sought.split()[0] if name else ""


def _is_told(name: str, sought: str, within: str) -> bool:
    found = re.finditer(rf"(?<!\w){_spaced(sought)}(?!\w)", within)
    if len(name) > WORD_LETTERS or not name.isascii():
        return next(found, None) is not None
    return any(not _begins_a_sentence(within, match) for match in found)


@lru_cache(maxsize=16_384)
def _country_of(word: str) -> str | None:
    return country_code(word)


def _begins_a_sentence(text: str, found: re.Match[str]) -> bool:
    """Whether a word stands where a sentence begins, and another word follows: "As one can see", not "As, Belgium"."""
    if _NEXT_WORD.match(text, found.end()) is None:
        return False
    return _SENTENCE_END.search(text, max(0, found.start() - _BEFORE), found.start()) is not None


def _spaced(name: str) -> str:
    """A pattern for the name, however its words are spaced."""
    return r"\s{1,8}".join(map(re.escape, name.split()))


def _degrees(text: str) -> Iterator[tuple[str, float, float]]:
    """Everything in the text that may be a coordinate; see `Read.degrees`."""
    for found in chain.from_iterable(pattern.finditer(text) for pattern in _DECIMALS):
        whole, decimals = found.groups()
        yield found.group(), float(f"{whole}.{decimals}"), NEAR_DEGREES
    for found in _SEXAGESIMAL.finditer(text):
        degrees, minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.groups())
        yield found.group(), degrees + minutes / 60 + seconds / 3600, 1 / 60
