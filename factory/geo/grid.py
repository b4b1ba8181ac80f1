"""Coordinates made coarse: every point of a cell becomes the same point, which is within it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

KM_PER_DEGREE: Final = 111.195
"""Of latitude, on the sphere of 6,371 km on which distances are measured."""
MOST_DEGREES: Final = 1.0
"""A cell's side at most: beyond that whole degrees in a text would say more than the cell."""
_ROOM: Final = 1e-9

Kind = Literal["decimals", "km", "cell_degrees"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of one side, and the point that stands for each.

    `decimals`: degrees rounded to so many decimals. `km`: cells of about so many kilometres a side, narrower in degrees
    of latitude than of longitude, and their middles. `cell_degrees`: the cells of `factory.geo.cells.cell_id`, by which
    splits are drawn, and their middles.
    """

    kind: Kind
    size: float

    def __post_init__(self) -> None:
        if self.kind == "decimals" and not (self.size == int(self.size) and 0 <= self.size <= 5):
            raise ValueError(f"decimals is {self.size:g}, expected a whole number from 0 to 5")
        if self.kind != "decimals" and not 0 < self.side <= MOST_DEGREES + _ROOM:
            most = "1 degree" if self.kind == "cell_degrees" else f"{KM_PER_DEGREE:g} km"
            raise ValueError(f"{self.kind} is {self.size:g}, expected more than 0 and at most {most}")
        if self.side_km < 0.001:
            raise ValueError(f"{self.kind} is {self.size:g}: cells of less than a metre")

    @property
    def side(self) -> float:
        """Degrees of latitude of a cell."""
        if self.kind == "decimals":
            return float(10.0 ** -int(self.size))
        return self.size / KM_PER_DEGREE if self.kind == "km" else self.size

    @property
    def side_km(self) -> float:
        """The same in kilometres."""
        return self.side * KM_PER_DEGREE

    @property
    def decimals(self) -> int:
        """Decimals with which a number of degrees says no more than a cell does."""
        return max(0, math.floor(-math.log10(self.side) + _ROOM))

    @property
    def places(self) -> int:
        """Decimals of the points that stand for cells."""
        return int(self.size) if self.kind == "decimals" else max(0, math.ceil(-math.log10(self.side))) + 2

    def width(self, lat: float) -> float:
        """Degrees of longitude of the cells at a latitude."""
        if self.kind != "km":
            return self.side
        return 360.0 / self._columns(self._middle(lat))

    def point(self, lat: float, lon: float) -> tuple[float, float]:
        """What stands for the cell of a point (WGS84 degrees): the same for each point of it, itself included. NaN
        stays NaN."""
        if not (math.isfinite(lat) and math.isfinite(lon)):
            return lat, lon
        if self.kind == "decimals":
            return round(lat, self.places) + 0.0, round(lon, self.places) + 0.0
        middle, width = self._middle(lat), self.width(lat)
        east = lon + 180.0 if lon < 180.0 else 0.0  # as `factory.geo.cells` has it
        column = min(math.floor(east / width), math.ceil(360.0 / width - _ROOM) - 1)
        return round(middle, self.places) + 0.0, round(min((column + 0.5) * width - 180.0, 180.0), self.places) + 0.0

    def radius_km(self, lat: float) -> float:
        """How far a point of a cell may lie from what stands for it."""
        across = self.width(lat) * math.cos(math.radians(max(0.0, abs(lat) - self.side)))
        return math.hypot(self.side, across) / 2 * KM_PER_DEGREE

    def _middle(self, lat: float) -> float:
        """Latitude of the middle of the row of cells of a latitude."""
        rows = math.ceil(180.0 / self.side - _ROOM)
        row = min(math.floor((lat + 90.0) / self.side), rows - 1)
        return min((row + 0.5) * self.side - 90.0, 90.0)

    def _columns(self, middle: float) -> int:
        return max(1, math.floor(360.0 / self.side * math.cos(math.radians(middle))))
