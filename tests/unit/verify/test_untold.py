"""Whether conversations tell of their truth is answered of many at once as of one."""

from __future__ import annotations

import math
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.verify import untold
from factory.verify.messages import truth_in
from factory.verify.untold import TRUTH, tells_nothing
from schemas.record import SawTruth

KINDS = {"country_code": pl.String, "region": pl.String, "city": pl.String, "lat": pl.Float64, "lon": pl.Float64}
WORDS = st.sampled_from(["New", "York", "Straße", "STRASSE", "\u00e9", "e\u0301", "As", "of", "Leipzig", "Germany"])
TEXT = st.lists(WORDS, max_size=6).map(" ".join) | st.sampled_from(
    ["Where?", "In Nice, perhaps.", "A nice place.", "51.34, somewhere", "Deutschland", "is it LEIPZIG", "As, sure"]
)
NAME = st.sampled_from([None, "", " ", "Nice", "As", "New  York", "Leipzig", "Straße", "\u00e9", "Germany", "of"])
ROW = st.tuples(
    TEXT,
    st.sampled_from([None, "DE", "FR", "XX"]),
    NAME,
    NAME,
    st.sampled_from([51.34, 0.0, math.nan, None]),
    st.sampled_from([12.37, math.nan, None]),
)


def truths(rows: list[Any]) -> tuple[pl.Series, pl.DataFrame]:
    before = pl.Series([row[0] for row in rows], dtype=pl.String)
    return before, pl.DataFrame([row[1:] for row in rows], schema=KINDS, orient="row")


@given(st.lists(ROW, max_size=12), st.sampled_from(get_args(SawTruth)))
def test_rows_are_judged_together_as_one_by_one(rows: list[Any], level: SawTruth) -> None:
    alone = []
    for text, *names, lat, lon in rows:
        degrees = (math.nan if value is None else value for value in (lat, lon))
        alone.append(truth_in(text, *names, *degrees, level=level) is None)
    assert tells_nothing(*truths(rows), level).to_list() == alone


def test_rows_that_share_a_question_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [("Where?", "DE", "Saxony", f"City {number}", 51.34, 12.37) for number in range(100)]
    asked: list[str] = []

    def noted(text: str, *truth: Any) -> str | None:
        asked.append(text)
        return truth_in(text, *truth)

    monkeypatch.setattr(untold, "truth_in", noted)
    told = ("Is it City 7?", "DE", "Saxony", "City 7", 51.34, 12.37)
    assert tells_nothing(*truths([*places, told]), "none").to_list() == [True] * 100 + [False]
    assert asked == ["Is it City 7?"]


def test_a_table_without_a_row_has_none() -> None:
    assert tells_nothing(*truths([]), "none").is_empty()
    assert list(KINDS) == list(TRUTH)
