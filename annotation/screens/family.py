"""A family's screen: its configuration, and each sample's task for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from annotation import controls
from annotation.screens.config import MOST_CLUES, Layout, layout_of, screen_config
from annotation.screens.inset import Mark, place_html
from annotation.screens.shown import READERS, Shown, Speaks, by_place, shown_of
from annotation.screens.tags import TARGET
from annotation.screens.wording import Words, words_of
from annotation.tasks import Made
from factory.text import tidy
from schemas import Case, LocatedAnswer

NO_PHOTO: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAAAwCAAAAACEICPDAAAAJ0lEQVR42u3MQREAAAwCIPt3tIsh9ttBANKjCAQCgUAgEAgEgq/BAF9MXJckeAiNAAAAAElFTkSuQmCC"
)
"""A grey picture for a sample without one, in a build where others have some."""
MOST_CLUE: Final = 4_000
"""Characters of a clue that are shown; a page is 3,000."""
MOST_SAID: Final = 200_000
"""Characters of words that are shown beside."""
MOST_OTHERS: Final = 4
"""Other teachers' answers on the map."""
Point = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True)
class FamilyScreen:
    """The screen of a family, in a language."""

    family: str
    """The generator's name."""
    language: str = "en"
    photo: bool = True
    """Whether the build's samples have pictures."""
    several: bool = False
    """Whether some have more than one. The first is shown, and boxes are of that one alone."""
    show_truth: bool = True
    speaks: Speaks | None = None
    """Which answer is released; where it is none, or not known, the nearest to the truth is shown."""

    @property
    def layout(self) -> Layout:
        """What the screen has."""
        return layout_of(self.family)

    @cached_property
    def config(self) -> str:
        """Label Studio's configuration, the same for all tasks of a build."""
        return screen_config(self.layout, words_of(self.language), photo=self.photo, several=self.several)

    @property
    def shows(self) -> str:
        """What the recipe chooses of it."""
        return chosen(self.language, show_truth=self.show_truth)

    def task(self, case: Case, pictures: Mapping[str, str]) -> Made:
        """One sample's task: every text in it is plain, but the map, which is HTML of ours."""
        shown = READERS.get(self.family, by_place)(case, shown_of(case, self.speaks))
        clues = tuple(tidy(text, MOST_CLUE, lines=True) for text in shown.clues[:MOST_CLUES])
        clues = clues if self.layout.clues is not None else ()
        text, longer = _editable(shown.text if self.layout.text else None)
        words = words_of(self.language)
        data = {
            "map": place_html(list(_marks(case, shown, words, show_truth=self.show_truth)), words["answer"]),
            **{f"clue_{index}": [{"text": text} for text in clues[index : index + 1]] for index in range(MOST_CLUES)},
        }
        if self.photo:
            data["image"] = next(iter(pictures.values()), NO_PHOTO)
        if self.layout.text:
            data["longer"] = [{"text": longer}] if longer else []
        if self.layout.said:
            data["said"] = tidy(shown.said, MOST_SAID, lines=True)
        return Made(
            data=data,
            results=[] if text is None else [_prefilled(text)],
            keys=() if shown.found is None else shown.found.answered.keys,
            clues=clues,
            reasoning=text,
        )


def chosen(language: str, *, show_truth: bool) -> str:
    """What a recipe chooses of screens, in its own words."""
    return f"language {language}, show_truth {str(show_truth).lower()}"


def _editable(text: str | None) -> tuple[str | None, str]:
    """The text to edit, and the text to read alone: one that is too long for that, since what would come back is cut
    off."""
    if text is None:
        return None, ""
    plain = tidy(text, MOST_SAID, lines=True)
    return (plain, "") if len(plain) <= controls.MOST_REASONING else (None, plain)


def _prefilled(text: str) -> dict[str, Any]:
    value = {"text": [text]}
    return {"from_name": controls.REASONING, "to_name": TARGET, "type": "textarea", "value": value}


def _marks(case: Case, shown: Shown, words: Words, *, show_truth: bool) -> Iterator[Mark]:
    """The true place where it may be shown, the answer, then the other teachers' answers."""
    from factory.geo import country_name

    sample = case.sample
    truth = (sample.lat, sample.lon) if show_truth and sample.placed else None
    if truth is not None:
        name = ", ".join(filter(None, (sample.city, sample.region, country_name(sample.country_code))))
        known = (words["within"].format(km=_km(sample.uncertainty_km)),) if sample.uncertainty_km > 0 else ()
        yield Mark(kind="truth", title=words["truth"], name=name, details=known, lat=truth[0], lon=truth[1])
    if shown.found is None:
        return
    first = shown.found.point("city", "region", "country")
    yield _answer_mark(shown.found, "answer", truth, None, words)
    said = [found for found in case.voices if found.answered.failure is None]
    others = [found for found in said if found.answered is not shown.found.answered]
    for found in others[:MOST_OTHERS]:
        yield _answer_mark(found, "other_answer", truth, first, words)


def _answer_mark(found: LocatedAnswer, kind: str, truth: Point | None, first: Point | None, words: Words) -> Mark:
    from factory.geo import haversine_km

    point, place = found.point("city", "region", "country"), found.answered.place
    details = []
    if point is not None and truth is not None:
        details.append(words["from_truth"].format(km=_km(haversine_km(*truth, *point))))
    elif point is not None and first is not None:
        details.append(words["between"].format(km=_km(haversine_km(*first, *point))))
    if place is not None and not place.localizable:
        details.append(words["not_localizable_said"])
    name = "" if place is None else ", ".join(filter(None, (place.city, place.region, place.country)))
    title = words[kind]
    if not name and point is None:
        name = words["no_place"]
    lat, lon = point or (None, None)
    return Mark(kind=kind, title=title, name=name, details=tuple(details), lat=lat, lon=lon)


def _km(km: float) -> str:
    return f"{km:.1f} km" if km < 10 else f"{km:,.0f} km"
