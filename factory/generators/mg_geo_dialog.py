"""MG-Geo Dialog (GaGA, section IV-C): a questioner and a player find a photo's place in four rounds.

One call asks for the whole dialog (CoT Deduction). The engine says whether its coordinates are near the truth; only
where they are not, the place is told in the same conversation, and the same questions are answered anew (CoT
Introspection). What follows the telling is marked, what precedes it is not (`Ask.is_within`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field

from factory.generators.asked import closed, prompt, released_checks
from factory.generators.fields import coordinate_pair, coordinates, words
from factory.generators.parse import read_fields
from factory.plugins.contracts import Ask, Generator, Needs, ParseFailure, Said
from factory.plugins.registry import register
from factory.text import tidy
from schemas import Case, GeoAnswer, LocatedAnswer, Picture, Reply, Request, Seen, Truth, Turn
from schemas.rows import message
from schemas.rows.mg_geo_dialog import ROW
from schemas.settings import Kilometres

WITHIN_KM: Final = 25.0
"""GaGA's Decision Criterion: beyond it the dialog is introspected; also its city level (DISTANCE_TIERS_KM)."""
MAX_TEXT: Final = 4_000
"""Characters of one question, reasoning or answer; a page is 3,000."""
ROUNDS: Final = 4
KEYS: Final = (
    *(f"{part}_{number}" for number in range(1, ROUNDS) for part in ("question", "reasoning", "answer")),
    *("question_4", "answer_4", "latitude", "longitude"),
)
"""What a reply has, in the order in which it is written."""
DECIMALS: Final = 6
"""Of a dialog's coordinates: 0.1 m. What a teacher writes beyond that is noise, and rows say what was measured."""


@dataclass(frozen=True, slots=True)
class Round:
    """One question and its answer; the last round has no reasoning."""

    question: str
    reasoning: str
    answer: str


@dataclass(frozen=True, slots=True)
class Dialog:
    """A whole dialog: ROUNDS rounds and the coordinates of the last, in WGS84 degrees."""

    rounds: tuple[Round, ...]
    lat: float
    lon: float

    @property
    def questions(self) -> tuple[str, ...]:
        return tuple(one.question for one in self.rounds)

    @property
    def answers(self) -> tuple[str, ...]:
        """Everything the player says, reasoning included."""
        return tuple(text for one in self.rounds for text in (one.reasoning, one.answer) if text)

    @property
    def coordinates(self) -> str:
        """The JSON with which the last answer ends."""
        return json.dumps({"latitude": self.lat, "longitude": self.lon})


class Told(NamedTuple):
    """The dialog of a sample that would be released."""

    found: LocatedAnswer
    first: Dialog
    """As it was deduced."""
    last: Dialog
    """After introspection, else the same."""

    def km(self, case: Case, *, before: bool = False) -> float:
        """Truth to the coordinates, kilometres on the sphere; nan where the truth is not known."""
        from factory.geo import haversine_km

        dialog = self.first if before else self.last
        return haversine_km(case.sample.lat, case.sample.lon, dialog.lat, dialog.lon)


@register("generator", "mg_geo_dialog")
def mg_geo_dialog(
    *,
    within_km: Kilometres = WITHIN_KM,
    max_words: Annotated[int, Field(ge=20, le=400)] = 90,
    source_dataset: str = "Google Landmarks v2",
) -> Generator:
    """Three rounds of reasoning and one for the coordinates, introspected where these are too far off.

    Args:
        within_km: beyond it the place is told and the answers are written anew; 25 in the paper.
        max_words: most words of one reasoning; ours, the paper states none.
        source_dataset: what rows call the data set of their photos.
    """
    template: Any = prompt("mg_geo_dialog").module
    asked = str(template.deduction(max_words)).strip()
    deduction = Request("deduction", (Turn("user", (asked, Picture())),), response_schema())

    async def answer(_seen: Seen, ask: Ask) -> Said:
        first = await ask(deduction, read=read_dialog)
        if ask.is_within(within_km, lat=first.lat, lon=first.lon) is not False:
            return said(first, None)
        said_first, told = Turn("assistant", (_as_reply(first),)), Turn("user", (_introspection(ask.truth("place")),))
        again = Request("introspection", (*deduction.turns, said_first, told), deduction.schema)
        return said(first, await ask(again, read=partial(read_dialog, questions=first.questions)))

    return Generator(
        name="mg_geo_dialog",
        version=f"{template.version}-{_words_digest(deduction)}",
        row=ROW,
        needs=Needs(calls=(1, 2)),
        answer=answer,
        record=partial(record, within_km=within_km, source_dataset=source_dataset),
        speaks=speaks,
    )


