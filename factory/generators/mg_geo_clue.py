"""MG-Geo Clue (GaGA, 2024): a photo and a country's clues; a teacher chooses those it shows and rephrases them.

The country is told to the teacher (`ask.truth`), which marks answer and row; the released question tells nothing. What
was chosen stays with its clue, source and licence in the answer's `values`: a flagged pair leads back to its clue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from factory.generators.asked import closed, drawn, prompt, released_checks
from factory.generators.clue_book import GeoClue, clue_book
from factory.generators.parse import MAX_CLUE_TEXT, MAX_REASONING, read_fields
from factory.plugins.contracts import Ask, Generator, Needs, ParseFailure, Said
from factory.plugins.registry import before_asking, register
from factory.text import tidy
from schemas import Case, LocatedAnswer, Picture, Reply, Request, Seen, Turn
from schemas.answer import MAX_CLUES
from schemas.rows import message
from schemas.rows.mg_geo_clue import ROW
from schemas.settings import InputFile

QUESTIONS: Final = (
    "Where was this photo taken? Study its geographic clues and answer in JSON with the place and the clues.",
    "Find the clues to the location in this picture, put them together and name the place. Reply in JSON.",
    "Which place is this? Look at the scene from several sides, then give location and clues as JSON.",
    "Locate this image. List in JSON the country, region and city, and the clues that led you there.",
    "What in this picture tells where it was taken? Answer in JSON: the place, then the clues.",
    "Work out the location of this street view step by step from its clues. Output JSON with place and clues.",
    "Could you tell me where this was taken, and how you know? I need place and clues in JSON format.",
    "Identify country, region and city of this photo and justify them with visible clues, all in one JSON object.",
    "Look closely at signs, roads, vehicles and buildings here. Where are we? Give place and clues in JSON.",
    "Name the place in this image and the evidence for it. Use JSON with the keys country, region, city and clues.",
)
"""Templates of the released question; which one a photo gets is decided by a hash of its id."""

Questions = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], Field(min_length=1)]
Bound = Annotated[int, Field(ge=1, le=1000)]
ChosenBound = Annotated[int, Field(ge=1, le=MAX_CLUES)]


def _look(settings: Any) -> None:
    clue_book(settings.clues)


@register("generator", "mg_geo_clue")
@before_asking(_look)
def mg_geo_clue(
    *,
    clues: InputFile,
    regions: bool = False,
    max_offered: Bound = 80,
    max_chosen: ChosenBound = 4,
    max_words: Bound = 40,
    questions: Questions | None = None,
) -> Generator:
    """The clues of its country that a photo shows, chosen and rephrased by a teacher that knows the country.

    Args:
        clues: the repository: CSV, JSON lines or YAML (docs/families/mg_geo_clue.md).
        regions: offer the clues of the photo's region, too; the teacher then knows the place (`saw_truth: place`).
        max_offered: most clues in a question; of more, a part is drawn by a hash of the photo.
        max_chosen: most clues that a teacher may choose.
        max_words: most words of the description that is asked for.
        questions: templates of the released question; null takes ours.
    """

    async def answer(seen: Seen, ask: Ask) -> Said:
        truth = ask.truth("place" if regions else "country")
        offered = _drawn(clue_book(clues).of(truth.country_code, truth.region), seen.id, max_offered)
        if not offered or truth.country is None:
            return Said(values={"description": "", "offered": [], "chosen": []})
        place = f"{truth.region}, {truth.country}" if regions and truth.region else truth.country
        said = await ask(_request(place, offered, max_chosen, max_words), read=read_choice)
        return _said(said, offered)

    def record(case: Case) -> Sequence[Mapping[str, Any]]:
        return rows(case, questions or QUESTIONS)

    module: Any = prompt("mg_geo_clue").module
    return Generator(
        name="mg_geo_clue",
        version=str(module.version),
        row=ROW,
        needs=Needs(calls=(0, 1)),
        answer=answer,
        record=record,
        speaks=speaks,
    )


def read_choice(reply: Reply) -> Mapping[str, Any] | ParseFailure:
    """Description and chosen clues (id, seen, text) of a reply; ids and words are as the teacher wrote them."""
    found = read_fields(reply.text, reply.finish_reason)
    if isinstance(found, ParseFailure):
        return found
    listed, description = found.fields.get("clues"), found.fields.get("description")
    if not isinstance(listed, list):
        return ParseFailure("bad_schema", "`clues` is no list")
    chosen = []
    for item in listed[:MAX_CLUES]:
        texts = {key: item.get(key) for key in ("id", "seen", "text")} if isinstance(item, dict) else {"": None}
        if not all(isinstance(text, str) for text in texts.values()):
            return ParseFailure("bad_schema", "a clue lacks one of the texts `id`, `seen`, `text`")
        chosen.append({key: tidy(str(text), MAX_CLUE_TEXT) for key, text in texts.items()})
    return {"description": tidy(description, MAX_REASONING) if isinstance(description, str) else "", "chosen": chosen}


def _said(choice: Mapping[str, Any], offered: Sequence[GeoClue]) -> Said:
    known = {clue.id: clue for clue in offered}
    chosen = []
    for item in choice["chosen"]:
        clue = known.get(item["id"])
        about = (clue.kind, clue.text, clue.source, clue.licence) if clue else (None,) * 4
        chosen.append({**item, **dict(zip(("kind", "clue", "source", "licence"), about, strict=True))})
    return Said(values={"description": choice["description"], "offered": list(known), "chosen": chosen})


def speaks(case: Case) -> LocatedAnswer | None:
    """The answer of which a sample's row is made: the first that chose only clues it was offered."""
    return next((found for found in case.heard if _usable(found)), None)


