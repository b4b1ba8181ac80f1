"""What a person is shown of a sample: of which answer, which texts, which places. One reader a family.

A reader is given the answer that speaks for the sample, which is the one that is released, and takes what in it is
judged one by one (clues, rounds, sentences), and the one text that is released. A family without a reader of its own is
shown by its place, like any other photo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from factory.store.decided import text_of
from schemas import Case, LocatedAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Plain texts of one sample; all of them foreign."""

    found: LocatedAnswer | None = None
    """The answer."""
    clues: tuple[str, ...] = ()
    """What is judged one by one."""
    text: str | None = None
    """The text that would be released; whether it may be edited says the family's layout."""
    said: str = ""
    """What the answer was made of, where that is words."""


Reader = Callable[[Case, LocatedAnswer | None], Shown]
"""From a case and the answer that speaks for it."""
Speaks = Callable[[Case], LocatedAnswer | None]
"""The answer that speaks for a sample: the one that is released."""


def by_place(_case: Case, found: LocatedAnswer | None) -> Shown:
    """Clues and reasoning of a place."""
    place = None if found is None else found.answered.place
    if place is None:
        return Shown(found=found)
    clues = (_joined(clue.text, clue.supports) for clue in place.clues)
    return Shown(found=found, clues=tuple(clues), text=place.reasoning.strip() or None)


def dialog(_case: Case, found: LocatedAnswer | None) -> Shown:
    """Rounds of questions and answers."""
    values: Mapping[str, Any] = {} if found is None else found.answered.values
    told = values.get("introspection") or values.get("deduction")
    rounds = told.get("rounds") if isinstance(told, Mapping) else None
    parts = ("question", "reasoning", "answer")
    texts = ("\n".join(filter(None, (str(one.get(part) or "") for part in parts))) for one in _listed(rounds))
    return Shown(found=found, clues=tuple(texts))


def chosen_clues(_case: Case, found: LocatedAnswer | None) -> Shown:
    """Clues that a teacher chose, and its description."""
    values: Mapping[str, Any] = {} if found is None else found.answered.values
    clues = (_joined(str(one.get("seen") or ""), str(one.get("text") or "")) for one in _listed(values.get("chosen")))
    described = "" if found is None else text_of(found.answered) or ""
    return Shown(found=found, clues=tuple(clues), text=described.strip() or None)


def description(_case: Case, found: LocatedAnswer | None) -> Shown:
    """What a teacher wrote of a place."""
    described = "" if found is None else text_of(found.answered) or ""
    return Shown(found=found, text=described.strip() or None)


def regions(_case: Case, found: LocatedAnswer | None) -> Shown:
    """Sentences about regions, and the description of the whole."""
    values: Mapping[str, Any] = {} if found is None else found.answered.values
    clues = (
        _joined(str(one.get("sentence") or ""), ", ".join(map(str, one.get("box") or ())))
        for one in _listed(values.get("regions"))
    )
    return Shown(found=found, clues=tuple(clues), said=str(values.get("description") or ""))


def sentences(case: Case, found: LocatedAnswer | None) -> Shown:
    """Sentences with the player's words behind each, and all that the player said."""
    values: Mapping[str, Any] = {} if found is None else found.answered.values
    clues = (
        _joined(str(one.get("text") or ""), " … ".join(map(str, one.get("quotes") or ())))
        for one in _listed(values.get("sentences"))
    )
    return Shown(found=found, clues=tuple(clues), said=case.sample.texts.get("transcript", ""))


READERS: Final[Mapping[str, Reader]] = {
    "mp16_reason": by_place,
    "mg_geo_dialog": dialog,
    "mg_geo_clue": chosen_clues,
    "cvg_text": description,
    "geotext": regions,
    "naviclues": sentences,
}


def nearest(case: Case) -> LocatedAnswer | None:
    """What a person is shown where nothing of a sample would be released, or a family does not say which answer would:
    the one that all were combined to, else the one nearest to the truth of those that say anything; ties go by the
    recipe's order."""
    if case.combined is not None and case.combined.answered.failure is None:
        return case.combined
    usable = [found for found in case.measured if found.answered.failure is None] or [
        found for found in case.voices if found.answered.failure is None
    ]
    return min(usable, key=_off, default=None)


def _off(found: LocatedAnswer) -> float:
    """Kilometres from the truth, by the coordinates, else by the place named."""
    known = (km for km in (found.distance_km, found.named_distance_km) if km is not None)
    return next(known, inf)


def _listed(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) else []


def _joined(*texts: str) -> str:
    return " → ".join(text.strip() for text in texts if text.strip())


def shown_of(case: Case, speaks: Speaks | None) -> LocatedAnswer | None:
    """The answer that stands on the screen: the one that is released, else the `nearest`."""
    found = None if speaks is None else speaks(case)
    return nearest(case) if found is None else found
