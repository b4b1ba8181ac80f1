"""docs/recipe.md names every block and every key of a recipe with its default, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from factory.plugins.registry import Kind, known
from factory.recipe.fingerprint import NOT_IDENTITY
from factory.recipe.load import load_recipe
from factory.recipe.model import Recipe
from factory.recipe.problems import MOVED
from factory.select.benchmarks import Benchmark
from factory.sources.contract import ALIASES
from schemas.settings import TeacherSettings
from tests.pages import blocks, code_words, page, sections, table

SECTIONS = sections(page("docs/recipe.md"))
PLUGGED: Mapping[str, tuple[Kind, ...]] = {
    "source": ("source",),
    "generator": ("generator",),
    "teachers": ("teacher",),
    "witnesses": ("witness",),
    "verify": ("check", "decider"),
    "select": ("selector",),
}
"""The blocks that hold plug-ins, and of which kinds."""
PLAIN = ("name", "description")


def shown(default: Any) -> str:
    """A default as the page writes it."""
    if default in (PydanticUndefined, MISSING):
        return "required"
    if isinstance(default, bool) or default is None:
        return {True: "true", False: "false", None: "null"}[default]
    if isinstance(default, tuple | list):
        return f"[{', '.join(map(shown, default))}]"
    if isinstance(default, float | int):
        return f"{default:.15g}"
    return "{}" if default == {} else str(default) or '""'


def keys(model: type) -> dict[str, str]:
    """Every key of a block with its default; those of blocks inside it are dotted."""
    found: dict[str, str] = {}
    for name, default in _fields(model):
        if isinstance(default, BaseModel):
            found |= {f"{name}.{key}": value for key, value in keys(type(default)).items()}
        else:
            found[name] = shown(default)
    return found


def _fields(model: type) -> Iterator[tuple[str, Any]]:
    if is_dataclass(model):
        yield from ((field.name, field.default) for field in fields(model))
    elif issubclass(model, BaseModel):
        yield from ((name, field.default) for name, field in model.model_fields.items())


def told(text: str) -> dict[str, str]:
    """The page's table of keys: key and default."""
    return {row[0].strip("`"): row[1] for row in table(text, "key")}


def split_up(text: str) -> dict[str, str]:
    """A section's subsections by heading; "" is what stands before them."""
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def test_every_block_has_its_section() -> None:
    assert set(Recipe.model_fields) - set(PLAIN) <= set(SECTIONS)
    every = keys(Recipe)
    assert told(SECTIONS["How it is read"]) == {name: every[name] for name in PLAIN}
    assert {kind for kinds in PLUGGED.values() for kind in kinds} == set(get_args(Kind)) - {"engine"}


@pytest.mark.parametrize("block", sorted(set(Recipe.model_fields) - set(PLAIN) - set(PLUGGED)))
def test_a_block_has_its_keys(block: str) -> None:
    default = Recipe.model_fields[block].default
    assert told(SECTIONS[block]) == keys(type(default))


@pytest.mark.parametrize("block", sorted(PLUGGED))
def test_a_block_of_plugins_has_each_of_them_with_its_settings(block: str) -> None:
    parts = split_up(SECTIONS[block])
    plugins = {name: entry for kind in PLUGGED[block] for name, entry in known(kind).items()}
    assert set(parts) == {"", *plugins}
    for name, entry in plugins.items():
        assert told(parts[name]) == keys(entry.settings), name


def test_keys_that_every_teacher_has() -> None:
    assert told(split_up(SECTIONS["teachers"])[""]) == keys(TeacherSettings)


def test_keys_inside_keys_are_named() -> None:
    assert set(Benchmark.model_fields) <= code_words(SECTIONS["select"].replace(": true`", "`"))
    assert set(ALIASES) <= code_words(SECTIONS["source"])


def test_the_table_of_what_is_not_identity_is_the_code_s() -> None:
    shown = [(row[0].strip("`"), row[1]) for row in table(SECTIONS["What is identity"], "key")]
    assert shown == list(NOT_IDENTITY)


def test_moved_keys_are_named() -> None:
    rows = table(SECTIONS["Moved since 0.1"], "0.1")
    assert [row[0].strip("`").split(":")[0] for row in rows] == list(MOVED)


def test_the_example_is_a_recipe(tmp_path: Any) -> None:
    (smallest,) = blocks(SECTIONS[""], "yaml")
    (tmp_path / "smallest.yaml").write_text(smallest)
    assert load_recipe(tmp_path / "smallest.yaml").recipe.name == "mine"
