"""Splits that are apart on the ground: by cell, by what must stay together, and with a buffer between them.

A cell goes to one split by a hash of the seed and its name, so adding rows moves no other row. Cells of two splits
touch, so points of both can still be metres apart: the buffer takes those out, from the split that can spare them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from factory.geo.cells import cell
from factory.geo.overlap import nearest_within

DEFAULT_SHARES: Mapping[str, float] = {"train": 0.9, "validation": 0.05, "test": 0.05}


def disjoint_splits(
    frame: pl.DataFrame,
    *,
    shares: Mapping[str, float] = DEFAULT_SHARES,
    degrees: float = 0.1,
    buffer_km: float = 1.0,
    keep_together: Sequence[str] = (),
    seed: int = 0,
) -> pl.DataFrame:
    """Assigns each row to a split so that no two splits come nearer to each other than the buffer.

    Rows of one cell, and rows that share a value of a column in `keep_together` (an author, a place; null and empty
    share nothing), form a group that goes to one split. A group of more than half of all rows goes to the first
    split, as it cannot be held out.

    Args:
        frame: `lat`, `lon` in degrees, and the columns named in `keep_together`.
        shares: relative sizes by split, from the one that can spare rows to the one that must keep all of its own.
            They are met on average over many groups, not exactly.
        degrees: side of a cell.
        buffer_km: rows nearer than this (inclusive) to a row of a later split leave; 0 takes out rows at the very
            same coordinate only.

    Returns:
        split, group (the smallest cell in it); one row a row of `frame`. Split is null for a row taken out by the
        buffer; both are null for a row without a place.

    Raises:
        ValueError: for no share above 0, a negative or non-finite one, or a negative buffer.
    """
    if not shares or min(shares.values()) < 0 or not 0 < sum(shares.values()) < float("inf") or not buffer_km >= 0:
        raise ValueError(
            f"shares {dict(shares)} must be at least 0 and not all 0, and buffer_km {buffer_km} at least 0"
        )
    groups = _groups(frame, degrees, keep_together)
    placed = frame.select("lat", "lon").with_columns(groups.alias("group"))
    placed = placed.with_columns(split=_split_of_groups(groups, shares, seed))
    taken = pl.int_range(pl.len()).is_in(in_buffer(placed, list(shares), buffer_km)["row"].implode())
    return placed.select(pl.when(~taken).then("split").alias("split"), "group")


def in_buffer(placed: pl.DataFrame, splits: Sequence[str], buffer_km: float) -> pl.DataFrame:
    """The rows that must leave so that no two splits come nearer to each other than the buffer.

    Args:
        placed: `lat`, `lon` in degrees and `split`; a row without a place or split is near nothing.
        splits: from the one that can spare rows to the one that keeps all of its own. A row leaves when it lies near a
            row of a later split that stays.
        buffer_km: inclusive.

    Returns:
        row, other (numbers of rows in `placed`: who leaves, and the nearest row that stays), km; in order of row.
    """
    rows = placed.select("lat", "lon", "split", row=pl.int_range(pl.len(), dtype=pl.Int64))
    found = [pl.DataFrame(schema={"row": pl.Int64, "other": pl.Int64, "km": pl.Float64})]
    kept = rows.filter(pl.col("split").is_in(splits[-1:]))
    for split in reversed(splits[:-1]):
        asked = rows.filter(pl.col("split") == split)
        near = nearest_within(asked, kept, buffer_km)
        leaving = asked["row"].gather(near["point"])
        found.append(pl.DataFrame({"row": leaving, "other": kept["row"].gather(near["target"]), "km": near["km"]}))
        kept = pl.concat([kept, asked.filter(~pl.col("row").is_in(leaving.implode()))])
    return pl.concat(found).sort("row")


def _groups(frame: pl.DataFrame, degrees: float, keep_together: Sequence[str]) -> pl.Series:
    """For each row the smallest cell of its group; null without a place."""
    from factory.geo.sampling.groups import connected, equal_value_edges

    inside = pl.col("lat").is_between(-90, 90) & pl.col("lon").is_between(-180, 180)
    cells = frame.select(pl.when(inside).then(cell(pl.col("lat"), pl.col("lon"), degrees=degrees)).alias("cell"))
    if not keep_together:
        return cells["cell"].alias("group")
    import numpy as np

    rows = (
        frame.with_columns(cells).with_columns(pl.int_range(pl.len()).alias("row")).filter(pl.col("cell").is_not_null())
    )
    edges = [equal_value_edges(rows[name]) for name in ("cell", *keep_together)]
    left, right = (np.concatenate([edge[side] for edge in edges]) for side in (0, 1))
    labels = pl.Series("label", connected(rows.height, left, right))
    named = rows.select("row", "cell").with_columns(labels).with_columns(group=pl.col("cell").min().over("label"))
    whole = pl.DataFrame({"row": pl.int_range(frame.height, eager=True)})
    return whole.join(named, on="row", how="left", maintain_order="left")["group"]


def _split_of_groups(groups: pl.Series, shares: Mapping[str, float], seed: int) -> pl.Series:
    """The split of each row's group, by where its hash falls among the cumulated shares."""
    from factory.geo.sampling.groups import unit_hash

    possible = [(name, share) for name, share in shares.items() if share > 0]
    total = sum(share for _, share in possible)
    sizes = groups.drop_nulls().value_counts(name="rows")
    split: dict[str, str] = {}
    for name, rows in sizes.iter_rows():
        drawn, reached = unit_hash(seed, name) * total, 0.0
        split[name] = possible[-1][0]
        for candidate, share in possible:
            reached += share
            if drawn < reached:
                split[name] = candidate
                break
        if 2 * rows > len(groups):
            split[name] = possible[0][0]
    return groups.replace_strict(split, default=None, return_dtype=pl.String) if split else groups
