"""How far reviewers agree, how good each is, and how that changes: pure functions on frames of annotations.

Agreement is corrected for chance: 1 is perfect, 0 what guessing by the overall shares of the answers gives, below 0 is
worse than that. A number that the data cannot give is None, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from annotation.controls import MOST_SECONDS
from annotation.words import LEAD, REFUSED


def krippendorff_alpha(ratings: pl.DataFrame) -> float | None:
    """Krippendorff's alpha for nominal values, with as many missing ratings as there are (Krippendorff 2004, ch. 11).

    1 - observed / expected disagreement, over the pairs of values within units that at least two raters rated.

    Args:
        ratings: columns `rater`, `unit`, `value`, at most one row a rater and unit.

    Returns:
        None where no unit has two ratings, or where only one value was ever given: then nothing can disagree, and
        agreement says nothing.
    """
    counts = _counts(ratings)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return None
    rated = counts.sum(axis=1)
    total, of_value = counts.sum(), counts.sum(axis=0)
    expected = (total**2 - (of_value**2).sum()) / (total - 1)
    if expected == 0:
        return None
    observed = ((rated**2 - (counts**2).sum(axis=1)) / (rated - 1)).sum()
    return float(1 - observed / expected)


def fleiss_kappa(ratings: pl.DataFrame) -> float | None:
    """Fleiss' kappa (1971), of the units that most raters rated: it wants as many ratings of each unit.

    Of the numbers of ratings a unit has (two or more), the one that most units have is taken; the larger of equals.

    Args:
        ratings: as for `krippendorff_alpha`.

    Returns:
        None where no unit has two ratings, or only one value was given.
    """
    counts = _counts(ratings)
    rated = counts.sum(axis=1)
    sizes, units = np.unique(rated[rated >= 2], return_counts=True)
    if not len(sizes):
        return None
    raters = int(sizes[len(units) - 1 - int(np.argmax(units[::-1]))])
    counts = counts[rated == raters]
    agreed = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))
    chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return None if chance == 1.0 else float((agreed.mean() - chance) / (1 - chance))


def percent_agreement(ratings: pl.DataFrame) -> float | None:
    """Share of pairs of ratings of one unit that are the same; None where no unit has two."""
    counts = _counts(ratings)
    rated = counts.sum(axis=1)
    pairs = (rated * (rated - 1)).sum()
    return None if pairs == 0 else float((counts * (counts - 1)).sum() / pairs)


def _counts(ratings: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Ratings by unit (rows) and value (columns)."""
    known = ratings.drop_nulls("value").sort("unit", "value")  # so that the same ratings give the same bits
    if known.select("rater", "unit").is_duplicated().any():
        raise ValueError("a rater has two ratings of one unit")
    if known.is_empty():
        return np.zeros((0, 0))
    table = known.pivot(on="value", index="unit", values="rater", aggregate_function="len").drop("unit").fill_null(0)
    return table.to_numpy().astype(np.float64)


def ratings_of(annotations: pl.DataFrame, value: str = "verdict") -> pl.DataFrame:
    """The ratings that annotations hold: one of a person and sample, the last; those of the lead, who saw the others',
    and those that were skipped or taken back left out.

    Args:
        annotations: `schemas.arrow.ANNOTATIONS`.
        value: the column that is rated, or a flag's name: then values are yes and no.
    """
    last = _last_words(annotations)
    flagged = pl.when(pl.col("flags").list.contains(value)).then(pl.lit("yes")).otherwise(pl.lit("no"))
    rated = pl.col(value) if value in last.columns else flagged
    return last.select(rater="reviewer", unit="id", value=rated)


def _last_words(annotations: pl.DataFrame) -> pl.DataFrame:
    """The last annotation of each person and sample, in order of time; the lead's, what was taken back, and the words
    of who skipped the sample last, or whose last annotation was refused, left out."""
    held = annotations.filter(~pl.col("deleted") & (pl.col("slot") != LEAD)).sort("updated_at", "annotation")
    last = held.unique(["reviewer", "id"], keep="last", maintain_order=True)
    return last.filter(~pl.col("skipped") & ~pl.col("flags").list.contains(REFUSED))


