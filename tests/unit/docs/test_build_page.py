"""docs/build.md has every file with its columns, every phase, state and exit code, as the code has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from factory import errors
from factory.phases.build import phases_with
from factory.store.layout import BuildPaths, ShardPaths
from schemas import arrow
from tests.pages import code_words, page, sections, table

SECTIONS = sections(page("docs/build.md"))
FILES = {
    "plan.parquet": arrow.PLAN,
    "dropped.parquet": arrow.DROPPED,
    "answers.parquet": arrow.ANSWERS,
    "verdicts.parquet": arrow.VERDICTS,
    "tasks.parquet": arrow.TASKS,
    "annotations.parquet": arrow.ANNOTATIONS,
    "refused.parquet": arrow.REFUSED,
    "pulls/000001.parquet": arrow.RAW,
    "decisions.parquet": arrow.REVIEWS,
    "selection.parquet": arrow.SELECTION,
    "ledger.parquet": arrow.LEDGER,
}


def columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Every column and field of a schema with its type in the page's words."""
    return [(name, kind + "?" * field.nullable) for field in schema for name, kind in _told(field.name, field.type)][:]


def _told(name: str, kind: pa.DataType) -> Iterator[tuple[str, str]]:
    if pa.types.is_list(kind) and not pa.types.is_struct(kind.value_type):
        yield name, f"list of {_word(kind.value_type)}s"
    elif pa.types.is_list(kind):
        yield f"{name}[]", "list"
        yield from _fields(f"{name}[]", kind.value_type)
    elif pa.types.is_struct(kind):
        yield name, "struct"
        yield from _fields(name, kind)
    else:
        yield name, _word(kind)


def _fields(name: str, kind: pa.StructType) -> Iterator[tuple[str, str]]:
    for number in range(kind.num_fields):
        yield from _told(f"{name}.{kind.field(number).name}", kind.field(number).type)


def _word(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "whole"
    return {"string": "text", "double": "number", "float": "number", "bool": "flag"}[str(kind)]


@pytest.mark.parametrize("name", FILES)
def test_every_column_stands_in_its_table(name: str) -> None:
    part = SECTIONS["Columns"].partition(f"### {name}\n")[2].partition("\n### ")[0]
    assert [(row[0].strip("`"), row[1]) for row in table(part, "column")] == columns(FILES[name])


def test_every_schema_has_its_table() -> None:
    schemas = [value for value in vars(arrow).values() if isinstance(value, pa.Schema)]
    assert len(schemas) == len(FILES)
    assert all(schema in FILES.values() for schema in schemas)


LEFT_OPEN = {"annotations.lease", "answered.sqlite", "budget.sqlite", "ledger.sqlite", "progress", "thawing.sqlite"}
"""Files of a build at work."""


def test_every_file_stands_on_the_page() -> None:
    named = [
        getattr(kind(Path("build")), name).name
        for kind in (BuildPaths, ShardPaths)
        for name, value in vars(kind).items()
        if isinstance(value, property)
    ]
    tree = SECTIONS[""].partition("```\n")[2].partition("```")[0]
    words = code_words(SECTIONS[""])
    assert {name for name in named if name not in tree} == words & LEFT_OPEN


def test_phases_and_states_are_the_code_s() -> None:
    rows = table(SECTIONS["Phases"], "phase")
    assert [(row[0], row[3]) for row in rows] == [(phase.name, phase.state) for phase in phases_with(lambda build: {})]


def test_exit_codes_are_the_code_s() -> None:
    codes = sorted(value for name, value in vars(errors).items() if name.startswith("EXIT_"))
    assert [int(row[0]) for row in table(SECTIONS["Phases"], "exit code")] == codes
