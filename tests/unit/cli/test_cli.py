"""Every command says what it does; the shipped schema is the recipe's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.cli.main import _goes_on, known_commands
from factory.recipe.model import recipe_json_schema
from factory.store.yaml_lines import plain_yaml

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", sorted(known_commands()))
def test_every_command_has_help_and_stands_in_the_readme(name: str) -> None:
    assert known_commands()[name].strip()
    assert f"factory {name}" in (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "goes_on"),
    [
        (["build", "r.yaml"], True),
        (["eval", "r", "--model", "m", "--save", "a.jsonl"], True),
        (["eval", "r", "--model", "m", "--save=a.jsonl"], True),
        (["eval", "r", "--model", "m"], False),
        (["check", "r"], False),
        ([], False),
    ],
)
def test_who_interrupts_a_command_is_told_whether_it_goes_on(words: list[str], goes_on: bool) -> None:
    assert _goes_on(words) is goes_on


def test_the_editor_schema_is_up_to_date() -> None:
    shipped = json.loads((REPOSITORY / "schemas" / "recipe.schema.json").read_text())
    assert shipped == json.loads(json.dumps(recipe_json_schema())), "renew it: factory recipe schema"


def test_the_editor_schema_accepts_the_shipped_recipe_and_refuses_a_misspelt_key() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(recipe_json_schema())
    recipe = plain_yaml(REPOSITORY / "recipes" / "mp16_reason.yaml")
    assert list(validator.iter_errors(recipe)) == []
    assert list(validator.iter_errors(recipe | {"imagess": {}}))
    assert list(validator.iter_errors(recipe | {"images": {"max_sid": 3}}))
