"""A teacher's reply as a typed answer, or a typed failure. Never raises: a reply is hostile text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from factory.generators.extract import ANSWER_KEYS, Extracted, extract, is_template, split_thought
from factory.generators.fields import coordinate_pair, coordinates, name, words
from factory.generators.statements import confidence, is_absent, is_unknown, yes_no
from factory.plugins.contracts import ParseFailure
from factory.text import tidy
from schemas import Clue, GeoAnswer
from schemas.answer import MAX_CLUES
from schemas.request import ended_early

MAX_REASONING = 20_000
"""Characters; a whole page is 3,000."""
MAX_CLUE_TEXT = 1_000
"""Characters of one clue: a line, not a book."""

_REFUSAL = re.compile(
    r"\b(i'?m sorry|i am sorry|i apologi[sz]e|sorry, (but )?i|as an ai\b|"
    r"i (can'?t|can ?not|won'?t|am unable to|am not able to) (help|assist|comply|provide|identify|determine|fulfil)|"
    r"i'm (not able|unable) to (help|assist|comply|provide|identify|determine|fulfil)|"
    r"lo siento|no puedo (ayudar|proporcionar|identificar|determinar)|désolée?\b|je ne peux pas|"
    r"es tut mir leid|leider kann ich|ich kann (dabei|ihnen|das|diese) |desculpe|não posso|mi dispiace|non posso|"
    r"извините|к сожалению|не могу)|"
    r"抱歉|对不起|對不起|无法(提供|协助|确定|回答|识别)|申し訳|お手伝いできません|죄송|도와드릴 수 없|عذر|मुझे खेद",
    re.IGNORECASE,
)


def parse_answer(text: str, finish_reason: str | None) -> GeoAnswer | ParseFailure:
    """The answer in a reply.

    Args:
        text: What the teacher wrote; reasoning of a separate channel stands before it inside <think>.
        finish_reason: As the endpoint gave it. What was cut is a failure even when it parses: fields may be missing.

    Returns:
        A GeoAnswer, or a ParseFailure of kind truncated, refused, empty, not_json or bad_schema.
    """
    found = read_fields(text, finish_reason)
    if isinstance(found, ParseFailure):
        return found
    known = found.fields.keys() & ANSWER_KEYS
    answer = to_answer(found.fields, found.reasoning)
    says_something = answer.country or answer.city or yes_no(_first(found.fields, *_LOCALIZABLE)) is not None
    if says_something or "country" in known:
        return answer
    listed = ", ".join(sorted(tidy(key, 40) for key in list(found.fields)[:12])) or "none"
    return ParseFailure("bad_schema", f"neither `localizable` nor a place is given; keys found: {listed}")


def read_fields(text: str, finish_reason: str | None) -> Extracted | ParseFailure:
    """The fields of the object in a reply, whatever they say; a ParseFailure where there is none, where it was cut or
    refused, or where it is the question's own example."""
    ending = ended_early(finish_reason)
    if ending == "cut":
        return ParseFailure("truncated", f"cut by max_tokens after {len(text)} characters")
    if ending == "withheld":
        return ParseFailure("refused", tidy(text, 200) or f"finish_reason is {finish_reason}")
    if not text.strip():
        return ParseFailure("empty", f"finish_reason is {finish_reason}")
    found = extract(text)
    if found is None:
        _, said = split_thought(text)
        if not said:
            return ParseFailure("empty", f"it only thought, {len(text)} characters; finish_reason is {finish_reason}")
        kind = "refused" if _REFUSAL.search(said[:600].replace("\u2019", "'")) else "not_json"
        return ParseFailure(kind, tidy(said, 200))
    if is_template(found.fields):
        return ParseFailure("bad_schema", "the example of the question, not filled in")
    return found


_SAME_DEGREES = 0.1
"""Coordinates that are given twice may be rounded once."""
_LOCALIZABLE = ("localizable", "is_localizable", "localizability", "localisable")


