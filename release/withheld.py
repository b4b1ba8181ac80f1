"""Photos that a release names and does not pass on: their rows stay, with id, address and hash.

A row without its pictures lies apart, in the configuration `ids`, so that whoever loads the others finds a picture in
each. `withheld.parquet` has a line for each picture that is not there, with the reason; who may fetch one knows it by
its hash.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from factory.errors import CorruptBuild
from factory.redact import told
from factory.store.files import PUBLIC
from factory.store.tables import write_table
from release.tables import read_small
from schemas import Photo
from schemas.licences import forbids_changes, lacks_attribution

WITHHELD: Final = "withheld.parquet"
_BOX: Final = ("x", "y", "width", "height")
SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("number", pa.int32()),
        pa.field("role", pa.string()),
        pa.field("source_url", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("phash", pa.uint64()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("private", pa.list_(pa.struct([pa.field(side, pa.float64()) for side in _BOX]))),
        pa.field("licence", pa.string()),
        pa.field("author", pa.string()),
        pa.field("split", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
"""A picture that its row has not: id of the sample, its number in `messages` from 0, what the family calls it, where it
is, sha256 of the source's file, perceptual hash (`factory.images.phash`) and size in pixels of the picture that was
prepared of it, what people marked in that as private (shares of its sides), whose it is and under which licence, and
why it is not here."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sample's pictures come from, as far as passing them on depends on it."""

    licence: str | None = None
    author: str | None = None
    source_url: str | None = None
    photos: tuple[Photo, ...] = ()
    """What is known of each picture."""

    def photo(self, role: str) -> Photo:
        """Of the picture of a role; nothing is known of one that is not among them."""
        return next((photo for photo in self.photos if photo.role == role), Photo(role=role, sha256=None))


def reason_to_withhold(
    origin: Origin, shown: Sequence[str], jpegs: Sequence[bytes], *, embed: bool = True, told_by_row: bool = True
) -> str | None:
    """Why a sample's pictures are not passed on, None where they may be.

    `not_embedded`: the recipe releases no pictures (`release: {images: none}`).
    `no_derivatives`: the licence allows no changed copies, and what would be released differs from the source's file (a
    picture is scaled, blurred or encoded again). `no_attribution`: the licence asks to say whose it is, and nobody
    knows.

    Args:
        shown: the roles of the pictures that would be released.
        jpegs: these pictures; needed only where they would be embedded.
        embed: what the recipe says.
        told_by_row: whether the released row says which picture is the source's, so that whoever has it can see that
            nothing was changed; else none passes as unchanged.
    """
    if not embed:
        return "not_embedded" if shown else None
    if not jpegs:
        return None
    if forbids_changes(origin.licence):
        pairs = zip(shown, jpegs, strict=True)
        if not told_by_row or any(sha256(jpeg).hexdigest() != origin.photo(role).sha256 for role, jpeg in pairs):
            return "no_derivatives"
    return "no_attribution" if lacks_attribution(origin.licence, origin.author, origin.source_url) else None


def withheld_rows(
    sample_id: str,
    split: str,
    origin: Origin,
    shown: Sequence[str],
    reason: str,
    private: Sequence[Sequence[Mapping[str, Any]]] = (),
) -> list[dict[str, Any]]:
    """The lines of `withheld.parquet` of one sample.

    Args:
        private: what people marked in each of the pictures; by default nothing.
    """
    whose = {"licence": origin.licence, "author": origin.author, "source_url": origin.source_url}
    marked = [*private, *[()] * (len(shown) - len(private))]
    lines = []
    for number, (role, boxes) in enumerate(zip(shown, marked, strict=True)):
        photo = origin.photo(role)
        known = {name: getattr(photo, name) for name in ("role", "sha256", "phash", "width", "height")}
        sides = [{side: float(box[side]) for side in _BOX} for box in boxes]
        lines.append(
            {"id": sample_id, "number": number, **known, "private": sides, **whose, "split": split, "reason": reason}
        )
    return lines


def write_withheld(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes `withheld.parquet`."""
    write_table(pa.Table.from_pylist([*rows], schema=SCHEMA), path, mode=PUBLIC)


def read_withheld(path: Path) -> list[dict[str, Any]]:
    """The lines of `withheld.parquet`. Raises CorruptBuild for a file that is none, or names a picture twice."""
    lines: list[dict[str, Any]] = read_small(path, SCHEMA).to_pylist()
    if len({(line["id"], line["number"]) for line in lines}) != len(lines):
        raise CorruptBuild(f"{path}: names a picture twice")
    return lines


def withheld_faults(path: Path, secrets: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with a table of withheld pictures: unreadable, a picture named twice, a secret of the environment,
    or an address with a key of its own (that of a map service, say), which all who have the release could use."""
    try:
        lines = read_withheld(path)
    except CorruptBuild as error:
        yield str(error)
        return
    for line in lines:
        texts = [line[name] for name in _TEXTS if line[name]]
        for name in told(secrets, *texts):
            yield f"{path}: {line['id']!r} holds the value of the environment variable {name}, a secret"
        if key := _KEY.search(line["source_url"] or ""):
            yield f"{path}: the address of {line['id']!r} carries a key ({key[1]}=): take it out of the source's table"


_TEXTS: Final = ("id", "role", "source_url", "licence", "author", "reason")
_KEY: Final = re.compile(
    r"[?&;](key|api_?key|access_?token|token|auth|secret|password|sig|signature|x-amz-signature|x-amz-credential)=",
    re.I,
)


def withheld_counts(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Samples by the reason for which their pictures are withheld."""
    return dict(sorted(Counter(reason for _, reason in {(row["id"], row["reason"]) for row in rows}).items()))
