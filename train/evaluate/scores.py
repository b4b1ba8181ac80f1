"""From answers to numbers: one row of measures for each row of the set, and what a table says of them.

A row that was not answered, or whose answer cannot be read, is a failed answer under the preset's policy: it is
counted, with its reason, and never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from factory.errors import SourceError
from factory.geo.distance import GEOSCORE_MAX, GEOSCORE_SCALE_KM
from factory.text import counted
from train.evaluate.distances import distances_km
from train.evaluate.places import LEVELS, matches, named_places
from train.evaluate.predictions import ODD_CONFIDENCE
from train.evaluate.presets import THRESHOLDS_KM, AtDistance, AtPoint, Rules

Floats = NDArray[np.float64]
Unit = Literal["%", "km", "points"]

NO_PREDICTION: Final = "no prediction"
EMPTY: Final = "empty answer"
UNKNOWN_PLACE: Final = "place not found"
NO_COORDINATES: Final = "no coordinates"


@dataclass(frozen=True, slots=True)
class Measured:
    """A set measured under rules."""

    rows: pl.DataFrame
    """A row of the set each, in its order: id; lat, lon, country, region, city, scene, reference, clues (the truth);
    said_lat, said_lon (where the answer lies, null where nowhere); said, said_country (its names); km (null for a
    failed answer without a distance); score; valid; failure (why not); confidence; reasoning; `country_ok`,
    `region_ok`, `city_ok` (1, 0, null)."""
    unknown: tuple[str, ...]
    """Ids of predictions that are of no row of the set."""
    unplaced: int
    """Rows of the set without coordinates, which cannot be measured and are not among `rows`."""
    unread: dict[str, int]
    """What was stated beside the place and could not be read, by kind."""
    odd_confidence: str
    """The first of those that are no confidence, with its row; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of the table, as the values that it is made of."""

    name: str
    unit: Unit
    values: Floats
    """One for each row of the set, NaN where the row is not counted."""
    median: bool = False

    @property
    def n(self) -> int:
        """What is divided by."""
        return int(np.isfinite(self.values).sum())

    @property
    def value(self) -> float:
        """The mean or median; NaN of nothing."""
        known = self.values[np.isfinite(self.values)]
        return float("nan") if not known.size else float(np.median(known) if self.median else known.mean())


def measure(truth: pl.DataFrame, predictions: pl.DataFrame, rules: Rules) -> Measured:
    """Every row of the set with its answer's measures.

    Args:
        truth: as `truth.read_truth` gives it.
        predictions: as `predictions.read_predictions` gives them, in any order.

    Raises:
        SourceError: no prediction is of a row of the set, or no row of the set has a place.
    """
    placed = truth.filter(pl.col("lat").is_not_null())
    if placed.is_empty():
        raise SourceError(f"none of the {truth.height:,} rows of the set has usable coordinates")
    unknown = predictions["id"].filter(~predictions["id"].is_in(truth["id"].implode()))
    if len(unknown) == predictions.height:
        shown = ", ".join(repr(one) for one in (*predictions["id"].head(3), *truth["id"].head(3)))
        raise SourceError(f"no prediction is of a row of the set; ids of the predictions and of the set: {shown}")
    given = predictions.with_columns(given=pl.lit(True))
    answer = placed.select("id").join(given, on="id", how="left", maintain_order="left")
    answer = pl.concat([_impossible(answer, rules), named_places(answer)], how="horizontal")
    said_lat, said_lon = _points(answer, rules)
    failure = _failures(answer, said_lat.is_not_null(), rules)
    km = _distances(placed, said_lat, said_lon, rules)
    levels = matches(placed, answer, rules.names)
    names = pl.concat_str(["city", "region", "country", "place"], separator=", ", ignore_nulls=True)
    rows = placed.with_columns(
        said_lat,
        said_lon,
        pl.Series("km", km, nan_to_null=True),
        pl.Series("score", scores_of(km, rules)),
        (failure.is_null() | (failure == NO_COORDINATES)).alias("valid"),
        failure.alias("failure"),
        answer.select(names.alias("said")).to_series(),
        answer["confidence"],
        answer["reasoning"],
        pl.coalesce(answer["country"], answer["country_code"]).alias("said_country"),
        *(levels[level].alias(f"{level}_ok") for level in LEVELS),
    )
    kinds = answer["unread"].drop_nulls().str.split("; ").explode().str.replace(r":? ?['\-0-9].*$", "")
    unread = dict(sorted(kinds.drop_nulls().value_counts(name="n").iter_rows())) if len(kinds) else {}
    odd = answer.filter(pl.col("unread").str.contains(ODD_CONFIDENCE, literal=True)).select("id", "unread").head(1)
    first = tuple(f"row {name!r}: {text.rpartition(f'{ODD_CONFIDENCE}: ')[2]}" for name, text in odd.iter_rows())
    return Measured(rows, tuple(unknown), truth.height - placed.height, unread, "".join(first))


def _impossible(answer: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Answers with what the rules make of degrees that are no place, in `lat` and `lon`."""
    if rules.impossible == "failed":
        return answer
    limits = {"lat": 90, "lon": 180}
    degrees = {axis: pl.col(f"stated_{axis}") for axis in limits}
    if rules.impossible == "zeroed":
        degrees = {axis: one * (one.abs() <= limits[axis]).cast(pl.Float64) for axis, one in degrees.items()}
    return answer.with_columns(pl.coalesce(axis, one).alias(axis) for axis, one in degrees.items())


