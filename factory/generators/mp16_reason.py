"""MP16-Reason (GLOBE, NeurIPS 2025): localizability, visual clues, a reasoned path, and the place it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final, Literal

from factory.generators.asked import closed, prompt, released_checks
from factory.generators.parse import parse_answer
from factory.plugins.contracts import Ask, Generator, ParseFailure, Said
from factory.plugins.registry import register
from schemas import Case, GeoAnswer, LocatedAnswer, Picture, Reply, Request, Seen, Turn
from schemas.rows import message
from schemas.rows.mp16_reason import ABOUT, ROW

AnswerPolicy = Literal["nearest", "first", "most_confident"]

SPEAKS: Final[Mapping[AnswerPolicy, str]] = {
    "nearest": "the one nearest to the truth",
    "first": "the first of the recipe",
    "most_confident": "the most confident",
}
"""Whose reasoning stands in a row, as the dataset card says it."""

KINDS: Final = (
    "signage",
    "language",
    "landmark",
    "architecture",
    "road",
    "vehicle",
    "plate",
    "infrastructure",
    "vegetation",
    "terrain",
    "climate",
    "sky",
    "people",
    "culture",
    "other",
)

LEARNT_SYSTEM: Final = "You find out where photos were taken from what they show."
LEARNT_QUESTION: Final = (
    "Where was this photo taken, and how can one tell? Think through the visible evidence first, then name the country "
    "and the city."
)
"""The words of `messages`: what a student is asked, not the prompt that taught."""


@register("generator", "mp16_reason")
def mp16_reason(*, max_clues: int = 8, max_words: int = 150, answer: AnswerPolicy = "nearest") -> Generator:
    """Localizability, clues, reasoning and place of one photo, asked without a word about the sample.

    Args:
        max_clues: most clues asked for.
        max_words: most words of reasoning asked for.
        answer: which accepted teacher's reasoning becomes the row's `response`, see `speaking_answer`.
    """
    request, version = render(max_clues, max_words)

    async def ask_place(_seen: Seen, ask: Ask) -> Said:
        return Said(place=await ask(request, read=read_place))

    return Generator(
        name="mp16_reason",
        version=f"{version}-{request.sha256[:8]}",
        row=replace(ROW, about=about(answer)),
        states_place=True,
        answer=ask_place,
        record=partial(record, policy=answer),
        speaks=partial(speaks, policy=answer),
    )


def about(policy: AnswerPolicy) -> str:
    """The card's paragraph about the rows, with whose reasoning they hold."""
    return f"{ABOUT} It is, of those that named the right country, {SPEAKS[policy]}; ties go by the recipe's order."


def read_place(reply: Reply) -> GeoAnswer | ParseFailure:
    """The place in a reply."""
    return parse_answer(reply.text, reply.finish_reason)


@cache
def render(max_clues: int, max_words: int) -> tuple[Request, str]:
    """The question of the packaged template, and its version. Every sample gets the same words: the photo is the only
    variable. Words come before the picture: servers cache the prefix that all requests share."""
    module: Any = prompt("mp16_reason").make_module({"kinds": KINDS, "max_clues": max_clues, "max_words": max_words})
    system, user = str(module.system()).strip(), str(module.user()).strip()
    turns = (Turn("system", (system,)), Turn("user", (user, Picture())))
    return Request("answer", turns, response_schema()), str(module.version)


def response_schema() -> dict[str, Any]:
    """JSON Schema in the strict subset every structured-output server takes: all keys required, nulls by type.

    No string has `maxLength`: vLLM's default grammar backend then emits raw control characters. The order of the
    properties is the order in which a constrained model writes them.
    """
    text, text_or_null = {"type": "string"}, {"type": ["string", "null"]}
    clue = closed({"kind": {"type": "string", "enum": list(KINDS)}, "text": text, "supports": text})
    return closed(
        {
            "scene": {"type": "string", "enum": ["indoor", "natural", "urban"]},
            "clues": {"type": "array", "items": clue},
            "reasoning": text,
            "localizable": {"type": "boolean"},
            "confidence": {"type": "number"},
            "country": text_or_null,
            "region": text_or_null,
            "city": text_or_null,
            "latitude": {"type": ["number", "null"]},
            "longitude": {"type": ["number", "null"]},
        }
    )


def is_releasable(reasoning: str | None, country_correct: bool | None) -> bool:
    """Whether an answer's reasoning may become a row's response: it is there, and leads to the right country.

    A country that cannot be compared (`None`: the truth's or the answer's is unknown, as at sea) is not wrong; such
    rows are decided by the recipe's checks alone.
    """
    return bool((reasoning or "").strip()) and country_correct is not False


