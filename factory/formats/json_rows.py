"""Rows of JSON files, a list or a row a line, one at a time and exactly: what cannot be kept is refused, not rounded.

The library that is fast keeps the last of two equal keys and makes a float of a long integer; so rows of data sets that
must come back are read by Python's own, with hooks, and a list is never in memory as a whole.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from math import isfinite
from pathlib import Path
from typing import IO, Any, Final

import orjson

from factory.errors import SourceError
from schemas.plain_json import MAX_VALUES, not_deep, refuse_many

MAX_ROW: Final = 16_000_000
"""Characters of one row: as much as a row of a release."""
_BLOCK: Final = 1 << 20
_SPACE: Final = re.compile(r"[ \t\r\n]*")
Row = tuple[str, dict[str, Any]]
"""Where it stands, and the row."""


def json_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSON list, or of JSON lines, whichever the file holds.

    Raises SourceError with the line, or the number of the row in a list, for what is no JSON object, holds a key twice,
    a number that JSON or 64 bits cannot keep, or is longer than MAX_ROW.
    """
    try:
        with path.open("rb") as file:
            text = _text(file)
            start = next(text, "")
            begins = start.lstrip(" \t\r\n")[:1]
            if begins == "[":
                yield from _of_list(start, text, path.name)
            elif begins == "{":
                yield from _of_lines(start, text, path.name)
            elif begins or next(text, ""):
                raise SourceError(f"{path}: begins with {start[:20]!r}; expected a JSON list, or an object a line")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8 ({error})") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from None


def write_list(file: IO[bytes], rows: Iterable[dict[str, Any]]) -> None:
    """Rows as one JSON list, a row a line."""
    begin = b"[\n"
    for row in rows:
        file.write(begin + orjson.dumps(row))
        begin = b",\n"
    file.write(b"[]\n" if begin == b"[\n" else b"\n]\n")


def write_lines(file: IO[bytes], rows: Iterable[dict[str, Any]]) -> None:
    """Rows as JSON lines."""
    file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _text(file: IO[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    while block := file.read(_BLOCK):
        yield decoder.decode(block)
    if rest := decoder.decode(b"", final=True):
        yield rest


def _of_lines(text: str, more: Iterator[str], label: str) -> Iterator[Row]:
    number, rest = 0, ""
    for block in chain((text,), more):
        *lines, rest = (rest + block).split("\n")
        for line in lines:
            number += 1
            yield from _line(line, number, label)
        if len(rest) > MAX_ROW:
            raise SourceError(f"{label}:{number + 1}: longer than {MAX_ROW:,} characters: no row")
    yield from _line(rest, number + 1, label)


def _line(line: str, number: int, label: str) -> Iterator[Row]:
    if text := line.strip(" \t\r"):
        where = f"{label}:{number}"
        yield where, exact_row(text, where)


def exact_row(text: str, where: str) -> dict[str, Any]:
    """One JSON object, or a SourceError that says where and why."""
    try:
        refuse_many(text.encode("utf-8", "surrogatepass"))
        found, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise ValueError(f"something follows the object at character {end + 1}")
        return _checked(not_deep(found))
    except (ValueError, RecursionError, TypeError) as error:
        raise SourceError(f"{where}: not a row ({_why(error)})") from None


def _of_list(text: str, more: Iterator[str], label: str) -> Iterator[Row]:
    at, number = text.index("[") + 1, 0
    ended = False
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if text.startswith("]", at):
            if (text[at + 1 :] + "".join(islice(more, 2))).strip():
                raise SourceError(f"{label}: something follows the list")
            return
        where = f"{label}: row {number + 1}"
        try:
            if number and at < len(text):
                if text[at] != ",":
                    raise ValueError(f"expected a comma or the end of the list, found {text[at]!r}")
                begin = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]
            else:
                begin = at
            found, end = _DECODER.raw_decode(text, begin)
            _refuse_many(text, begin, end)
            row = _checked(not_deep(found))
        except json.JSONDecodeError as error:
            block = "" if ended else next(more, "")
            ended = not block
            if ended or len(text) - at > MAX_ROW:
                why = (
                    "the list has no end"
                    if at >= len(text)
                    else f"longer than {MAX_ROW:,} characters"
                    if not ended
                    else error.msg
                )
                raise SourceError(f"{where}: not a row ({why})") from None
            try:
                _refuse_many(text, at, len(text))  # all of it is one row that goes on
            except ValueError as many:
                raise SourceError(f"{where}: not a row ({many})") from None
            text, at = text[at:] + block, 0
            if len(text) > 2 * _BLOCK:  # a long row: as much again, so that it is not read from its start too often
                text += "".join(islice(more, len(text) // _BLOCK))
            continue
        except (ValueError, RecursionError, TypeError) as error:
            raise SourceError(f"{where}: not a row ({_why(error)})") from None
        number, at = number + 1, end
        yield where, row


def _refuse_many(text: str, begin: int, end: int) -> None:
    if end - begin > MAX_VALUES:
        refuse_many(text[begin:end].encode("utf-8", "surrogatepass"))


def _checked(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"expected an object, found {type(found).__name__}")
    orjson.dumps(found)  # refuses half a surrogate pair
    return found


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)[:200]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands there twice")
    return found


def _whole(digits: str) -> int:
    value = int(digits)
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{digits[:30]} does not fit 64 bits")
    return value


def _number(written: str) -> float:
    value = float(written)
    if not isfinite(value):
        raise ValueError(f"{written[:30]} is too large for a number")
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_whole, parse_float=_number, parse_constant=_constant
)
