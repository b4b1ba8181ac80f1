"""What rules about a whole release look at of each row, whatever its family: a few columns, where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from release.files import StoredRow
from schemas.rows.schema import RowSchema

_TEXTS: Final = ("id", "author", "licence", "source_url", "image_phash")
FACTS: Final = pl.Schema([*((name, pl.String()) for name in _TEXTS), ("lat", pl.Float64()), ("lon", pl.Float64())])
_OWN: Final = [("pictures", pl.Int64()), ("folder", pl.String()), ("split", pl.String())]
COLUMNS: Final = pl.Schema([*FACTS.items(), *_OWN])
"""A row as rules see it: null where its family has no such column, with the number of its pictures, the folder of its
configuration and its split."""


def told(schema: RowSchema) -> list[str]:
    """Which of the columns a family's rows have, with the type that rules know."""
    due = {"string": pl.String, "double": pl.Float64}
    return [
        name
        for name in FACTS
        if name in schema.json_keys and due.get(str(schema.columns.field(name).type)) == FACTS[name]
    ]


def facts_of(rows: Sequence[StoredRow], schema: RowSchema, folder: str, split: str) -> pl.DataFrame:
    """Some rows as rules see them; a value of another type than its column's, a fault of its own, is unknown."""
    names = told(schema)
    kept: list[dict[str, Any]] = []
    for row in rows:
        values = {name: row.values.get(name) or None for name in names}
        values |= {name: row.values.get(name) for name in names if FACTS[name] == pl.Float64}
        kept.append({**values, "pictures": len(row.jpegs), "folder": folder, "split": split})
    return pl.DataFrame(kept, schema=COLUMNS, strict=False)


def facts_in(rows: pl.DataFrame, schema: RowSchema, folder: str, split: str) -> pl.DataFrame:
    """The same of rows without pictures, as a table of their columns."""
    names = told(schema)
    known = [pl.when(pl.col(n) != "").then(n).alias(n) if FACTS[n] == pl.String else pl.col(n) for n in names]
    known += [pl.lit(None, FACTS[name]).alias(name) for name in FACTS if name not in names]
    own = (pl.lit(0, pl.Int64).alias("pictures"), pl.lit(folder).alias("folder"), pl.lit(split).alias("split"))
    return rows.select(*known, *own).select(COLUMNS.names())
