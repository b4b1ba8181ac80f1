"""Whether the viewer of a release belongs to its rows: none missing, none more, every value and picture theirs."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

from PIL import Image

from factory.images import metadata_findings
from release.crew import Crew
from release.viewer import MOST_PICTURES, NONE, SIZE, page_digest, render
from release.viewer_columns import Entry, entry, packed
from release.viewer_pages import FOLDER, PAGE, column_pages, is_page, page_file, page_name, read_page
from schemas.plain_json import read_json

MOST_FAULTS: Final = 20
"""That are told of each kind."""
PAGES_ALONE: Final = 20
"""So few are looked at faster by one process than others start."""
_SIDE: Final = 8
_UNLIKE: Final = 16.0
"""Mean difference in brightness, of 255, of two pictures reduced to 8 x 8: scaling and encoding make less than 4."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the files of rows say of a row, as far as the viewer repeats it."""

    entry: Entry
    text: bytes
    """SHA-256 of its WebDataset JSON."""
    pictures: int
    """Small ones that it has in the viewer."""
    look: bytes
    """`look_of` its first; empty where that is not known."""


def seen_of(text: bytes, pictures: int, *, withheld: bool) -> Seen:
    """A row by its WebDataset JSON."""
    return Seen(entry(read_json(text), withheld=withheld), hashlib.sha256(text).digest(), pictures, b"")


def look_of(picture: Image.Image) -> bytes:
    """A picture as 8 x 8 brightnesses."""
    return picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()


