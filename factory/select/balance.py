"""Quotas: no country, cell or scene fills more of the dataset than the recipe allows."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field

from factory.geo.cells import cell
from factory.geo.sampling.groups import unit_hash
from factory.plugins.registry import register
from factory.select.ruling import Ruling, removals

UNKNOWN: Final = "unknown"
"""The class of rows whose country or scene is missing."""


@register("selector", "quota")
def quota(
    frame: pl.DataFrame,
    *,
    by: Literal["country", "geocell", "scene"] = "country",
    max_share: Annotated[float, Field(gt=0, le=1)] | None = None,
    max_count: Annotated[int, Field(ge=1)] | None = None,
    cell_degrees: Annotated[float, Field(gt=0, le=90)] = 1.0,
    seed: int = 0,
) -> Ruling:
    """Removes rows of classes that are too large; which ones is decided by a hash of seed and id.

    Args:
        by: what makes a class. Rows without a value are one class, `unknown`.
        max_share: largest share of a class in what this rule leaves. A share that the number of classes makes
            impossible (0.2 with three countries) is taken as equal shares.
        max_count: largest number of rows of a class.
        cell_degrees: height and width of a geocell.
        seed: another seed, other rows.
    """
    classes = frame.select("id", value=_class(by, cell_degrees).fill_null(UNKNOWN))
    sizes = classes.group_by("value").len().sort("value")
    cap, why = _cap(sizes["len"].to_list(), max_share, max_count)
    large = classes.with_columns(rows=pl.len().over("value")).filter(pl.col("rows") > cap)
    order = pl.Series("order", [unit_hash(seed, name) for name in large["id"]], dtype=pl.Float64)
    ranked = large.with_columns(order).with_columns(
        rank=pl.struct("order", "id").rank("ordinal").over("value").cast(pl.Int64)
    )
    gone = ranked.filter(pl.col("rank") > cap)
    details = [f"{by} {value}: {cap} of {rows} kept ({why})" for value, rows in gone.select("value", "rows").rows()]
    return Ruling(removed=removals(gone["id"].to_list(), [f"{by}_quota"] * gone.height, details))


def _class(by: str, cell_degrees: float) -> pl.Expr:
    if by == "geocell":
        return cell(pl.col("lat"), pl.col("lon"), degrees=cell_degrees)
    return pl.col("country_code" if by == "country" else "scene")


def _cap(sizes: list[int], max_share: float | None, max_count: int | None) -> tuple[int, str]:
    """Rows a class may keep, and which setting says so."""
    largest = max(sizes, default=0)
    cap, why = largest, "no limit"
    if max_count is not None and max_count < cap:
        cap, why = max_count, f"max_count {max_count}"
    if max_share is not None and sizes:
        share = max(max_share, 1.0 / len(sizes))
        low, high = 1, cap  # the share of a class kept at `cap` only grows with the cap: search for the largest
        while low < high:
            middle = (low + high + 1) // 2
            fits = middle <= share * sum(min(size, middle) for size in sizes) + 1e-9
            low, high = (middle, high) if fits else (low, middle - 1)
        if low < cap:
            cap, why = low, f"max_share {max_share:g}"
    return cap, why
