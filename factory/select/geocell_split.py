"""Splits on which all data sets agree: where a photo was taken decides, and nothing else of the set it stands in.

`split` keeps groups whole, so a group's split depends on who else is in it. Data sets that are to be mixed need more:
a place must not be trained on in one and tested on in another. Here a geocell's hash names the split. The same
settings give the same cell the same split in every family, build and year, whichever photos of it were drawn.

The price stands in `apart`: a photo cannot follow its author into another split. So a held-out row leaves where
training has what it may not share, and of validation and test the row of validation.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field

from factory.geo.cells import cell
from factory.plugins.registry import check_settings, compares_pictures, register
from factory.select.hamming import MAX_BITS
from factory.select.ruling import Ruling, groups_of, removals, splits_of
from factory.select.split import Share, buffered, drawing, some_share, together

_STAYS: Final = ("train", "test", "validation")
"""Which split keeps its row of two that must not share."""


@register("selector", "geocell_split")
@compares_pictures(lambda given: "apart" if "near_duplicates" in given.apart else None)
@check_settings(lambda given: some_share(given.train, given.validation, given.test))
def geocell_split(
    frame: pl.DataFrame,
    *,
    train: Share = 0.9,
    validation: Share = 0.05,
    test: Share = 0.05,
    cell_degrees: Annotated[float, Field(gt=0, le=90)] = 0.05,
    apart: tuple[Literal["author", "near_duplicates", "place"], ...] = ("author", "near_duplicates"),
    max_hamming: Annotated[int, Field(ge=0, le=MAX_BITS)] = 8,
    buffer_km: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0,
    seed: int = 0,
) -> Ruling:
    """Assigns each row the split of its geocell, so that data sets made apart can be mixed.

    Args:
        train, validation, test: relative sizes; they are scaled to sum to one.
        cell_degrees: height and width of a geocell; 0.05 degrees is 5.6 km of latitude.
        apart: what two rows of different splits may not share: the row of the smaller claim (train, then test, then
            validation) leaves. A missing author or place is shared with nobody.
        max_hamming: bits for `near_duplicates`, wider than what removes them.
        buffer_km: as of `split`: rows this near to a row of another split leave, those of train first.
        seed: another seed, another assignment. Sets agree only under the same seed, shares and cells.

    A row without a place goes where its picture's sha256 says, and one without a picture where its id says.

    Raises:
        ValueError: all shares are 0; a recipe that says so is refused while it is read.
    """
    drawn = drawing(train, validation, test, seed)
    place = cell(pl.col("lat"), pl.col("lon"), degrees=cell_degrees)
    by = frame.select(by=pl.coalesce(place, "image_sha256", "id"))["by"]
    names = {name: drawn(name) for name in by.unique().to_list()}
    found = splits_of(frame["id"], by.replace_strict(names, return_dtype=pl.String))
    removed = [_sharing(frame, found["split"], rule, max_hamming) for rule in apart]
    gone = pl.concat([removals([], [], []), *removed]).unique("id", keep="first", maintain_order=True)
    stays = ~frame["id"].is_in(gone["id"].implode())
    near = buffered(frame.filter(stays), found.filter(stays), buffer_km)
    return Ruling(removed=pl.concat([gone, near]), groups=groups_of(frame["id"], by), splits=found)


def _sharing(frame: pl.DataFrame, splits: pl.Series, rule: str, max_hamming: int) -> pl.DataFrame:
    """The rows that share with a split of a greater claim, each with that split."""
    label = together(frame, (rule,), max_hamming=max_hamming)
    claim = splits.replace_strict(dict(zip(_STAYS, range(len(_STAYS)), strict=True)), return_dtype=pl.Int8)
    rows = pl.DataFrame({"id": frame["id"], "split": splits, "claim": claim, "label": label})
    rows = rows.with_columns(first=pl.col("claim").min().over("label")).filter(pl.col("claim") > pl.col("first"))
    what = {"author": "author", "near_duplicates": "near-duplicate", "place": "place"}[rule]
    details = [f"{split}, and its {what} is in {_STAYS[first]}" for split, first in rows["split", "first"].iter_rows()]
    return removals(rows["id"], [f"{rule}_in_other_split"] * rows.height, details)
