"""One row of any format: a conversation, the pictures that it shows, and whatever else is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

ATTRIBUTION: Final = ("licence", "author", "source_url")
"""Columns that stay in a row whatever its format, as far as they are text: whoever takes it must keep them."""
_IMAGE: Final = {"type": "image"}


class BadRow(ValueError):
    """A row that is none of its format, or cannot be one of another. The text says what was expected."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a record."""

    path: str
    """What its row calls it."""
    read: Callable[[], bytes] | None = None
    """Gives its file. Raises BadRow where it cannot be read. None where nobody knows it but by its path."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row between two formats. All of it is what JSON can say."""

    id: str
    messages: list[dict[str, Any]]
    """Turns: `role`, and `content` as parts `{"type": "image"}` or `{"type": "text", "text": ...}`. The n-th image part
    shows the n-th picture."""
    pictures: tuple[Picture, ...] = ()
    columns: dict[str, Any] = field(default_factory=dict)
    form: dict[str, Any] = field(default_factory=dict)
    """How the row was written, beyond what it says: `format`, `keys` in order, and more that its format knows. Only the
    same format reads it, when the row comes home."""

    def plain(self) -> dict[str, Any]:
        """All that it says, a column under `columns.` and its name."""
        own = {"id": self.id, "messages": self.messages, "images": [picture.path for picture in self.pictures]}
        return own | {f"{_COLUMN}{name}": value for name, value in self.columns.items()}

    def saying(self, plain: Mapping[str, Any]) -> Record:
        """A record that says something else; its n-th picture is still the n-th."""
        paths = plain["images"]
        reads = [picture.read for picture in self.pictures]
        reads += [None] * (len(paths) - len(reads))
        columns = {name.removeprefix(_COLUMN): value for name, value in plain.items() if name.startswith(_COLUMN)}
        pictures = tuple(Picture(path, read) for path, read in zip(paths, reads, strict=False))
        return replace(self, id=plain["id"], messages=plain["messages"], pictures=pictures, columns=columns)


_COLUMN: Final = "columns."


def image() -> dict[str, Any]:
    """A part that shows the next picture."""
    return {**_IMAGE}


def words(text: str) -> dict[str, Any]:
    """A part of text."""
    return {"type": "text", "text": text}


def turn(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    """One message."""
    return {"role": role, "content": [*parts]}


def same(one: Any, other: Any) -> bool:
    """Whether two values are written alike as JSON: 1 is neither 1.0 nor true, and keys have an order."""
    return orjson.dumps(one) == orjson.dumps(other)


def digest(value: Any) -> str:
    """Of a value as JSON, 16 hexadecimal digits."""
    return hashlib.blake2b(orjson.dumps(value), digest_size=8).hexdigest()


def shown(messages: Iterable[Mapping[str, Any]]) -> int:
    """How many pictures the messages show."""
    return sum(part["type"] == "image" for one in messages for part in one["content"])


def refuse_other_count(record: Record) -> None:
    """Raises BadRow where the messages show more or fewer pictures than there are."""
    marks, there = shown(record.messages), len(record.pictures)
    if marks != there:
        raise BadRow(f"its messages show {marks} pictures and it has {there}; each is shown once, in order")


def text_of(message: Mapping[str, Any]) -> str:
    """The texts of a message, one after the other."""
    return "".join(part["text"] for part in message["content"] if part["type"] == "text")


def answer_of(record: Record) -> str | None:
    """The text of the last assistant turn."""
    turns = [one for one in record.messages if one["role"] == "assistant"]
    return text_of(turns[-1]) if turns else None


def need(row: Mapping[str, Any], name: str, kind: type, *, what: str) -> Any:
    """A key of a row. Raises BadRow that says what was expected."""
    value = row.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        found = (
            f"is {str(value)[:40]!r}" if name in row else f"is missing; its keys are {', '.join(map(str, row))[:200]}"
        )
        raise BadRow(f"{what}: `{name}` {found}; expected {_KINDS.get(kind, kind.__name__)}")
    return value


_KINDS: Final[dict[type, str]] = {str: "text", list: "a list", dict: "an object"}
