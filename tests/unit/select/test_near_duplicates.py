from __future__ import annotations

import importlib

import polars as pl
import pytest

from factory.select.near_duplicates import near_duplicates
from tests.unit.select.frames import frame_of


def removed(frame: pl.DataFrame, **settings: object) -> dict[str, tuple[str, str]]:
    rows = near_duplicates(frame, **settings).removed.iter_rows()  # type: ignore[arg-type]
    return {name: (reason, detail) for name, reason, detail in rows}


def test_keeps_the_row_whose_answer_is_nearest_to_the_truth() -> None:
    frame = frame_of([{"image_phash": 0, "best_distance_km": 9.0}, {"image_phash": 3, "best_distance_km": 2.0}])
    assert removed(frame) == {"r000": ("perceptual_duplicate", "2 bits from r001, which is kept")}


def test_keeps_the_first_in_plan_order_when_answers_are_equally_good() -> None:
    assert list(removed(frame_of([{"image_phash": 0}, {"image_phash": 0}]))) == ["r001"]


def test_a_row_without_a_distance_gives_way() -> None:
    frame = frame_of([{"image_phash": 0, "best_distance_km": None}, {"image_phash": 0, "best_distance_km": 700.0}])
    assert list(removed(frame)) == ["r000"]


def test_equal_bytes_are_duplicates_even_without_a_hash() -> None:
    frame = frame_of([{"image_sha256": "a"}, {"image_sha256": "a"}])
    assert removed(frame) == {"r001": ("exact_duplicate", "same bytes as r000, which is kept")}


def test_a_burst_is_one_group_though_its_ends_differ_more() -> None:
    burst = frame_of([{"image_phash": (1 << 4 * step) - 1} for step in range(4)])
    found = near_duplicates(burst, max_hamming=4)
    assert found.removed["id"].to_list() == ["r001", "r002", "r003"]
    assert found.groups["group"].to_list() == ["r000"] * 4
    assert found.removed["detail"].to_list()[-1] == "12 bits from r000, which is kept"


def test_pictures_further_apart_than_the_radius_are_different_pictures() -> None:
    frame = frame_of(
        [
            {"image_phash": 0, "lat": 50.0, "lon": 10.0},
            {"image_phash": 0, "lat": 50.0, "lon": 10.1},
            {"image_phash": 1, "lat": -50.0, "lon": 10.0},
        ]
    )
    assert list(removed(frame, max_km=20.0)) == ["r001"]
    assert len(removed(frame)) == 2


def test_missing_hashes_are_not_alike() -> None:
    assert removed(frame_of([{}, {}, {}])) == {}


def test_an_empty_frame_has_no_duplicates() -> None:
    assert removed(frame_of([])) == {}


def test_a_crowd_of_like_pictures_is_one_group_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # the package exports the function under the module's name
    monkeypatch.setattr(importlib.import_module("factory.select.near_duplicates"), "_FOLD_PAIRS", 50)
    crowd = frame_of([{"image_phash": 1 << bit, "lat": 50.0, "lon": 10.0} for bit in range(60)])
    assert len(removed(crowd, max_hamming=2)) == 59
    assert len(removed(crowd, max_hamming=2, max_km=1.0)) == 59
