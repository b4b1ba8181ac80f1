"""Files that a generator and a check name: found from the recipe's folder, looked at before anybody is paid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.errors import RecipeError
from factory.generators import needs_of, open_generator
from factory.plugins import registry
from factory.plugins.contracts import Generator, Needs
from factory.plugins.registry import before_asking, register
from factory.recipe.model import Recipe
from factory.verify.checks import run_check
from factory.verify.judge import examine, judge_of, require_ready
from schemas import Case, CheckResult, ImageRef, Sample
from schemas.rows.mp16_reason import ROW
from schemas.settings import InputFile

CASE = Case(sample=Sample(id="s", images=(ImageRef(locator="s.jpg"),), lat=51.3, lon=12.4))


def _look(settings: Any) -> None:
    if Path(settings.words).read_text() == "broken":
        raise RecipeError(f"{settings.words}:1: no words")


@pytest.fixture(autouse=True)
def plugins() -> Iterator[None]:
    before = dict(registry._PLUGINS)

    @register("generator", "of_words")
    @before_asking(_look)
    def of_words(*, words: InputFile) -> Generator:
        return Generator(
            name=f"of {words}", version="1", row=ROW, needs=Needs(calls=(0, 0)), records=lambda frame: frame
        )

    @register("check", "in_words")
    @before_asking(_look)
    def in_words(case: Case, *, words: InputFile) -> CheckResult:
        if (text := Path(words).read_text()) == "broken":
            raise RecipeError(f"{words}:1: no words")
        return CheckResult(check="in_words", outcome="pass", reason=text)

    yield
    registry._PLUGINS.clear()
    registry._PLUGINS.update(before)


def recipe(*, generator: str = "a.txt", check: str = "b.txt") -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "generator": {"name": "of_words", "words": generator},
            "source": {"kind": "table", "path": "photos.csv"},
            "verify": {"checks": [{"in_words": {"words": check}}], "decide": {"reject": ["in_words"], "review": []}},
        }
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("all")
    (tmp_path / "b.txt").write_text("both")
    return tmp_path


def test_both_find_their_file_from_the_recipes_folder(root: Path) -> None:
    assert open_generator(recipe().generator, root).name == f"of {root / 'a.txt'}"
    judge = judge_of(recipe(), root)
    assert judge.generator.name == f"of {root / 'a.txt'}"
    assert [found.reason for found in examine(CASE, judge)] == ["both"]


def test_whoever_asks_only_what_a_family_needs_looks_for_no_file() -> None:
    unset = recipe(generator="${NOT_SET_ANYWHERE}/a.txt")
    assert needs_of(unset.generator).calls == (0, 0)
    assert open_generator(unset.generator).name == "of ${NOT_SET_ANYWHERE}/a.txt"


@pytest.mark.parametrize("broken", ["a.txt", "b.txt"])
def test_a_file_that_cannot_be_used_is_refused_before_anybody_is_paid(root: Path, broken: str) -> None:
    require_ready(recipe(), root)
    (root / broken).write_text("broken")
    with pytest.raises(RecipeError, match=f"{broken}:1: no words"):
        require_ready(recipe(), root)


def test_what_a_check_says_of_its_file_is_no_fault_of_its_code(root: Path) -> None:
    (root / "b.txt").write_text("broken")
    name, settings = judge_of(recipe(), root).checks[0]
    with pytest.raises(RecipeError, match=r"b\.txt:1: no words"):
        run_check(name, settings, CASE)
