"""CVG-Text (Ye et al. 2024): a street view in words, by which the place is found on a satellite picture or a map.

The teacher sees the ground picture, and the map where the recipe gives it one; the satellite picture it never sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from factory.generators.asked import closed, drawn, prompt, released_checks
from factory.generators.parse import MAX_REASONING, read_fields
from factory.plugins.contracts import Ask, Generator, Needs, ParseFailure, Said
from factory.plugins.registry import register
from factory.text import tidy
from schemas import Case, ImageRef, LocatedAnswer, Picture, Reply, Request, Sample, Seen, Turn
from schemas.rows import message
from schemas.rows.cvg_text import ROW

QUESTIONS: Final = (
    "The first picture was taken from the ground, the others show the same place from above. Describe the place so "
    "that it can be found from above.",
    "One place, from the street and from above: put into words what of the street view tells where it is in the "
    "picture from above.",
    "Describe the street view for somebody who looks for it on an aerial picture or a map: what lasts, and how its "
    "parts lie to each other.",
)
"""Of the released conversation, drawn by a hash of the id; ours, as are the words of the teacher's question."""
SEEN_ON: Final = ("photo", "map")
MAX_NAME: Final = 200
MAX_NAMES: Final = 48

Words = Annotated[int, Field(ge=20, le=1000)]


@register("generator", "cvg_text")
def cvg_text(
    *, above: Literal["satellite", "map"] = "satellite", show_map: bool = True, max_words: Words = 120
) -> Generator:
    """A street view described by a teacher for whoever looks for the place from above.

    Args:
        above: which picture every row must have beside the ground view; the other is taken where it is there.
        show_map: show the map to the teacher, where a sample has one, and let it use the map's names.
        max_words: most words that are asked for; CVG-Text's texts have 126 tokens on average.
    """
    other = "map" if above == "satellite" else "satellite"

    async def answer(seen: Seen, ask: Ask) -> Said:
        mapped = show_map and "map" in seen.images
        said = await ask(_request(max_words, mapped=mapped), read=read_description)
        return Said(values={**said, "map_shown": mapped})

    module: Any = prompt("cvg_text").module
    return Generator(
        name="cvg_text",
        version=str(module.version),
        row=ROW,
        needs=Needs(images=("ground", above), optional_images=(other,), calls=(1, 1)),
        answer=answer,
        record=record,
        speaks=speaks,
    )


def read_description(reply: Reply) -> Mapping[str, Any] | ParseFailure:
    """Description and names (name, seen_on) of a reply, in the teacher's words."""
    found = read_fields(reply.text, reply.finish_reason)
    if isinstance(found, ParseFailure):
        return found
    text, listed = found.fields.get("description"), found.fields.get("names")
    if not isinstance(text, str):
        return ParseFailure("bad_schema", "`description` is no text")
    if not isinstance(listed, list):
        return ParseFailure("bad_schema", "`names` is no list")
    names = []
    for item in listed[:MAX_NAMES]:
        name, seen_on = (item.get("name"), item.get("seen_on")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or seen_on not in SEEN_ON:
            return ParseFailure("bad_schema", "a name lacks `name`, or `seen_on` that is photo or map")
        names.append({"name": tidy(name, MAX_NAME), "seen_on": seen_on})
    return {"description": tidy(text, MAX_REASONING), "names": names}


def speaks(case: Case) -> LocatedAnswer | None:
    """The answer of which a sample's row is made: the first that describes something."""
    return next((found for found in case.heard if _described(found)), None)


def record(case: Case) -> Sequence[Mapping[str, Any]]:
    """The row of a sample: the first teacher's description with all its pictures."""
    found = speaks(case)
    if found is None:
        return ()
    sample, values = case.sample, found.answered.values
    named = (
        *("id", "country_code", "region", "city", "lat", "lon", "uncertainty_km"),
        *("licence", "author", "source_url", "captured_at", "source_row"),
    )
    pictures = ordered(sample)
    row = {
        **{name: getattr(sample, name) for name in named},
        "description": values["description"],
        "names": [dict(name) for name in values["names"]],
        "view": sample.texts.get("view"),
        "published_caption": sample.texts.get("caption"),
        "pictures": [view_of(image, sample) for image in pictures],
        "teacher": found.answered.teacher,
        "model": found.answered.model,
        "checks": released_checks(case),
        "requests": list(found.answered.keys),
        "messages": [
            message("user", *([None] * sum(image.embed for image in pictures)), drawn(QUESTIONS, sample.id)),
            message("assistant", values["description"]),
        ],
        "saw_truth": found.answered.saw_truth,
    }
    return (row,)


def ordered(sample: Sample) -> list[ImageRef]:
    """A sample's pictures in the order in which rows show them: from the ground, from above, the map."""
    order = {"ground": 0, "satellite": 1, "map": 2}
    return sorted(sample.images, key=lambda image: order.get(image.role, len(order)))


def view_of(image: ImageRef, sample: Sample) -> dict[str, Any]:
    """What a row says of one picture; metres from the camera, where the picture has a place of its own."""
    from factory.geo import haversine_km

    away = None
    if image.lat is not None and image.lon is not None and sample.placed:
        away = round(haversine_km(sample.lat, sample.lon, image.lat, image.lon) * 1000, 2)
    named = {name: getattr(image, name) for name in ("role", "lat", "lon", "metres_per_pixel")}
    return named | {"metres_away": away}


def _described(found: LocatedAnswer) -> bool:
    return found.answered.failure is None and bool(found.answered.values.get("description"))


def _request(max_words: int, *, mapped: bool) -> Request:
    """Words come before the pictures: servers cache the prefix that all samples share."""
    module: Any = prompt("cvg_text").module
    system, user = str(module.system()).strip(), str(module.user(mapped, max_words)).strip()
    text = {"type": "string"}
    name = closed({"name": text, "seen_on": {"type": "string", "enum": list(SEEN_ON if mapped else SEEN_ON[:1])}})
    schema = closed({"description": text, "names": {"type": "array", "items": name}})
    shown = (Picture("ground"), Picture("map")) if mapped else (Picture("ground"),)
    return Request("describe", (Turn("system", (system,)), Turn("user", (user, *shown))), schema)
