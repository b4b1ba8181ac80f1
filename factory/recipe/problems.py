"""What is wrong with a recipe, in words: place, key, what was expected, the nearest valid name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel, ValidationError

from factory.plugins.blocks import BlockError, Place
from factory.plugins.registry import UnknownPlugin

Where = Callable[[Place], str]
"""`file:line:column` (or the `--set` text) of the value at a place."""


MOVED = {
    "verify.embeddings": "is a witness now: write `witnesses: [{embeddings: {model: ..., base_url: ...}}]`",
    "release.answer": "belongs to the family now: write `generator: {name: mp16_reason, answer: ...}`",
}
"""Keys that factory 0.1 had, and where they stand today."""

_QUOTED = re.compile(r"'([^']*)'")


def problems(where: Where, error: ValidationError, model: type) -> list[str]:
    """Every problem of a failed validation, one message each, in the order of the file."""
    return sorted(set(_problems(where, error, (), (model,))), key=_line_order)


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
            if isinstance(inner.problem, UnknownPlugin):
                yield f"{where(at)}: `{_dotted(place)}`: {inner.problem}"
            else:
                yield from _problems(where, inner.problem, at, inner.models)
        else:
            yield _message(where, item, place, _model_at(models, item["loc"][:-1]))


def _message(where: Where, item: Any, place: Place, models: Sequence[type]) -> str:
    at = where(place)
    kind = item["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        if moved := MOVED.get(_dotted(place)):
            return f"{at}: `{_dotted(place)}` {moved}"
        names = sorted({name for model in models for name in _key_names(model)})
        nearest = _nearest(str(place[-1]), names)
        hint = f"did you mean `{nearest}`?" if nearest else f"known: {', '.join(n for n in names if '.' not in n)}"
        inside = f"{_dotted(place[:-1])}: " if len(place) > 1 else ""
        return f"{at}: {inside}unknown key `{place[-1]}` ({hint})"
    if kind == "missing":
        return f"{where(place[:-1])}: `{_dotted(place)}` is missing"
    text = str(item["msg"]).removeprefix("Value error, ")
    text = text[0].lower() + text[1:]
    if kind in ("tuple_type", "list_type"):
        text = "expected a list, written `[a, b]`"
    found = "" if kind == "value_error" or isinstance(item["input"], dict | list) else f", found {item['input']!r:.80}"
    if kind == "literal_error" and (meant := _nearest(str(item["input"]), _QUOTED.findall(item["ctx"]["expected"]))):
        found += f" (did you mean `{meant}`?)"
    named = f"`{_dotted(place)}`: " if place else ""
    return f"{at}: {named}{text}{found}"


def _dotted(place: Place) -> str:
    return ".".join(str(key) for key in place)


def _keys(model: type) -> dict[str, Any]:
    """Keys of a block with what stands under each: blocks are pydantic models or frozen dataclasses."""
    if issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    return {field.name: field.type for field in fields(model)} if is_dataclass(model) else {}


def _is_block(note: Any) -> TypeGuard[type]:
    return isinstance(note, type) and (issubclass(note, BaseModel) or is_dataclass(note))


def _key_names(model: type, prefix: str = "", depth: int = 0) -> Iterator[str]:
    """Keys of a block and of the blocks inside it, dotted."""
    for name, inner in _keys(model).items():
        yield prefix + name
        if depth < 2 and _is_block(inner):
            yield from _key_names(inner, f"{prefix}{name}.", depth + 1)


def _nearest(written: str, names: Sequence[str]) -> str | None:
    """The name whose last part is most like what was written; keys at the same level win ties."""
    scored = [
        (difflib.SequenceMatcher(None, written.lower(), name.rsplit(".", 1)[-1]).ratio(), -name.count("."), name)
        for name in names
    ]
    best = max(scored, default=(0.0, 0, ""))
    return best[2] if best[0] >= 0.7 else None


def _model_at(models: Sequence[type], place: Place) -> list[type]:
    """The blocks that may stand at a place inside others; the outer ones again when it cannot be followed."""
    current = list(models)
    for key in place:
        notes = [note for model in current for note in _blocks_of(_keys(model).get(str(key)))]
        current = notes or current
    return current


def _blocks_of(note: Any) -> Iterator[type]:
    """The blocks in an annotation: it may be one, or hold them in a list, a mapping or a choice."""
    if _is_block(note):
        yield note
    else:
        for inner in get_args(note):
            yield from _blocks_of(inner)


def _line_order(problem: str) -> tuple[int, str]:
    parts = problem.split(":", 3)
    return (int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0, problem)
