"""What is foreseen of a build's disk against what the shipped demo takes; real photos are in the acceptance tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real_build import foreseen_and_taken

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "mp16_reason.yaml"


@pytest.mark.parametrize("formats", ["webdataset, parquet", "parquet"])
def test_the_demo_takes_what_was_foreseen(formats: str, tmp_path: Path) -> None:
    foreseen, taken = foreseen_and_taken(RECIPE, tmp_path, f"release.formats=[{formats}]")
    assert taken <= foreseen <= 1.4 * taken, f"{foreseen:,} foreseen, {taken:,} taken"
