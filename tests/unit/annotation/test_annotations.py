"""What a person said is read whole, or refused with a reason."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.annotations import MOST_RESULTS, Refused, read_annotation, read_rating
from annotation.controls import MOST_SECONDS
from schemas import arrow
from tests.studio import box, choice, number, words
from tests.studio_recorded import rated

TASK: dict[str, Any] = {
    "external": "p1:2",
    "id": "p1",
    "slot": "2",
    "kind": "audit",
    "project": 7,
    "task": 70,
    "images": ["a" * 64],
    "keys": ["k" * 64],
    "clues": ["a red sign", "left-hand traffic"],
    "reasoning": "Signs are red here.",
}
USERS = {3: "anna@example.com"}
ACCEPT = choice("verdict", "accept")
BOX = box("privacy", 1, 1, 9, 9)


def raw(*results: Any, **more: Any) -> dict[str, Any]:
    at = "2026-11-30T08:59:43.916452Z"
    made = {"id": 9, "completed_by": 3, "updated_by": 3, "was_cancelled": False, "updated_at": at, "lead_time": 21.5}
    return {**made, "result": list(results), **more}


def read(*results: Any, **more: Any) -> dict[str, Any]:
    return read_annotation(raw(*results, **more), TASK, USERS, edits=True)


def refusal(*results: Any, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        read(*results, **more)
    return str(refused.value)


def clue(index: int, word: str) -> dict[str, Any]:
    return {**choice(f"clue_{index}", word), "to_name": f"clue_text_{index}"}


def test_a_row_has_every_column() -> None:
    row = read(ACCEPT)
    assert sorted(row) == sorted(arrow.ANNOTATIONS.names)
    pa.Table.from_pylist([row], schema=arrow.ANNOTATIONS)
    assert (row["external"], row["images"], row["reviewer"], row["seconds"]) == ("p1:2", TASK["images"], USERS[3], 21.5)
    assert json.loads(row["raw"]) == raw(ACCEPT)


def test_everything_on_the_screen_is_read() -> None:
    row = read(
        choice("verdict", "fix"),
        choice("flags", "privacy", "unsure", "privacy"),
        clue(1, "not_visible"),
        clue(0, "correct"),
        box("evidence", 0, 0, 50, 25),
        box("privacy", 90, 90, 10, 10),
        words("reasoning", "Signs are red.\n\nAnd round."),
        words("place", "  Paris,\n Texas "),
        words("comment", "see the box"),
        number("lat", -33.5),
        number("lon", 151),
    )
    assert (row["verdict"], row["flags"]) == ("fix", ["privacy", "unsure"])
    assert row["clues"] == [{"index": 0, "judgement": "correct"}, {"index": 1, "judgement": "not_visible"}]
    assert row["boxes"][0] == {"kind": "evidence", "x": 0.0, "y": 0.0, "width": 0.5, "height": 0.25}
    assert (row["reasoning"], row["place"]) == ("Signs are red.\n\nAnd round.", "Paris, Texas")
    assert (row["lat"], row["lon"], row["comment"]) == (-33.5, 151.0, "see the box")


def test_a_text_that_was_left_as_shown_is_no_edit() -> None:
    assert read(ACCEPT, words("reasoning", "Signs are red here. "))["reasoning"] is None


def test_a_text_is_refused_where_the_screen_has_none_to_edit() -> None:
    with pytest.raises(Refused, match="'reasoning' is no control of the screen"):
        read_annotation(raw(ACCEPT, words("reasoning", "Better.")), TASK, USERS, edits=False)


def test_an_emptied_text_is_none() -> None:
    assert read(ACCEPT, words("comment", " \n"))["comment"] is None


def test_a_skipped_task_needs_no_verdict() -> None:
    row = read(was_cancelled=True)
    assert row["skipped"] and row["verdict"] is None


def test_a_box_over_the_edge_by_a_hair_is_cut_there() -> None:
    (found,) = read(ACCEPT, box("privacy", -0.2, 80, 50, 20.3))["boxes"]
    assert found == {"kind": "privacy", "x": 0.0, "y": 0.8, "width": pytest.approx(0.498), "height": pytest.approx(0.2)}


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([], "no verdict was chosen"),
        ([choice("verdict", "accept", "reject")], "verdict: 2 choices, expected one"),
        ([choice("verdict", "acept")], "verdict: 'acept' is none of accept, fix, .*did you mean `accept`"),
        ([ACCEPT, ACCEPT], "verdict: is given twice"),
        ([ACCEPT, choice("quality", "5")], "'quality' is no control of the screen"),
        ([ACCEPT, choice("flag", "unsure")], "'flag' is no control of the screen.*`flags`"),
        ([ACCEPT, clue(2, "wrong")], "clue_2: the task shows 2 clues"),
        ([ACCEPT, clue(0, "maybe")], "clue_0: 'maybe' is none of"),
        ([ACCEPT, clue(1, "wrong"), clue(1, "correct")], "clue_1: is given twice"),
        ([ACCEPT, clue(1, "wrong"), choice("clue_01", "correct")], "'clue_01' is no control of the screen"),
        ([ACCEPT, choice("clue_٠", "wrong")], "'clue_٠' is no control of the screen"),
        ([ACCEPT, number("lat", 90.1), number("lon", 0)], "lat: 90.1 is no number of degrees from -90 to 90"),
        ([ACCEPT, number("lat", 0), number("lon", -180.5)], "lon: -180.5 is no number of degrees"),
        ([ACCEPT, number("lat", float("nan")), number("lon", 0)], "lat: nan is no number"),
        ([ACCEPT, {**number("lat", 0), "value": {"number": "51"}}], "lat: '51' is no number"),
        ([ACCEPT, number("lat", 10)], "only one of latitude and longitude"),
        ([ACCEPT, box("face", 0, 0, 1, 1)], "boxes: a rectangle is none of evidence, privacy"),
        ([ACCEPT, box("privacy", 50, 50, 60, 10)], "lies outside of the picture"),
        ([ACCEPT, box("privacy", 50, 50, 0, 10)], "has no position and size"),
        ([ACCEPT, {**BOX, "value": {**BOX["value"], "rotation": 30}}], "a rectangle is turned"),
        ([ACCEPT, words("comment", "x" * 2_001)], "comment: 2,001 characters, at most 2,000"),
        ([ACCEPT, {**words("place", ""), "value": {"text": [1]}}], "place: is no text"),
        ([ACCEPT, {**words("place", ""), "type": "number"}], "place: is no text"),
        ([ACCEPT, "verdict"], "no object with a value"),
        ([ACCEPT, {**ACCEPT, "from_name": ["verdict"]}], "is no control of the screen"),
        ([ACCEPT] * (MOST_RESULTS + 1), "no list of at most 1,000 parts"),
    ],
)  # fmt: skip
def test_what_cannot_count_says_why(results: list[Any], reason: str) -> None:
    assert re.search(reason, refusal(*results)), refusal(*results)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"completed_by": 4}, "by the account 4, which the server does not list"),
        ({"completed_by": {"id": True}}, "which the server does not list"),
        ({"completed_by": None}, "which the server does not list"),
        ({"updated_by": 1}, "changed by another account (1)"),
        ({"updated_at": "yesterday"}, "'yesterday' is no time"),
        ({"updated_at": "2026-11-30T08:59:43"}, "has no time zone"),
        ({"id": -1}, "-1 is no number of an annotation"),
        ({"id": 2**63}, "is no number of an annotation"),
        ({"result": {"verdict": "accept"}}, "no list"),
    ],
)
def test_who_and_when_are_checked_too(more: dict[str, Any], reason: str) -> None:
    assert reason in refusal(ACCEPT, **{"completed_by": 3, "updated_by": None, **more})


def test_times_are_written_so_that_texts_order_as_they_do() -> None:
    assert read(ACCEPT, updated_at="2026-11-30T08:59:43+02:00")["updated_at"] == "2026-11-30T06:59:43.000000Z"


def test_a_time_that_no_clock_says_is_none() -> None:
    assert [read(ACCEPT, lead_time=value)["seconds"] for value in (-3, None, "9", 10**400)] == [None] * 4


def test_days_may_be_real_and_more_than_a_month_is_none() -> None:
    times = (346_193, 0, MOST_SECONDS, MOST_SECONDS + 1, 1e300, -5)
    expected = [346_193.0, 0.0, MOST_SECONDS, None, None, None]
    assert [read(ACCEPT, lead_time=value)["seconds"] for value in times] == expected
    rating = {**raw(*rated("left")), "lead_time": 1e300}
    task = {name: TASK[name] for name in ("task", "project", "external", "id", "slot")}
    assert read_rating(rating, task, USERS)["seconds"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["verdict", "flags", "clue_0", "boxes", "reasoning", "lat", "lon", "place", "comment", "x"])
KINDS = st.sampled_from(["choices", "textarea", "number", "rectanglelabels"])
KEYS = st.sampled_from(["choices", "text", "number", "rectanglelabels", "x", "y", "width", "height", "rotation"])
RESULT = st.fixed_dictionaries(
    {"from_name": NAMES | JSON, "type": KINDS | JSON, "value": st.dictionaries(KEYS, JSON, max_size=5) | JSON}
)


@given(st.lists(RESULT | JSON, max_size=4), st.dictionaries(st.sampled_from([*raw()]), JSON, max_size=3))
def test_any_json_is_a_row_or_a_refusal(results: list[Any], more: dict[str, Any]) -> None:
    try:
        row = read(*results, **more)
    except Refused as refused:
        assert str(refused)
    else:
        pa.Table.from_pylist([row], schema=arrow.ANNOTATIONS)
