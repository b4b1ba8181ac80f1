"""What a licence allows, by its name or address: as sources, catalogues and people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

Reuse = Literal["cc0", "cc-by", "cc-by-sa", "nc", "nd", "other", "unknown"]
"""Classes of licences, by what they ask of whoever passes a photo on: nothing (CC0, public domain), attribution, that
and the same licence, no commerce, no changed copies. `other` has terms of its own, `unknown` states none."""

_RULES: Final[tuple[tuple[Reuse, re.Pattern[str]], ...]] = (
    ("nd", re.compile(r"\bnd\b|\bno ?deriv|\bby ?(nc ?)?nd\b")),
    ("nc", re.compile(r"\bnc\b|\bnon ?commercial|\bby ?nc")),
    ("cc-by-sa", re.compile(r"\bby sa\b|\bbysa\b|\bshare ?alike")),
    ("cc-by", re.compile(r"\bcc ?by\b|\bcreativecommons .*\bby\b|^by \d|\bcreative commons attribution\b")),
    ("cc0", re.compile(r"\bcc ?0\b|\bcc zero\b|\bpublic ?domain\b|\bpdm?\b|\bno known copyright")),
)
"""In this order: the strictest that a name speaks of holds."""


def licence_class(licence: str | None) -> Reuse:
    """The class of a licence as a source states it: `CC BY-SA 4.0`, `cc-by-nc-nd-2.0`, the address of a deed, ..."""
    words = re.sub(r"[^a-z0-9.]+", " ", (licence or "").lower().replace(".org", " ")).strip()
    if not words:
        return "unknown"
    return next((name for name, pattern in _RULES if pattern.search(words)), "other")


STRICT: Final[tuple[Reuse, ...]] = ("cc0", "cc-by", "cc-by-sa", "nc", "nd", "other", "unknown")
"""From what asks least to what allows least: nobody knows what a licence without a name allows."""


def strictest(licences: Iterable[str | None]) -> Reuse:
    """The class that holds for whoever uses rows under all of these together; `unknown` for none at all."""
    return max(map(licence_class, licences), key=STRICT.index, default="unknown")


def forbids_changes(licence: str | None) -> bool:
    """Whether a changed copy of the picture may not be passed on: a scaled or blurred one is such a copy."""
    return licence_class(licence) == "nd"


def lacks_attribution(licence: str | None, author: str | None, source_url: str | None) -> bool:
    """Whether a licence asks to say whose a photo is and neither an author nor a source is known."""
    asks = licence_class(licence) in ("cc-by", "cc-by-sa", "nc", "nd")
    return asks and not (author or "").strip() and not (source_url or "").strip()


def clashes(whole: str, row: str | None) -> Iterator[str]:
    """Why a row under one licence cannot stand in a data set that says of all its rows that another holds.

    Args:
        whole: the data set's.
        row: the row's own.
    """
    of_whole, of_row = licence_class(whole), licence_class(row)
    if of_row == "unknown":
        yield "states no licence"
    elif of_row == "cc-by-sa" and of_whole != "cc-by-sa":
        yield "must stay under its share-alike licence"
    elif of_row == "nc" and of_whole not in ("nc", "nd"):
        yield "allows no commercial use"
    elif of_row == "nd" and of_whole != "nd":
        yield "allows no changed copies"
    elif of_row == "other" and _words(whole) != _words(row or ""):
        yield "has terms of its own"
    elif of_row == "cc-by" and of_whole == "cc0":
        yield "asks for attribution"


def _words(licence: str) -> list[str]:
    return re.findall(r"[a-z0-9.]+", licence.lower())
