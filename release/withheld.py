"""Photos that a release names and does not pass on: their rows stay, with id, address and hash.

A row without its pictures lies apart, in the configuration `ids`, so that whoever loads the others finds a picture in
each. `withheld.parquet` has a line for each picture that is not there, with the reason; who may fetch one knows it by
its hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from factory.store.tables import write_table
from schemas.licences import forbids_changes, lacks_attribution

WITHHELD: Final = "withheld.parquet"
SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("number", pa.int32()),
        pa.field("role", pa.string()),
        pa.field("source_url", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("author", pa.string()),
        pa.field("split", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
"""A picture that its row has not: id of the sample, its number in `messages` from 0, what the family calls it, where it
is, sha256 of the source's file, whose it is and under which licence, and why it is not here."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sample's pictures come from, as far as passing them on depends on it."""

    licence: str | None = None
    author: str | None = None
    source_url: str | None = None
    digests: tuple[tuple[str, str | None], ...] = ()
    """sha256 of each picture's source file, by role."""


def reason_to_withhold(
    origin: Origin, shown: Sequence[str], jpegs: Sequence[bytes], *, told_by_row: bool = True
) -> str | None:
    """Why a sample's pictures are not passed on, None where they may be.

    `no_derivatives`: the licence allows no changed copies, and what would be released differs from the source's file (a
    picture is scaled, blurred or encoded again). `no_attribution`: the licence asks to say whose it is, and nobody
    knows.

    Args:
        shown: the roles of the pictures that would be released.
        jpegs: these pictures.
        told_by_row: whether the released row says which picture is the source's, so that whoever has it can see that
            nothing was changed; else none passes as unchanged.
    """
    if not jpegs:
        return None
    if forbids_changes(origin.licence):
        sources = dict(origin.digests)
        if not told_by_row or any(
            sha256(jpeg).hexdigest() != sources.get(role) for role, jpeg in zip(shown, jpegs, strict=True)
        ):
            return "no_derivatives"
    return "no_attribution" if lacks_attribution(origin.licence, origin.author, origin.source_url) else None


def withheld_rows(
    sample_id: str, split: str, origin: Origin, shown: Sequence[str], reason: str
) -> list[dict[str, Any]]:
    """The lines of `withheld.parquet` of one sample."""
    sources = dict(origin.digests)
    told = {"licence": origin.licence, "author": origin.author, "source_url": origin.source_url}
    return [
        {"id": sample_id, "number": number, "role": role, "sha256": sources.get(role), **told}
        | {"split": split, "reason": reason}
        for number, role in enumerate(shown)
    ]


def write_withheld(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes `withheld.parquet`."""
    write_table(pa.Table.from_pylist([*rows], schema=SCHEMA), path)


def withheld_counts(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Samples by the reason for which their pictures are withheld."""
    return dict(sorted(Counter(reason for _, reason in {(row["id"], row["reason"]) for row in rows}).items()))
