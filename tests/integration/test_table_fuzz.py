"""Any text as a CSV, with Python's own `csv` (strict) as judge.

Every record is a row or a named problem, or the file is refused; and no cell is read that the judge does not see in
that column.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.geo.degrees import parse_places
from factory.phases.plan import compile_plan
from factory.sources.csv_table import read_header, read_rows
from factory.sources.table import table
from schemas.settings import PlanSettings

FIXED = settings(
    derandomize=True, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

COLUMNS = ["image", "title", "lat", "lon"]
DELIMITERS = st.sampled_from([",", ";", "\t"])
ODD = st.sampled_from(
    ['"', '""', ",", ";", "\t", "\n", "\r\n", "\r", " ", '19" screen', "'", "é", "\u202f", "\x1c", "-"]
)
FAIR = ["a.jpg", "60.1", "-25", "", "Route 66, 35", '"quoted, well"', '"two\nlines"', '"say ""hi"""', "x"]
CELLS = st.one_of(st.sampled_from(FAIR), st.lists(st.one_of(ODD, st.text(max_size=3)), max_size=4).map("".join))


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str]:
    """A delimiter, and a text that is a table with mistakes."""
    delimiter = draw(DELIMITERS)
    ends = st.sampled_from(["\n", "\r\n", "\n", "\n\n"])
    cells = draw(st.sampled_from([CELLS, st.sampled_from(FAIR)]))
    rows = draw(st.lists(st.lists(cells, min_size=3, max_size=5), max_size=8))
    text = delimiter.join(COLUMNS) + draw(ends)
    for row in rows:
        text += delimiter.join(row) + draw(ends)
    return delimiter, text if draw(st.booleans()) else text.rstrip("\r\n")


def judged(text: str, delimiter: str) -> list[list[str]] | None:
    """The records behind the header, or None where the judge refuses the text."""
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return [record for record in records if record][1:]


@FIXED
@given(tables(), st.integers(1, 40))
@example((",", 'image,title,lat,lon\n1.jpg,19" screen,60,25\n2.jpg,20" x,61,26\n'), 7)
@example((",", "image,title,lat,lon\n1.jpg,Route 66, 35,35.2,-111.6\n2.jpg,a,1,2\n"), 9)
@example((",", 'image,title,lat,lon\n"a\r\n,b'), 3)
def test_records_are_rows_or_named_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_table: tuple[str, str], block: int
) -> None:
    delimiter, text = given_table
    monkeypatch.setattr("factory.sources.csv_table.BLOCK_BYTES", block)
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    truth = judged(text, delimiter) if path.read_bytes().decode("utf-8", "replace") == text else None

    def read() -> Any:
        header = read_header(path, label="t", encoding="utf-8", delimiter=delimiter)
        return read_rows(path, COLUMNS, label="t", encoding="utf-8", header=header)

    if truth is None or (truth and all(len(record) != 4 for record in truth)):
        with pytest.raises(SourceError):
            read()
        return
    found = read()
    assert found.height == len(truth)
    for (*cells, problem, detail), record in zip(found.iter_rows(), truth, strict=True):
        if len(record) == len(COLUMNS):
            assert (cells, problem) == (record, None)
        else:
            assert (cells, problem) == ([None] * 4, "too_many_fields" if len(record) > 4 else "too_few_fields")
            assert f"has {len(record)} fields" in detail


@FIXED
@given(tables())
def test_a_plan_holds_every_record_and_no_coordinate_that_the_judge_does_not_see(
    tmp_path: Path, given_table: tuple[str, str]
) -> None:
    delimiter, text = given_table
    text = text.encode("utf-8", "replace").decode()
    (tmp_path / "t.csv").write_bytes(text.encode())
    truth = judged(text, delimiter)
    whole = [record for record in truth or () if len(record) == len(COLUMNS)]
    source = table(tmp_path, path="t.csv", delimiter=delimiter)
    if truth is None or (truth and not whole):
        with pytest.raises(SourceError):
            source.table()
        return
    plan = compile_plan(source.table(), PlanSettings(max_swapped_share=1))
    assert plan.samples.height + plan.dropped.height == len(truth)
    assert plan.dropped.filter(plan.dropped["reason"] == "").is_empty()
    for sample in plan.samples.iter_rows(named=True):
        _, _, lat, lon = truth[sample["source_row"]]
        seen = parse_places(pl.Series([lat]), pl.Series([lon]))
        assert seen.row(0) == (sample["lat"], sample["lon"])
