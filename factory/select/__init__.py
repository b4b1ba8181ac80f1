"""Which accepted rows are released, and in which split: the recipe's selectors, run in its order.

Importing this package registers the selectors. Each is one module; `run_selection` applies them and keeps, for every
row that leaves, which rule took it and why.
"""

from __future__ import annotations

from factory.select.balance import quota
from factory.select.benchmarks import Benchmark
from factory.select.decontaminate import decontaminate, overlaps_by_metadata
from factory.select.geocell_split import geocell_split
from factory.select.near_duplicates import near_duplicates
from factory.select.ruling import FRAME_SCHEMA, Ruling
from factory.select.run import run_selection
from factory.select.split import split
from factory.select.truth_in_country import truth_in_country

__all__ = [
    "FRAME_SCHEMA",
    "Benchmark",
    "Ruling",
    "decontaminate",
    "geocell_split",
    "near_duplicates",
    "overlaps_by_metadata",
    "quota",
    "run_selection",
    "split",
    "truth_in_country",
]
