"""The same numbers by country, continent and scene: where a model is good and where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from factory.geo import country_name
from factory.geo.gazetteer import countries
from factory.geo.names import country_code
from train.evaluate.places import labels_of
from train.evaluate.presets import Rules
from train.evaluate.scores import Measured, within

KINDS: Final = ("continent", "scene", "country")
CONTINENTS: Final = {
    "AF": "Africa", "AN": "Antarctica", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania",
    "SA": "South America",
}  # fmt: skip
"""By GeoNames' letters."""
UNKNOWN: Final = "not known"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one value of a kind."""

    kind: str
    value: str
    n: int
    within_25_km: float
    within_750_km: float
    score: float
    median_km: float
    """NaN where no answer has a distance."""
    recall: float


def breakdown(measured: Measured, rules: Rules) -> tuple[Part, ...]:
    """Parts by continent, scene and country of the truth, largest first; the rows of a kind are all rows."""
    rows = measured.rows
    stated = {name: country_code(name) for name in rows["country"].drop_nulls().unique()}
    codes = pl.Series([stated.get(name) for name in rows["country"]], dtype=pl.String)
    codes = codes.fill_null(labels_of(rows["lat"], rows["lon"])["country_code"])
    lands = dict(countries().select("code", "continent").iter_rows())
    keyed = {
        "country": [country_name(code) or UNKNOWN for code in codes],
        "continent": [CONTINENTS.get(lands.get(code, ""), UNKNOWN) for code in codes],
        "scene": rows["scene"].fill_null(UNKNOWN).to_list(),
    }
    return tuple(part for kind in KINDS for part in _parts(kind, np.array(keyed[kind]), rows, rules))


def _parts(kind: str, values: NDArray[np.str_], rows: pl.DataFrame, rules: Rules) -> list[Part]:
    km = rows["km"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    near, far = within(km, 25, rules), within(km, 750, rules)
    score, valid = rows["score"].to_numpy(), rows["valid"].cast(pl.Float64).to_numpy()
    found = []
    for value in np.unique(values):
        here = values == value
        known = km[here][np.isfinite(km[here])]
        median = float(np.median(known)) if known.size else float("nan")
        shares = {
            name: float(column[here].mean())
            for name, column in (("within_25_km", near), ("within_750_km", far), ("score", score), ("recall", valid))
        }
        found.append(Part(kind, str(value), int(here.sum()), median_km=median, **shares))
    return sorted(found, key=lambda part: (-part.n, part.value))