def _points(answer: pl.DataFrame, rules: Rules) -> tuple[pl.Series, pl.Series]:
    """Where answers lie, as the rules look at them."""
    if rules.locate == "coordinates":
        return answer["lat"].alias("said_lat"), answer["lon"].alias("said_lon")
    if rules.locate == "names":
        return answer["at_lat"].alias("said_lat"), answer["at_lon"].alias("said_lon")
    given = answer["lat"].is_not_null()
    return (
        answer["lat"].zip_with(given, answer["at_lat"]).alias("said_lat"),
        answer["lon"].zip_with(given, answer["at_lon"]).alias("said_lon"),
    )


def _failures(answer: pl.DataFrame, located: pl.Series, rules: Rules) -> pl.Series:
    """Why an answer has no point under the rules; null where it has one. An answer that names a place and gives no
    coordinates is valid for names alone: its reason says so."""
    names = pl.any_horizontal(pl.col(name).is_not_null() for name in (*LEVELS, "place"))
    known = pl.any_horizontal(pl.col(f"{level}_code").is_not_null() for level in LEVELS)
    of_place = pl.col("unread").str.replace(rf"(?s)(?:^|; ){ODD_CONFIDENCE}: .*", "")  # the answer is valid without it
    unread = pl.when(of_place != "").then(of_place.str.split("; ").list.first())
    reason = (
        pl.when(pl.col("given").is_null())
        .then(pl.lit(NO_PREDICTION))
        .when(known & pl.lit(rules.locate == "coordinates") & unread.is_null())
        .then(pl.lit(NO_COORDINATES))
        .when(unread.is_not_null())
        .then(unread)
        .when(names)
        .then(pl.lit(UNKNOWN_PLACE))
        .otherwise(pl.lit(EMPTY))
    )
    no_reason = pl.lit(None, dtype=pl.String)
    return answer.select(pl.when(located).then(no_reason).otherwise(reason).alias("failure")).to_series()


def _distances(truth: pl.DataFrame, lat: pl.Series, lon: pl.Series, rules: Rules) -> Floats:
    """Kilometres from the truth, NaN for a failed answer that has no distance."""
    north, east = (series.cast(pl.Float64).fill_null(float("nan")).to_numpy() for series in (lat, lon))
    failed = np.isnan(north)
    if isinstance(rules.failure, AtPoint):
        north, east = np.where(failed, rules.failure.lat, north), np.where(failed, rules.failure.lon, east)
    km = distances_km(truth["lat"].to_numpy(), truth["lon"].to_numpy(), north, east, rules.radius_km)
    if isinstance(rules.failure, AtDistance):
        km[failed] = rules.failure.km
    return km


def scores_of(km: Floats, rules: Rules) -> Floats:
    """The score of each distance, 0 for none."""
    scores: Floats = np.nan_to_num(GEOSCORE_MAX * np.exp(-km / GEOSCORE_SCALE_KM), nan=0.0)
    return scores.round() if rules.rounded_score else scores


def within(km: Floats, threshold_km: float, rules: Rules) -> Floats:
    """1 for distances within a threshold, 0 for those beyond it and for none."""
    near = km < threshold_km if rules.comparator == "<" else km <= threshold_km
    return near.astype(np.float64)


def metrics(measured: Measured, rules: Rules) -> tuple[Metric, ...]:
    """The numbers of the table, in its order."""
    rows = measured.rows
    km = rows["km"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    found = [Metric(f"within {t:g} km", "%", within(km, t, rules)) for t in THRESHOLDS_KM]
    found += [
        Metric("geoscore", "points", rows["score"].to_numpy()),
        Metric("median error", "km", km, median=True),
        Metric("mean error", "km", km),
    ]
    levels = {level: rows[f"{level}_ok"].cast(pl.Float64).fill_null(float("nan")).to_numpy() for level in LEVELS}
    wrong_country = levels["country"] == 0
    for mode in ("DIRE", "HIER"):
        for level, right in levels.items():
            gated = np.where(wrong_country & np.isfinite(right), 0.0, right) if mode == "HIER" else right
            found.append(Metric(f"{level} {mode}", "%", gated))
    found.append(Metric("recall", "%", rows["valid"].cast(pl.Float64).to_numpy()))
    return tuple(one for one in found if one.n or one.unit == "km")


def failures(measured: Measured) -> dict[str, int]:
    """Failed answers by reason, commonest first; what a stranger wrote is not part of a reason."""
    reasons = measured.rows["failure"].drop_nulls().str.replace(r":? ?['\-0-9].*$", "")
    return dict(sorted(reasons.value_counts(name="n").iter_rows(), key=lambda pair: (-pair[1], pair[0])))


def told(measured: Measured) -> tuple[str, ...]:
    """What a reader has to know beside the numbers."""
    notes: Mapping[str, int] = measured.unread
    lines = [
        f"{counted(n, 'answer')}: {kind}; the first is {measured.odd_confidence}"
        for kind, n in notes.items()
        if kind == ODD_CONFIDENCE
    ]
    if measured.unplaced:
        lines.append(f"{counted(measured.unplaced, 'row')} of the set without coordinates: not measured")
    if measured.unknown:
        shown = ", ".join(map(repr, measured.unknown[:3])) + (", ..." if len(measured.unknown) > 3 else "")
        lines.append(f"{counted(len(measured.unknown), 'prediction')} of no row of the set: {shown}")
    return tuple(lines)
