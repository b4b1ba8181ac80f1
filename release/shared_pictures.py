"""Which pictures of several releases are one: a picture must not lie in two splits of what they become."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from factory.errors import RecipeError
from factory.select.split import together
from release.parts import NAMED, Taken

HAMMING: Final = 6
"""Bits in which the perceptual hashes of one picture may differ: the default of the selector `near_duplicates`."""
MEASURES: Final = ("test", "validation", "train")
"""Splits by how much depends on what is in them: the first that has a picture keeps it."""


@dataclass(slots=True)
class Pictures:
    """The pictures of rows that are to stand in one release."""

    _rows: list[tuple[str, str, str | None, int | None, float | None, float | None]] = field(default_factory=list)
    _shown: list[tuple[str, str, bytes, str]] = field(default_factory=list)

    def add(self, row_id: str, taken: Taken) -> None:
        """Notes a row, under the id that it is to have."""
        part = taken.part.name
        self._shown += [(row_id, taken.split, hashlib.sha256(jpeg).digest(), part) for jpeg in taken.jpegs]
        sha256, phash = (taken.values.get(name) for name in ("image_sha256", "image_phash"))
        lat, lon = (taken.values.get(name) for name in ("lat", "lon"))
        degrees = [value if isinstance(value, float) else None for value in (lat, lon)]
        source = sha256 if isinstance(sha256, str) and sha256 else None
        self._rows.append((row_id, taken.split, source, _number(phash), degrees[0], degrees[1]))

    def refuse_leaks(self) -> None:
        """Raises RecipeError that names rows of two splits with one picture."""
        faults: dict[str, None] = {}
        for what, odd in self._odd():
            for _, rows in odd.group_by("label", maintain_order=True):
                first, second = rows.unique("split", maintain_order=True)["id", "split"].head(2).iter_rows()
                told = f"rows {first[0]!r} ({first[1]}) and {second[0]!r} ({second[1]}) share their {what}"
                faults.setdefault(told)
        if faults:
            more = [f"... and {len(faults) - NAMED} more"] if len(faults) > NAMED else []
            raise RecipeError(
                "one picture would be in two splits, so that a model is tested on what it learnt:",
                *[*faults][:NAMED],
                *more,
                "build the parts with one rule for splits (`geocell_split`, with the same seed), or leave such rows "
                "out with --drop-leaks",
            )

    def shared(self, kept: Collection[str]) -> int:
        """How many pictures, byte for byte, several parts show in the rows that are kept."""
        parts: dict[bytes, set[str]] = {}
        for row_id, _, digest, part in self._shown:
            if row_id in kept:
                parts.setdefault(digest, set()).add(part)
        return sum(len(names) > 1 for names in parts.values())

    def leaking(self) -> frozenset[str]:
        """Ids of rows whose picture a split that comes before theirs in `MEASURES` has: without them no picture is in
        two splits."""
        rank = {name: number for number, name in enumerate(MEASURES)}
        found: set[str] = set()
        for _, odd in self._odd():
            ranked = odd.with_columns(rank=pl.col("split").replace_strict(rank, return_dtype=pl.Int64))
            found.update(ranked.filter(pl.col("rank") > pl.col("rank").min().over("label"))["id"])
        return frozenset(found)

    def _odd(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """What rows of several splits share: the bytes of a picture, the digest of its source's file, or nearly a
        picture, by its perceptual hash; and these rows, as id, split, label."""
        columns = {"id": pl.String, "split": pl.String, "label": pl.Binary, "part": pl.String}
        shown = pl.DataFrame(self._shown, schema=columns, orient="row").drop("part")
        rows = pl.DataFrame(self._rows, schema=_ROWS, orient="row")
        label = pl.Series(together(rows, ("near_duplicates",), max_hamming=HAMMING))
        near = rows.with_columns(label=label).filter(pl.col("image_phash").is_not_null())
        for what, frame in (
            ("picture", shown),
            ("source picture", rows.select("id", "split", label="image_sha256")),
            ("picture, nearly", near.select("id", "split", "label")),
        ):
            known = frame.filter(pl.col("label").is_not_null())
            yield what, known.filter(pl.col("split").n_unique().over("label") > 1)


_ROWS: Final = {
    **{"id": pl.String(), "split": pl.String(), "image_sha256": pl.String(), "image_phash": pl.UInt64()},
    **{"lat": pl.Float64(), "lon": pl.Float64()},
}
"""A row as near duplicates are looked for: digest of the source's file, perceptual hash, place."""


def _number(text: object) -> int | None:
    """A perceptual hash; None for none, and for the zeros of a picture that nobody decoded."""
    if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{16}", text):
        return None
    return int(text, 16) or None
