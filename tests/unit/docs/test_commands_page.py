"""docs/commands.md: every option and term of which it speaks."""

from __future__ import annotations

import re

import typer

from factory.cli.main import app
from factory.phases.build import phases_with
from factory.phases.chosen import STATES, read_choice
from factory.phases.log import MOST_BYTES
from tests.pages import page, sections, table

PARTS = sections(page("docs/commands.md"))
PHASES = [phase.name for phase in phases_with(lambda build, root: {})]
LOOKING = ("accept", "builds", "clean", "errors", "explain", "graph", "logs", "rows", "diff")


def options(command: str) -> set[str]:
    found = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {option.opts[0] for option in found if option.opts[0].startswith("--")} - {"--help"}


def test_every_option_of_rows_is_told() -> None:
    told = {row[0].strip("`") for row in table(PARTS["Finding samples"], "option of `factory rows`")}
    assert told == options("rows") - {"--json"}


def test_every_command_of_the_page_takes_json() -> None:
    assert all("--json" in options(command) for command in LOOKING)
    assert all(f"factory {command}" in page("docs/commands.md") for command in LOOKING)


def test_every_term_is_one_that_the_option_reads() -> None:
    rows = table(PARTS["Parts of a build"], "term of `--select`, `--exclude`")
    terms = [term for row in rows for term in re.findall(r"`([^`]+)`", row[0])]
    assert {f"state:{state}" for state in STATES} <= {*terms}
    for term in terms:
        assert read_choice([term], [], PHASES).phases
    assert rows[0][1] == f"a phase: {', '.join(PHASES)}"


def test_the_bound_of_the_log_is_the_code_s() -> None:
    assert MOST_BYTES == 4_000_000 and "longer than 4 MB" in PARTS["What a build said"]


def test_completion_is_there() -> None:
    assert app._add_completion
