"""What teachers say of roads, scripts, addresses and numbers, compared with what is known of the country they name.

The table ships with the project (recipes/clues: side of the road, lines, domains, calling codes, languages, scripts,
plates; sources in its README). A teacher that sees a yellow centre line and names France contradicts it. Teachers
misread pictures and tables have exceptions, so neither decides by itself: a decider fits what it is worth.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from factory.errors import EnvironmentFault
from factory.plugins.contracts import Ask, Witness
from factory.plugins.registry import register
from factory.witnesses.answers import placed, support
from schemas import Answered, Evidence, Finding, GeoAnswer, Seen

NAME: Final = "facts"
TABLES: Final = Path(__file__).resolve().parents[2] / "recipes" / "clues"
"""Beside the package `factory`, in a checkout as in site-packages."""
MAX_CLAIMS: Final = 24
"""Of one answer."""
MAX_TEXT: Final = 1_000
"""Characters of one clue that are read."""

Fact = tuple[str, str]
"""What is claimed, and its value: side, left."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the table knows of a country; empty where no source says it clearly."""

    values: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a clue says, and what the table says to it."""

    kind: str
    value: str
    holds: bool | None
    """None where the table does not know."""


@register("witness", NAME)
def facts(root: Path) -> Witness:
    """What the table of country facts says to the clues of each answer, for the country that it names.

    Args:
        root: the recipe's folder; not used.
    """

    async def look(
        _seen: Seen, _images: Mapping[str, bytes], answers: Sequence[Answered], _ask: Ask
    ) -> Evidence | None:
        found = tuple(findings(answers))
        return Evidence(source=NAME, findings=found) if found else None

    return Witness(name=NAME, when="after", look=look)


def findings(answers: Sequence[Answered]) -> Iterator[Finding]:
    """Of each answer the claims that the table confirms (`fact`, score 1) or contradicts (score 0), and how far they
    speak for its place: (confirmed + 1) / (known + 2), Laplace's rule."""
    from factory.geo import country_code

    for voice, place in placed(answers):
        country = country_code(place.country) if place.country else None
        known = [claim for claim in claims(place, country) if claim.holds is not None]
        for claim in known:
            yield Finding(kind="fact", text=f"{voice}: {claim.kind} {claim.value}", score=float(bool(claim.holds)))
        if known:
            yield support(voice, (sum(bool(claim.holds) for claim in known) + 1) / (len(known) + 2))


def claims(place: GeoAnswer, country: str | None) -> tuple[Claim, ...]:
    """What an answer's clues state of a kind that the table has, each once, for a country (ISO 3166-1 alpha-2)."""
    found: dict[Fact, None] = {}
    for clue in place.clues:
        found |= dict.fromkeys(stated(clue.text[:MAX_TEXT]))
    table, known = countries(), countries().get(country or "")
    told = []
    for kind, value in list(found)[:MAX_CLAIMS]:
        mine = frozenset() if known is None else known.values.get(kind, frozenset())
        holds = value in mine if mine else None
        if holds is False and kind in _NEVER_AGAINST:
            holds = None
        told.append(Claim(kind, value, holds if table else None))
    return tuple(told)


_NEVER_AGAINST: Final = frozenset({"language"})
"""English signs are everywhere: they confirm where they fit and say nothing where they do not."""

_NO: Final = re.compile(r"\b(?:no|not|without|lacks?|absence of|nor|neither)\b[^.;:!?]*", re.IGNORECASE)
_SIDE = (
    re.compile(r"(?:driv\w*|traffic|keeps?|kept|driving)\s+(?:\w+\s+){0,4}?(?:on|to)\s+the\s+(left|right)\b", re.I),
    re.compile(r"\b(left|right)-hand\s+(?:traffic|driving)\b", re.I),
    re.compile(r"\b(?:drives?|driving|traffic(?: keeps)?)\s+(?:on\s+)?(left|right)\b", re.I),
)
_LINE = re.compile(
    r"\b(yellow|white)\b(?:[\s,-]+(?:double|solid|dashed|broken|single|painted|road|dividing)\b)*[\s-]+"
    r"(cent(?:er|re)[\s-]?lines?|cent(?:er|re) (?:road )?marking|edge[\s-]?lines?|(?:road )?edge markings?)",
    re.I,
)
_DOMAIN = re.compile(
    r"(?<=[A-Za-z]{2})\.([a-z]{2})(?![\w])(?!\.[\w])|\b(?:domain|ends? in|ending in)\s+\W?\.([a-z]{2})\b"
)
_WEB = re.compile(r"(?:www\.|https?://)[\w.-]*?\.([a-z]{2})(?![\w.])", re.I)
_CALLING = re.compile(r"(?<![\w.])\+\s?(\d{1,3})(?=[\s()\d/-]|\b)")
_PLATE = re.compile(r"(?:band|strip|plate)\b[^.;]{0,40}?\b(?:letters?|code|reading)\s+[\"'“‘]?([A-Z]{1,3})\b")
_WRITTEN = (
    r"(?=[^.;]{0,60}\b(?:sign\w*|text|word\w*|letter\w*|language|inscription\w*|script|writing|menu|label\w*|advert\w*|"
    r"poster\w*|spelling|board|characters?)\b)"
)
"""A Greek temple is not written in Greek."""
_SPOKEN = r"\b({names})\b" + _WRITTEN.replace("{0,60}", "{{0,60}}")
_SPOKEN_AFTER = r"\b(?:in|reads?|written in|says in)\s+({names})\b"