def speaking_answer(answers: Sequence[LocatedAnswer], policy: AnswerPolicy = "nearest") -> LocatedAnswer | None:
    """The answer that becomes a row's `response`, None when none can be.

    Among those that can, answers that call the photo localizable and name the right country go before all others,
    whatever the policy: a row may be accepted with one teacher wrong.

    Args:
        answers: in the recipe's order of teachers, which also breaks ties.
        policy: `nearest` to the truth (by coordinates, else by the place named), `first`, or `most_confident`.
    """
    spoken = [
        found
        for found in answers
        if found.answered.place is not None and is_releasable(found.answered.place.reasoning, found.country_correct)
    ]
    right = [found for found in spoken if _is_sure(_place(found)) and found.country_correct]
    candidates = right or spoken
    if not candidates:
        return None
    if policy == "first":
        return candidates[0]
    if policy == "most_confident":
        return max(candidates, key=lambda found: _known(_place(found).confidence, -1.0))
    return min(candidates, key=lambda found: _known(located(found)[2], float("inf")))


def _is_sure(said: GeoAnswer) -> bool:
    return said.localizable and "localizable" not in said.unreadable


def located(found: LocatedAnswer) -> tuple[float | None, float | None, float | None]:
    """Coordinates (degrees) and distance to the truth (km) of an answer: those it gave, else of the place it named."""
    place = _place(found)
    if place.lat is not None:
        return place.lat, place.lon, found.distance_km
    return found.named_lat, found.named_lon, found.named_distance_km


def speaks(case: Case, policy: AnswerPolicy = "nearest") -> LocatedAnswer | None:
    """The answer of which a sample's row is made; None when none in the right country says why."""
    return speaking_answer(case.measured, policy)


def record(case: Case, policy: AnswerPolicy = "nearest") -> Sequence[dict[str, Any]]:
    """The row of an accepted sample; none where nothing speaks for it."""
    from factory.geo import country_name

    speaking = speaks(case, policy)
    if speaking is None:
        return ()
    sample, photo, said = case.sample, case.photos[0], _place(speaking)
    country = country_name(sample.country_code)
    clues = [{"kind": clue.kind, "text": clue.text, "supports": clue.supports} for clue in said.clues]
    answered = [found.answered for found in case.voices if found.answered.failure is None]
    named = ("country_code", "region", "city", "lat", "lon", "uncertainty_km", "scene")
    stated = ("licence", "author", "source_url", "captured_at")
    label = None if case.verdict is None else case.verdict.label
    row = {
        "id": sample.id,
        "response": said.reasoning.strip(),
        "__#solution": f"<country>{_untagged(country)}</country><city>{_untagged(sample.city)}</city>",
        "entities": [{"text": text} for text in dict.fromkeys(clue.text for clue in said.clues if clue.text)],
        "country": country,
        **{name: getattr(sample, name) for name in named},
        "placed_by": "source" if label is None else "teachers",
        "label_probability": None if label is None else label.probability,
        "clues": clues,
        "answer": _answer_values(speaking),
        "teachers": [found.teacher for found in answered],
        "checks": released_checks(case),
        **{name: getattr(sample, name) for name in stated},
        "image_sha256": photo.sha256,
        "image_phash": f"{photo.phash or 0:016x}",
        "width": photo.width,
        "height": photo.height,
        "requests": [key for found in answered for key in found.keys],
        "source_row": sample.source_row,
        "messages": _messages(said.reasoning.strip(), country, sample.city),
        "saw_truth": speaking.answered.saw_truth,
    }
    return (row,)


def _messages(reasoning: str, country: str | None, city: str | None) -> list[dict[str, Any]]:
    """The conversation as GLOBE trains it: the reasoning in `<think>`, country and city in `<answer>`."""
    known = [f"{name}: {_untagged(value)}" for name, value in (("country", country), ("city", city)) if value]
    learnt = f"<think>{_untagged(reasoning)}</think><answer>{chr(10).join(known)}</answer>"
    return [message("system", LEARNT_SYSTEM), message("user", None, LEARNT_QUESTION), message("assistant", learnt)]


def _answer_values(found: LocatedAnswer) -> dict[str, Any]:
    said = _place(found)
    lat, lon, km = located(found)
    by = "coordinates" if said.lat is not None else "place" if lat is not None else None
    return {
        "country": said.country,
        "region": said.region,
        "city": said.city,
        "lat": lat,
        "lon": lon,
        "located_by": by,
        "confidence": said.confidence,
        "teacher": found.answered.teacher,
        "model": found.answered.model,
        "distance_km": km,
    }


def _place(found: LocatedAnswer) -> GeoAnswer:
    assert found.answered.place is not None
    return found.answered.place


def _known(value: float | None, missing: float) -> float:
    return missing if value is None else value


def _untagged(text: str | None) -> str:
    """Text that cannot close or open a tag around it."""
    return (text or "").replace("<", "").replace(">", "")
