"""Reasoning that quotes what the picture cannot show: coordinates, file names, metadata, the instructions.

Such text teaches a model to pretend. The rules look for the act of quoting and not for numbers as such: years,
prices, house numbers, speeds, roads, plates and phone numbers are the very clues we want. Every repetition in a
pattern is bounded, because teacher text is foreign input, and a rule runs only where one of its trigger words occurs,
which makes an ordinary text cost some ten microseconds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from factory.plugins.registry import register
from factory.verify.votes import Vote, combine
from factory.verify.word_cache import Remembered
from schemas import Case, CheckResult, GeoAnswer, LocatedAnswer

Leak = Literal["quotes_coordinates", "quotes_file_name", "quotes_metadata", "echoes_instructions"]

MAX_CHARACTERS = 20_000
"""Of one answer's text; the rest is not searched."""
_NEAR_DEGREES = 0.2
"""A pair with few decimals is a coordinate when it lies this close to the truth or to the teacher's own answer."""
_FINE_DECIMALS = 4
"""A pair with so many decimals is a coordinate wherever it lies: 11 m, and no price or length is written so."""


class _Rule(NamedTuple):
    leak: Leak
    trigger: re.Pattern[str]
    """Found in at least one space-separated chunk of every text that the pattern matches."""
    pattern: re.Pattern[str]


def _rule(leak: Leak, trigger: str, *alternatives: str) -> _Rule:
    return _Rule(leak, re.compile(trigger), re.compile("|".join(f"(?:{part})" for part in alternatives)))


_GIVEN = r"(?:given|provided|supplied|embedded|attached|stated)"
_PICTURE = r"(?:image|photo|photograph|picture|file|original|source)"
_BOUNDARY = "~"
"""Stands between reasoning and clues, so that no pattern reads across."""
_MARK = r"(?:°|deg(?:ree)?s?\b)"
_FRACTION = r"[0-9]{1,3}[.,][0-9]{1,12}"

