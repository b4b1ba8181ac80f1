"""What is wrong with a recipe, in words: place, key, what was expected, the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from factory.plugins.blocks import BlockError, Place
from factory.plugins.registry import UnknownPlugin
from factory.store.yaml_problems import Where, dotted, line_order, message, models_at

MOVED = {
    "verify.embeddings": "is a witness now: write `witnesses: [{embeddings: {model: ..., base_url: ...}}]`",
    "release.answer": "belongs to the family now: write `generator: {name: mp16_reason, answer: ...}`",
}
"""Keys that factory 0.1 had, and where they stand today."""
_ELSEWHERE = MOVED | {"trainer": "tells a training run, which is no recipe of a data set: `factory train` takes it"}


def problems(where: Where, error: ValidationError, model: type) -> list[str]:
    """Every problem of a failed validation, one message each, in the order of the file."""
    return sorted(set(_problems(where, error, (), (model,))), key=line_order)


def _problems(where: Where, error: ValidationError, base: Place, models: Sequence[type]) -> Iterator[str]:
    found = error.errors(include_url=False)
    wrong = {item["loc"] for item in found}
    for item in found:
        place = item["loc"]
        if item["type"] == "too_short" and any(loc != place and loc[: len(place)] == place for loc in wrong):
            continue  # it is short of the items that are wrong, and each of them is told
        inner = item.get("ctx", {}).get("error")
        place = (*base, *item["loc"])
        if isinstance(inner, BlockError):
            at = (*place, *inner.place)
            for problem in inner.problems:
                if isinstance(problem, UnknownPlugin):
                    yield f"{where(at)}: `{dotted(place)}`: {problem}"
                else:
                    yield from _problems(where, problem, at, inner.models)
        else:
            yield message(where, item, place, models_at(models, item["loc"][:-1]), _ELSEWHERE)