def to_answer(fields: Mapping[str, Any], around: str = "") -> GeoAnswer:
    """Fields as the teacher wrote them, as a GeoAnswer. `around` is used when the fields hold no reasoning.

    What was stated and cannot be read is named in `unreadable`; its value is that of a statement that was not made.
    """
    stated = {
        "localizable": _first(fields, *_LOCALIZABLE),
        "confidence": _first(fields, "confidence", "confidence_score", "certainty"),
        "country": _first(fields, "country", "country_name", "nation"),
        "region": _first(fields, "region", "region_name", "state", "province", "admin1", "state_or_province"),
        "city": _first(fields, "city", "city_name", "town", "municipality", "locality"),
        "coordinates": _written_point(fields),
    }
    country, region, city = (name(stated[key]) for key in ("country", "region", "city"))
    localizable, sure = yes_no(stated["localizable"]), confidence(stated["confidence"])
    point = None if stated["coordinates"] is None else coordinates(*stated["coordinates"])
    read = (localizable, sure, country, region, city, point)  # in the order of `stated`
    reasoning = tidy(
        words(_first(fields, "reasoning", "explanation", "rationale", "analysis")), MAX_REASONING, lines=True
    )
    return GeoAnswer(
        localizable=bool(country or city) if localizable is None else localizable,
        confidence=sure,
        scene=name(_first(fields, "scene", "scene_type"), 60),
        clues=clues(_first(fields, "clues", "evidence", "visual_clues", "key_clues")),
        reasoning=reasoning or tidy(around, MAX_REASONING, lines=True),
        country=country,
        region=region,
        city=city,
        lat=point[0] if point else None,
        lon=point[1] if point else None,
        unreadable=tuple(
            key
            for (key, value), found in zip(stated.items(), read, strict=True)
            if found is None and not _says_nothing(key, value)
        ),
    )


def _written_point(fields: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """The two halves of the coordinates as they are written; None when the answer has none."""
    lat = _first(fields, "lat", "latitude")
    lon = _first(fields, "lon", "longitude", "lng", "long")
    if lat is None and lon is None:
        both = _first(fields, "coordinates", "coords", "gps")
        return None if _says_no_place(both) else coordinate_pair(both) or (both, None)
    if _says_no_place(lat) and _says_no_place(lon):
        return None
    other = coordinate_pair(_first(fields, "coordinates", "coords"))
    return (None, None) if other is not None and _contradict((lat, lon), other) else (lat, lon)


def _contradict(point: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Whether an answer that gives its coordinates twice gives two places; a pair may have the longitude first."""
    here, there, turned = coordinates(*point), coordinates(*other), coordinates(*reversed(other))
    if here is None or (there is None and turned is None):
        return False
    pairs = [one for one in (there, turned) if one is not None]
    return all(max(abs(here[0] - one[0]), abs(here[1] - one[1])) > _SAME_DEGREES for one in pairs)


def _says_nothing(key: str, value: Any) -> bool:
    """Whether a statement without a reading was not made at all. Not knowing is an answer to where, not to how sure."""
    return _says_no_place(value) if key in ("country", "region", "city") else is_absent(value)


def _says_no_place(value: Any) -> bool:
    if isinstance(value, list | tuple | dict):
        return all(map(_says_no_place, value.values() if isinstance(value, dict) else value))
    return is_absent(value) or (isinstance(value, str) and is_unknown(value))


def clues(value: Any) -> tuple[Clue, ...]:
    """Clues from objects, strings or a mapping of kind to text; those without text are left out."""
    if isinstance(value, str):
        value = [line.strip(" -*•\t") for line in value[:MAX_REASONING].splitlines()]
    elif isinstance(value, dict):
        value = [{"kind": kind, "text": text} for kind, text in list(value.items())[:MAX_CLUES]]
    if not isinstance(value, list | tuple):
        return ()
    found = (_clue(item) for item in value[: MAX_CLUES * 4])
    return tuple(clue for clue in found if clue is not None)[:MAX_CLUES]


def _clue(value: Any) -> Clue | None:
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, dict):
        return None
    lowered = {str(key).lower(): item for key, item in value.items()}
    text = tidy(words(_first(lowered, "text", "description", "clue", "observation", "evidence")), MAX_CLUE_TEXT)
    if not text:
        return None
    kind = tidy(words(_first(lowered, "kind", "type", "category")), 40).lower()
    supports = tidy(words(_first(lowered, "supports", "suggests", "indicates", "implication")), MAX_CLUE_TEXT)
    return Clue(kind=kind or "other", text=text, supports=supports)


def _first(fields: Mapping[str, Any], *keys: str) -> Any:
    """The first of several spellings that is present and not null."""
    for key in keys:
        value = fields.get(key)
        if value is not None:
            return value
    return None
