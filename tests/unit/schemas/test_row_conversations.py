"""Rows looked at as columns say what is said of each alone."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.rows.conversations import MESSAGES, conversations, json_texts
from schemas.rows.messages import message_faults, text_before_answer
from schemas.rows.schema import PEOPLE_FIELDS, RowSchema

TEXTS = st.none() | st.sampled_from(["", " ", "\n", "\x1f", "\xa0", "\u3000", "Where?", "a\nb", " x "])
PARTS = st.fixed_dictionaries({"type": st.sampled_from(["text", "image", "video", None]), "text": TEXTS})
SPEAKING = st.fixed_dictionaries({"type": st.just("text"), "text": st.sampled_from(["Where?", "here", "a\nb"])})
SHOWING = st.fixed_dictionaries({"type": st.just("image"), "text": st.none() | st.just("")})
ROLES = st.sampled_from(["system", "user", "assistant", "tool", None])
ODD = st.lists(st.fixed_dictionaries({"role": ROLES, "content": st.none() | st.lists(PARTS, max_size=3)}), max_size=5)


@st.composite
def proper(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A conversation that is sound but for the number of its pictures."""
    turns: list[dict[str, Any]] = []
    if draw(st.booleans()):
        turns.append({"role": "system", "content": draw(st.lists(SPEAKING, min_size=1, max_size=2))})
    for _ in range(draw(st.integers(1, 3))):
        turns.append({"role": "user", "content": draw(st.lists(SPEAKING | SHOWING, min_size=1, max_size=3))})
        turns.append({"role": "assistant", "content": draw(st.lists(SPEAKING, min_size=1, max_size=2))})
    return turns


@given(st.lists(st.tuples(ODD | proper(), st.integers(0, 3)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=300)
def test_a_conversation_is_sound_where_nothing_is_wrong_with_it(rows: list[tuple[list[dict[str, Any]], int]]) -> None:
    messages = pl.Series([turns for turns, _ in rows], dtype=MESSAGES)
    found = conversations(messages, pl.Series([pictures for _, pictures in rows]))
    for (turns, pictures), sound, before in zip(rows, found["sound"], found["before"], strict=True):
        faults = list(message_faults(turns, pictures))
        assert sound == (not faults), (turns, faults)
        if sound:
            assert before == text_before_answer(turns)


def test_blanks_that_only_one_side_knows_are_not_plain() -> None:
    turns = [[{"role": "user", "content": [{"type": "text", "text": "\x7f"}]}, _said("here")]]
    assert list(message_faults(turns[0], 0)) == []
    assert conversations(pl.Series(turns, dtype=MESSAGES), pl.Series([0]))["sound"].to_list() == [False]


def test_a_missing_conversation_is_not_sound() -> None:
    found = conversations(pl.Series([None, []], dtype=MESSAGES), pl.Series([0, 0]))
    assert found["sound"].to_list() == [False, False]


def _said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


NESTED = pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("near", pa.list_(pa.float32()))]))
SCHEMA = RowSchema.of(
    "made",
    1,
    {
        "word": (pa.string(), "a text"),
        "number": (pa.int32(), "a number"),
        "share": (pa.float64(), "a number"),
        "single": (pa.float32(), "a number"),
        "flag": (pa.bool_(), "a flag"),
        "tiles": (NESTED, "structs"),
    },
)
WORDS = st.none() | st.text(st.characters(codec="utf-8"), max_size=4)
TILE = st.none() | st.fixed_dictionaries(
    {"name": WORDS, "near": st.none() | st.lists(st.none() | st.floats(width=32), max_size=2)}
)
ROW = st.fixed_dictionaries(
    {
        "id": WORDS,
        "word": WORDS,
        "number": st.none() | st.integers(-(2**31), 2**31 - 1),
        "share": st.none() | st.floats(),
        "single": st.none() | st.floats(width=32),
        "flag": st.none() | st.booleans(),
        "tiles": st.none() | st.lists(TILE, max_size=2),
        "messages": st.none() | ODD,
        "saw_truth": WORDS,
        "people": st.none() | st.fixed_dictionaries(dict.fromkeys(PEOPLE_FIELDS, WORDS)),
        "split": WORDS,
    }
)


@given(st.lists(ROW, max_size=4))
@settings(deadline=None, max_examples=200)
def test_json_of_many_rows_is_that_of_each(rows: list[dict[str, Any]]) -> None:
    columns = pl.Schema(SCHEMA.columns)
    frame = pl.DataFrame(rows, schema={name: columns[name] for name in SCHEMA.json_keys})
    assert json_texts(frame, SCHEMA) == [orjson.dumps(SCHEMA.json_row(row)) for row in rows]
