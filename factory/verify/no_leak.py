"""Reasoning that quotes what the picture cannot show: coordinates, file names, metadata, the instructions.

Such text teaches a model to pretend. The rules look for the act of quoting and not for numbers as such: years,
prices, house numbers, speeds, roads, plates and phone numbers are the very clues we want. A rule runs only where one of
its trigger words occurs. On 154 recorded answers an answer takes 0.07 ms of CPU where its words were seen before and
0.37 ms where they are new, which is what a small build pays (November 2026).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from math import isfinite
from pathlib import PurePosixPath

from factory.plugins.registry import register
from factory.verify.leak_rules import BOUNDARY, ENGLISH, Leak
from factory.verify.leak_words import FOREIGN
from factory.verify.votes import Vote, combine, no_answer
from factory.verify.word_cache import Remembered
from schemas import Case, CheckResult, GeoAnswer, LocatedAnswer

MAX_CHARACTERS = 20_000
"""Of one answer's text; the rest is not searched."""
_NEAR_DEGREES = 0.2
"""A pair with few decimals is a coordinate when it lies this close to the truth or to the teacher's own answer."""
_FINE_DECIMALS = 4
"""A pair with so many decimals is a coordinate wherever it lies: 11 m, and no price or length is written so."""
_GEOHASH_CELL = 4
"""Letters of a geohash that name a cell of 20 to 39 km; another word begins so once in a million."""
_GEOHASH_LETTERS = "0123456789bcdefghjkmnpqrstuvwxyz"
_RULES = (*ENGLISH, *FOREIGN)

_PAIR = re.compile(
    r"(?<![\w.,])([-+−]?[0-9]{1,3}[.,][0-9]{1,40})\s{0,2}°?\s{0,2}[NSns]?\s{0,2}(?:[,;/|x×&]|\band\b|\s)\s{0,2}"
    r"([-+−]?[0-9]{1,3}[.,][0-9]{1,40})\s{0,2}°?\s{0,2}[EWew]?(?![\w])"
)
_GEOHASH = re.compile(r"(?<![\w.-])(?=[a-z]{0,11}[0-9])[0-9b-hjkmnp-z]{6,12}(?![\w-])")
_HAS_DIGIT, _HAS_FRACTION = re.compile(r"[0-9]"), re.compile(r"[0-9][.,][0-9]")


@register("check", "no_leak")
def no_leak(case: Case, *, allow: tuple[Leak, ...] = ()) -> CheckResult:
    """No reasoning or clue quotes coordinates, file names, metadata or the instructions.

    Not one of GLOBE's steps; ours. Every given answer is read, since any of them may be released.

    Args:
        case: The sample with its answers; its id and image name are searched for, too.
        allow: Kinds of leak that do not fail here, e.g. for a family whose photos show coordinates on signs.

    Words of quoting are read in English and eleven other languages (`factory.verify.leak_words`). What a sign shows, an
    address say, is no leak. Numbers with four or more decimals in a pair are coordinates; with fewer, and geohashes,
    only if they lie near the truth or the teacher's own coordinates. An id or image name counts as quoted only if it
    holds a digit and could not be a plain word or number. Fails with the first leak found; the score is the number of
    leaks, its threshold 0. Abstains when no teacher answered or none wrote a text (`no_answer`, `no_text`).
    """
    votes = [_vote(case, located, allow) for located in case.given]
    looked = [vote.score for vote in votes if vote.score is not None]
    return combine(
        "no_leak",
        votes,
        teachers="all",
        passed="clean",
        nothing="no_answer",
        threshold=0.0,
        score=sum(looked) if looked else None,
    )


def _vote(case: Case, located: LocatedAnswer, allow: tuple[Leak, ...]) -> Vote:
    teacher, answer = located.answered.teacher, located.answered.place
    if answer is None:
        return no_answer(located)
    text = _text(answer)
    if not text:
        return Vote(teacher, "abstain", "no_text", None, "wrote no reasoning and no clues")
    leaks = [leak for leak in _leaks(case, answer, text) if leak[0] not in allow]
    if not leaks:
        return Vote(teacher, "pass", "clean", 0.0, "clean")
    kind, quote = leaks[0]
    return Vote(teacher, "fail", kind, float(len(leaks)), f"writes “{_shown(quote)}”")


def _text(answer: GeoAnswer) -> str:
    parts = [answer.reasoning]
    for clue in answer.clues:
        parts += (clue.text, clue.supports)
    text = f" {BOUNDARY} ".join([part for part in parts if part])[:MAX_CHARACTERS]
    # Full-width digits and letters are read like plain ones; º would become the letter o.
    return text if text.isascii() else unicodedata.normalize("NFKC", text.replace("º", "°").replace("’", "'"))


