from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.errors import CorruptBuild
from release.rows import json_values, release_order, released_rows, row_answer
from schemas.rows.mp16_reason import JSON_KEYS, ROW
from tests.build_fixture import HOSTILE_TEXT, make_build


def answer(teacher: str, km: float | None, **changes: Any) -> dict[str, Any]:
    plain = {
        "teacher": teacher,
        "failure": None,
        "reasoning": "because",
        "localizable": True,
        "country_correct": True,
        "confidence": 0.5,
        "lat": 1.0,
        "lon": 2.0,
        "distance_km": km,
        "named_lat": 3.0,
        "named_lon": 4.0,
        "named_distance_km": 7.0,
    }
    return {**plain, **changes}


def chosen(answers: list[dict[str, Any]], policy: str = "nearest") -> str | None:
    found = row_answer(answers, policy)  # type: ignore[arg-type]
    return found["teacher"] if found else None


def test_the_nearest_answer_speaks() -> None:
    assert chosen([answer("a", 9.0), answer("b", 2.0)]) == "b"


def test_ties_go_by_the_recipes_order() -> None:
    same = [answer("a", 2.0), answer("b", 2.0)]
    assert [chosen(same, policy) for policy in ("nearest", "first", "most_confident")] == ["a", "a", "a"]


def test_an_answer_without_coordinates_is_as_near_as_the_place_it_named() -> None:
    named = answer("b", None, lat=None, lon=None)
    assert chosen([answer("a", 9.0), named]) == "b"
    assert chosen([answer("a", 5.0), named]) == "a"


def test_an_answer_in_another_country_never_speaks() -> None:
    wrong = answer("a", 1.0, country_correct=False)
    assert [chosen([wrong, answer("b", 90.0)], policy) for policy in ("nearest", "first")] == ["b", "b"]
    assert chosen([wrong]) is None
    assert chosen([wrong, answer("b", 90.0, reasoning="  ")]) is None


def test_an_answer_whose_country_cannot_be_compared_speaks_when_no_other_can() -> None:
    unknown = answer("a", 1.0, country_correct=None)
    assert chosen([unknown]) == "a"
    assert chosen([unknown, answer("b", 90.0)]) == "b"
    assert chosen([answer("a", 1.0, localizable=False), answer("b", 90.0)]) == "b"


def test_failed_and_silent_answers_never_speak() -> None:
    assert chosen([answer("a", 1.0, failure="not_json"), answer("b", 1.0, reasoning=" \n")]) is None


def test_the_most_confident_answer_may_be_asked_for() -> None:
    answers = [answer("a", 1.0, confidence=None), answer("b", 9.0, confidence=0.1)]
    assert chosen(answers, "most_confident") == "b"


def test_a_row_says_where_it_is_and_why(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    rows = list(released_rows(build, release_order(build), row_answer, None))
    assert [row.values["id"] for row in rows] == ["s000", "s001", "s002", "s006"]
    first = rows[0].values
    assert {*first, "images"} == set(ROW.names)
    assert first["__#solution"] == "<country>Germany</country><city>Leipzig</city>"
    assert first["response"].startswith("second: Sign reads <script>")
    assert first["entities"] == [{"text": HOSTILE_TEXT}, {"text": "grey road number 0"}]
    assert (first["answer"]["teacher"], first["answer"]["located_by"]) == ("second", "coordinates")
    assert rows[2].values["country"] == "Namibia"
    assert len(first["requests"]) == len(first["teachers"]) == 2


def test_json_has_every_key_and_no_null_text(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    rows = [json_values(row.values) for row in released_rows(build, release_order(build), row_answer, None)]
    assert {tuple(row) for row in rows} == {JSON_KEYS}
    assert rows[2]["author"] == "" and rows[0]["author"]


def test_the_recipes_licence_holds_for_rows_that_state_none(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", 8)
    build.__dict__["plan"] = build.plan.with_columns(licence=None)
    (first, *_) = released_rows(build, release_order(build), row_answer, "CC0-1.0")
    assert first.values["licence"] == "CC0-1.0"


def test_a_kept_row_without_an_answer_stops_the_release(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    with pytest.raises(CorruptBuild, match="'s000' is kept but"):
        list(released_rows(build, release_order(build), lambda answers: None, None))


def test_a_kept_row_without_an_image_stops_the_release(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    build.paths.shard(0).images.write_bytes(bytes(10240))
    with pytest.raises(CorruptBuild, match=r"images\.tar: no image of kept row 's000'"):
        list(released_rows(build, release_order(build), row_answer, None))