# Searched in lower-cased text with single spaces.
_RULES = (
    _rule(
        "quotes_coordinates",
        r"itude|oordinate",
        rf"\b(?:latitude|longitude)\b[^0-9~]{{0,20}}[-+−]?{_FRACTION}",
        rf"{_FRACTION}\s{{0,2}}(?:{_MARK})?\s{{0,2}}(?:[ns]\b|north|south|east|west)?\s{{0,2}}(?:latitude|longitude)\b",
        r"\blatitude\b[^0-9~]{0,12}[0-9]{1,3}\b.{0,30}\blongitude\b[^0-9~]{0,12}[0-9]{1,3}\b",
        r"\bcoordinates?\s{0,2}(?:are|is|of|:|=)?\s{0,2}[(\[]?[-+−]?[0-9]{1,3}[.,°]",
        rf"\b(?:{_GIVEN}|gps|exact|true|actual|image|photo)(?:'s)? coordinates?\b",
        rf"\bcoordinates? (?:{_GIVEN}|say|show|indicate|confirm|point|place|suggest|match|correspond)",
    ),
    _rule(
        "quotes_coordinates",
        r"\b(?:lat|lng|lon)\b|\blong[:=]",
        rf"\b(?:lat|lng|lon)\b\.?\s{{0,2}}[:=]?\s{{0,2}}[-+−]?{_FRACTION}",
        r"\b(?:lat|lng|lon|long)[:=]\s{0,2}[-+−]?[0-9]{1,3}\b",
    ),
    _rule(
        "quotes_coordinates",
        r"°|\b[0-9]*deg",
        rf"[0-9]{{1,3}}\s{{0,2}}{_MARK}\s{{0,2}}[0-9]{{1,2}}(?:[.,][0-9]{{1,6}})?\s{{0,2}}(?:['′’]|min\b|minutes\b)",
        rf"{_FRACTION}\s{{0,2}}{_MARK}\s{{0,2}}(?:[nsew]\b|north|south|east|west)",
        rf"[0-9]{{1,2}}\s{{0,2}}{_MARK}\s{{0,2}}[ns]\b\W{{1,4}}[0-9]{{1,3}}\s{{0,2}}{_MARK}\s{{0,2}}[ew]\b",
    ),
    _rule(
        "quotes_coordinates",
        r"\+",
        r"(?<![a-z0-9+])[23456789cfghjmpqrvwx]{4,8}\+[23456789cfghjmpqrvwx]{2,3}(?![a-z0-9+])",
    ),
    _rule(
        "quotes_coordinates",
        r"maps|goo\.gl",
        r"\b(?:maps\.google|google\.[a-z]{2,3}/maps|goo\.gl/maps|openstreetmap\.org/)",
    ),
    _rule(
        "quotes_file_name",
        r"\.(?:jpe?g|png|hei[cf]|webp|tiff?|gif|bmp|dng|cr2|nef|arw)\b",
        r"[\w-]{1,80}\.(?:jpe?g|png|hei[cf]|webp|tiff?|gif|bmp|dng|cr2|nef|arw)\b",
    ),
    _rule(
        "quotes_file_name",
        r"(?:img|pxl|dji|mvi|pano)[_-]|(?:dsc|gopr)[nf]?[_-]?[0-9]",
        r"(?<![a-z0-9])(?:(?:img|pxl|dji|mvi|pano)[_-][0-9]{4,20}|(?:dsc[nf]?|gopr)[_-]?[0-9]{4,20})",
    ),
    _rule(
        "quotes_file_name",
        r"\bfile|\bfolder\b",
        r"\bfile[ -]?(?:name|path)s?\b|\bname of the file\b|\bfile (?:called|named|titled)\b|\bfolder name\b",
    ),
    _rule(
        "quotes_file_name",
        r"\b(?:id|name|title)\b",
        r"(?:image|photo)(?:'s)? (?:id|name|title)\b|sample id\b",
    ),
    _rule(
        "quotes_metadata",
        r"exif|meta-?data|\bmeta\b|\bgeo-?(?:tag|loc)|\bgeo$",
        r"\bexif\b|\bmeta[- ]?data\b|\bgeo[- ]?tag(?:s|ged|ging)?\b|\bgeo-?location (?:tag|data)\b",
    ),
    _rule(
        "quotes_metadata",
        r"\bgps\b",
        r"\bgps[- ](?:tags?|data|metadata|position|location|info\w{0,8}|stamp|fix|log|reading)\b",
    ),
    _rule(
        "quotes_metadata",
        r"\bcaption|\balt\b|\bhashtag",
        rf"\b(?:{_PICTURE}|{_GIVEN}|accompanying|its)(?:'s)? caption\b",
        rf"\bcaption (?:of|for|to) (?:the|this) {_PICTURE}\b|\baccording to the caption\b",
        r"\bthe caption (?:says|states|mentions|tells|indicates|identifies|gives|confirms)\b",
        r"\balt text\b|\bhashtags?\b",
    ),
    _rule(
        "echoes_instructions",
        r"\b(?:truth|given|instruct|prompt|ai\b|answer|label|told|informed|asked|gave|provided|said\b)",
        r"\bground[- ]truth\b|\bas (?:given|instructed)\b|\bas an ai\b",
        r"\b(?:the|your|this) prompt\b|\b(?:your|(?:according to|per|following) the) instructions?\b",
        r"\b(?:correct|true|expected|reference|given|provided) (?:answer|label)\b",
        r"\bi (?:was|am|have been) (?:told|given|informed|asked|instructed)\b",
        r"\byou (?:asked|told|gave|provided|said) ",
    ),
    _rule(
        "echoes_instructions",
        rf"\b{_GIVEN}\b",
        rf"\b(?:the|this|as|with) {_GIVEN} (?:location|place|city|country)\b",
        r"\b(?:location|place|city|country) (?:is|was) (?:given|provided|supplied) (?:in|as|by|to|with)\b",
    ),
)
_PAIR = re.compile(
    r"(?<![\w.,])([-+−]?[0-9]{1,3}[.,][0-9]{1,12})\s{0,2}°?\s{0,2}[NSns]?\s{0,2}(?:[,;/|]|\band\b|\s)\s{0,2}"
    r"([-+−]?[0-9]{1,3}[.,][0-9]{1,12})\s{0,2}°?\s{0,2}[EWew]?(?![\w])"
)
_HAS_DIGIT, _HAS_FRACTION = re.compile(r"[0-9]"), re.compile(r"[0-9][.,][0-9]")


@register("check", "no_leak")
def no_leak(case: Case, *, allow: tuple[Leak, ...] = ()) -> CheckResult:
    """No reasoning or clue quotes coordinates, file names, metadata or the instructions.

    Not one of GLOBE's steps; ours. Every given answer is read, since any of them may be released.

    Args:
        case: The sample with its answers; its id and image name are searched for, too.
        allow: Kinds of leak that do not fail here, e.g. for a family whose photos show coordinates on signs.

    Numbers with four or more decimals in a pair are coordinates; with fewer only if they lie near the truth or the
    teacher's own coordinates. An id or image name counts as quoted only if it holds a digit and could not be a plain
    word or number. Fails with the first leak found; the score is the number of leaks, its threshold 0. Abstains when
    no teacher answered or none wrote a text (`no_answer`, `no_text`).
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
        failure = located.answered.failure or "failed"
        return Vote(teacher, "abstain", "no_answer", None, f"gave no answer ({failure})")
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
    text = f" {_BOUNDARY} ".join([part for part in parts if part])[:MAX_CHARACTERS]
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


def _pairs(case: Case, answer: GeoAnswer, text: str) -> Iterator[tuple[Leak, str]]:
    points = [(case.sample.lat, case.sample.lon)]
    if answer.lat is not None and answer.lon is not None:
        points.append((answer.lat, answer.lon))
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
