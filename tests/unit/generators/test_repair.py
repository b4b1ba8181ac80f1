"""The last resort for almost-JSON: what it mends, and where it stops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.generators.parse import parse_answer
from factory.generators.repair import LOOKS, MAX_TEXT, repaired
from schemas import GeoAnswer
from schemas.plain_json import MAX_DEPTH

FRANCE = {"localizable": True, "country": "France", "city": "Paris"}
CHAD = {"localizable": True, "country": "Chad", "city": "Sarh"}


@pytest.mark.parametrize(
    "text",
    [
        str(FRANCE),
        '{localizable: true, country: "France", city: "Paris"}',
        '{"localizable": true, "country": "France" "city": "Paris"}',
        '{"localizable": true, "country": "France", "city": "Paris" // near the river\n}',
    ],
)
def test_mends_what_people_and_models_mistype(text: str) -> None:
    assert repaired(text) == FRANCE


def test_an_answer_as_long_as_one_may_be_is_mended() -> None:
    long = {**FRANCE, "reasoning": "The plate reads Rue de Rivoli; it's blue. " * 700}
    assert 29_000 < len(str(long)) < MAX_TEXT
    assert repaired(str(long)) == long


@pytest.mark.parametrize(
    "text",
    [
        "{'a': '" + "x" * MAX_TEXT + "'}",
        "{'a':" + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}",
        "{'a':" + "([{" * 30 + "}])" * 30 + "}",
        "{'a': '" + "(" * (MAX_DEPTH + 1) + "'}",
    ],
)
def test_what_is_longer_or_deeper_than_an_answer_is_left_alone(text: str) -> None:
    assert repaired(text) is None


@pytest.mark.parametrize("width", [200, 500])
def test_work_is_counted_and_not_timed(width: int) -> None:
    """Sixty round brackets, each of which makes it look ahead to the end of a text of any length."""
    text = "{'a':" + "(" * 60 + "x" * width * LOOKS + ")" * 60 + "}"
    assert len(text) < MAX_TEXT and repaired(text) is None


def test_of_several_mistyped_objects_the_last_that_names_a_place_is_read() -> None:
    def country(text: str) -> str | None:
        answer = parse_answer(text, "stop")
        return answer.country if isinstance(answer, GeoAnswer) else None

    assert country(f"A draft: {FRANCE}\nNo: {CHAD}") == "Chad"
    assert country(f"{CHAD}\nA remark: {{'sure': 'yes'}}") == "Chad"
    assert country(f"<answer>{FRANCE}</answer> or <answer>{CHAD}</answer>") == "Chad"
    assert country(f"{FRANCE}" + " {'sure': 'yes'}" * 100) == "France"


@given(st.text(alphabet="{}[]()\"':,ab \n\\/#*`", max_size=300))
def test_any_text_gives_an_object_or_nothing(text: str) -> None:
    assert isinstance(repaired("{" + text + "}"), dict | None)
