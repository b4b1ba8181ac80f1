"""Decontamination against the real IM2GPS3k table, in its right and its swapped edition."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from factory.select import Benchmark, overlaps_by_metadata
from factory.select.benchmarks import read_benchmark

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
TABLES = SHARED / "data" / "translocator"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not TABLES.is_dir(), reason=f"{TABLES} is missing: set FACTORY_SHARED to the shared folder"),
]

RIGHT = Benchmark(name="im2gps3k", table=TABLES / "im2gps3k_places365.csv")
SWAPPED = Benchmark(name="im2gps3k", table=TABLES / "DERIVED_im2gps3k_swapped_header.csv")


def test_finds_all_of_itself_by_id_alone() -> None:
    table = read_benchmark(RIGHT)
    assert table.height == 2997
    found = overlaps_by_metadata(table, [RIGHT], radius_km=0)
    assert found["reason"].value_counts().rows() == [("benchmark_id", 2997)]


def test_finds_all_of_itself_under_mp16_names() -> None:
    table = read_benchmark(RIGHT)
    photo = pl.col("id").str.extract(r"^(\d+)_")
    renamed = table.with_columns(id=pl.format("7e/c3/{}.jpg", photo)).filter(pl.col("id").str.len_chars() > 14)
    found = overlaps_by_metadata(renamed, [RIGHT], radius_km=0)
    assert found.filter(pl.col("reason") == "benchmark_id").height == renamed.height


def test_finds_all_of_itself_by_author_and_place_and_by_place() -> None:
    hidden = read_benchmark(RIGHT).with_row_index("n").with_columns(id=pl.format("hidden{}", "n"))
    assert set(overlaps_by_metadata(hidden, [RIGHT], radius_km=0)["reason"]) == {"benchmark_author_place"}
    nobody = overlaps_by_metadata(hidden.drop("author"), [RIGHT], radius_km=0.05)
    assert nobody["reason"].value_counts().rows() == [("benchmark_nearby", 2997)]


def test_the_swapped_edition_has_the_same_coordinates() -> None:
    right, swapped = read_benchmark(RIGHT), read_benchmark(SWAPPED)
    both = swapped.join(right, on="id", suffix="_right")
    assert both.height == swapped.height > 0
    assert (
        both.filter((pl.col("lat") == pl.col("lat_right")) & (pl.col("lon") == pl.col("lon_right"))).height
        == both.height
    )
