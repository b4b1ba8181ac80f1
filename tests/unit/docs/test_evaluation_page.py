"""The page on evaluation says what the code does."""

from __future__ import annotations

from tests.pages import page, table
from train.evaluate.presets import PRESETS, AtDistance, AtPoint, Failure
from train.evaluate.significance import FLIPS, RESAMPLES

PAGE = page("docs/evaluation.md")


def told(failure: Failure) -> str:
    if isinstance(failure, AtDistance):
        return f"at {failure.km:,.0f} km"
    return f"at {failure.lat:g}, {failure.lon:g}" if isinstance(failure, AtPoint) else "wrong"


def test_the_table_of_presets_is_that_of_the_code() -> None:
    rules = PRESETS.values()
    assert table(PAGE, "preset") == [
        [
            f"`{one.name}`",
            one.distance,
            "WGS84" if one.radius_km is None else f"{one.radius_km:.8g}",
            one.comparator,
            told(one.failure),
            one.locate,
            one.names,
        ]
        for one in rules
    ]


def test_the_numbers_of_resamples_and_flips_are_those_of_the_code() -> None:
    assert f"{RESAMPLES:,} resamples" in PAGE and f"flipped {FLIPS:,} times" in PAGE