def confusion(ratings: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """How often which value was said where which was right: `expected`, `said`, `count`, sorted."""
    joined = ratings.drop_nulls("value").join(expected, on="unit", suffix="_right")
    named = joined.select(expected="value_right", said="value")
    return named.group_by("expected", "said").agg(count=pl.len()).sort("expected", "said")


def majorities(ratings: pl.DataFrame) -> pl.DataFrame:
    """`unit` and the `value` that more than half of its raters gave, of units with at least two; others left out."""
    counted = ratings.drop_nulls("value").group_by("unit", "value").len()
    shares = counted.with_columns(total=pl.col("len").sum().over("unit"))
    return (
        shares.filter((pl.col("total") >= 2) & (2 * pl.col("len") > pl.col("total")))
        .select("unit", "value")
        .sort("unit")
    )


def _seconds() -> pl.Expr:
    """How long a task took; null for a time that none takes, as files of others and of older versions may have."""
    return pl.when(pl.col("seconds").is_between(0, MOST_SECONDS)).then("seconds")


def times(annotations: pl.DataFrame) -> pl.DataFrame:
    """Seconds a task of each reviewer: `rater`, `median_s`, `p90_s`, sorted by rater. Annotations without a time are
    left out; a median, since people go for coffee."""
    timed = annotations.with_columns(seconds=_seconds()).filter(~pl.col("deleted") & pl.col("seconds").is_not_null())
    return (
        timed.group_by(rater="reviewer")
        .agg(
            median_s=pl.col("seconds").median(),
            p90_s=pl.col("seconds").quantile(0.9, interpolation="linear"),
        )
        .sort("rater")
    )


def drift(annotations: pl.DataFrame, parts: int = 2) -> pl.DataFrame:
    """Whether reviewers change while they work: each one's annotations in order of time, cut into equal parts.

    Returns:
        `rater`, `part` from 1, `agrees` (share of its verdicts that are the sample's majority, null where none
        of its samples has one) and `median_s`.
    """
    best = majorities(ratings_of(annotations)).rename({"value": "majority"})
    joined = _last_words(annotations).join(best, left_on="id", right_on="unit", how="left", maintain_order="left")
    place = pl.int_range(pl.len()).over("reviewer") * parts // pl.len().over("reviewer")
    return (
        joined.with_columns(part=place + 1)
        .group_by(rater="reviewer", part="part")
        .agg(
            agrees=(pl.col("verdict") == pl.col("majority")).mean(),
            median_s=_seconds().median(),
        )
        .sort("rater", "part")
    )


OUTCOMES: Final = ("win", "tie", "lose")


def pairwise(ratings: pl.DataFrame, criteria: Sequence[str] = ()) -> pl.DataFrame:
    """GaGA's human evaluation of two systems: how often the first wins, ties and loses on each criterion.

    Args:
        ratings: `rater`, `unit` (the pair), `criterion`, `value` (win, tie or lose, of the first).
        criteria: in this order; by default those of the ratings, sorted.

    Returns:
        `criterion`, `ratings`, `win`, `tie`, `lose` (shares, null without a rating), `net` (win less lose), `low` and
        `high` (between which it lies, see `net_interval`), `kappa` (Fleiss') and `alpha` (Krippendorff's), null where
        they cannot be given.

    Raises:
        ValueError: for a value that is none of the three.
    """
    if odd := sorted({*ratings["value"].drop_nulls()} - {*OUTCOMES}):
        raise ValueError(f"{odd[0]!r} is none of {', '.join(OUTCOMES)}")
    rows = []
    for criterion in criteria or sorted(set(ratings["criterion"])):
        mine = ratings.filter(pl.col("criterion") == criterion).drop_nulls("value")
        counts = {outcome: mine.filter(pl.col("value") == outcome).height for outcome in OUTCOMES}
        shares = {name: count / mine.height if mine.height else None for name, count in counts.items()}
        net = (counts["win"] - counts["lose"]) / mine.height if mine.height else None
        low, high = net_interval(mine) or (None, None)
        agreement = {"kappa": fleiss_kappa(mine), "alpha": krippendorff_alpha(mine)}
        between = {"net": net, "low": low, "high": high}
        rows.append({"criterion": criterion, "ratings": mine.height, **shares, **between, **agreement})
    real = dict.fromkeys((*OUTCOMES, "net", "low", "high", "kappa", "alpha"), pl.Float64)
    return pl.DataFrame(rows, schema={"criterion": pl.String, "ratings": pl.Int64, **real})


DRAWS: Final = 2_000
"""Of the bootstrap."""


def net_interval(ratings: pl.DataFrame, confidence: float = 0.95) -> tuple[float, float] | None:
    """Between what the share of wins less that of losses lies: percentiles of a bootstrap over units, since ratings of
    one unit are not independent. The same ratings give the same bounds. None below two units.

    Args:
        ratings: `unit` and `value`, of one criterion.
    """
    side = pl.col("value").replace_strict({"win": 1, "tie": 0, "lose": -1}, return_dtype=pl.Int64)
    units = ratings.group_by("unit").agg(net=side.sum(), rated=pl.len()).sort("unit")
    if units.height < 2:
        return None
    net, rated = units["net"].to_numpy(), units["rated"].to_numpy()
    random = np.random.default_rng(0)
    drawn = (random.integers(units.height, size=units.height) for _ in range(DRAWS))
    shares = np.array([net[one].sum() / rated[one].sum() for one in drawn])
    tail = (1 - confidence) / 2
    return float(np.quantile(shares, tail)), float(np.quantile(shares, 1 - tail))
