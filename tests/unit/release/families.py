"""Small families with rows of their own, for tests that no one photo and no MP16-Reason has to be behind a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from factory.plugins.contracts import Generator, Needs
from schemas import Case
from schemas.rows.schema import SHARED, RowSchema

Rows = Sequence[Mapping[str, Any]]


def schema_of(family: str, **own: pa.DataType) -> RowSchema:
    """The shared columns, then these."""
    fields = [pa.field(name, kind) for name, (kind, _) in SHARED.items()]
    columns = pa.schema([*fields, *(pa.field(name, kind) for name, kind in own.items())])
    notes = {**{name: note for name, (_, note) in SHARED.items()}, **{name: f"its {name}" for name in own}}
    told = {"summary": f"rows of {family}", "about": f"About {family}.", "made": f"How {family} was made."}
    return RowSchema(family, 1, columns, notes, frozenset({"note"} & own.keys()), **told)


def talk(question: str, answer: str, pictures: int = 0) -> list[dict[str, Any]]:
    """A conversation of one question that shows so many pictures."""
    shown = [{"type": "image"} for _ in range(pictures)]
    return [
        {"role": "user", "content": [*shown, {"type": "text", "text": question}]},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]


PAIR_ROW: Final = schema_of(
    "pairs", distance=pa.float32(), note=pa.string(), tiles=pa.list_(pa.struct([pa.field("name", pa.string())]))
)
QUIZ_ROW: Final = schema_of("quiz", level=pa.int32())


def pair(case: Case) -> Rows:
    """One row a sample of two pictures."""
    row = {
        "id": case.sample.id,
        "messages": talk("Is the tile the place of the photo?", "Yes.", 2),
        "saw_truth": "none",
        "distance": 0.1 * case.sample.source_row,
        "note": case.sample.author,
        "tiles": [{"name": None}, {"name": case.sample.scene}],
    }
    return (row,)


def quiz(case: Case) -> Rows:
    """Three rows a sample, without a picture."""
    names = (case.sample.id, f"{case.sample.id}/2", f"{case.sample.id}/3")
    return tuple(
        {"id": name, "messages": talk(f"Question {level}?", "Yes."), "saw_truth": "country", "level": level}
        for level, name in enumerate(names)
    )


def quiz_at_once(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a sample, all of a shard at once, with its licence as the answer."""
    asked = {"role": "user", "content": [{"type": "text", "text": "Under which licence?"}]}
    rows = [
        {
            "id": row["id"],
            "messages": [asked, {"role": "assistant", "content": [{"type": "text", "text": row["licence"]}]}],
            "saw_truth": "none",
            "level": row["position"],
        }
        for row in frame.iter_rows(named=True)
    ]
    return pl.DataFrame(rows)


PAIRS: Final = Generator(
    name="pairs", version="1", row=PAIR_ROW, needs=Needs(images=("ground", "satellite")), record=pair
)
QUIZ: Final = Generator(name="quiz", version="1", row=QUIZ_ROW, needs=Needs(images=(), calls=(0, 0)), record=quiz)
QUIZ_AT_ONCE: Final = Generator(
    name="quiz", version="1", row=QUIZ_ROW, needs=Needs(images=(), calls=(0, 0)), records=quiz_at_once
)
