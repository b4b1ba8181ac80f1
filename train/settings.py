"""The YAML of a training run: every key typed, unknown keys refused with their line and the nearest name.

`trainer` says which run it is; `train.runs.RUNS` has the blocks of each. A file is read as a recipe is (profiles,
`--set`, paths with variables), so that both are written, checked and explained in one way.
"""

from __future__ import annotations

import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import gcd
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from factory.errors import RecipeError
from factory.store.paths import input_path
from factory.store.yaml_draft import (
    Draft,
    listed,
    misplaced_variables,
    origin_of,
    paths_in,
    profile_words,
    set_value,
    with_profile,
)
from factory.store.yaml_lines import Place, read_yaml
from factory.store.yaml_problems import line_order, message, models_at
from factory.text import did_you_mean
from train.runs import RUNS, GrpoRun

KEY: Final = "trainer"
"""The key that tells a training run from a recipe of a data set."""
_RUN_KEYS: Final = frozenset(key for run in RUNS.values() for key in run.model_fields)
"""At the top of training runs."""


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A validated run, the folder its relative paths start from, and how it was asked for."""

    run: Any
    """A block of `RUNS`."""
    root: Path
    path: Path
    profile: str | None = None
    origins: Mapping[Place, str] = field(default_factory=dict, compare=False)
    profile_words: str = ""
    """Which profile was taken, and why, for people."""

    def at(self, *place: str | int) -> str:
        """Where a value was written and its key, for messages: "r.yaml:12:9: `data.releases.0.path`"."""
        return f"{origin_of(self.origins, place, str(self.path))}: `{'.'.join(map(str, place))}`"

    def file(self, written: str) -> Path:
        """A path of the run, a relative one from its file's folder. Raises RecipeError as `input_path` does."""
        return input_path(self.root, written)

    def plain(self) -> dict[str, Any]:
        """The resolved run as plain data, every default filled in."""
        run: BaseModel = self.run
        return run.model_dump(mode="json")


def is_run(path: Path, recipe_keys: Collection[str] = ()) -> bool:
    """Whether a YAML file describes a training run: by its key `trainer`, else by most of its other keys.

    Args:
        recipe_keys: those at the top of a recipe of a data set.

    Raises RecipeError for what is no YAML.
    """
    keys = set(read_yaml(path).data)
    return KEY in keys or len(keys & (_RUN_KEYS - {*recipe_keys})) > len(keys & ({*recipe_keys} - _RUN_KEYS))


def load_run(path: str | Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> LoadedRun:
    """Reads and validates a training run. Raises RecipeError with every problem found, one a line."""
    draft, used = with_profile(read_yaml(Path(path)), profile)
    for override in overrides:
        set_value(draft, override)
    model, unknown = _model_of(draft)
    try:
        run = model.model_validate(draft.data)
    except ValidationError as error:
        raise RecipeError(*listed([*unknown, *_faults(draft, model, error)], error.error_count())) from None
    if unknown:
        raise RecipeError(*unknown)
    if unsound := list(misplaced_variables(draft, set(paths_in(run, ())))):
        raise RecipeError(*listed(unsound, len(unsound)))
    return LoadedRun(run, Path(path).resolve().parent, Path(path), used, draft.origins, profile_words(used, profile))


def require_processes(run: LoadedRun, processes: int) -> None:
    """Raises RecipeError for a run that so many processes cannot train: answers to one question lie in one step."""
    if not isinstance(settings := run.run, GrpoRun):
        return
    each = settings.optim.batch_size * settings.optim.accumulate
    generations = settings.sample.generations
    if each * processes % generations:
        fit = generations // gcd(each, generations)
        raise RecipeError(
            f"{run.at('sample', 'generations')}: {generations} answers a question, and a step sees {each * processes} "
            f"(`optim.batch_size` {settings.optim.batch_size} x `optim.accumulate` {settings.optim.accumulate} x "
            f"{counted_processes(processes)}): expected a multiple of {generations}; {fit} processes would have one"
        )


def counted_processes(number: int) -> str:
    """`1 process`, `2 processes`."""
    return f"{number:,} process{'es' * (number != 1)}"


def _faults(draft: Draft, model: type[BaseModel], error: ValidationError) -> list[str]:
    """What is wrong with a run, a line each, in the order of the file."""
    found = [message(draft.where, item, item["loc"], models_at((model,), item["loc"][:-1])) for item in error.errors()]
    return sorted(set(found), key=line_order)


def _model_of(draft: Draft) -> tuple[type[BaseModel], list[str]]:
    """The run that a file describes, and what is wrong with its `trainer`. Where that names none, the file is read as
    the run whose name is nearest, else as the one that knows most of its keys, so that its other faults are told."""
    written = draft.data.get(KEY)
    if isinstance(written, str) and written in RUNS:
        return RUNS[written], []
    known = ", ".join(sorted(RUNS))
    near = get_close_matches(str(written), RUNS, n=1)
    meant = near[0] if near else max(RUNS, key=lambda name: len(set(draft.data) & set(RUNS[name].model_fields)))
    draft.data[KEY] = meant
    if written is None:
        return RUNS[meant], [
            f"{draft.file}: `{KEY}` is missing: its keys are those of a training run, which names one of {known}"
        ]
    hint = did_you_mean(str(written), RUNS)
    return RUNS[meant], [f"{draft.where((KEY,))}: `{KEY}`: unknown trainer {written!r:.80}{hint}; known: {known}"]


def run_json_schema() -> dict[str, Any]:
    """JSON Schema of training runs for editors, one alternative a trainer."""
    union: Any = typing.Union[tuple(RUNS.values())]  # noqa: UP007
    schema = TypeAdapter(Annotated[union, Field(discriminator=KEY)]).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_relaxed_profiles(schema)}


def _relaxed_profiles(schema: dict[str, Any]) -> dict[str, Any]:
    """Profiles are overlays; what stands in them is checked once they are laid over."""
    profiles = {"type": "object", "description": "Named overlays of this run; `demo` is the default."}
    for block in (schema, *schema.get("$defs", {}).values()):
        if KEY in block.get("properties", {}):
            block["properties"]["profiles"] = profiles
    return schema