def stated(text: str) -> Iterator[Fact]:
    """The facts in a clue's text, without what it denies."""
    text = _NO.sub(" ", text)
    for pattern in _SIDE:
        yield from (("side", found[1].lower()) for found in pattern.finditer(text))
    for found in _LINE.finditer(text):
        yield "edge line" if found[2].lower().startswith(("edge", "road")) else "centre line", found[1].lower()
    for found in (*_WEB.finditer(text), *_DOMAIN.finditer(text)):
        if (domain := (found[1] or found[found.lastindex or 1] or "").lower()) in domains():
            yield "domain", f".{domain}"
    for found in _CALLING.finditer(text):
        digits = found[1].lstrip("0")
        if code := next((digits[:n] for n in (3, 2, 1) if digits[:n] in calling_codes()), None):
            yield "calling code", f"+{code}"
    yield from (("plate letters", found[1]) for found in _PLATE.finditer(text) if found[1] in bands())
    languages, scripts = spoken()
    for pattern in languages:
        yield from (("language", found[1].title()) for found in pattern.finditer(text))
    yield from (("script", found[1].title()) for found in scripts.finditer(text))


@cache
def countries() -> Mapping[str, Known]:
    """What is known by country (ISO 3166-1 alpha-2). Raises EnvironmentFault where an installation lacks the tables."""
    language_rows = {row["language"]: row for row in _rows("languages")}
    found = {}
    for row in _rows("facts"):
        spoken_here = [language_rows[code] for code in row["languages"].split() if code in language_rows]
        scripts = {script for one in spoken_here for script in (one["script"], one["also"]) if script}
        found[row["country"]] = Known(
            {
                "side": _values(row["side"]),
                "centre line": _values(row["centre"]),
                "edge line": _colours(row["edge"]),
                "domain": _values(row["domain"]),
                "calling code": _values(row["phone"]),
                "plate letters": _values(row["band"]),
                "language": frozenset(one["name"] for one in spoken_here),
                "script": frozenset(scripts),
            }
        )
    return found


_SCRIPT_NAMES: Final = [
    "Cyrillic",
    "Greek",
    "Hebrew",
    "Thai",
    "Devanagari",
    "Bengali",
    "Tamil",
    "Sinhala",
    "Khmer",
    "Lao",
    "Burmese",
    "Georgian",
    "Armenian",
    "Hangul",
    "Ethiopic",
    "Tibetan",
    "Thaana",
]
"""Scripts with a name of their own; Latin is everywhere, Arabic, Chinese and Japanese are languages, too."""


@cache
def domains() -> frozenset[str]:
    return frozenset(row["domain"].lstrip(".") for row in _rows("facts") if row["domain"])


@cache
def calling_codes() -> frozenset[str]:
    return frozenset(row["phone"].lstrip("+") for row in _rows("facts") if row["phone"])


@cache
def bands() -> frozenset[str]:
    return frozenset(row["band"] for row in _rows("facts") if row["band"])


@cache
def spoken() -> tuple[tuple[re.Pattern[str], ...], re.Pattern[str]]:
    """Patterns for languages that a text says something is written in, and for scripts."""
    names = "|".join(sorted((re.escape(row["name"]) for row in _rows("languages")), key=len, reverse=True))
    patterns = tuple(re.compile(pattern.format(names=names)) for pattern in (_SPOKEN, _SPOKEN_AFTER))
    return patterns, re.compile(rf"\b({'|'.join(_SCRIPT_NAMES)})\b{_WRITTEN}")


def _values(cell: str) -> frozenset[str]:
    return frozenset(part.strip() for part in cell.split(";") if part.strip())


def _colours(cell: str) -> frozenset[str]:
    """`short yellow dashes` is yellow."""
    return frozenset(colour for colour in ("yellow", "white") if colour in cell)


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    path = TABLES / f"{name}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(csv.DictReader(file))
    except OSError as missing:
        raise EnvironmentFault(
            f"witness {NAME}: {path}: {missing.strerror}; install geo-reasoning-factory again, it carries it"
        ) from None
