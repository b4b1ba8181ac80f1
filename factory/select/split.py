"""Splits that do not leak: rows that share something go to one split together, and splits can be kept apart.

Groups are the connected components of everything kept together, and a group's split is decided by a hash of the seed
and its smallest id alone. So adding rows elsewhere, or cutting shards differently, moves nothing. The price: shares
are met on average, not exactly, and a small set may leave a split empty.

At the size of MP-16 authors and cells join into one giant group, as authors travel. A group that large cannot be held
out: a group of more than `max_held_out_group` rows, or of more than half of all (one person's own photos), trains,
and the others fill validation and test.

Cells alone do not keep splits apart: two photos metres from each other may lie on either side of a cell's edge. Only
`buffer_km` does, at the cost of the rows it takes out; without it, places in two splits can be next to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from factory.geo.cells import cell
from factory.geo.sampling.disjoint import in_buffer
from factory.geo.sampling.groups import Indices, connected, equal_value_edges, smallest_ids, unit_hash
from factory.plugins.registry import check_settings, compares_pictures, register
from factory.select.hamming import MAX_BITS
from factory.select.near_duplicates import duplicate_labels
from factory.select.ruling import SPLITS, Ruling, groups_of, removals, splits_of

Share = Annotated[float, Field(ge=0, le=1)]


def some_share(train: float, validation: float, test: float) -> None:
    """Raises ValueError where no split has a share."""
    if not train + validation + test > 0:
        raise ValueError("train, validation and test are all 0; expected at least one share above 0")


@register("selector", "split")
@compares_pictures(lambda given: "keep_together" if "near_duplicates" in given.keep_together else None)
@check_settings(lambda given: some_share(given.train, given.validation, given.test))
def split(
    frame: pl.DataFrame,
    *,
    train: Share = 0.9,
    validation: Share = 0.05,
    test: Share = 0.05,
    keep_together: tuple[Literal["author", "geocell", "near_duplicates", "place"], ...] = ("author", "geocell"),
    cell_degrees: Annotated[float, Field(gt=0, le=90)] = 0.05,
    max_hamming: Annotated[int, Field(ge=0, le=MAX_BITS)] = 8,
    max_held_out_group: Annotated[int, Field(ge=1)] = 1000,
    buffer_km: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0,
    seed: int = 0,
) -> Ruling:
    """Assigns train, validation and test so that nothing listed in `keep_together` is in two of them.

    Args:
        train, validation, test: relative sizes; they are scaled to sum to one.
        keep_together: what two rows may not share across splits. A missing author or place is shared with nobody.
        cell_degrees: height and width of a geocell; 0.05 degrees is 5.6 km of latitude.
        max_hamming: bits for `near_duplicates`, wider than what removes them.
        max_held_out_group: a group of more rows than this always trains, and so does one of most rows.
        buffer_km: rows this near (inclusive) to a row of another split leave as `near_other_split`: those of train,
            then those of validation, never those of test. 0 takes nothing out. OSV-5M keeps 1 km between its training
            and test photos.
        seed: another seed, another assignment.

    Raises:
        ValueError: all shares are 0; a recipe that says so is refused while it is read.
    """
    drawn = drawing(train, validation, test, seed)
    label = together(frame, keep_together, cell_degrees=cell_degrees, max_hamming=max_hamming)
    group = smallest_ids(frame["id"], label)
    sizes = group.value_counts(name="rows")
    names: dict[str, str] = {}
    for name, rows in sizes.iter_rows():
        too_large = rows > max_held_out_group or 2 * rows > frame.height
        names[name] = SPLITS[0] if train > 0 and too_large else drawn(name)
    found = splits_of(frame["id"], group.replace_strict(names, return_dtype=pl.String))
    return Ruling(removed=buffered(frame, found, buffer_km), groups=groups_of(frame["id"], group), splits=found)


def drawing(train: float, validation: float, test: float, seed: int) -> Callable[[str], str]:
    """The split that a name's hash falls into, by relative sizes. Raises ValueError where all of them are 0."""
    some_share(train, validation, test)
    shares = np.array([train, validation, test])
    bounds, last = np.cumsum(shares / shares.sum()), int(np.flatnonzero(shares)[-1])
    return lambda name: SPLITS[min(int(np.searchsorted(bounds, unit_hash(seed, name), side="right")), last)]


def buffered(frame: pl.DataFrame, splits: pl.DataFrame, buffer_km: float) -> pl.DataFrame:
    """The rows that a buffer of `buffer_km` takes out, each with the row of another split it lies too near to."""
    placed = frame.select("id", "lat", "lon").with_columns(splits["split"])
    if buffer_km == 0:
        placed = placed.clear()
    near = in_buffer(placed, SPLITS, buffer_km)
    others = placed[near["other"]].select("id", "split")
    details = [
        f"{km:.2f} km from {other} of {name}; the buffer is {buffer_km:g} km"
        for km, (other, name) in zip(near["km"], others.iter_rows(), strict=True)
    ]
    return removals(placed["id"].gather(near["row"]).to_list(), ["near_other_split"] * near.height, details)


def together(
    frame: pl.DataFrame, rules: tuple[str, ...], *, cell_degrees: float = 0.05, max_hamming: int = 8
) -> Indices:
    """For each row the first row of its group, where each rule joins the rows that share its value."""
    edges = [equal_value_edges(_values(frame, rule, cell_degrees)) for rule in rules if rule != "near_duplicates"]
    if "near_duplicates" in rules:
        label = duplicate_labels(frame, max_hamming=max_hamming)
        edges.append((label, np.arange(frame.height, dtype=np.int64)))
    if not edges:
        return np.arange(frame.height, dtype=np.int64)
    left, right = (np.concatenate([edge[side] for edge in edges]) for side in (0, 1))
    return connected(frame.height, left, right)


def _values(frame: pl.DataFrame, rule: str, cell_degrees: float) -> pl.Series:
    """The value a rule compares, null where a row has none."""
    if rule == "author":
        return frame["author"]
    if rule == "geocell":
        value = cell(pl.col("lat"), pl.col("lon"), degrees=cell_degrees)
    else:
        value = pl.concat_str("country_code", "region", "city", separator="\x1f")  # null when any of them is
    return frame.select(value=value)["value"]