def _leaks(case: Case, answer: GeoAnswer, text: str) -> Iterator[tuple[Leak, str]]:
    """Every rule that fires, with the words that made it fire."""
    chunks = text.lower().split()
    due = set(chain.from_iterable(map(_TRIGGERED.__getitem__, chunks)))
    if not due:
        return
    lowered = " ".join(chunks)
    for rule in [_RULES[index] for index in sorted(due) if index < _FRACTIONS]:
        if match := rule.pattern.search(lowered):
            yield rule.leak, match.group()
    if _FRACTIONS in due:
        yield from _pairs(case, answer, text)
    if _DIGITS in due:
        yield from _geohashes(case, answer, lowered)
        for name in _own_names(case.sample.id, tuple(image.locator for image in case.sample.images)):
            if name in text and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
                yield "quotes_file_name", name


_FRACTIONS, _DIGITS = len(_RULES), len(_RULES) + 1
"""Stand for the searches beside the rules: pairs of decimals need a fraction, the sample's own names a digit."""


def _triggered(chunk: str) -> tuple[int, ...]:
    """The rules that have to be run because this chunk is in the text."""
    found = [index for index, rule in enumerate(_RULES) if rule.trigger.search(chunk)]
    if _HAS_DIGIT.search(chunk):
        found.append(_DIGITS)
        if _HAS_FRACTION.search(chunk):
            found.append(_FRACTIONS)
    return tuple(found)


_TRIGGERED = Remembered(_triggered)


def _points(case: Case, answer: GeoAnswer) -> list[tuple[float, float]]:
    """The places that a text must not spell out: the truth, and where the teacher says it is."""
    points = [(case.sample.lat, case.sample.lon)]
    if answer.lat is not None and answer.lon is not None:
        points.append((answer.lat, answer.lon))
    return [point for point in points if all(map(isfinite, point))]


def _geohashes(case: Case, answer: GeoAnswer, lowered: str) -> Iterator[tuple[Leak, str]]:
    found = _GEOHASH.findall(lowered)
    cells = tuple(_geohash(*point) for point in _points(case, answer)) if found else ()
    for word in found:
        if word.startswith(cells):
            yield "quotes_coordinates", word


def _geohash(lat: float, lon: float) -> str:
    """The cell of a point in the public geohash scheme: halves of longitude and latitude in turn, five a letter."""
    spans, values = [[-180.0, 180.0], [-90.0, 90.0]], (lon, lat)
    letters = ""
    for position in range(_GEOHASH_CELL):
        number = 0
        for bit in range(5 * position, 5 * position + 5):
            span, value = spans[bit % 2], values[bit % 2]
            middle = sum(span) / 2
            upper = value >= middle
            span[0 if upper else 1] = middle
            number = number * 2 + upper
        letters += _GEOHASH_LETTERS[number]
    return letters


def _pairs(case: Case, answer: GeoAnswer, text: str) -> Iterator[tuple[Leak, str]]:
    points = _points(case, answer)
    for found in _PAIR.finditer(text):
        written = [part.replace("−", "-").replace(",", ".") for part in found.groups()]
        decimals = min(len(part.partition(".")[2]) for part in written)
        first, second = (float(part) for part in written)
        if abs(first) > 180 or abs(second) > 180:
            continue
        near = any(
            abs(abs(a) - abs(lat)) <= _NEAR_DEGREES and abs(abs(b) - abs(lon)) <= _NEAR_DEGREES
            for lat, lon in points
            for a, b in ((first, second), (second, first))
        )
        if decimals >= _FINE_DECIMALS or near:
            yield "quotes_coordinates", found.group()


@lru_cache(maxsize=16)
def _own_names(sample_id: str, locators: tuple[str, ...]) -> tuple[str, ...]:
    """The sample's id and image names, where they could not be an ordinary word or number of a description."""
    paths = [PurePosixPath(locator.rpartition("::")[2]) for locator in locators]
    names = (sample_id, *(name for path in paths for name in (path.name, path.stem)))
    return tuple(dict.fromkeys(name for name in names if _is_telling(name)))


def _is_telling(name: str) -> bool:
    digits = sum(character.isdigit() for character in name)
    return digits >= 7 if digits == len(name) else digits > 0 and len(name) >= 4


def _shown(quote: str) -> str:
    plain = " ".join(quote.split())
    return plain if len(plain) <= 60 else plain[:59] + "…"
