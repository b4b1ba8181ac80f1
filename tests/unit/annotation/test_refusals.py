"""What holds of an annotation that cannot count: its marks of what is private, and that it is a person's last word."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.annotations import MOST_RESULTS, Refused, changed_at
from annotation.refusals import private_marks, refused_word
from annotation.words import REFUSED, UNREAD_MARK
from schemas import arrow
from tests.studio import box, choice, number, words
from tests.unit.annotation.test_annotations import JSON, RESULT, TASK, raw

PRIVATE = box("privacy", 10, 20, 30, 40)
BOX = {"kind": "privacy", "x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}
USERS = {3: "anna@example.com"}


def turned(mark: dict[str, Any], **value: Any) -> dict[str, Any]:
    return {**mark, "value": {**mark["value"], **value}}


def refused(annotation: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"annotation": annotation["id"], "task": 70, "project": 7, "external": "p1:2", "reviewer": "anna@example.com"}
    at = {"reason": "lat", "link": "", "updated_at": "2026-11-30T08:59:43.916452Z", "raw": json.dumps(annotation)}
    return {**row, **at, **more}


@pytest.mark.parametrize(
    ("results", "boxes", "flags"),
    [
        ([choice("verdict", "maybe"), PRIVATE], [BOX], []),
        ([PRIVATE, number("lat", 200), choice("flags", "privacy", "nonsense")], [BOX], ["privacy"]),
        ([PRIVATE, turned(PRIVATE, rotation=30)], [BOX], [UNREAD_MARK]),
        ([box("privacy", 50, 50, 60, 10)], [], [UNREAD_MARK]),
        ([box("face", 10, 20, 30, 40)], [BOX], []),
        ([{**PRIVATE, "from_name": "bokses"}], [BOX], []),
        ([{**PRIVATE, "type": "polygonlabels"}], [], [UNREAD_MARK]),
        ([turned(PRIVATE, rectanglelabels=["evidence", "privacy"])], [BOX], []),
        ([turned(PRIVATE, rectanglelabels=None)], [BOX], []),
        ([box("evidence", 10, 20, 30, 400)], [], []),
        ([{"type": "relation", "from_id": "a", "to_id": "b"}], [], []),
        ([choice("verdict", "accept"), words("comment", "privacy"), number("lat", 1)], [], []),
        (["boxes"], [], [UNREAD_MARK]),
        ([{**choice("flags"), "value": {"choices": "privacy"}}], [], [UNREAD_MARK]),
        (None, [], [UNREAD_MARK]),
        ([PRIVATE] * (MOST_RESULTS + 1), [], [UNREAD_MARK]),
    ],
)  # fmt: skip
def test_a_mark_that_can_be_read_counts_and_what_may_be_one_withholds(
    results: Any, boxes: list[Any], flags: list[str]
) -> None:
    assert private_marks(results) == (boxes, flags)


def test_it_stands_as_a_row_without_a_word() -> None:
    annotation = raw(choice("verdict", "accept"), PRIVATE, choice("flags", "privacy"), number("lat", 200))
    row = refused_word(refused(annotation), TASK, USERS)
    assert (row["id"], row["slot"], row["external"], row["images"]) == ("p1", "2", "p1:2", TASK["images"])
    assert (row["verdict"], row["lat"], row["clues"], row["seconds"]) == (None, None, [], None)
    assert (row["flags"], row["boxes"], row["reviewer"]) == ([REFUSED, "privacy"], [BOX], "anna@example.com")
    assert not row["skipped"] and not row["deleted"] and row["raw"] == json.dumps(annotation)


@pytest.mark.parametrize(
    ("by", "who"),
    [(3, "anna@example.com"), ({"id": 3}, "anna@example.com"), (77, "account 77"), (None, "an unknown account")],
)
def test_whose_it_is_where_the_server_does_not_plainly_tell(by: Any, who: str) -> None:
    assert refused_word(refused(raw(completed_by=by), reviewer=None), TASK, USERS)["reviewer"] == who


def test_without_a_time_it_is_as_old_as_the_annotation_or_new() -> None:
    made = raw(created_at="2026-11-30T07:00:00Z")
    assert refused_word(refused(made, updated_at=None), TASK, USERS)["updated_at"] == "2026-11-30T07:00:00.000000Z"
    now = refused_word(refused(raw(), updated_at=None), TASK, USERS)["updated_at"]
    assert changed_at({"updated_at": now}) == now > "2026-11"


def test_without_a_number_it_has_one_that_no_server_gives() -> None:
    assert refused_word(refused({**raw(), "id": None}), TASK, USERS)["annotation"] == 2**62 + 70


@given(st.lists(RESULT | JSON, max_size=4) | JSON, st.dictionaries(st.sampled_from([*raw()]), JSON, max_size=3))
def test_of_any_json_a_row_comes(results: Any, more: dict[str, Any]) -> None:
    row = refused_word(refused(raw() | {"result": results} | more, reviewer=None) | {"annotation": 9}, TASK, USERS)
    pa.Table.from_pylist([row], schema=arrow.ANNOTATIONS)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"result": [1' + "0" * 5_000 + "]}"])
def test_a_raw_text_that_is_none_withholds(text: str) -> None:
    assert refused_word(refused(raw(), raw=text), TASK, USERS)["flags"] == [REFUSED, UNREAD_MARK]


@given(
    st.lists(st.sampled_from([PRIVATE, choice("verdict", "x"), number("lat", 1e9), words("place", "y")]), max_size=6)
)
def test_as_many_marks_as_are_drawn_are_blurred_whatever_stands_between(results: list[Any]) -> None:
    boxes, flags = private_marks(results)
    assert boxes == [BOX] * results.count(PRIVATE) and flags == []


def test_refused_is_what_reading_refuses() -> None:
    with pytest.raises(Refused):
        changed_at({"updated_at": None})
