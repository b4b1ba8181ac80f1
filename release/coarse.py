"""Released rows with coarse coordinates: columns, the answers of teachers, and numbers in every text.

A point becomes that of its cell (`factory.geo.grid`). What was measured from the exact place would give it away,
several distances to known places together: distances are rounded to a cell's side, and scores of checks that may be
distances are left out. In texts a number that lies within a cell's side of the row's latitude or longitude, and says
more than the cell, becomes the coarse one. Texts that name something cannot be rewritten: a row in which one says the
place leaves.

`finer` asks the same of a row of any release, from what stands in it alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from factory.geo.grid import Grid, Kind
from release.sexagesimal import SEXAGESIMAL, stated
from schemas.settings import CoarseSettings

REASON: Final = "finer_coordinates"
"""Why a sample leaves: a text that cannot be rewritten says its place."""
NAMES: Final = frozenset(
    ("id", "source_url", "author", "image_path", "question_id", "landmark_id", "youtube_url", "challenge_url", "build")
)
"""Texts that name something, and would name something else when rewritten."""
MARKS: Final = frozenset(
    ("licence", "captured_at", "split", "requests", "model", "teacher", "teachers", "image_sha256", "image_phash")
)
"""Texts that hold numbers of other kinds, versions above all ("CC BY 2.5"): there only a number with three decimals or
more is a coordinate."""
PLACELESS: Final = frozenset(
    ("blind_questions", "clue_known", "clue_length", "grounded", "localizable", "no_leak", "not_told")
)
"""Checks whose score does not depend on a distance to the truth; of all others the score is left out."""
_RECIPES_KM: Final = frozenset(("radius_km",))
"""Kilometres that a recipe states."""
_GUESS: Final = frozenset(("points", "distance"))
"""What a player's guess was worth: a distance, by which a place that is known is a ring."""
_DECIMALS: Final = (
    re.compile(r"(?<![\d.])(\d{1,3})(\.)(\d+)(?!\d|\.\d)"),
    re.compile(r"(?<![\d.,])(\d{1,3})([,٫])(\d+)(?!\d|[.,٫]\d)"),
)
"""With a point (two in a row may be set apart by a comma alone) and with a decimal comma."""
_ROUNDS: Final = 8
"""Times that a text is gone over: what was rewritten may stand beside other numbers as parts of a coordinate."""
_SAME: Final = 1e-9


def grid_of(settings: CoarseSettings | None) -> Grid | None:
    """The grid that a recipe wants."""
    if settings is None:
        return None
    kinds: tuple[Kind, ...] = ("decimals", "km", "cell_degrees")
    return next(Grid(kind, float(size)) for kind in kinds if (size := getattr(settings, kind)) is not None)


def told_grid(manifest: Mapping[str, Any]) -> Grid | None:
    """The grid of a release, by its manifest. Raises ValueError, KeyError or TypeError for one that is none."""
    told = (manifest.get("privacy") or {}).get("coordinates")
    return None if told is None else Grid(told["kind"], float(told["size"]))


@dataclass(slots=True)
class Coarse:
    """Makes rows coarse, and counts what it did."""

    grid: Grid
    numbers: int = 0
    """Rewritten in texts."""
    rows: int = 0
    """In which one was."""
    left: set[str] = field(default_factory=set)
    """Samples that left because a text that cannot be rewritten says their place."""

    def made(self, values: Mapping[str, Any], place: tuple[float, float]) -> dict[str, Any] | None:
        """The row, as `row` makes it; None where it says its place all the same."""
        before = self.numbers, self.rows
        made = self.row(values, place)
        if finer(made, self.grid, place) is None:
            return made
        self.numbers, self.rows = before
        return None

    def is_told(self, values: Mapping[str, Any], place: tuple[float, float]) -> bool:
        """Whether something beside a row says more of its place than the grid."""
        return finer(values, self.grid, place) is not None

    def row(self, values: Mapping[str, Any], place: tuple[float, float]) -> dict[str, Any]:
        """The row with nothing finer than the grid, but for what `finer` names.

        Args:
            place: of its sample, WGS84 degrees, NaN where nobody knows it.
        """
        near, before = _Near.of(self.grid, *place), self.numbers

        def text(written: str) -> str:
            new, count = near.coarsened(written)
            self.numbers += count
            return new

        made = {name: _made(name, value, text, self.grid) for name, value in _numbers(values, self.grid).items()}
        if _is_number(made.get("uncertainty_km")) and math.isfinite(place[0]):
            radius = self.grid.radius_km(self.grid.point(*place)[0])
            made["uncertainty_km"] = math.ceil((made["uncertainty_km"] + radius) * 1e3) / 1e3
        self.rows += self.numbers > before
        return made

    def facts(self) -> dict[str, Any]:
        """For the manifest, as plain data."""
        grid = self.grid
        told = {"kind": grid.kind, "size": grid.size, "km": round(grid.side_km, 3)}
        return {**told, "numbers": self.numbers, "rows": self.rows, "left": len(self.left)}


def _made(name: str, value: Any, text: Callable[[str], str], grid: Grid) -> Any:
    """A value with its texts rewritten, and what is in it made coarse."""
    if isinstance(value, str):
        return value if name in NAMES or name in MARKS else text(value)
    if isinstance(value, Mapping):
        return {key: _made(key, one, text, grid) for key, one in _numbers(value, grid).items()}
    if isinstance(value, list | tuple):
        return [_made(name, one, text, grid) for one in value]
    return value


