"""Reading YAML with the line of every key, by the safe loader only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from factory.errors import RecipeError
from factory.store.files import no_file

Place = tuple[str | int, ...]
"""Keys and indices from the document's root to a value."""

MAX_DEPTH: Final = 40
MAX_BYTES: Final = 256_000
"""Of a recipe; the parser takes 20 s for a megabyte."""
MAX_VALUES: Final = 5_000
"""Of a recipe, those of aliases counted wherever they stand; a long one has 200."""


@dataclass(frozen=True, slots=True)
class LinedDocument:
    """Plain data of a YAML file with the one-based (line, column) of each key."""

    path: Path
    data: dict[str, Any]
    places: Mapping[Place, tuple[int, int]] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """`recipes/x.yaml:12:3` of the nearest key that stands in the file."""
        for length in range(len(place), 0, -1):
            if found := self.places.get(place[:length]):
                return f"{self.path}:{found[0]}:{found[1]}"
        return str(self.path)


def read_yaml(path: Path, *, times: int = 1) -> LinedDocument:
    """Parses a YAML mapping. Raises RecipeError with file, line and column for anything else.

    Args:
        path: the file.
        times: how many times larger than a recipe it may be.
    """
    if (kind := no_file(path)) is not None:
        raise RecipeError(f"{path}: is {kind}, expected a YAML file")
    try:
        if (size := path.stat().st_size) > times * MAX_BYTES:
            raise RecipeError(f"{path}: {size:,} bytes; a recipe has at most {MAX_BYTES:,}")
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe") from None
    except IsADirectoryError:
        raise RecipeError(f"{path}: is a directory, expected a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    if _is_deep(text):
        raise RecipeError(f"{path}: not valid YAML: more brackets within each other than any recipe has")
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    try:
        document = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = str(error.problem or error.context).splitlines()[0]
        raise RecipeError(f"{path}{at}: not valid YAML: {problem}") from None
    except (YAMLError, ValueError, RecursionError, TypeError, AttributeError, OverflowError, KeyError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecipeError(f"{path}: not valid YAML: {first}") from None
    if not isinstance(document, CommentedMap):
        raise RecipeError(f"{path}: expected a mapping of recipe keys at the top, found {_kind(document)}")
    places: dict[Place, tuple[int, int]] = {}
    try:
        data = _plain(document, (), places, path, [times * MAX_VALUES])
    except RecursionError:
        raise RecipeError(f"{path}: nested deeper than {MAX_DEPTH} levels") from None
    return LinedDocument(path, data, places)


def plain_yaml(path: Path) -> dict[str, Any]:
    """The plain data of a YAML mapping: a recipe with every default filled in."""
    return read_yaml(path, times=2).data


def scalar_yaml(text: str) -> Any:
    """The value of a `--set` override: a YAML scalar or flow collection. Raises RecipeError when it is neither."""
    try:
        value = YAML(typ="rt", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError, TypeError, AttributeError, OverflowError, KeyError) as error:
        raise RecipeError(f"not a YAML value: {(str(error).splitlines() or ['?'])[0]}") from None
    return _plain(value, (), {}, Path("value"), [MAX_VALUES])


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Block-style YAML of plain data, keys in the order given, no text folded over lines."""
    import io

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 1_000_000
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def _is_deep(text: str) -> bool:
    """Whether more than ten times MAX_DEPTH brackets are open somewhere: for these the parser takes the square of their
    number. Brackets in texts are few, and mostly closed."""
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > 10 * MAX_DEPTH:
            return True
    return False


_BRACKET: Final = re.compile(r"[\[\]{}]")


def _plain(node: Any, place: Place, places: dict[Place, tuple[int, int]], path: Path, left: list[int]) -> Any:
    """Plain data of a parsed node; `left` counts how many values may still come."""
    left[0] -= 1
    if left[0] < 0:
        raise RecipeError(f"{path}: more than {MAX_VALUES:,} values, aliases counted wherever they stand")
    if len(place) > MAX_DEPTH:
        raise RecipeError(f"{path}: nested deeper than {MAX_DEPTH} levels")
    if isinstance(node, CommentedMap):
        plain: dict[str, Any] = {}
        for key, value in node.items():
            where = node.lc.key(key) if key in (node.lc.data or {}) else (node.lc.line, node.lc.col)
            if not isinstance(key, str):
                raise RecipeError(f"{path}:{where[0] + 1}:{where[1] + 1}: keys are text, found {key!r}")
            key = _whole_text(str(key), f"{path}:{where[0] + 1}:{where[1] + 1}")
            places[(*place, key)] = (where[0] + 1, where[1] + 1)
            plain[key] = _plain(value, (*place, key), places, path, left)
        return plain
    if isinstance(node, CommentedSeq | list | tuple):
        items = []
        for index, value in enumerate(node):
            if isinstance(node, CommentedSeq) and node.lc.data:
                line, column = node.lc.item(index)
                places[(*place, index)] = (line + 1, column + 1)
            items.append(_plain(value, (*place, index), places, path, left))
        return items
    return _scalar(node, place, places, path)


def _scalar(node: Any, place: Place, places: Mapping[Place, tuple[int, int]], path: Path) -> Any:
    if node is None or isinstance(node, bool):
        return node
    at = ":".join(str(number) for number in places.get(place, ()))
    for kind in (int, float):
        if isinstance(node, kind):
            return kind(node)
    if isinstance(node, str):
        return _whole_text(str(node), f"{path}:{at or '1'}")
    raise RecipeError(
        f"{path}:{at or '1'}: `{'.'.join(map(str, place))}` has a value of a kind recipes do not use: {_kind(node)}"
    )


def _whole_text(text: str, at: str) -> str:
    """Text whose escaped surrogate pairs are joined. Raises RecipeError when half a character is left over."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise RecipeError(f"{at}: {text!r:.60} holds half a character (a lone surrogate)") from None


def _kind(node: Any) -> str:
    if node is None:
        return "nothing"
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, str):
        return "text"
    return "a list" if isinstance(node, Sequence) else type(node).__name__
