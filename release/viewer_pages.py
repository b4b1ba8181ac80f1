"""Pages of data beside `viewer.html`: JavaScript files that a browser loads from a folder, where it may read no other.

    viewer/columns-00000.js    what the map, the filters and the cards need of every row, packed as columns
    viewer/rows-00000.js       about a hundred rows, each as its WebDataset JSON
    viewer/pictures-00000.js   small pictures of about a hundred rows

Each file is one call, `viewerPage("rows-00000", "...");`, with two texts: nothing that a row says is ever code. The
second is lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from factory.store.files import PUBLIC_FOLDER, make_folder
from release.shards import write_durably
from schemas.plain_json import read_json

FOLDER: Final = "viewer"
PAGE: Final = "viewer.html"
ROWS: Final = 100
"""Rows of a page of rows or pictures at most;"""
BYTES: Final = 1_000_000
"""and a page that has so many bytes is closed: a browser loads one to show a row."""
COLUMN_BYTES: Final = 4_000_000
"""Of a page of columns, which has one column at least."""
MAX_BYTES: Final = 64_000_000
"""Of any page: one that holds the ids of 200,000 rows has a few million."""
_ESCAPES: Final = tuple((sign, f"\\u{ord(sign):04x}".encode()) for sign in "<>&\u2028\u2029")


def is_page(path: str) -> bool:
    """Whether a file of a release is a page of its viewer's data."""
    return path.startswith(f"{FOLDER}/")


def page_name(kind: str, number: int) -> str:
    """`rows-00012`"""
    return f"{kind}-{number:05d}"


def page_file(root: Path, name: str) -> Path:
    """Where a page lies in a release."""
    return root / FOLDER / f"{name}.js"


def page_bytes(name: str, lines: Sequence[str]) -> bytes:
    """The file of a page."""
    text = orjson.dumps("\n".join(lines))
    for sign, escape in _ESCAPES:
        text = text.replace(sign.encode(), escape)
    head, tail = _around(name)
    return head + text + tail


def read_page(root: Path, name: str) -> list[str]:
    """The lines of a page. Raises ValueError or OSError for what is no page of this name: another call, or any code."""
    file = page_file(root, name)
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"has more than {MAX_BYTES:,} bytes")
    data = file.read_bytes()
    head, tail = _around(name)
    try:
        text = data[len(head) : -len(tail)]
        if not text.startswith(b'"'):  # of anything but one text a few bytes may become many values
            raise ValueError
        lines: list[str] = read_json(text, most=MAX_BYTES).split("\n")
    except (ValueError, AttributeError):
        raise ValueError(f"is no page of data called {name}") from None
    if page_bytes(name, lines) != data:  # so nothing but the two texts is in it
        raise ValueError(f"is no page of data called {name}")
    return lines


def _around(name: str) -> tuple[bytes, bytes]:
    return b'viewerPage("%b",' % name.encode(), b");\n"


class Pages:
    """Pages of one kind while they are written: a line a row."""

    def __init__(self, root: Path, kind: str) -> None:
        self._root, self._kind = root, kind
        self._lines: list[str] = []
        self._bytes = self._rows = 0
        self.firsts: list[int] = []
        """Number of the first row of each page."""

    def add(self, line: str) -> None:
        """The line of the next row."""
        self._lines.append(line)
        self._bytes += len(line)
        if len(self._lines) == ROWS or self._bytes >= BYTES:
            self.close()

    def close(self) -> None:
        """Writes what is held."""
        if self._lines:
            write_page(self._root, page_name(self._kind, len(self.firsts)), self._lines)
            self.firsts.append(self._rows)
            self._rows += len(self._lines)
            self._lines, self._bytes = [], 0


def write_page(root: Path, name: str, lines: Sequence[str]) -> None:
    """Writes one page."""
    make_folder(root / FOLDER, PUBLIC_FOLDER)
    write_durably(page_file(root, name), page_bytes(name, lines))


def column_pages(columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Name and lines of the pages that hold some packed columns, in order."""
    held: list[str] = []
    number = 0
    for column in columns:
        if held and sum(map(len, held)) + len(column) > COLUMN_BYTES:
            yield page_name("columns", number), held
            held, number = [], number + 1
        held.append(column)
    yield page_name("columns", number), held
