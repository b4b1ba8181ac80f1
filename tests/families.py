"""Two small families that are nothing like MP16-Reason: one asks nobody, one talks twice about two pictures.

    python -m tests.families RECIPE OUT [WORKERS]      builds a recipe that names one of them

They stand here, outside the package: nothing in the engine room knows them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from factory.generators.parse import parse_answer
from factory.plugins.contracts import Ask, Backends, Deferred, Generator, Needs, ParseFailure, Question, Said
from factory.plugins.registry import register
from schemas import Case, GeoAnswer, Picture, Reply, Request, Seen, Turn
from schemas.rows import MESSAGE, RowSchema, message
from schemas.settings import TeacherSettings

# --- nobody is asked ------------------------------------------------------------------------------------------------

PLACE_NAMES: Final = RowSchema.of(
    "place_names",
    1,
    {"country": (pa.string(), "ISO 3166-1 alpha-2"), "city": (pa.string(), "the nearest town")},
    nullable=frozenset({"country", "city"}),
)


@register("generator", "place_names")
def place_names(*, question: str = "Which town is this near?") -> Generator:
    """A question about the place and its answer from the gazetteer alone, for every photo, vectorised."""

    def records(frame: pl.DataFrame) -> pl.DataFrame:
        answers = frame["city"].fill_null("a place without a name")
        messages = [[message("user", None, question), message("assistant", answer)] for answer in answers]
        return frame.select(
            "id",
            pl.Series("messages", messages, dtype=_polars(MESSAGE)),
            saw_truth=pl.lit("none"),
            country="country_code",
            city="city",
        )

    needs = Needs(calls=(0, 0))
    return Generator(name="place_names", version="1", row=PLACE_NAMES, needs=needs, records=records)


def _polars(kind: pa.DataType) -> pl.DataType:
    frame = pl.from_arrow(pa.table({"x": pa.array([], pa.list_(kind))}))
    assert isinstance(frame, pl.DataFrame)
    return frame.schema["x"]


# --- two turns, two pictures ----------------------------------------------------------------------------------------

TWO_VIEWS: Final = RowSchema.of(
    "two_views",
    1,
    {
        "description": (pa.string(), "what both pictures show"),
        "country": (pa.string(), "where, in the teacher's words"),
        "city": (pa.string(), "where, in the teacher's words"),
        "requests": (pa.list_(pa.string()), "ledger keys, one a turn"),
    },
    nullable=frozenset({"country", "city"}),
    truth_in_messages="place",  # the teacher's own first turn may name what it recognises
)
LOOK: Final = "The first picture was taken on the ground, the second from above. Describe what they share."
WHERE: Final = "Where is that?"


@register("generator", "two_views")
def two_views(*, words: int = 50, silent: bool = False) -> Generator:
    """A ground photo and a tile from above: first what they share, then, in the same conversation, where it is."""
    look = Turn("user", (Picture("ground"), Picture("above"), f"{LOOK} At most {words} words."))

    async def answer(_seen: Seen, ask: Ask) -> Said:
        description = await ask(Request("look", (look,)), read=read_text)
        said = Turn("assistant", (description,))
        place = await ask(Request("where", (look, said, Turn("user", (WHERE,)))), read=read_place)
        return Said(place=place, values={"description": description})

    return Generator(
        name="two_views",
        version=f"1-{words}",
        row=replace(TWO_VIEWS, truth_in_messages="none") if silent else TWO_VIEWS,
        needs=Needs(images=("ground", "above"), calls=(2, 2)),
        answer=answer,
        record=record_two_views,
    )


def read_text(reply: Reply) -> str | ParseFailure:
    return reply.text if reply.text.strip() else ParseFailure("empty")


def read_place(reply: Reply) -> GeoAnswer | ParseFailure:
    return parse_answer(reply.text, reply.finish_reason)


def record_two_views(case: Case) -> Sequence[Mapping[str, Any]]:
    """Two rows a sample: the whole conversation, and the description alone."""
    answered = case.measured[0].answered
    if answered.place is None:
        return ()
    description, place = answered.values["description"], answered.place
    whole = [message("user", None, None, LOOK), message("assistant", description)]
    shared = {
        "saw_truth": answered.saw_truth,
        "description": description,
        "country": place.country,
        "city": place.city,
        "requests": list(answered.keys),
    }
    asked = [*whole, message("user", WHERE), message("assistant", f"{place.city}, {place.country}")]
    return (
        {"id": case.sample.id, "messages": asked, **shared},
        {"id": f"{case.sample.id}/2", "messages": whole, **shared},
    )


# --- answers that come later ----------------------------------------------------------------------------------------


@register("teacher", "postbox")
def postbox(settings: TeacherSettings, root: Path, *, path: str) -> Backends:
    """Questions that are posted into a folder, one file each, and answered there by somebody, some day."""
    box = root / path
    box.mkdir(exist_ok=True)
    return Backends((Postbox(box),))


class Postbox:
    """A backend that defers: what it posted it asks for again by its handle."""

    name, paid = "postbox", True

    def __init__(self, box: Path) -> None:
        self.box = box

    def inputs(self, question: Question) -> Mapping[str, Any]:
        return {}

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        if question.handle is None:
            (self.box / question.key).write_bytes(b"")
            raise Deferred(question.key)
        answered = (self.box / question.handle).read_text()
        if not answered:
            raise Deferred(question.handle)
        return Reply(text=answered, finish_reason="stop", prompt_tokens=7, completion_tokens=5)


def main(recipe: str, out: str, workers: str = "1") -> None:
    """Builds and prints the result as one line of JSON."""
    import factory

    result = factory.build(Path(recipe), out=Path(out), workers=int(workers))
    print(json.dumps(asdict(result)))
    sys.exit(result.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
