"""Mistakes in a teacher or in what decides: true lines, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from factory.errors import RecipeError
from factory.plugins.registry import Kind, known
from factory.recipe.load import load_recipe
from factory.recipe.model import Recipe
from tests.unit.recipe.test_load import MINIMAL, write

OPENAI = "    backend: openai\n    model: m\n    base_urls: [http://localhost:8000/v1]\n"
ASKS = MINIMAL.replace("    backend: replay\n    path: answers.jsonl\n", OPENAI)


def said(folder: Path, text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(folder, text))
    return [line.removeprefix(f"{folder}/tiny.yaml:") for line in map(str, caught.value.args)]


def test_one_mistake_in_a_teacher_is_one_line(tmp_path: Path) -> None:
    assert said(tmp_path, ASKS.replace("model: m", "modell: m")) == [
        "7:5: teachers.0: unknown key `modell` (did you mean `model`?)"
    ]


def test_a_misspelt_key_is_named_beside_the_one_that_is_missing_for_it(tmp_path: Path) -> None:
    assert said(tmp_path, ASKS.replace("base_urls", "base_url")) == [
        "5:5: `teachers.0.base_urls` is missing",
        "8:5: teachers.0: unknown key `base_url` (did you mean `base_urls`?)",
    ]


def test_mistakes_in_the_keys_of_a_backend_and_of_every_teacher_are_told_together(tmp_path: Path) -> None:
    text = ASKS.replace("    model: m\n", "    modell: m\n    image_detail: huge\n    timeout_s: -1\n")
    assert [line.split(": ")[0] for line in said(tmp_path, text)] == ["7:5", "8:5", "9:5"]


def test_a_text_is_no_list_of_one(tmp_path: Path) -> None:
    text = ASKS.replace("[http://localhost:8000/v1]", "http://localhost:8000/v1")
    assert said(tmp_path, text) == [
        "8:5: `teachers.0.base_urls`: expected a list, written `[a, b]`, found 'http://localhost:8000/v1'"
    ]


def lists() -> list[tuple[type[BaseModel], str]]:
    """Every setting of every plug-in and of the recipe's own blocks that is a list and nothing else."""
    models = [entry.settings for kind in get_args(Kind) for entry in known(kind).values()]
    models += [field.annotation for field in Recipe.model_fields.values() if isinstance(field.annotation, type)]
    found = []
    for model in models:
        for name, field in model.model_fields.items() if issubclass(model, BaseModel) else ():
            if get_origin(field.annotation) in (tuple, list):
                found.append((model, name))
    return found


@pytest.mark.parametrize(("model", "name"), lists(), ids=lambda value: getattr(value, "__name__", value))
def test_no_setting_takes_a_text_for_a_list(model: Any, name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({name: "text"})
    assert (name,) in [item["loc"][:1] for item in caught.value.errors() if item["type"] in ("tuple_type", "list_type")]


def test_without_decide_the_rules_follow_the_checks_that_are_there(tmp_path: Path) -> None:
    verify = load_recipe(
        write(tmp_path, MINIMAL.replace("  decide: {reject: [localizable, no_leak], review: []}\n", ""))
    )
    assert verify.recipe.verify is not None
    decide = verify.recipe.verify.decide
    assert (decide.name, decide.settings.model_dump()) == (
        "rules",
        {"reject": ("localizable", "no_leak"), "review": (), "review_abstained": ()},
    )


def test_a_list_that_is_written_is_held_to_what_it_says(tmp_path: Path) -> None:
    text = MINIMAL.replace("review: []", "review: [grounded]")
    assert (
        "decide.review names `grounded`, which is not among the checks: localizable, no_leak" in said(tmp_path, text)[0]
    )


def test_two_teachers_that_would_share_every_answer_are_refused_with_the_recipe(tmp_path: Path) -> None:
    twin = "  - name: second\n" + OPENAI.replace("8000", "9000")
    (line,) = said(tmp_path, ASKS.replace("verify:", f"{twin}verify:"))
    assert line.endswith(
        "teachers only and second would ask the same questions and share every answer: give one of them another model "
        "or another sampling.seed"
    )


@pytest.mark.parametrize("other", ["    sampling: {seed: 3}\n", "    role: judge\n", "    image_detail: low\n"])
def test_teachers_that_ask_otherwise_are_two(tmp_path: Path, other: str) -> None:
    twin = f"  - name: second\n{OPENAI}{other}"
    assert len(load_recipe(write(tmp_path, ASKS.replace("verify:", f"{twin}verify:"))).recipe.teachers) == 2
