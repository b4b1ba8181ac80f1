"""`viewer.html` of a release: map, filters, gallery and every row with all that is known of it, for a browser alone.

It opens from a folder without a server, asks nothing of a network, and holds what the release holds and nothing else:
rows as they are, small pictures of those that are passed on. A page of data is loaded when it is looked at.
"""

from __future__ import annotations

import base64
import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image

from factory.geo.world_map import whole_world, world
from factory.plugins.contracts import Generator
from factory.processes import usable_cores
from factory.report import html
from factory.report.pictures import Open, Thumbnails, opening, thumbnail
from factory.store.layout import Build
from release.at_once import Block
from release.card import SPLIT_COLOURS
from release.rows import Released
from release.shards import write_durably
from release.viewer_columns import Entry, entry, packed
from release.viewer_pages import PAGE, Pages, column_pages, page_file, page_name, write_page
from schemas.licences import forbids_changes
from schemas.plain_json import read_json
from schemas.rows.conversations import json_texts
from schemas.rows.schema import RowSchema
from schemas.settings import ReleaseSettings

SIZE: Final = Thumbnails(((224, 55), (192, 50), (160, 45)), 9_000)
"""Of the pictures: 6 kB each of photos of 1,024 pixels. One that is no larger is shown as it is released."""
MOST_PICTURES: Final = 5
"""Of a row."""
NONE: Final = "-"
"""Stands for one that does not decode: of what passed undecoded, nobody knew that before."""
_AHEAD: Final = 256
"""Rows whose pictures are under way."""


class Viewer:
    """The viewer of a release while its rows are written; a context manager, inside which `add` is called."""

    def __init__(self, root: Path, schema: RowSchema, opened: Open, *, pictures: bool) -> None:
        self._root, self._schema, self._opened, self._shown = root, schema, opened, pictures
        self._rows, self._pictures = Pages(root, "rows"), Pages(root, "pictures")
        self._entries: list[Entry] = []
        self._waiting: deque[list[Future[str]]] = deque()
        self._pool = ThreadPoolExecutor(usable_cores())

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *failure: object) -> None:
        self._pool.shutdown(cancel_futures=failure[0] is not None)

    def add(self, released: Released | Block) -> None:
        """The next rows, in the order in which they are shown."""
        if isinstance(released, Block):
            for _, rows in released.splits:
                for text in json_texts(rows, self._schema):
                    self._add(text, (), withheld=False)
            return
        for row in released.rows:
            jpegs = released.jpegs if may_be_scaled(row.values) else ()
            self._add(row.json, jpegs, withheld=bool(released.withheld))

    def _add(self, text: bytes, jpegs: Sequence[bytes], *, withheld: bool) -> None:
        self._entries.append(entry(read_json(text), withheld=withheld))
        self._rows.add(text.decode())
        if not self._shown:
            return
        opened = partial(small, self._opened)
        self._waiting.append([self._pool.submit(opened, jpeg) for jpeg in jpegs[:MOST_PICTURES]])
        while len(self._waiting) > _AHEAD:
            self._pictures.add(" ".join(each.result() for each in self._waiting.popleft()))

    def close(self) -> None:
        """Waits for the pictures that are under way."""
        while self._waiting:
            self._pictures.add(" ".join(each.result() for each in self._waiting.popleft()))
        self._rows.close()
        self._pictures.close()

    def finish(self, facts: Mapping[str, Any]) -> Iterator[Path]:
        """Writes the columns and the page itself, and names every file; `close` was called.

        Args:
            facts: of the manifest.
        """
        yield from _files(self._root, "rows", len(self._rows.firsts))
        yield from _files(self._root, "pictures", len(self._pictures.firsts))
        firsts = {"rows": self._rows.firsts, "pictures": self._pictures.firsts}
        columns = [*column_pages(packed(self._entries, firsts))]
        for name, lines in columns:
            write_page(self._root, name, lines)
        yield from _files(self._root, "columns", len(columns))
        write_durably(self._root / PAGE, render(facts, len(columns)).encode())
        yield self._root / PAGE


@contextmanager
def viewing(
    root: Path, build: Build, generator: Generator, settings: ReleaseSettings, *, wanted: bool
) -> Iterator[Viewer | None]:
    """The viewer of a release around the writing of its rows; None where it is not `wanted`."""
    if not wanted:
        yield None
        return
    pictures = settings.images == "embedded" and bool(generator.needs.shown)
    with opening(build) as opened, Viewer(root, generator.row, opened, pictures=pictures) as viewer:
        yield viewer
        viewer.close()


def _files(root: Path, kind: str, number: int) -> list[Path]:
    return [page_file(root, page_name(kind, each)) for each in range(number)]


def viewer_facts(settings: ReleaseSettings, samples: int) -> dict[str, Any]:
    """What the manifest says of a release's viewer: `viewer`, or `no_viewer` and why there is none."""
    if not settings.viewer or not samples:
        return {}
    if samples > settings.viewer_limit:
        return {"no_viewer": f"more than {settings.viewer_limit:,} samples (`release.viewer_limit`)"}
    return {"viewer": {"page": page_digest()}}


def may_be_scaled(values: Mapping[str, Any]) -> bool:
    """Whether a licence lets a small copy of the picture be passed on: it is a changed one."""
    return not forbids_changes(values.get("licence"))


def small(opened: Open, jpeg: bytes) -> str:
    """The small picture of a released one, in base64; `NONE` where it does not decode."""
    try:
        whole = opened(jpeg)
        with Image.open(BytesIO(whole), formats=("JPEG",)) as picture:
            fits = max(picture.size) <= SIZE.steps[0][0] and len(whole) <= SIZE.most_bytes
        made = whole if fits else thumbnail(whole, SIZE)
    except Exception:  # codecs raise nearly every type on hostile bytes
        return NONE
    return base64.b64encode(made).decode() if made else NONE


def render(facts: Mapping[str, Any], columns: int) -> str:
    """viewer.html.

    Args:
        facts: of the manifest.
        columns: number of the pages of columns.
    """
    code = html.script("viewer")
    style = (html.ASSETS / "report.css").read_text(encoding="utf-8")
    counts = facts["counts"]
    return (
        html.environment()
        .get_template("viewer.jinja")
        .render(
            title=str(facts["title"]),
            name=str(facts["name"]),
            fingerprint=str(facts.get("fingerprint") or ""),
            version=str(facts.get("factory_version") or ""),
            summary=str(facts["row"]["summary"]),
            rows=counts["rows"],
            splits={name: counts["splits"][name] for name in SPLIT_COLOURS if name in counts["splits"]},
            countries=len(counts["countries"]),
            pictures=facts["pictures"]["most"] > 0,
            world=world(),
            map=whole_world(),
            style=html.own(style),
            script=html.own(code),
            policy=html.policy(code, pages=True),
            data=html.script_json({"columns": columns}),
        )
    )


def page_digest() -> str:
    """Of what every page of this version is made of; it tells whether another may be compared byte for byte."""
    parts = [html.ASSETS / name for name in ("report.css", "viewer.jinja", "map.jinja")]
    data = b"\0".join([*(part.read_bytes() for part in parts), html.script("viewer").encode()])
    return hashlib.sha256(data).hexdigest()[:16]
