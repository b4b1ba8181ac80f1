"""NAVICLUES (NAVIG, Zhang et al. 2025): what a player said in a round of a play-through, rewritten as clues.

One call: the teacher is given the words of the round alone, neither picture nor place, and gives each sentence with the
words that it comes from. Whether these were said, and whether the sentence says no more, is for checks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Annotated, Any, Final

from pydantic import Field

from factory.generators.asked import closed, drawn, prompt, released_checks
from factory.generators.parse import MAX_CLUE_TEXT, read_fields
from factory.generators.spoken import places_of, words_said
from factory.plugins.contracts import Ask, Generator, Needs, ParseFailure, Said
from factory.plugins.registry import register
from factory.text import tidy
from schemas import Case, LocatedAnswer, Reply, Request, Seen, Turn
from schemas.rows import message
from schemas.rows.naviclues import ROW, UNKNOWN, WITHHELD

MAX_SENTENCES: Final = 40
"""Of one answer; a released text of NaviClues has about eight."""
MAX_QUOTES: Final = 16
"""Of one sentence."""
QUESTIONS: Final = (
    "Where was this picture taken? Reason from what you see.",
    "Look at this street view and explain which clues lead to its place.",
    "What in this scene tells where it is? Work it out step by step.",
    "Analyse this image for clues about its location.",
    "Which details of this view narrow down where it was taken, and to where?",
    "Describe the evidence in this picture and say where it points to.",
)
"""Of rows with a picture; which one a row gets is decided by a hash of its id. Ours: NAVIG's are not in its data."""
CONTINENTS: Final = {
    **{"AF": "Africa", "AS": "Asia", "EU": "Europe"},
    **{"NA": "North America", "OC": "Oceania", "SA": "South America"},
}
"""As NaviClues names them; the gazetteer's agree with those of all 1,116 released rows that have one."""
_NO_TAGS: Final = str.maketrans("<>", "‹›")
"""What is said cannot close the mark around it."""
REWRITE: Final = "A player says this about a street view. Rewrite it as written clues and add nothing:\n\n"
"""Begins the question of rows without a picture."""


@register("generator", "naviclues")
def naviclues(
    *, max_sentences: Annotated[int, Field(ge=1, le=MAX_SENTENCES)] = 10, addresses: bool = False
) -> Generator:
    """Rounds of play-throughs as clues, each sentence with the player's words behind it.

    Args:
        max_sentences: most sentences asked for; ours.
        addresses: release `youtube_url`, `challenge_url` and `source_url`; NaviClues withholds them.
    """
    template: Any = prompt("naviclues").module

    async def answer(seen: Seen, ask: Ask) -> Said:
        said = seen.texts["transcript"].translate(_NO_TAGS)
        asked = str(template.user(said, max_sentences)).strip()
        turns = Turn("system", (str(template.system()).strip(),)), Turn("user", (asked,))
        return Said(values=await ask(Request("rewrite", turns, response_schema()), read=read_clues))

    return Generator(
        name="naviclues",
        version=str(template.version),
        row=ROW,
        needs=Needs(images=(), optional_images=("photo",), texts=("transcript",), calls=(1, 1)),
        answer=answer,
        record=partial(record, addresses=addresses),
        speaks=speaks,
    )


def response_schema() -> dict[str, Any]:
    """JSON Schema of a reply: quotes come before the sentence that is made of them."""
    text = {"type": "string"}
    sentence = closed({"quotes": {"type": "array", "items": text}, "text": text})
    return closed({"sentences": {"type": "array", "items": sentence}, "country": {"type": ["string", "null"]}})


def read_clues(reply: Reply) -> Mapping[str, Any] | ParseFailure:
    """Sentences with their quotes, and the country, as the teacher wrote them; none of a player who gave no reason."""
    found = read_fields(reply.text, reply.finish_reason)
    if isinstance(found, ParseFailure):
        return found
    listed, country = found.fields.get("sentences"), found.fields.get("country")
    if not isinstance(listed, list):
        return ParseFailure("bad_schema", "`sentences` is no list")
    if len(listed) > MAX_SENTENCES:
        return ParseFailure("bad_schema", f"more than {MAX_SENTENCES} sentences")
    sentences = []
    for number, one in enumerate(listed, 1):
        text, quotes = (one.get("text"), one.get("quotes")) if isinstance(one, dict) else (None, None)
        if not isinstance(text, str) or not tidy(text, MAX_CLUE_TEXT):
            return ParseFailure("bad_schema", f"sentence {number} has no `text`")
        if not isinstance(quotes, list) or not all(isinstance(quote, str) for quote in quotes):
            return ParseFailure("bad_schema", f"sentence {number} has no list of texts `quotes`")
        if len(text) > MAX_CLUE_TEXT or len(quotes) > MAX_QUOTES:
            return ParseFailure("bad_schema", f"sentence {number} is longer than {MAX_CLUE_TEXT} characters or quotes")
        kept = [tidy(quote, MAX_CLUE_TEXT) for quote in quotes]
        sentences.append({"text": tidy(text, MAX_CLUE_TEXT), "quotes": [quote for quote in kept if quote]})
    return {"sentences": sentences, "country": (tidy(country, 100) or None) if isinstance(country, str) else None}


