"""The rules of an evaluation, and those of six published ones: same names, different rules.

Every number of an evaluation depends on a distance formula, on `<` or `<=`, on what becomes of an answer that cannot be
read, and on what is divided by. A `Rules` says all of it, and `lines` prints it above every table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from factory.geo.distance import DISTANCE_TIERS_KM, EARTH_RADIUS_KM, GEOSCORE_MAX, GEOSCORE_SCALE_KM

Distance = Literal["haversine", "geodesic"]
Comparator = Literal["<", "<="]
Locate = Literal["coordinates", "names", "either"]
NameRule = Literal["place", "reverse", "contains"]
Impossible = Literal["failed", "zeroed", "measured"]

THRESHOLDS_KM: Final = tuple(float(radius) for radius in DISTANCE_TIERS_KM.values())
"""1, 25, 200, 750 and 2500 km, the same in all six."""

_LOCATED: Final = {
    "coordinates": "the coordinates of the answer; names alone are no answer",
    "names": "the centre of the place that the answer names; its coordinates are not looked at",
    "either": "the coordinates of the answer, else the centre of the place that it names",
}
_NAMED: Final = {
    "place": "names are one place as the gazetteer resolves them, or are written alike; a territory's sovereign and a "
    "claimant count; rows whose truth lacks the level are not counted",
    "reverse": "labels of both points by the gazetteer; rows whose truth has no label at the level are not counted",
    "contains": "the true name, as written, inside the answer's; all rows are counted; no regions",
}


_IMPOSSIBLE: Final = {
    "failed": "a latitude beyond 90 or a longitude beyond 180 is a failed answer",
    "zeroed": "a latitude beyond 90 becomes 0, and so does a longitude beyond 180",
    "measured": "a latitude beyond 90 or a longitude beyond 180 is measured from, as the formula takes it",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A failed answer is beyond every threshold and scores 0; it has no distance, so mean and median leave it out."""

    def __str__(self) -> str:
        return "beyond every threshold, score 0; no distance, so outside mean and median"


@dataclass(frozen=True, slots=True)
class AtDistance:
    """A failed answer counts as this many kilometres away, in every number."""

    km: float

    def __str__(self) -> str:
        return f"counted as {self.km:,.0f} km away, in every number"


@dataclass(frozen=True, slots=True)
class AtPoint:
    """A failed answer counts as this point, in every number."""

    lat: float
    lon: float

    def __str__(self) -> str:
        return f"counted as the point {self.lat:g}, {self.lon:g}, in every number"


Failure = Wrong | AtDistance | AtPoint


@dataclass(frozen=True, slots=True)
class Rules:
    """How answers are measured."""

    name: str
    radius_km: float | None
    """Of the sphere; None for the WGS84 ellipsoid."""
    comparator: Comparator
    """How a distance stands to a threshold that it is within."""
    failure: Failure
    locate: Locate
    names: NameRule
    impossible: Impossible = "failed"
    """What becomes of degrees that are no place."""
    rounded_score: bool = False
    """Whether the score of each image is rounded before the mean."""
    unpublished: tuple[str, ...] = ()
    """Rules that neither paper nor script tells, and that are ours here."""
    source: str = ""
    """Where the rules were read."""

    @property
    def distance(self) -> Distance:
        return "geodesic" if self.radius_km is None else "haversine"

    def lines(self, gazetteer: str) -> dict[str, str]:
        """The rules in words, by name, as every table prints them; `gazetteer` is the version of `factory.geo`."""
        sphere = "WGS84 ellipsoid" if self.radius_km is None else f"sphere of {self.radius_km:g} km"
        rounded = "rounded for each image, then averaged" if self.rounded_score else "averaged unrounded"
        told = {
            "preset": self.name + (f" ({self.source})" if self.source else ""),
            "distance": f"{self.distance}, {sphere}",
            "within": f"distance {self.comparator} threshold",
            "score": f"{GEOSCORE_MAX:g} * exp(-km / {GEOSCORE_SCALE_KM:g}), {rounded}",
            "located by": _LOCATED[self.locate],
            "failed answer": str(self.failure),
            "impossible": _IMPOSSIBLE[self.impossible],
            "denominator": "all rows of the set; a row without a prediction is a failed answer",
            "names": _NAMED[self.names],
            "recall": "share of rows with a valid answer: one with a point, or a place that the gazetteer knows",
            "HIER": "as DIRE, and a wrong country makes region and city wrong",
            "geocoder": f"factory.geo, gazetteer {gazetteer}",
        }
        if self.unpublished:
            told["not published"] = "; ".join(self.unpublished)
        return told


_SPHERE_KM: Final = 6371.0
PRESETS: Final[Mapping[str, Rules]] = MappingProxyType(
    {
        rules.name: rules
        for rules in (
            Rules(
                name="globe",
                radius_km=EARTH_RADIUS_KM,
                comparator="<=",
                failure=Wrong(),
                locate="names",
                names="place",
                unpublished=(
                    "the script calls Azure Maps for the centre of `city, country`; ours is the gazetteer",
                    "formula, radius and comparator",
                    "what became of answers without a place: here they stay in the denominator",
                ),
                source="GLOBE, section 4.1; eval.py",
            ),
            Rules(
                name="navig",
                radius_km=_SPHERE_KM,
                comparator="<=",
                failure=AtDistance(10_000.0),
                locate="coordinates",
                names="contains",
                impossible="measured",
                source="Navig, evaluation.py",
            ),
            Rules(
                name="osv5m",
                radius_km=_SPHERE_KM,
                comparator="<",
                failure=Wrong(),
                locate="coordinates",
                names="reverse",
                unpublished=(
                    "failed answers: its models always give coordinates",
                    "the script labels with reverse_geocoder; ours is the gazetteer",
                ),
                source="OSV-5M, metrics/distance_based.py",
            ),
            Rules(
                name="pigeon",
                radius_km=6378.137,
                comparator="<",
                failure=Wrong(),
                locate="coordinates",
                names="reverse",
                rounded_score=True,
                unpublished=(
                    "failed answers: its models always give coordinates",
                    "the script takes the country from polygons of its own; ours is the gazetteer",
                ),
                source="PIGEON, evaluation/metrics.py",
            ),
            Rules(
                name="g3",
                radius_km=None,
                comparator="<",
                failure=AtPoint(0.0, 0.0),
                locate="coordinates",
                names="reverse",
                impossible="zeroed",
                unpublished=("names: it measures none",),
                source="G3, IndexSearch.py and aggregate_llm_predictions.py",
            ),
            Rules(
                name="gaga",
                radius_km=_SPHERE_KM,
                comparator="<",
                failure=Wrong(),
                locate="coordinates",
                names="place",
                unpublished=(
                    "radius and comparator: as OSV-5M, whose test set it measures",
                    "how names are compared",
                    "failed answers beyond their share, which it calls recall",
                ),
                source="GaGA, section V-A",
            ),
        )
    }
)
"""By name. Where an original's script exists it is followed, not its paper."""