def _words_digest(deduction: Request) -> str:
    """Of the words of both questions."""
    nowhere = Truth(country=None, country_code=None, lat=0.0, lon=0.0)
    return deduction.then(Turn("user", (_introspection(nowhere),))).sha256[:8]


def response_schema() -> dict[str, Any]:
    """JSON Schema of a reply: every key required, in the order in which a constrained model writes them."""
    numbers = {"latitude", "longitude"}
    return closed({key: {"type": "number" if key in numbers else "string"} for key in KEYS})


def _introspection(truth: Truth) -> str:
    place = ", ".join(name for name in (truth.city, truth.region, truth.country) if name)
    template: Any = prompt("mg_geo_dialog").module
    return str(template.introspection(f"{truth.lat:.5f}", f"{truth.lon:.5f}", place)).strip()


def _as_reply(dialog: Dialog) -> str:
    """A dialog as the teacher would have written it; of a reply nothing else goes back into the conversation."""
    texts = {
        f"{part}_{number}": getattr(one, part)
        for number, one in enumerate(dialog.rounds, 1)
        for part in ("question", "reasoning", "answer")
    }
    values = {**texts, "latitude": dialog.lat, "longitude": dialog.lon}
    return json.dumps({key: values[key] for key in KEYS}, ensure_ascii=False)


def read_dialog(reply: Reply, questions: tuple[str, ...] | None = None) -> Dialog | ParseFailure:
    """The dialog in a reply. With `questions`, it must ask these again, but for capitals, marks and blanks."""
    found = read_fields(reply.text, reply.finish_reason)
    if isinstance(found, ParseFailure):
        return found
    texts = {key: tidy(words(found.fields.get(key)), MAX_TEXT, lines=True) for key in KEYS[:-2]}
    if missing := [key for key, text in texts.items() if not text]:
        return ParseFailure("bad_schema", f"nothing in {', '.join(missing)}")
    lat, lon = (found.fields.get(key) for key in KEYS[-2:])
    pair = (lat, lon) if lat is not None or lon is not None else coordinate_pair(found.fields.get("coordinates"))
    point = coordinates(*pair) if pair is not None else None
    if point is None:
        return ParseFailure("bad_schema", "latitude and longitude are no decimal degrees")
    rounds = tuple(
        Round(texts[f"question_{number}"], texts.get(f"reasoning_{number}", ""), texts[f"answer_{number}"])
        for number in range(1, ROUNDS + 1)
    )
    dialog = Dialog(rounds, *(round(degrees, DECIMALS) for degrees in point))
    if questions is not None and (number := _changed(questions, dialog.questions)):
        return ParseFailure("bad_schema", f"question_{number} is another than before; the questions stay as they were")
    return dialog


def _changed(before: Sequence[str], after: Sequence[str]) -> int:
    """The number of the first question that is another one, from 1; 0 when none is."""

    def bare(text: str) -> str:
        return "".join(letter for letter in text.casefold() if letter.isalnum())

    pairs = enumerate(zip(before, after, strict=True), 1)
    return next((number for number, (one, other) in pairs if bare(one) != bare(other)), 0)


