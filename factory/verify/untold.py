"""Of many conversations at once, which ones tell nothing of their truth: `factory.verify.messages` as columns.

A few questions stand over millions of rows, so a text is read once. Whether a name may be in it is asked of the
columns, and only rows in which something may be told are looked at one by one.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from factory.verify.messages import PLAIN_LETTERS, country_name_of, read_text, sought_name, truth_in
from schemas.record import SawTruth

TRUTH: Final = ("country_code", "region", "city", "lat", "lon")
_NAMES: Final = ("country", "region", "city")


def tells_nothing(before: pl.Series, truths: pl.DataFrame, level: SawTruth) -> pl.Series:
    """Whether `factory.verify.messages.truth_in` finds nothing, of every row.

    Args:
        before: what each student is given before the last answer.
        truths: the columns `TRUTH`, WGS84 degrees; NaN or null is unknown.
        level: what the family declares.
    """
    if level == "place":
        return pl.repeat(value=True, n=len(before), dtype=pl.Boolean, eager=True)
    rows = truths.select(TRUTH).with_columns(before=before)
    maybe = rows.join(_texts(before, level), on="before", how="left", maintain_order="left")
    for kind in _NAMES:
        written = "country_code" if kind == "country" else kind
        maybe = maybe.join(_names(rows[written], kind), on=written, how="left", maintain_order="left")
    within = [_may_hold(kind) & _is_hidden(kind, level) for kind in _NAMES]
    told = pl.any_horizontal(pl.col("odd").fill_null(value=True), *within)
    doubtful = maybe.select(told.fill_null(value=False)).to_series()
    if not doubtful.any():
        return ~doubtful
    asked = rows.filter(doubtful).with_columns(pl.col("lat", "lon").fill_null(float("nan")))
    found = [
        truth_in(text, country_code, region, city, lat, lon, level) is None
        for country_code, region, city, lat, lon, text in asked.iter_rows()
    ]
    return (~doubtful).scatter(doubtful.arg_true(), found)


def _texts(before: pl.Series, level: SawTruth) -> pl.DataFrame:
    """Each text in the two forms in which names are looked for, and whether it has what only `truth_in` can judge."""
    texts = before.unique()
    read, counts = [read_text(text) for text in texts], level == "none"
    return pl.DataFrame(
        {
            "before": texts,
            "text": pl.Series([one.text for one in read], dtype=pl.String),
            "folded": pl.Series([one.folded for one in read], dtype=pl.String),
            "odd": pl.Series([bool(one.degrees or (counts and one.countries)) for one in read], dtype=pl.Boolean),
        }
    )


def _names(column: pl.Series, kind: str) -> pl.DataFrame:
    """Each name of a column as it is looked for: its one form, its first word, whether it is found in any capitals."""
    values = column.unique().drop_nulls()
    written = map(country_name_of, values) if kind == "country" else values
    sought = [sought_name(one) for one in written]
    return pl.DataFrame(
        {
            column.name: values,
            kind + "_name": pl.Series([name for name, _, _ in sought], dtype=pl.String),
            kind + "_first": pl.Series([first or None for _, _, first in sought], dtype=pl.String),
            kind + "_long": pl.Series([len(name) >= PLAIN_LETTERS for name, _, _ in sought], dtype=pl.Boolean),
        }
    )


def _may_hold(kind: str) -> pl.Expr:
    """Whether the first word of a name is in the text."""
    first = pl.col(kind + "_first")
    here, folded = (pl.col(form).str.contains(first, literal=True) for form in ("text", "folded"))
    return pl.when(pl.col(kind + "_long")).then(folded).otherwise(here)


def _is_hidden(kind: str, level: SawTruth) -> pl.Expr:
    """Whether a name counts: a country that is declared does not, nor what bears its name."""
    return pl.lit(True) if level == "none" else pl.col(kind + "_name").ne_missing(pl.col("country_name"))