def sentences_of(found: LocatedAnswer) -> Sequence[Mapping[str, Any]] | None:
    """The sentences of an answer; None where there is no answer."""
    if found.answered.failure is not None:
        return None
    sentences: Sequence[Mapping[str, Any]] = found.answered.values.get("sentences", ())
    return sentences


def text_of(sentences: Sequence[Mapping[str, Any]]) -> str:
    """The clues as one text."""
    return " ".join(one["text"] for one in sentences)


def said_lines(case: Case) -> list[str]:
    """What was said in the round, a line a segment."""
    return case.sample.texts.get("transcript", "").splitlines()


def speaks(case: Case) -> LocatedAnswer | None:
    """The answer of which a round's row is made: the first whose every quote was said."""
    chosen = _chosen(case)
    return None if chosen is None else chosen[0]


def _chosen(case: Case) -> tuple[LocatedAnswer, list[dict[str, Any]]] | None:
    """That answer with its sentences, timed."""
    return next(((found, timed) for found in case.heard if (timed := _timed(found, case)) is not None), None)


def record(case: Case, addresses: bool = False) -> Sequence[Mapping[str, Any]]:
    """The row of a round, by the first teacher whose every quote was said; none without one, whoever accepts it."""
    from factory.geo import country_name

    chosen = _chosen(case)
    if chosen is None:
        return ()
    (found, sentences), sample = chosen, case.sample
    texts, shown, country = sample.texts, bool(sample.images), country_name(sample.country_code)
    points, in_game = _whole(texts.get("points"), 5_000), _whole(texts.get("round"), 1_000)
    place = {
        "lat": sample.lat,
        "lng": sample.lon,
        "continent": texts.get("continent") or _continent(sample.country_code),
    }
    clues = text_of(sentences)
    urls = {name: (texts.get(name) if addresses else None) or WITHHELD for name in ("youtube_url", "challenge_url")}
    named = ("country_code", "region", "city", "lat", "lon", "uncertainty_km", "licence", "author", "source_row")
    row = {
        **{name: getattr(sample, name) for name in ("id", *named)},
        "task": "reasoning" if shown else "rewriting",
        **urls,
        "points": points,
        "points_written": "int",
        "distance": told_number(texts.get("distance_km")),
        "image_path": sample.images[0].locator if shown else None,
        "location": {"round": in_game, **place, "country": country or UNKNOWN},
        "clues": clues,
        "sentences": sentences,
        "country_said": found.answered.values.get("country"),
        "guess_lat": told_number(texts.get("guess_lat")),
        "guess_lon": told_number(texts.get("guess_lon")),
        "country": country,
        "teacher": found.answered.teacher,
        "model": found.answered.model,
        "checks": released_checks(case),
        "source_url": sample.source_url if addresses else None,
        "image_sha256": case.photos[0].sha256 if shown else None,
        "requests": list(found.answered.keys),
        "messages": messages(sample.id, clues, None if shown else texts["transcript"]),
        "saw_truth": found.answered.saw_truth,
    }
    return (row,)


def messages(sample_id: str, clues: str, said: str | None) -> list[dict[str, Any]]:
    """The conversation of a row: a picture and where it is, or what was said and how it is written."""
    question = message("user", None, drawn(QUESTIONS, sample_id)) if said is None else message("user", REWRITE + said)
    return [question, message("assistant", clues)]


def _timed(found: LocatedAnswer, case: Case) -> list[dict[str, Any]] | None:
    """An answer's sentences with the seconds in which their words were said, where the source has them; None where
    there is no sentence, or a quote of one was never said."""
    sentences, lines = sentences_of(found), said_lines(case)
    if not sentences:
        return None
    said, times = words_said(lines), case.sample.texts.get("said_s", "").splitlines()
    timed = []
    for one in sentences:
        every = [places_of(quote, said) for quote in one["quotes"]]
        if not every or not all(every):
            return None
        at = sorted({said[place].line for places in every for place in places[0]})
        known = [tuple(map(float, times[line].split())) for line in at] if len(times) == len(lines) else []
        start, end = (known[0][0], max(two for _, two in known)) if known else (None, None)
        timed.append({"text": one["text"], "quotes": list(one["quotes"]), "start_s": start, "end_s": end})
    return timed


@cache
def _continent(code: str | None) -> str:
    from factory.geo.gazetteer import countries

    found = countries().filter(code=code)["continent"].to_list() if code else []
    return CONTINENTS.get(found[0], UNKNOWN) if found else UNKNOWN


def told_number(written: str | None) -> float | None:
    """A number of the table, None for what is none."""
    try:
        number = float(written or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(written: str | None, most: int) -> int | None:
    number = told_number(written)
    return int(number) if number is not None and 0 <= number <= most and number == int(number) else None