def rows(case: Case, questions: Sequence[str] = QUESTIONS) -> Sequence[Mapping[str, Any]]:
    """The row of a sample: the choice of the first teacher that chose only clues it was offered."""
    from factory.geo import country_name

    found = speaks(case)
    sample, country = case.sample, country_name(case.sample.country_code)
    if found is None or country is None:
        return ()
    values = found.answered.values
    place = {"country": country, "region": sample.region, "city": sample.city}
    told = {**place, "clues": [f"{_sentence(clue['seen'])} {_sentence(clue['text'])}" for clue in values["chosen"]]}
    named = (
        "id",
        "country_code",
        "lat",
        "lon",
        "uncertainty_km",
        "licence",
        "author",
        "source_url",
        "captured_at",
        "source_row",
    )
    question = drawn(questions, sample.id)
    row = {
        **{name: getattr(sample, name) for name in named},
        **place,
        "description": values["description"],
        "clues": [{name: clue[name] for name in _CLUE} for clue in values["chosen"]],
        "offered": values["offered"],
        "teacher": found.answered.teacher,
        "model": found.answered.model,
        "checks": released_checks(case),
        "image_sha256": case.photos[0].sha256,
        "requests": list(found.answered.keys),
        "messages": [
            message("user", None, question),
            message("assistant", json.dumps(told, ensure_ascii=False)),
        ],
        "saw_truth": found.answered.saw_truth,
    }
    return (row,)


_CLUE: Final = tuple(ROW.columns.field("clues").type.value_type.names)


def _usable(found: LocatedAnswer) -> bool:
    chosen = found.answered.values.get("chosen") if found.answered.failure is None else None
    return bool(chosen and all(clue["clue"] and clue["text"] for clue in chosen))


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?", "…", "”", '"')) else f"{text}."


def _drawn(clues: Sequence[GeoClue], sample: str, most: int) -> tuple[GeoClue, ...]:
    """At most so many clues, in the repository's order."""
    if len(clues) <= most:
        return tuple(clues)
    by_hash = sorted(clues, key=lambda clue: hashlib.sha256(f"{sample} {clue.id}".encode()).digest())
    kept = {clue.id for clue in by_hash[:most]}
    return tuple(clue for clue in clues if clue.id in kept)


def _request(place: str, clues: Sequence[GeoClue], max_chosen: int, max_words: int) -> Request:
    """Words come before the picture: servers cache the prefix that the photos of a country share."""
    module: Any = prompt("mg_geo_clue").module
    system, user = str(module.system()).strip(), str(module.user(place, clues, max_chosen, max_words)).strip()
    text = {"type": "string"}
    chosen = closed({"id": {"type": "string", "enum": [clue.id for clue in clues]}, "seen": text, "text": text})
    schema = closed({"description": text, "clues": {"type": "array", "items": chosen}})
    return Request("choose", (Turn("system", (system,)), Turn("user", (user, Picture()))), schema)