def _numbers(values: Mapping[str, Any], grid: Grid) -> dict[str, Any]:
    """A row, or a struct in one, with its own numbers made coarse."""
    made = dict(values)
    for lat, lon in _pairs(made):
        if _is_number(made[lat]) and _is_number(made[lon]):
            made[lat], made[lon] = grid.point(made[lat], made[lon])
    for name, value in made.items():
        if name in _GUESS:
            made[name] = None
        elif _is_distance(name) and _is_number(value):
            made[name] = rounded(value, grid)
    if "check" in made and "score" in made and made["check"] not in PLACELESS:
        made["score"] = None
    return made


def _pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Columns of latitudes with those of their longitudes, by name: `lat`, `guess_lat`, `latitude`."""
    for name in values:
        for lat, lons in (("lat", ("lon", "lng")), ("latitude", ("longitude",))):
            if name == lat or name.endswith(f"_{lat}"):
                stem = name.removesuffix(lat)
                yield from ((name, f"{stem}{lon}") for lon in lons if f"{stem}{lon}" in values)


def _is_distance(name: str) -> bool:
    return name.endswith("_km") and name not in _RECIPES_KM and name != "uncertainty_km"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def rounded(km: float, grid: Grid) -> float:
    """A distance as a release with this grid states it."""
    return round(round(km / grid.side_km) * grid.side_km, 6) if math.isfinite(km) else km


def finer(values: Mapping[str, Any], grid: Grid, place: tuple[float, float] | None = None) -> str | None:
    """What of a row says more of its place than the grid, for people; None where nothing does.

    Args:
        values: a row, as it is released.
        place: of its sample; by default the row's own `lat` and `lon`.
    """
    if place is None:
        own = (values.get("lat"), values.get("lon"))
        place = (float(own[0]), float(own[1])) if _is_number(own[0]) and _is_number(own[1]) else _NOWHERE  # type: ignore[arg-type]
    sure, radius = values.get("uncertainty_km"), 0.0
    if _is_number(sure) and math.isfinite(place[0]):
        radius = grid.radius_km(grid.point(*place)[0])
    if _is_number(sure) and sure is not None and sure < radius - 1e-3:
        return f"uncertainty_km {sure:g} is less than a cell's {radius:.3f}"
    near = _Near.of(grid, *place)
    return next(_finer("", values, grid, near), None)


_NOWHERE: Final = (math.nan, math.nan)


def _finer(name: str, value: Any, grid: Grid, near: _Near) -> Iterator[str]:
    if isinstance(value, str):
        least = 3 if name in MARKS else 0
        yield from (f"{name} {found}" for found in near.found(value, least))
    elif isinstance(value, Mapping):
        coarse = _numbers(value, grid)
        odd = (key for key in coarse if _differ(coarse[key], value[key]))
        yield from (f"{key} {value[key]!r:.40}" for key in odd)
        for key, one in value.items():
            yield from _finer(key, one, grid, near)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _finer(name, one, grid, near)


def _differ(coarse: Any, stated: Any) -> bool:
    if _is_number(coarse) and _is_number(stated):
        return not (abs(coarse - stated) <= _SAME or coarse != coarse)
    return (coarse is None) != (stated is None)


@dataclass(frozen=True, slots=True)
class _Near:
    """Numbers that say where a row is."""

    grid: Grid
    sides: tuple[tuple[float, float], ...]
    """Latitude and longitude without their sign, as coarse as they are released, each with the side of the cell in
    degrees; nothing where the place is not known."""

    @classmethod
    def of(cls, grid: Grid, lat: float, lon: float) -> _Near:
        if not (math.isfinite(lat) and math.isfinite(lon)):
            return cls(grid, ())
        coarse = grid.point(lat, lon)
        return cls(grid, ((abs(coarse[0]), grid.side), (abs(coarse[1]), grid.width(coarse[0]))))

    def coarsened(self, text: str) -> tuple[str, int]:
        """The text with these numbers as coarse as the row, and how many there were."""
        count = 0

        def new(found: re.Match[str]) -> str:
            nonlocal count
            told = self._told(found)
            if told is None:
                return found.group()
            count += 1
            written = f"{told:.{self.grid.places}f}"
            if found.re not in SEXAGESIMAL:
                return written.replace(".", found[2])
            return f"{found.groupdict().get('before', '')}{written}°"

        for _ in range(_ROUNDS if self.sides else 0):
            before = count
            for pattern in (*SEXAGESIMAL, *_DECIMALS):
                text = pattern.sub(new, text)
            if count == before:
                break
        return text, count

    def found(self, text: str, least: int = 0) -> Iterator[str]:
        """These numbers, as they are written; those with at least so many decimals."""
        if self.sides:
            for one in chain.from_iterable(pattern.finditer(text) for pattern in (*SEXAGESIMAL, *_DECIMALS)):
                if self._told(one) is not None and (one.re in SEXAGESIMAL or len(one[3]) >= least):
                    yield one.group()

    def _told(self, found: re.Match[str]) -> float | None:
        """The coarse latitude or longitude of which a number says more; None where it says nothing of either."""
        if found.re in SEXAGESIMAL:
            degrees, step = stated(found)
            if step >= self.grid.side:
                return None
        else:
            degrees = float(f"{int(found[1])}.{''.join(str(int(digit)) for digit in found[3])}")
            if len(found[3]) <= self.grid.decimals:
                return None
        apart = [(abs(degrees - side) / width, side) for side, width in self.sides]
        nearest, side = min(apart)
        return None if nearest > 1 + _SAME or abs(degrees - side) <= _SAME else side
