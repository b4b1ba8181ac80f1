"""Samples in which no cell or country crowds out the others.

Which rows stay is decided by a hash of the seed and the row (see `order`), so the choice depends neither on the order
of the rows nor on a running generator, and a larger sample contains the smaller one of the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from factory.geo.cells import cell
from factory.geo.sampling.order import apportion, row_hashes, value_hashes


def cell_balanced(frame: pl.DataFrame, *, n: int, seed: int, degrees: float = 1.0) -> pl.DataFrame:
    """`n` rows spread evenly over cells: one of every cell, then a second of every cell that has one, and so on.

    Where the last round cannot serve every cell, a hash of the cells decides, so a full cell is no likelier than an
    empty one.

    Args:
        frame: `cell` of any type (H3, quadtree) or else `lat`, `lon` in degrees, from which degree cells are made;
            `id` where rows have one. Rows without a cell are left out.
        degrees: side of a degree cell.

    Returns:
        row (number in `frame`), cell; in order of row. Fewer than `n` when there are not more.
    """
    if n < 0:
        raise ValueError(f"a sample of {n} rows is not possible; expected at least 0")
    name = pl.col("cell") if "cell" in frame.columns else cell(pl.col("lat"), pl.col("lon"), degrees=degrees)
    rows = frame.select(row=pl.int_range(pl.len(), dtype=pl.Int64), cell=name)
    ranked = _ranked(rows.with_columns(row_hashes(frame, seed)), "cell")
    ranked = ranked.with_columns(turn=value_hashes(ranked["cell"], f"{seed}:cell"))
    return ranked.sort("rank", "turn", "cell").head(n).sort("row").select("row", "cell")


def country_quota(
    frame: pl.DataFrame, shares: Mapping[str, float], *, n: int, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`n` rows in which countries have the shares asked for, as far as there are rows.

    What a country lacks goes to the others in proportion to their shares; countries without a share get nothing.

    Args:
        frame: `country`, and `id` or `lat`, `lon`.
        shares: relative weights by country; they need not sum to one.

    Returns:
        The rows (row, country; in order of row), and a table of country, wanted, available, given, shortfall.
    """
    if n < 0:
        raise ValueError(f"a sample of {n} rows is not possible; expected at least 0")
    rows = frame.select("country", row=pl.int_range(pl.len(), dtype=pl.Int64))
    counts = rows.filter(pl.col("country").is_not_null()).group_by("country").len()
    available = dict(counts.iter_rows())
    given = apportion(n, shares, available)
    ranked = _ranked(rows.with_columns(row_hashes(frame, seed)), "country")
    limit = pl.col("country").replace_strict(given, default=0, return_dtype=pl.Int64)
    chosen = ranked.filter(pl.col("rank") <= limit).sort("row").select("row", "country")
    return chosen, quota_table(n, shares, available, given)


def quota_table(
    n: int, shares: Mapping[str, float], available: Mapping[str, int], given: Mapping[str, int]
) -> pl.DataFrame:
    """country, wanted (n times its share), available, given, shortfall (what of `wanted` the rows could not give)."""
    total = sum(shares.values())
    rows = [(name, n * shares[name] / total, available.get(name, 0), given[name]) for name in sorted(shares)]
    schema = {"country": pl.String, "wanted": pl.Float64, "available": pl.Int64, "given": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.with_columns(shortfall=(pl.col("wanted").floor() - pl.col("given")).clip(lower_bound=0).cast(pl.Int64))


def _ranked(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """Rows with a value, and each one's rank (from 1) by hash among those of its value."""
    known = rows.filter(pl.col(by).is_not_null()).sort("hash", "row")
    return known.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(by))
