"""Makes data/world.svg from Natural Earth 1:110m countries in TopoJSON form. Run once; the result is committed.

    npm pack world-atlas && tar xzf world-atlas-2.*.tgz
    python -P -m factory.geo.build.world package/countries-110m.json

Natural Earth is public domain; the TopoJSON conversion (npm package world-atlas) is under the ISC licence.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from factory.geo.world_map import OUTLINES, project

HEADER = """<!-- Natural Earth 1:110m land and country boundaries (naturalearthdata.com, public domain), from the
     npm package world-atlas 2.0.2 (ISC licence, copyright Michael Bostock), in the Natural Earth projection.
     Made by factory/geo/build/world.py; do not edit. -->
"""
STEP_DEG = 30


def main(topology_path: Path, output: Path) -> None:
    """Writes the SVG. Raises KeyError when the file is not the world-atlas countries topology."""
    topology = json.loads(topology_path.read_text(encoding="utf-8"))
    arcs = [_decode(arc, topology["transform"]) for arc in topology["arcs"]]
    rings = [piece for indices in _rings(topology["objects"]["land"]) for piece in _pieces(_ring(indices, arcs))]
    borders = [arcs[index] for index in _shared(topology["objects"]["countries"])]
    paths = {
        "graticule": "".join(_path(line, closed=False) for line in _graticule()),
        "land": "".join(_path(ring, closed=True) for ring in rings),
        "borders": "".join(_path(line, closed=False) for line in borders),
    }
    body = "".join(f'<path id="{name}" d="{data}"/>\n' for name, data in paths.items())
    output.write_text(f'{HEADER}<svg xmlns="http://www.w3.org/2000/svg" viewBox="-500 -260 1000 520">\n{body}</svg>\n')


def _decode(arc: list[list[int]], transform: dict[str, list[float]]) -> np.ndarray[Any, Any]:
    """Delta-encoded integers to an (n, 2) array of longitude and latitude in degrees."""
    return np.cumsum(np.array(arc, dtype=float), axis=0) * transform["scale"] + transform["translate"]


def _rings(geometry: dict[str, Any]) -> Iterator[list[int]]:
    if geometry["type"] == "GeometryCollection":
        for member in geometry["geometries"]:
            yield from _rings(member)
    elif geometry["type"] == "Polygon":
        yield from geometry["arcs"]
    elif geometry["type"] == "MultiPolygon":
        for polygon in geometry["arcs"]:
            yield from polygon


def _ring(indices: list[int], arcs: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Arcs of a ring joined end to end; a negative index means the arc is walked backwards."""
    pieces = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])


def _pieces(ring: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """A ring cut at the antimeridian: unwrapped, closed over the pole if it runs around it, clipped to one turn."""
    unwrapped = np.column_stack([np.unwrap(ring[:, 0], period=360), ring[:, 1]])
    if abs(unwrapped[-1, 0] - unwrapped[0, 0]) > 180:
        pole = np.array([[unwrapped[-1, 0], -90.0], [unwrapped[0, 0], -90.0]])
        unwrapped = np.concatenate([unwrapped, pole])
    for shift in (-360.0, 0.0, 360.0):
        moved = unwrapped + np.array([shift, 0.0])
        clipped = _clip(_clip(moved, 180.0, 1.0), -180.0, -1.0)
        if len(clipped) >= 3:
            yield clipped


def _clip(ring: np.ndarray[Any, Any], limit: float, sign: float) -> np.ndarray[Any, Any]:
    """The part of a ring on one side of a meridian (Sutherland and Hodgman 1974)."""
    kept: list[np.ndarray[Any, Any]] = []
    for before, point in zip(np.roll(ring, 1, axis=0), ring, strict=True):
        inside, was_inside = sign * (limit - point[0]) >= 0, sign * (limit - before[0]) >= 0
        if inside != was_inside:
            kept.append(before + (point - before) * (limit - before[0]) / (point[0] - before[0]))
        if inside:
            kept.append(point)
    return np.array(kept).reshape(-1, 2)


def _shared(countries: dict[str, Any]) -> list[int]:
    """Arcs used by two countries: the land borders."""
    uses = Counter(i if i >= 0 else ~i for ring in _rings(countries) for i in ring)
    return sorted(index for index, count in uses.items() if count > 1)


def _graticule() -> Iterable[np.ndarray[Any, Any]]:
    lats, lons = np.arange(-90.0, 91.0, 15.0), np.array([-180.0, 180.0])
    for lon in range(-180, 181, STEP_DEG):
        yield np.column_stack([np.full(lats.size, float(lon)), lats])
    for lat in range(-60, 61, STEP_DEG):
        yield np.column_stack([lons, np.full(2, float(lat))])


def _path(line: np.ndarray[Any, Any], *, closed: bool) -> str:
    """Relative path data with one decimal; points that fall on the previous one are left out."""
    x, y = project(line[:, 1], line[:, 0])
    points = np.round(np.column_stack([x, y]) * 10).astype(int)
    kept = points[np.concatenate([[True], np.any(np.diff(points, axis=0) != 0, axis=1)])]
    if len(kept) < (3 if closed else 2):
        return ""
    steps = "".join(_pair(dx, dy, first=n == 0) for n, (dx, dy) in enumerate(np.diff(kept, axis=0)))
    return f"M{_pair(*kept[0], first=True)}l{steps}{'z' if closed else ''}"


def _pair(x: int, y: int, *, first: bool) -> str:
    left, right = _tenths(x), _tenths(y)
    return ("" if first or left.startswith("-") else " ") + left + ("" if right.startswith("-") else " ") + right


def _tenths(value: int) -> str:
    """12 -> "1.2", -3 -> "-.3", 40 -> "4"."""
    return f"{value / 10:.1f}".removesuffix(".0").replace("0.", ".", 1) if abs(value) < 10 else f"{value / 10:g}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), OUTLINES)
