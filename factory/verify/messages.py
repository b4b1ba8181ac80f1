"""Does a released conversation give the answer away before it is asked for?

A student must find the place from what it is shown. Looked for are the names and the coordinates of the truth in
everything before the last assistant turn, system and user turns alike, whoever wrote them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
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
    r"(?<![\d.,])(\d{1,3})\s?[°º]\s?(\d{1,2}(?:[.,]\d{1,6})?)\s?['′’](?:\s?(\d{1,2}(?:[.,]\d{1,6})?)\s?(?:[\"″”]|''))?"
)


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
    if level == "place":
        return None
    text = unicodedata.normalize("NFC", text_before_answer(messages))
    folded = text.casefold()
    for kind, name in _names(sample, level):
        # A pattern is compiled only for a name whose first word is there: compiling costs more than all the rest.
        sought, within = (name.casefold(), folded) if len(name) >= PLAIN_LETTERS else (name, text)
        if sought.split()[0] not in within:
            continue
        found = re.finditer(rf"(?<!\w){_spaced(sought)}(?!\w)", within)
        if len(name) > WORD_LETTERS or not name.isascii():
            told = next(found, None) is not None
        else:
            told = any(not _begins_a_sentence(within, match) for match in found)
        if told:
            return f"{kind} {name}"
    if level == "none" and (word := next(_countries(text, sample), None)):
        return f"country {word}"
    written = next(_coordinates(text, sample), None)
    return None if written is None else f"coordinates {written}"


def _names(sample: Sample, level: SawTruth) -> Iterator[tuple[str, str]]:
    country = country_name(sample.country_code)
    named = (("country", country), ("region", sample.region), ("city", sample.city))
    for kind, name in named:
        name = unicodedata.normalize("NFC", (name or "").strip())
        if name and not (level == "country" and name == country):
            yield kind, name


def _countries(text: str, sample: Sample) -> Iterator[str]:
    """Single words that name the sample's country in some language."""
    for word in _CAPITALISED.findall(text):
        if sample.country_code is not None and _country_of(word) == sample.country_code:
            yield word


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


def _coordinates(text: str, sample: Sample) -> Iterator[str]:
    """Everything in the text that is the sample's latitude or longitude, as it is written."""
    for found in chain.from_iterable(pattern.finditer(text) for pattern in _DECIMALS):
        whole, decimals = found.groups()
        if _is_of(sample, float(f"{whole}.{decimals}"), NEAR_DEGREES):
            yield found.group()
    for found in _SEXAGESIMAL.finditer(text):
        degrees, minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.groups())
        if _is_of(sample, degrees + minutes / 60 + seconds / 3600, 1 / 60):
            yield found.group()


def _is_of(sample: Sample, degrees: float, near: float) -> bool:
    """Whether an unsigned angle is as good as one of the sample's."""
    return any(abs(degrees - abs(truth)) <= near for truth in (sample.lat, sample.lon))
