"""The YAML of a mix: parts with weights, how many rows, the seed; unknown keys refused with line and nearest name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError, field_validator

from factory.errors import RecipeError
from factory.store.paths import input_path
from factory.store.yaml_draft import listed, misplaced_variables, paths_in, with_profile
from factory.store.yaml_lines import read_yaml
from factory.store.yaml_problems import line_order, message, models_at
from release.mix import Share
from schemas.settings import Closed, InputPath

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Of a mix and of its parts: it begins the ids of rows."""
MOST_PARTS: Final = 64


class MixPart(Closed):
    """One release and its share."""

    name: str
    release: InputPath
    """Folder of a release, or of its build."""
    weight: Annotated[float, Field(gt=0, le=1e9)] = 1.0

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("expected letters, digits, `_`, `.` and `-`, at most 64")
        return value


class MixRecipe(Closed):
    """A mix as its file describes it."""

    name: str
    title: str | None = None
    rows: Annotated[int, Field(gt=0)] | None = None
    """Of `train`; by default as many as the weights allow."""
    seed: int = 0
    parts: Annotated[tuple[MixPart, ...], Field(min_length=1, max_length=MOST_PARTS)]

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("expected letters, digits, `_`, `.` and `-`, at most 64")
        return value

    @field_validator("parts")
    @classmethod
    def _once(cls, value: tuple[MixPart, ...]) -> tuple[MixPart, ...]:
        names = [part.name for part in value]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two parts are called {twice!r}")
        return value


def load_mix(path: Path) -> tuple[MixRecipe, list[Share]]:
    """Reads a recipe of a mix; relative paths start from its folder. Raises RecipeError with every problem, a line
    each."""
    draft, _ = with_profile(read_yaml(path), None)
    try:
        recipe = MixRecipe.model_validate(draft.data)
    except ValidationError as error:
        found = [
            message(draft.where, one, one["loc"], models_at((MixRecipe,), one["loc"][:-1])) for one in error.errors()
        ]
        raise RecipeError(*listed(sorted(set(found), key=line_order), error.error_count())) from None
    if unsound := list(misplaced_variables(draft, set(paths_in(recipe, ())))):
        raise RecipeError(*listed(unsound, len(unsound)))
    root = path.resolve().parent
    shares = [Share(part.name, input_path(root, part.release), Fraction(str(part.weight))) for part in recipe.parts]
    return recipe, shares


def shares_of(written: Sequence[str]) -> list[Share]:
    """Shares as the command line has them: `PATH=WEIGHT`. A part is called as the last folder of its path that says
    something. Raises RecipeError."""
    shares: list[Share] = []
    for one in written:
        path, sign, weight = one.rpartition("=")
        try:
            value = Fraction(weight)
            if not sign or not path or not 0 < value <= 10**9:
                raise ValueError
        except (ValueError, ZeroDivisionError):
            raise RecipeError(
                f"{one}: expected a recipe of a mix, or releases with weights: builds/a=2 builds/b=1"
            ) from None
        shares.append(Share(_called(Path(path), [share.name for share in shares]), Path(path), value))
    return shares


def _called(path: Path, taken: Sequence[str]) -> str:
    whole = path.resolve()
    last = whole.parent.name if whole.name == "release" else whole.name
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", last).strip("-.")[:60] or "part"
    return (
        name
        if name not in taken
        else next(f"{name}-{n}" for n in range(2, len(taken) + 3) if f"{name}-{n}" not in taken)
    )
