"""What is wrong with a YAML file of settings, in words: place, key, what was expected, the nearest valid name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel

from factory.store.yaml_lines import Place

Where = Callable[[Place], str]
"""`file:line:column` (or the `--set` text) of the value at a place."""

_QUOTED = re.compile(r"'([^']*)'")


def message(
    where: Where, item: Any, place: Place, models: Sequence[type], moved: Mapping[str, str] | None = None
) -> str:
    """One problem that pydantic found.

    Args:
        item: one of `ValidationError.errors()`.
        place: where, from the document's root.
        models: blocks that may stand around it: their keys are what may have been meant.
        moved: keys that have gone, with where they stand today.
    """
    at = where(place)
    kind = item["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        if gone := (moved or {}).get(dotted(place)):
            return f"{at}: `{dotted(place)}` {gone}"
        names = sorted({name for model in models for name in _key_names(model)})
        nearest = _nearest(str(place[-1]), names)
        hint = f"did you mean `{nearest}`?" if nearest else f"known: {', '.join(n for n in names if '.' not in n)}"
        inside = f"{dotted(place[:-1])}: " if len(place) > 1 else ""
        return f"{at}: {inside}unknown key `{place[-1]}` ({hint})"
    if kind == "missing":
        return f"{where(place[:-1])}: `{dotted(place)}` is missing"
    text = str(item["msg"]).removeprefix("Value error, ")
    text = text[0].lower() + text[1:]
    if kind in ("tuple_type", "list_type"):
        text = "expected a list, written `[a, b]`"
    found = "" if kind == "value_error" or isinstance(item["input"], dict | list) else f", found {item['input']!r:.80}"
    if kind == "literal_error" and (meant := _nearest(str(item["input"]), _QUOTED.findall(item["ctx"]["expected"]))):
        found += f" (did you mean `{meant}`?)"
    named = f"`{dotted(place)}`: " if place else ""
    return f"{at}: {named}{text}{found}"


def dotted(place: Place) -> str:
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


def models_at(models: Sequence[type], place: Place) -> list[type]:
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


def line_order(problem: str) -> tuple[int, str]:
    parts = problem.split(":", 3)
    return (int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0, problem)
