"""docs/algebra.md: every option and every format that it speaks of."""

from __future__ import annotations

import re

import pytest
import typer

from factory.cli.main import app
from factory.formats.beside import MAX_PICTURE
from factory.formats.json_rows import MAX_ROW
from factory.formats.known import FORMATS
from factory.formats.rows_out import FULL
from release.mix_recipe import MOST_PARTS, MixRecipe
from release.shared_pictures import HAMMING
from tests.pages import page, sections, table

PARTS = sections(page("docs/algebra.md"))


def options(command: str) -> set[str]:
    """Every option, by its first name."""
    found = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {option.opts[0] for option in found if option.opts[0].startswith("--")} - {"--help"}


@pytest.mark.parametrize("command", ["convert", "merge", "mix"])
def test_every_option_is_told(command: str) -> None:
    rows = table(PARTS[command.capitalize()], "option")
    assert {re.findall(r"--[a-z-]+", row[0])[0] for row in rows} == options(command)


def test_every_format_is_told() -> None:
    assert [row[0].strip("`") for row in table(PARTS["Convert"], "format")] == [*FORMATS]


def test_the_numbers_are_those_of_the_code() -> None:
    assert (MAX_PICTURE, FULL) == (64_000_000, 1_000_000_000)
    assert "64 MB" in PARTS["Convert"] and "tars of 1 GB" in PARTS["Convert"]
    assert f"{MAX_ROW:,} characters" in page("docs/security.md")


def test_every_key_of_a_mix_is_told_with_its_default() -> None:
    told = {row[0].strip("`"): row[1].replace("null", "None") for row in table(PARTS["Mix"], "key of the recipe")}
    fields = MixRecipe.model_fields
    assert told == {name: "required" if field.is_required() else str(field.default) for name, field in fields.items()}
    assert f"at most {MOST_PARTS}" in PARTS["Mix"] and f"{HAMMING} of 64 bits" in PARTS["What comes out"]
