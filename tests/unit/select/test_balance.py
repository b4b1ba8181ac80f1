from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.select.balance import quota
from tests.unit.select.frames import frame_of


def kept(frame: pl.DataFrame, column: str = "country_code", **limits: object) -> Counter[str | None]:
    gone = quota(frame, **limits).removed["id"].to_list()  # type: ignore[arg-type]
    return Counter(frame.filter(~pl.col("id").is_in(gone))[column].to_list())


def countries(counts: dict[str | None, int]) -> pl.DataFrame:
    return frame_of([{"country_code": code} for code, count in counts.items() for _ in range(count)])


@given(st.dictionaries(st.sampled_from([*"ABCDEFGHIJ", None]), st.integers(1, 40), min_size=1))
@settings(max_examples=40)
def test_no_country_fills_more_than_its_share_of_what_is_left(counts: dict[str | None, int]) -> None:
    left = kept(countries(counts), max_share=0.2)
    largest = max(left.values())
    assert largest == 1 or largest <= max(0.2, 1 / len(counts)) * left.total() + 1e-9
    assert set(left) == set(counts)


def test_counts_above_the_limit_are_cut_and_others_untouched() -> None:
    assert kept(countries({"DE": 30, "NA": 3}), max_count=10) == {"DE": 10, "NA": 3}


def test_says_what_was_cut_and_by_which_setting() -> None:
    found = quota(countries({"DE": 3, "NA": 1}), max_count=2).removed
    assert found["reason"].to_list() == ["country_quota"]
    assert found["detail"].to_list() == ["country DE: 2 of 3 kept (max_count 2)"]


def test_the_same_rows_stay_however_they_are_ordered() -> None:
    frame = countries({"DE": 30, "NA": 3})
    first = set(quota(frame, max_count=5).removed["id"])
    assert set(quota(frame.reverse(), max_count=5).removed["id"]) == first
    assert set(quota(frame, max_count=5, seed=1).removed["id"]) != first


def test_cells_and_scenes_are_classes_too() -> None:
    frame = frame_of([{"lat": 50.1, "lon": 10.1 + n / 100, "scene": None} for n in range(6)] + [{"scene": "indoor"}])
    assert len(quota(frame, by="geocell", max_count=2).removed) == 4
    assert kept(frame, "scene", by="scene", max_count=2) == {None: 2, "indoor": 1}


def test_nothing_is_removed_without_a_limit() -> None:
    assert quota(countries({"DE": 30}), by="country").removed.is_empty()
    assert quota(frame_of([]), max_share=0.1).removed.is_empty()
