from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.report.words import (
    MAX_ITEMS,
    MAX_TEXT,
    MAX_VALUES,
    people_said,
    readable,
    shorten,
    went,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=400), inner, max_size=30),
    max_leaves=30,
)


def test_where_an_accepted_sample_is_before_selection() -> None:
    row: dict[str, Any] = {"decision": "accept", "reasons": [], "kept": None, "split": None, "removed_by": None}
    assert went(row) == "accepted, not yet selected"


def test_text_is_bounded_and_hidden_characters_are_shown() -> None:
    assert shorten("x" * 5000, 100) == "x" * 99 + "…"
    assert shorten("safe\u202ecod.exe\x00") == "safe□202Ecod.exe□0"
    assert shorten("Ñandú 東京\nline") == "Ñandú 東京\nline"
    assert shorten(None) == ""
    assert len(shorten("x" * 9999)) == MAX_TEXT


def test_reasons_are_spelled_as_the_console_spells_them() -> None:
    row = {"decision": "reject", "reasons": ["near_truth:too_far", "no_leak:quotes_metadata"], "verdict": "reject"}
    assert went(row) == "rejected: near_truth:too_far, no_leak:quotes_metadata"
    gone = {"decision": "accept", "kept": False, "removed_by": "quota", "reason": "country_full", "detail": "IT"}
    assert went(gone) == "removed by quota:country_full (IT)"


def test_values_are_indented_json_with_long_parts_cut() -> None:
    values = {"question": "Where?", "long": "x" * 5000, "list": list(range(40)), "deep": {"a": {"b": {"c": {"d": 1}}}}}
    found = json.loads(readable(json.dumps(values)))
    assert found["question"] == "Where?" and found["long"].endswith("…")
    assert found["list"] == [*range(MAX_ITEMS), "… 28 more"]
    assert found["deep"] == {"a": {"b": {"c": "…"}}}
    assert readable(None) == readable("") == ""


def test_values_that_are_no_json_are_shown_as_they_are() -> None:
    assert readable("{broken") == "{broken"
    assert readable('{"name": "safe\\u202ecod.exe"}') == '{\n  "name": "safe□202Ecod.exe"\n}'


@settings(max_examples=30)
@given(JSON)
def test_any_values_stay_short_and_show_no_hidden_character(value: Any) -> None:
    text = readable(json.dumps(value))
    assert len(text) <= MAX_VALUES
    assert not {"\u202e", "\u2066", "\x00", "\x85"} & set(text)


def test_a_decision_of_people_says_what_it_goes_against() -> None:
    row = {
        "person": "accept",
        "verdict": "reject",
        "by": ["anna"],
        "at": "2026-11-02T10:00:00",
        "note": "",
        "reasons": [],
    }
    assert people_said(row) == "accepted by anna on 2026-11-02, where the checks said reject"
    assert people_said({**row, "verdict": "accept", "by": [], "at": ""}) == "accepted"
    assert people_said({**row, "verdict": None}) == "accepted by anna on 2026-11-02"
    assert people_said({**row, "person": None}) == ""


def test_a_persons_accept_that_cannot_count_says_so() -> None:
    row = {
        "person": "accept",
        "by": [],
        "at": "",
        "note": "",
        "verdict": "review",
        "reasons": ["row:nothing_to_release"],
    }
    assert "cannot count" not in people_said({**row, "unreleasable": None})
    assert "cannot count" in people_said({**row, "unreleasable": "nothing_to_release"})
