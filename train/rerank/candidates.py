"""Lists of candidates for reranking: JSON lines, a query each, read strictly.

    {"id": "q7", "query": {"image": "q7.jpg"}, "candidates": [{"id": "s1", "image": "s1.png"}, ...], "positive": "s1"}

A query and a candidate have a picture (a path from the file's folder), a text, or both; candidates stand in the order
of the retriever. `positive` is the id of what is right, or a list of them, and may be missing where nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from factory.errors import RecipeError, SourceError
from factory.geo.files import format_of
from factory.text import did_you_mean, tidy
from train.evaluate.predictions import id_of, rows_of

MAX_CANDIDATES: Final = 200
"""Of a list; the paper reranks 20."""
MAX_TEXT: Final = 4_000
"""Characters of a text that are shown."""
MAX_ID: Final = 300
_ROW: Final = ("id", "query", "candidates", "positive", "rerank")
"""`rerank` is what an earlier run says of itself."""
_ITEM: Final = ("id", "image", "text", "score")


@dataclass(frozen=True, slots=True)
class Item:
    """A query or a candidate."""

    id: str
    image: Path | None
    text: str


@dataclass(frozen=True, slots=True)
class CandidateList:
    """What a retriever found for one query, in its order."""

    id: str
    query: Item
    candidates: tuple[Item, ...]
    positive: frozenset[str] | None
    """Ids of what is right, whether among the candidates or not; None where nobody says."""
    row: Mapping[str, Any]
    """As it was read."""


def read_lists(path: Path) -> list[CandidateList]:
    """The lists of a file, in its order.

    Raises RecipeError for another format, SourceError naming row and key for what cannot be read, and for pictures that
    are not there.
    """
    if format_of(path) != "jsonl":
        raise RecipeError(f"{path}: expected JSON lines, a query each; give it the ending .jsonl")
    found: list[CandidateList] = []
    seen: set[str] = set()
    for number, row in enumerate(rows_of(path), 1):
        where = f"{path}, row {number}"
        one = _list(row, where, path.parent, id_of(row, str(path), number))
        if one.id in seen:
            raise SourceError(f"{where}: id {one.id!r} stands there twice")
        seen.add(one.id)
        found.append(one)
    if not found:
        raise SourceError(f"{path}: no lists; expected a row for each query")
    return found


def _list(row: Mapping[str, Any], where: str, folder: Path, key: str) -> CandidateList:
    _check_keys(row, _ROW, where)
    if len(key) > MAX_ID:
        raise SourceError(f"{where}: an id of {len(key):,} characters; at most {MAX_ID}")
    listed = row.get("candidates")
    if not isinstance(listed, list) or not 2 <= len(listed) <= MAX_CANDIDATES:
        size = f"{len(listed):,}" if isinstance(listed, list) else "none"
        raise SourceError(f"{where}, candidates: expected a list of 2 to {MAX_CANDIDATES} candidates, found {size}")
    query = _item(row.get("query"), f"{where}, query", folder, key)
    named = [(f"{where}, candidate {n}", each) for n, each in enumerate(listed, 1)]
    candidates = tuple(_item(each, at, folder, None) for at, each in named)
    ids = [one.id for one in candidates]
    if twice := next((one for n, one in enumerate(ids) if one in ids[:n]), None):
        raise SourceError(f"{where}, candidates: {twice!r} stands there twice")
    return CandidateList(key, query, candidates, _positive(row.get("positive"), where), row)


def _item(value: Any, where: str, folder: Path, key: str | None) -> Item:
    if not isinstance(value, dict):
        raise SourceError(f"{where}: expected an object with `image` or `text`, found {type(value).__name__}")
    _check_keys(value, _ITEM, where)
    name = key if key is not None else _text(value.get("id"), f"{where}, id")
    text = _text(value.get("text"), f"{where}, text")
    image = _text(value.get("image"), f"{where}, image")
    if not name or len(name) > MAX_ID:
        raise SourceError(f"{where}, id: expected 1 to {MAX_ID} characters")
    if not image and not text:
        raise SourceError(f"{where}: neither `image` nor `text`; a model must be shown something")
    path = folder / image if image else None
    if path is not None and not path.is_file():
        raise SourceError(f"{where}, image: {path}: no such file; paths are taken from the folder of the lists")
    return Item(name, path, tidy(text, MAX_TEXT, lines=True))


def _positive(value: Any, where: str) -> frozenset[str] | None:
    if value is None:
        return None
    ids = value if isinstance(value, list) else [value]
    found = frozenset(_text(one, f"{where}, positive") for one in ids) - {""}
    return found or None


def _text(value: Any, where: str) -> str:
    """A text, or a number as one (ids of pictures are often such); nothing of null."""
    if value is None:
        return ""
    if type(value) not in (str, int):
        raise SourceError(f"{where}: expected text, found {type(value).__name__}")
    return str(value).strip()


def _check_keys(value: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    if unknown := next(_unknown(value, known), None):
        near = did_you_mean(unknown[:60], known)
        raise SourceError(f"{where}: unknown key `{tidy(unknown, 60)}`{near}; there are {', '.join(known)}")


def _unknown(value: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    return (str(name) for name in value if name not in known)