def viewer_faults(root: Path, manifest: Mapping[str, Any], seen: Sequence[Seen], crew: Crew) -> Iterator[str]:
    """Every way in which the viewer is not that of the rows.

    Args:
        seen: every row, in any order.
        crew: looks at pages, too.
    """
    listed = {entry["path"] for entry in manifest["files"]}
    there = {path for path in listed if is_page(path) or path == PAGE}
    if "viewer" not in manifest:
        yield from (f"{root / path}: the manifest says that there is no viewer" for path in sorted(there)[:MOST_FAULTS])
        return
    try:
        columns = sum(path.startswith(f"{FOLDER}/columns-") for path in there)
        lines = [line for number in range(columns) for line in read_page(root, page_name("columns", number))]
        ids, firsts = _index(lines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{root / FOLDER}: its columns cannot be read ({error!r:.300})"
        return
    due = {page_file(root, page_name(kind, n)).relative_to(root).as_posix() for kind, n in _pages(firsts, columns)}
    yield from (f"{root / path}: missing, and the viewer needs it" for path in sorted({*due, PAGE} - there))
    yield from (f"{root / path}: is no page of the viewer" for path in sorted(there - due - {PAGE})[:MOST_FAULTS])
    rows = {one.entry.id: one for one in seen}
    shown = {*ids}
    if len(ids) != len(shown) or shown != rows.keys():
        yield from _named(root, "is not in the viewer", [name for name in rows if name not in shown])
        yield from _named(root, "is in the viewer, and no row", [name for name in ids if name not in rows])
        yield from _named(root, "is in the viewer twice", [name for name, times in Counter(ids).items() if times > 1])
        return
    ordered = [rows[name] for name in ids]
    made = [line for _, page in column_pages(packed([one.entry for one in ordered], firsts)) for line in page]
    if made != lines:
        odd = [_name(line) for line, own in zip(lines, made, strict=False) if line != own]
        yield f"{root / FOLDER}: columns are not those of the rows: {', '.join(odd) or 'their number'}"
    yield from _first_faults(root, firsts, ordered)
    yield from islice(_checked([*_with_rows(root, firsts, ordered)], crew), MOST_FAULTS)
    yield from _page_faults(root, manifest, columns)


def _index(lines: Sequence[str]) -> tuple[list[str], dict[str, list[int]]]:
    """Ids, and the first row of each page, by kind."""
    named = {}
    for line in lines:
        column = read_json(line.encode())
        named[column["name"]] = column
    firsts = {kind: [int(first) for first in named["pages"][kind]] for kind in ("rows", "pictures")}
    ids = [str(name) for name in named["id"]["values"]]
    if any(not 0 <= first <= len(ids) for starts in firsts.values() for first in starts):
        raise ValueError("a page begins behind the last row")
    return ids, firsts


def _pages(firsts: Mapping[str, Sequence[int]], columns: int) -> Iterator[tuple[str, int]]:
    for kind, number in (("columns", columns), *((kind, len(starts)) for kind, starts in firsts.items())):
        yield from ((kind, each) for each in range(number))


def _named(root: Path, what: str, ids: Sequence[str]) -> Iterator[str]:
    yield from (f"{root}: row {name!r} {what}" for name in ids[:MOST_FAULTS])
    if len(ids) > MOST_FAULTS:
        yield f"{root}: ... and {len(ids) - MOST_FAULTS} more: {what}"


def _name(line: str) -> str:
    return str(read_json(line.encode())["name"])


@dataclass(frozen=True, slots=True)
class _Page:
    """A page with the rows that belong there."""

    root: Path
    kind: str
    number: int
    rows: tuple[Seen, ...]


def _with_rows(root: Path, firsts: Mapping[str, Sequence[int]], rows: Sequence[Seen]) -> Iterator[_Page]:
    for kind, starts in firsts.items():
        for number, (first, end) in enumerate(pairwise([*starts, len(rows)])):
            yield _Page(root, kind, number, tuple(rows[first:end]) if first < end else ())


def _first_faults(root: Path, firsts: Mapping[str, Sequence[int]], rows: Sequence[Seen]) -> Iterator[str]:
    """Rows that stand before the first page, or would need one."""
    for kind, starts in firsts.items():
        needed = rows if kind == "rows" else [row for row in rows if row.pictures]
        if (starts and starts[0] != 0) or (needed and not starts):
            yield f"{root / FOLDER}: no page of {kind} has the first row"


def _one_page(page: _Page) -> list[str]:
    """What is wrong with one page."""
    file = page_file(page.root, page_name(page.kind, page.number))
    try:
        lines = read_page(page.root, page_name(page.kind, page.number))
    except (OSError, ValueError) as error:
        return [f"{file}: {error}"]
    if len(lines) != len(page.rows):
        return [f"{file}: has {len(lines)} rows, expected {len(page.rows)}"]
    look = _row_faults if page.kind == "rows" else _picture_faults
    return [
        f"{file}: {fault}"
        for row, line in zip(page.rows, lines, strict=True)
        for fault in islice(look(row, line), MOST_FAULTS)
    ]


def _row_faults(row: Seen, line: str) -> Iterator[str]:
    if hashlib.sha256(line.encode()).digest() != row.text:
        yield f"says something else of row {row.entry.id!r} than the row"


def _picture_faults(row: Seen, line: str) -> Iterator[str]:
    shown = line.split(" ") if line else []
    if len(shown) != (expected := min(row.pictures, MOST_PICTURES)):
        yield f"has {len(shown)} pictures of row {row.entry.id!r}, expected {expected}"
        return
    for number, coded in enumerate(shown):
        if coded == NONE and not row.look:
            continue
        for fault in _small_faults(coded, b"" if number else row.look):
            yield f"picture {number} of row {row.entry.id!r} {fault}"


def _checked(pages: Sequence[_Page], crew: Crew) -> Iterator[str]:
    """Faults of all pages."""
    shared = crew.processes > 1 and (crew.started or len(pages) > PAGES_ALONE)
    for faults in crew.looked(_one_page, pages, chunk=8) if shared else map(_one_page, pages):
        yield from faults


def _small_faults(coded: str, look: bytes) -> Iterator[str]:
    """What is wrong with one small picture.

    Args:
        look: of the row's own picture, empty where it is not compared.
    """
    try:
        jpeg = base64.b64decode(coded, validate=True)
        with Image.open(BytesIO(jpeg), formats=("JPEG",)) as picture:
            if max(picture.size) > SIZE.steps[0][0]:
                yield f"is {picture.width} x {picture.height}, which is not small"
                return
            seen = look_of(picture)
    except Exception as error:  # codecs raise nearly every type on hostile bytes
        yield f"does not open ({error!r:.200})"
        return
    yield from (f"carries {finding}" for finding in metadata_findings(jpeg))
    if look and sum(abs(a - b) for a, b in zip(seen, look, strict=True)) / len(look) > _UNLIKE:
        yield "is another picture than the row's"


def _page_faults(root: Path, manifest: Mapping[str, Any], columns: int) -> Iterator[str]:
    """The page itself, where this version of the factory made it."""
    file = root / PAGE
    ours = file.is_file() and manifest["viewer"]["page"] == page_digest()
    if ours and file.read_bytes() != render(manifest, columns).encode():
        yield f"{file}: is not the page that belongs to this manifest"
