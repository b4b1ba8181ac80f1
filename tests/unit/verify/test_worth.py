"""What a source is worth is counted: on planted evidence exactly what was planted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from factory.report.worths import Worth
from factory.verify.worth import AGREEMENT, LEAST_ROWS, worths

ROWS = 200


def frame(speaks: Callable[[int, bool], float | None], *, rows: int = ROWS, teachers: int = 1) -> pl.DataFrame:
    """Rows whose teachers are always as sure and every second time right, with what a witness says of them; one
    right and one wrong row an author."""
    found = []
    for number in range(rows):
        right = number % 2 == 0
        row: dict[str, float | str | None] = {"id": f"{number:04d}", "group": float(number // 2)}
        for teacher in "ab"[:teachers]:
            row |= {f"confidence:{teacher}": 0.5, f"level:{teacher}": 1.0, f"placed:{teacher}": 1.0}
            row |= {f"right:{teacher}": float(right), f"support:w:{teacher}": speaks(number, right)}
        found.append(row)
    return pl.DataFrame(found, infer_schema_length=None)


def of(found: tuple[Worth, ...], source: str) -> Worth:
    return next(one for one in found if one.source == source)


def test_a_witness_that_knows_ranks_every_right_row_first() -> None:
    (found,) = worths(frame(lambda _, right: 1.0 if right else -1.0), ["w"], radius_km=25.0)
    half, whole = found.at[0], found.at[-1]
    assert (half.coverage, half.accepted, half.right_with) == (0.5, 100, 100)
    assert half.right_without == 50, "equals stand in the order given"
    assert (whole.right_with, whole.right_without) == (100, 100), "at full coverage nothing is chosen"
    assert (found.spoke_for, found.spoke_against) == (type(found.spoke_for)(100, 100), type(found.spoke_for)(100, 0))
    assert found.verdict == "adds" and found.low > 0 and "is worth its place" in found.words


def test_a_witness_that_is_right_three_times_of_four_is_worth_exactly_that() -> None:
    """It speaks for 100 places, of which 75 are right."""

    def speaks(number: int, right: bool) -> float:
        mistaken = (number // 2) % 4 == 0
        return 1.0 if right != mistaken else -1.0

    (found,) = worths(frame(speaks), ["w"], radius_km=25.0)
    assert found.spoke_for is not None and (found.spoke_for.places, found.spoke_for.right) == (100, 75)
    assert (found.at[0].accepted, found.at[0].right_with) == (100, 75)
    assert found.verdict == "adds"


def test_a_witness_that_knows_nothing_is_said_to_be_worth_nothing() -> None:
    luck = np.random.default_rng(3).uniform(-1, 1, ROWS)
    (found,) = worths(frame(lambda number, _: float(luck[number])), ["w"], radius_km=25.0)
    assert found.verdict == "not_shown" and "no worth is shown" in found.words


def test_a_witness_that_is_always_wrong_has_no_weight_and_changes_nothing() -> None:
    (found,) = worths(frame(lambda _, right: -1.0 if right else 1.0), ["w"], radius_km=25.0)
    assert [(at.right_with - at.right_without) for at in found.at] == [0] * len(found.at)
    assert found.verdict == "not_shown" and found.gain == 0
    assert found.spoke_against is not None and found.spoke_against.right == 100, "and the counts show it"


def test_a_witness_that_says_nothing_is_silent() -> None:
    (found,) = worths(frame(lambda _number, _right: None), ["w"], radius_km=25.0)
    assert found.verdict == "silent" and found.words == "said nothing of any place: worth nothing here"


def test_agreement_that_tells_right_from_wrong_adds() -> None:
    rows = frame(lambda _number, _right: None, teachers=2)
    apart = pl.when(pl.col("right:a") == 1.0).then(1.0).otherwise(900.0).alias("km:a:b")
    found = of(worths(rows.with_columns(apart), ["w"], radius_km=25.0), AGREEMENT)
    assert found.at[0].right_with == 100 and found.verdict == "adds"
    assert found.spoke_for is None


def test_few_known_places_say_nothing() -> None:
    assert worths(frame(lambda _number, _right: 1.0, rows=LEAST_ROWS - 1), ["w"], radius_km=25.0) == ()


@pytest.mark.parametrize("witnesses", [[], ["w"]])
def test_the_same_rows_give_the_same_numbers(witnesses: list[str]) -> None:
    rows = frame(lambda number, right: 0.3 if right else -0.1 * (number % 3), teachers=2)
    assert worths(rows, witnesses, radius_km=25.0) == worths(rows, witnesses, radius_km=25.0)
