"""The rows that NaviClues released: read, and written again without loss."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from factory.sources.captions import read_transcript
from factory.sources.released_clues import COLUMNS, flat, is_released, read_records, write_records

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
RELEASED = SHARED / "data" / "naviclues" / "filtered_clues.jsonl"
CAPTIONS = SHARED / "data" / "formats" / "transcripts"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RELEASED.is_file(), reason="the released rows are missing: set FACTORY_SHARED"),
]
"""Its twins on made data: tests/unit/sources/test_transcripts.py and test_captions.py."""


def test_all_released_rows_are_read_and_written_without_loss(tmp_path: Path) -> None:
    rows = list(read_records(RELEASED, label="filtered_clues.jsonl"))
    assert len(rows) == 1120
    assert Counter(type(row["points"]) for row in rows) == {int: 1098, str: 22}
    assert sum(row["location"]["continent"] == "N/A" for row in rows) == 4
    (tmp_path / "again.jsonl").write_text(write_records(rows), encoding="utf-8")
    again = list(read_records(tmp_path / "again.jsonl", label="again.jsonl"))
    assert [repr(row) for row in again] == [repr(row) for row in rows]
    assert all(is_released(row) and tuple(row) == COLUMNS for row in rows)
    assert {flat(row)["lat"] for row in rows} == {row["location"]["lat"] for row in rows}


@pytest.mark.parametrize("path", sorted(CAPTIONS.glob("*/*")), ids=lambda path: path.name)
def test_captions_of_the_wild_are_read(path: Path) -> None:
    said = read_transcript(path, label=path.name)
    assert said and not any("<" in one.text or "-->" in one.text for one in said)
