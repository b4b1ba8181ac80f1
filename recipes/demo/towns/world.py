"""A town as plain data: what lies on the ground, what stands on it, and how it is put together.

Lengths are metres, east and north of the town's origin; angles are degrees clockwise from north.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]

CAR_HEIGHT = 1.45
ASPHALT, PAVING, GRASS, EARTH, WATER = "#5a5c60", "#b9b4a8", "#6f8f4a", "#b98a5e", "#3f6f86"
MAP_OF = {ASPHALT: "#ffffff", PAVING: "#f7f5f0", GRASS: "#cdebb0", WATER: "#aad3df"}
"""What a map calls these colours; others are left out of it."""


@dataclass(frozen=True)
class Area:
    """Something flat: a polygon, or a disc where there is one point."""

    points: tuple[Point, ...]
    color: str
    radius: float = 0.0
    on_map: str | None = None
    layer: int = 0
    """What is drawn later: 1 pavements, 2 carriageways, 3 marks on them."""


@dataclass(frozen=True)
class Box:
    """A house, a kiosk or a car: a footprint around its middle, and walls."""

    east: float
    north: float
    width: float
    depth: float
    angle: float
    height: float
    wall: str
    roof: str
    windows: bool = True
    sign: str = ""
    gable: bool = False
    on_map: bool = True

    @property
    def is_car(self) -> bool:
        """Whether it has windows all around and wheels."""
        return self.height == CAR_HEIGHT

    def corners(self, grow: float = 0.0) -> list[Point]:
        """The footprint, around it once; the first side is the front."""
        w, d = self.width / 2 + grow, self.depth / 2 + grow
        return [turned(self.east, self.north, x, y, self.angle) for x, y in ((-w, d), (w, d), (w, -d), (-w, -d))]


@dataclass(frozen=True)
class Tree:
    """A round crown on a trunk."""

    east: float
    north: float
    radius: float
    height: float
    color: str = "#4c7037"


@dataclass(frozen=True)
class Name:
    """Words of the map along a street."""

    text: str
    east: float
    north: float
    angle: float


@dataclass
class Town:
    """One town. `lat`, `lon` are its origin, WGS84 degrees."""

    name: str
    lat: float
    lon: float
    base: str = "#9aa07c"
    sun: float = 150.0
    """Where the light comes from."""
    sky: tuple[str, str] = ("#5f93c9", "#d5e4ee")
    areas: list[Area] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.name)  # noqa: S311

    @property
    def drawn(self) -> list[Area]:
        """The areas in the order in which they cover each other."""
        return sorted(self.areas, key=lambda area: area.layer)

    def area(self, color: str, *points: Point, layer: int = 0) -> None:
        """A polygon."""
        self.areas.append(Area(points, color, on_map=MAP_OF.get(color), layer=layer))

    def disc(self, color: str, east: float, north: float, radius: float, layer: int = 0) -> None:
        """A round area."""
        self.areas.append(Area(((east, north),), color, radius, MAP_OF.get(color), layer))

    def strip(self, color: str, points: Sequence[Point], width: float, layer: int = 0) -> None:
        """A band along a line, with round corners."""
        for start, end in pairwise(points):
            self.area(color, *band(start, end, width), layer=layer)
        for east, north in points:
            self.disc(color, east, north, width / 2, layer)

    def street(self, points: Sequence[Point], name: str = "", width: float = 8.0, pavement: float = 2.6) -> None:
        """Pavements, a carriageway and its broken centre line."""
        self.strip(PAVING, points, width + 2 * pavement, 1)
        self.strip(ASPHALT, points, width, 2)
        for start, end in pairwise(points):
            length = math.dist(start, end)
            for at in range(2, int(length) - 2, 6):
                a, b = along(start, end, at / length), along(start, end, min(1.0, (at + 2.6) / length))
                self.area("#e8e6df", *band(a, b, 0.28), layer=3)
        if name:
            first, last = points[0], points[-1]
            middle = along(first, last, 0.36)
            angle = math.degrees(math.atan2(last[0] - first[0], last[1] - first[1]))
            self.names.append(Name(name, *middle, angle))

    def zebra(self, east: float, north: float, angle: float, width: float = 8.0) -> None:
        """Stripes over a carriageway that runs along `angle`."""
        for step in range(int(width / 1.2)):
            x = -width / 2 + 0.6 + step * 1.2
            a, b = (turned(east, north, x, y, angle) for y in (-1.6, 1.6))
            self.area("#f1efe8", *band(a, b, 0.6), layer=3)

    def house(self, box: Box) -> None:
        """A building."""
        self.boxes.append(box)

    def row(
        self,
        start: Point,
        end: Point,
        *,
        away: float,
        depth: float = 11.0,
        heights: tuple[float, float] = (7.0, 13.0),
        walls: Sequence[str] = ("#c9b79c", "#b98f74", "#d8d2c4", "#a9785f"),
        roofs: Sequence[str] = ("#8a4b3c", "#75604f", "#6b6d70"),
        gap: float = 0.0,
        widths: tuple[float, float] = (7.0, 12.0),
        signs: Sequence[str] = (),
        gable: bool = False,
    ) -> None:
        """Houses side by side along a line, their fronts `away` metres to its left (negative: to its right)."""
        length = math.dist(start, end)
        angle = math.degrees(math.atan2(end[0] - start[0], end[1] - start[1]))
        side = 1 if away > 0 else -1
        at, number, names = 0.0, 0, list(signs)
        while True:
            width = self.rng.uniform(*widths)
            if at + width > length:
                return
            middle = along(start, end, (at + width / 2) / length)
            east, north = turned(*middle, -(away + side * depth / 2), 0, angle)
            sign = names[number] if number < len(names) else ""
            self.house(
                Box(
                    east,
                    north,
                    width,
                    depth,
                    angle + 90 * side,
                    self.rng.uniform(*heights),
                    self.rng.choice(list(walls)),
                    self.rng.choice(list(roofs)),
                    sign=sign,
                    gable=gable,
                )
            )
            at, number = at + width + gap, number + 1

    def car(self, east: float, north: float, angle: float, color: str) -> None:
        """A parked car."""
        self.boxes.append(Box(east, north, 1.8, 4.3, angle, CAR_HEIGHT, color, color, windows=False, on_map=False))

    def grove(self, middle: Point, spread: float, count: int, radius: tuple[float, float] = (1.8, 3.4)) -> None:
        """Trees around a place."""
        for _ in range(count):
            east, north = (value + self.rng.uniform(-spread, spread) for value in middle)
            size = self.rng.uniform(*radius)
            self.trees.append(Tree(east, north, size, size * 2.4, self.rng.choice(["#4c7037", "#5b7f3c", "#41612f"])))

    def avenue(self, start: Point, end: Point, step: float, radius: float = 2.2) -> None:
        """Trees in a line."""
        length = math.dist(start, end)
        for number in range(int(length / step) + 1):
            self.trees.append(Tree(*along(start, end, number * step / length), radius, radius * 2.6))


def along(start: Point, end: Point, share: float) -> Point:
    """The point at a share of the way."""
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def turned(east: float, north: float, x: float, y: float, angle: float) -> Point:
    """The point x to the right and y ahead of (east, north), looking along `angle`."""
    sin, cos = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    return east + x * cos + y * sin, north - x * sin + y * cos


def band(start: Point, end: Point, width: float) -> list[Point]:
    """The rectangle of that width around a line."""
    angle = math.degrees(math.atan2(end[0] - start[0], end[1] - start[1]))
    half = width / 2
    return [
        turned(*start, -half, 0, angle),
        turned(*end, -half, 0, angle),
        turned(*end, half, 0, angle),
        turned(*start, half, 0, angle),
    ]
