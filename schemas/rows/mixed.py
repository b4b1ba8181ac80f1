"""A row of a mix of several families: the conversation, where its picture was taken, whose it is, all else as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import pyarrow as pa

from schemas.record import SawTruth
from schemas.rows.schema import PEOPLE_FIELDS, RowSchema

_TEXT, _NUMBER = pa.string(), pa.float64()
ABOUT: Final = """\
Rows of several families, told apart by `part`; `id` is the row's own id behind the name of its part. `messages` and
`images` stand here as there, and columns that every family may have; what else a row has there is JSON in `more`."""
MADE: Final = """\
Nothing was made here: rows were drawn from finished releases, each of which passed its own checks. Their cards say
how."""
TRUTH: Final[tuple[SawTruth, ...]] = ("none", "country", "place")
_COLUMNS: Final = {
    "part": (_TEXT, "name of the part that the row comes from"),
    "family": (_TEXT, "what kind of row it is there"),
    "country": (_TEXT, "of the truth, in English"),
    "country_code": (_TEXT, "ISO 3166-1 alpha-2"),
    "region": (_TEXT, "of the truth, in English"),
    "city": (_TEXT, "of the truth, in English"),
    "lat": (_NUMBER, "the truth, WGS84 degrees"),
    "lon": (_NUMBER, "likewise"),
    "licence": (_TEXT, "the picture's, as its source states it, or what its part states for all rows"),
    "author": (_TEXT, "of the picture, as its source states it"),
    "source_url": (_TEXT, "likewise"),
    "image_sha256": (_TEXT, "of the source's file of the picture, where the family says it"),
    "image_phash": (_TEXT, "perceptual hash of the picture, likewise"),
    "more": (_TEXT, "JSON of the row's further columns"),
}
_OWN: Final = ("id", "images", "messages", "saw_truth", "people", "split")


def mixed_schema(truth: SawTruth) -> RowSchema:
    """The schema of a mix.

    Args:
        truth: how much of the truth the messages of any part may tell.
    """
    nullable = frozenset(_COLUMNS) - {"part", "family", "more"}
    summary = "conversations about pictures and where they were taken, from several data sets"
    return RowSchema.of(
        "mixed", 1, _COLUMNS, nullable=nullable, truth_in_messages=truth, summary=summary, about=ABOUT, made=MADE
    )


def mixed_row(values: Mapping[str, Any], part: str, family: str, licence: str | None) -> dict[str, Any]:
    """A row of any family as one of a mix.

    Args:
        values: its columns without `images`.
        licence: what its part states for rows that state none.
    """
    known = {name: values.get(name) for name in _COLUMNS if name not in ("part", "family", "more")}
    texts = {name: value if isinstance(value, str) else None for name, value in known.items() if name not in _DEGREES}
    degrees = {name: value if isinstance(value, float) else None for name, value in known.items() if name in _DEGREES}
    taken = {*texts, *degrees}
    rest = {name: value for name, value in values.items() if name not in taken and name not in _OWN}
    rest |= {name: value for name, value in known.items() if value is not None and (texts | degrees)[name] is None}
    people = values.get("people")
    return {
        "id": f"{part}:{values['id']}",
        "part": part,
        "family": family,
        **texts,
        **degrees,
        "licence": texts["licence"] or licence,
        "more": orjson.dumps(rest).decode(),
        "messages": values["messages"],
        "saw_truth": values["saw_truth"],
        "people": people if isinstance(people, Mapping) else dict.fromkeys(PEOPLE_FIELDS),
        "split": values["split"],
    }


_DEGREES: Final = ("lat", "lon")
