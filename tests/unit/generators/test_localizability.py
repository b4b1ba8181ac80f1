"""Rows of Localizability, made at once."""

from __future__ import annotations

import json

import polars as pl
import pytest

from factory.generators.localizability import QUESTION, localizability
from schemas import arrow
from schemas.rows import message_faults
from schemas.rows.localizability import ROW

PLAN = pl.Schema(arrow.PLAN)
SAID = {
    "p_yes": 2 / 3,
    "answer": "yes",
    "decided": False,
    "target": "shares",
    "teachers": 3,
    "answers": 4,
    "localizable": 3,
    "near": 4,
    "yes": 3,
    "calibrated": None,
    "radius_km": 25.0,
    "build": "mp16_reason-12345678",
    "fingerprint": "12345678",
}


def samples(*texts: str) -> pl.DataFrame:
    rows = [
        {"id": f"s{n}", "lat": 1.0, "texts": [{"name": "other", "text": "x"}, {"name": "localizability", "text": text}]}
        for n, text in enumerate(texts)
    ]
    return pl.DataFrame([{name: row.get(name) for name in PLAN} for row in rows], schema=PLAN)


def test_a_row_has_question_answer_target_and_where_it_comes_from() -> None:
    made = localizability().records(samples(json.dumps(SAID)))  # type: ignore[misc]
    row = made.row(0, named=True)
    assert tuple(made.columns) == ROW.own
    assert list(message_faults(row["messages"], 1)) == []
    assert row["messages"][0]["content"][1]["text"] == row["question"] == QUESTION
    assert row["messages"][1]["content"] == [{"type": "text", "text": "yes"}]
    assert (row["p_yes"], row["decided"], row["answers_yes"], row["calibrated"]) == (0.666667, False, 3, None)
    assert (row["build"], row["build_fingerprint"]) == ("mp16_reason-12345678", "12345678")


def test_all_rows_ask_the_same_and_keep_their_own_answer() -> None:
    other = {**SAID, "answer": "no", "p_yes": 0.0}
    made = localizability().records(samples(json.dumps(SAID), json.dumps(other)))  # type: ignore[misc]
    assert made["question"].n_unique() == 1
    assert [turns[1]["content"][0]["text"] for turns in made["messages"]] == ["yes", "no"]


def test_a_reward_model_may_have_a_question_of_its_own() -> None:
    made = localizability(question="Where? Can one tell?").records(samples(json.dumps(SAID)))  # type: ignore[misc]
    assert made["question"].to_list() == ["Where? Can one tell?"]
    assert made["messages"][0][0]["content"][1]["text"] == "Where? Can one tell?"


@pytest.mark.parametrize("text", ["{", "[1]", '{"answer": "yes"}', json.dumps({**SAID, "near": "all"}), "[" * 5_000])
def test_a_text_of_another_source_makes_no_row_and_takes_no_other_with_it(text: str) -> None:
    made = localizability().records(samples(text, json.dumps(SAID), text))  # type: ignore[misc]
    assert made["id"].to_list() == ["s1"]
