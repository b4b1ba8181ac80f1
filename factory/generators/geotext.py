"""GeoText-1652 (Chu et al. 2024): a picture from above, described as a whole and region by region with boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from factory.generators.asked import closed, drawn, prompt, released_checks
from factory.generators.parse import MAX_CLUE_TEXT, MAX_REASONING, read_fields
from factory.plugins.contracts import Ask, Generator, Needs, ParseFailure, Said
from factory.plugins.registry import register
from factory.text import tidy
from schemas import Case, LocatedAnswer, Picture, Reply, Request, Seen, Turn
from schemas.rows import message
from schemas.rows.geotext import ROW

QUESTIONS: Final = (
    "Describe this picture from above, first as a whole, then region by region: JSON with a caption and regions, each "
    "a sentence and a box [cx, cy, w, h] in shares of the sides.",
    "What does this aerial picture show, and where in it? Answer in JSON: a caption, and regions of a sentence and a "
    "box (middle, width, height, from 0 to 1) each.",
)
"""Of the released conversation, drawn by a hash of the id; ours."""
MAX_REGIONS: Final = 16


@register("generator", "geotext")
def geotext(*, regions: Annotated[int, Field(ge=2, le=MAX_REGIONS)] = 4) -> Generator:
    """A picture from above described by a teacher, as a whole and region by region.

    Args:
        regions: most regions that are asked for; GeoText-1652 has about three boxes a picture.
    """
    module: Any = prompt("geotext").module
    request = _request(module, regions)

    async def answer(_seen: Seen, ask: Ask) -> Said:
        return Said(values=await ask(request, read=read_regions))

    return Generator(
        name="geotext",
        version=str(module.version),
        row=ROW,
        needs=Needs(images=("drone",), calls=(1, 1)),
        answer=answer,
        record=record,
        speaks=speaks,
    )


def read_regions(reply: Reply) -> Mapping[str, Any] | ParseFailure:
    """Description and regions (sentence, box of four numbers) of a reply; whether boxes are sound the checks say."""
    found = read_fields(reply.text, reply.finish_reason)
    if isinstance(found, ParseFailure):
        return found
    caption, listed = found.fields.get("caption"), found.fields.get("regions")
    if not isinstance(caption, str) or not isinstance(listed, list):
        return ParseFailure("bad_schema", "`caption` is no text, or `regions` no list")
    regions = []
    for item in listed[:MAX_REGIONS]:
        sentence, box = (item.get("sentence"), item.get("box")) if isinstance(item, dict) else (None, None)
        numbers = box if isinstance(box, list) and len(box) == 4 else []
        if not isinstance(sentence, str) or not numbers or not all(map(_is_number, numbers)):
            return ParseFailure("bad_schema", "a region lacks its `sentence`, or four numbers as its `box`")
        regions.append({"sentence": tidy(sentence, MAX_CLUE_TEXT), "box": [round(float(one), 4) for one in numbers]})
    return {"description": tidy(caption, MAX_REASONING), "regions": regions}


def speaks(case: Case) -> LocatedAnswer | None:
    """The answer of which a sample's row is made: the first with a description and regions."""
    return next((found for found in case.heard if _usable(found)), None)


def record(case: Case) -> Sequence[Mapping[str, Any]]:
    """The row of a sample: the first teacher's description."""
    found = speaks(case)
    if found is None:
        return ()
    sample, values = case.sample, found.answered.values
    named = (
        *("id", "country_code", "lat", "lon", "uncertainty_km"),
        *("licence", "author", "source_url", "source_row"),
    )
    told = {"caption": values["description"], "regions": values["regions"]}
    row = {
        **{name: getattr(sample, name) for name in named},
        "description": values["description"],
        "regions": [
            {"sentence": one["sentence"], **dict(zip(("cx", "cy", "w", "h"), one["box"], strict=True))}
            for one in values["regions"]
        ],
        "building": sample.texts.get("building"),
        "published_caption": sample.texts.get("caption"),
        "teacher": found.answered.teacher,
        "model": found.answered.model,
        "checks": released_checks(case),
        "requests": list(found.answered.keys),
        "messages": [
            message("user", None, drawn(QUESTIONS, sample.id)),
            message("assistant", json.dumps(told, ensure_ascii=False)),
        ],
        "saw_truth": found.answered.saw_truth,
    }
    return (row,)


def _usable(found: LocatedAnswer) -> bool:
    values = found.answered.values
    return found.answered.failure is None and bool(values.get("description")) and bool(values.get("regions"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _request(module: Any, regions: int) -> Request:
    text, number = {"type": "string"}, {"type": "number"}
    region = closed({"sentence": text, "box": {"type": "array", "items": number}})
    schema = closed({"caption": text, "regions": {"type": "array", "items": region}})
    system, user = str(module.system()).strip(), str(module.user(regions)).strip()
    return Request("describe", (Turn("system", (system,)), Turn("user", (user, Picture("drone")))), schema)