def said(first: Dialog, again: Dialog | None) -> Said:
    """What a sample's answer keeps: both dialogs, and the last one's place and words for the checks of all families."""
    last = again or first
    place = GeoAnswer(localizable=True, reasoning="\n".join(last.answers), lat=last.lat, lon=last.lon)
    return Said(place, {"deduction": asdict(first), "introspection": None if again is None else asdict(again)})


def dialog_of(value: Any) -> Dialog | None:
    """A dialog as `said` keeps it; None for anything else, since builds of others are read, too."""
    try:
        rounds = tuple(
            Round(*(str(one[part]) for part in ("question", "reasoning", "answer"))) for one in value["rounds"]
        )
        point = coordinates(value["lat"], value["lon"])
    except (KeyError, TypeError):
        return None
    whole = len(rounds) == ROUNDS and all(one.question and one.answer for one in rounds)
    return Dialog(rounds, *point) if whole and point is not None else None


def told_dialog(case: Case) -> Told | None:
    """The dialog that speaks for a sample: the first of the recipe's teachers that was not shown the place, since the
    engine found it near; else, of those that were, the one that ends nearest. None where no teacher gave one."""
    every = [told for found in case.heard if (told := _told(found)) is not None]
    own = (told for told in every if told.found.answered.saw_truth == "none")
    return next(own, None) or min(every, key=lambda told: told.km(case), default=None)


def speaks(case: Case) -> LocatedAnswer | None:
    """The answer with that dialog."""
    told = told_dialog(case)
    return None if told is None else told.found


def _told(found: LocatedAnswer) -> Told | None:
    values = found.answered.values
    first, again = dialog_of(values.get("deduction")), values.get("introspection")
    last = first if again is None else dialog_of(again)
    return None if found.answered.failure or first is None or last is None else Told(found, first, last)


def record(case: Case, within_km: float = WITHIN_KM, source_dataset: str = "") -> Sequence[Mapping[str, Any]]:
    """The row of an accepted sample; none where no dialog ends within `within_km` of the truth, whoever accepts it."""
    from factory.geo import country_name

    told = told_dialog(case)
    if told is None or not told.km(case) <= within_km:
        return ()
    sample, answered, last = case.sample, told.found.answered, told.last
    place = ("country_code", "region", "city", "lat", "lon", "uncertainty_km")
    same = ("id", *place, "licence", "author", "source_url", "source_row")
    *geo, loc = last.rounds
    row = {
        **{name: getattr(sample, name) for name in same},
        "question_id": f"{ROW.family}/{sample.id}",
        "source_dataset": source_dataset,
        "image_path": sample.images[0].locator,
        "geo_questions": [asdict(one) for one in geo],
        "loc_question": {"question": loc.question, "answer": loc.answer, "lat": last.lat, "lon": last.lon},
        "distance_before_km": round(told.km(case, before=True), 3),
        "distance_after_km": round(told.km(case), 3),
        "country": country_name(sample.country_code),
        "landmark_id": sample.texts.get("landmark_id"),
        "landmark": sample.texts.get("landmark"),
        "teacher": answered.teacher,
        "model": answered.model,
        "checks": released_checks(case),
        "image_sha256": case.photos[0].sha256,
        "requests": list(answered.keys),
        "messages": messages(last),
        "saw_truth": answered.saw_truth,
    }
    return (row,)


def messages(dialog: Dialog) -> list[dict[str, Any]]:
    """The dialog as it is learnt: the photo with the first question, the coordinates as JSON in the last answer."""
    turns: list[dict[str, Any]] = []
    for number, one in enumerate(dialog.rounds):
        turns.append(message("user", one.question) if number else message("user", None, one.question))
        end = one.answer if one.reasoning else f"{one.answer}\n\n{dialog.coordinates}"
        turns.append(message("assistant", f"{one.reasoning}\n\n{end}".strip()))
    return turns
