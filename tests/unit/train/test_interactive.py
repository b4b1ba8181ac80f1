"""GaGA's three ways to ask, and their numbers beside each other."""

from __future__ import annotations

import polars as pl
import pytest

from train.evaluate.evaluation import rules_of
from train.evaluate.interactive import conversation, modes
from train.evaluate.predictions import predictions_of
from train.evaluate.truth import SCHEMA

ROW = {
    "id": "a",
    "geo_questions": [{"question": "Which side do cars drive on?", "reasoning": "Seen.", "answer": "On the left."}],
    "loc_question": {"question": "Where is it?", "answer": "Kenya", "lat": 1.0, "lon": 2.0},
}


def test_the_three_ways_to_ask() -> None:
    guiding = ("user", "Which side do cars drive on?")
    end = (("user", "Where is it?"), ("model", ""))
    assert conversation(ROW, "direct") == end
    assert conversation(ROW, "+Q") == (guiding, ("model", ""), *end)
    assert conversation(ROW, "+QA") == (guiding, ("model", "On the left."), *end)


def test_the_answer_to_the_last_question_is_never_told() -> None:
    for mode in ("direct", "+Q", "+QA"):
        assert "Kenya" not in str(conversation(ROW, mode))  # type: ignore[arg-type]


def test_a_row_without_a_guiding_question_says_so() -> None:
    with pytest.raises(ValueError, match="row 'a' has no guiding question"):
        conversation({**ROW, "geo_questions": []}, "+Q")


def test_modes_stand_beside_direct_inquiry() -> None:
    truth = pl.DataFrame([{"id": n, "lat": 0.0, "lon": 0.0} for n in "abcd"], schema=SCHEMA)
    near, far = ({"lat": 0, "lon": lon} for lon in (0, 90))
    runs = {
        mode: predictions_of({"id": n, **(near if at < right else far)} for at, n in enumerate("abcd"))
        for mode, right in (("direct", 1), ("+Q", 2), ("+QA", 4))
    }
    found = modes(truth, runs, rules_of("gaga"))  # type: ignore[arg-type]
    by_mode = {mode: next(line for line in one.table if line.name == "within 25 km") for mode, one in found.items()}
    assert [line.interval.value for line in by_mode.values()] == [0.25, 0.5, 1.0]
    assert [line.against and line.against.value for line in by_mode.values()] == [None, 0.25, 0.75]
