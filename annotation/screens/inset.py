"""The map beside the photo: outlines cropped to the points, and in words how far they are from each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from annotation.screens.markup import escaped

WIDTH: Final = 200
"""Of the picture, in pixels; its height is HEIGHT."""
HEIGHT: Final = 120
LEAST: Final = 30.0
"""Width of the smallest part shown, in units of the map (40 km at the equator): outlines of 1:110m say less below."""
_ROOM: Final = 1.6
"""How much wider the part is than what the points span."""
_COLOURS: Final = {"truth": "#1a7f37", "answer": "#c2410c", "other_answer": "#6b7280"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place on the map and in the list below it."""

    kind: str
    """truth, answer or other_answer: its colour and its word."""
    title: str
    """In the annotator's language."""
    name: str
    """As its source writes it: foreign text."""
    details: tuple[str, ...] = ()
    """What else is said of it, in the annotator's language."""
    lat: float | None = None
    lon: float | None = None
    """WGS84 degrees; None for what states none."""


def place_html(marks: Sequence[Mark], label: str) -> str:
    """The map and the list of its marks as HTML without script, links or addresses.

    Args:
        marks: the first is drawn last, above the others.
        label: what a screen reader says of the map.
    """
    drawn = _svg([mark for mark in marks if mark.lat is not None and mark.lon is not None], label)
    return f'<div class="gr-map">{drawn}<ul>{"".join(map(_line, marks))}</ul></div>'


def _line(mark: Mark) -> str:
    point = () if mark.lat is None or mark.lon is None else (f"{mark.lat:.5f}, {mark.lon:.5f}",)
    said = " · ".join(escaped(text) for text in (mark.name, *point, *mark.details) if text)
    return f'<li><i style="background:{_COLOURS[mark.kind]}"></i><b>{escaped(mark.title)}</b> {said}</li>'


def _svg(marks: Sequence[Mark], label: str) -> str:
    if not marks:
        return ""
    from factory.geo.world_map import project

    lats, lons = (np.array([getattr(mark, name) for mark in marks], dtype=float) for name in ("lat", "lon"))
    xs, ys = project(lats, _unrolled(lons))
    points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
    left, top, width, height = _part(points)
    scale = WIDTH / width

    def at(x: float, y: float) -> str:
        return f"{(x - left) * scale:.1f} {(y - top) * scale:.1f}"

    land, borders = _cropped("land", left, top, width, height), _cropped("borders", left, top, width, height)
    paths = [
        f'<path d="{"".join(_ring(ring, at) + "z" for ring in land)}" fill="#e3e4df" stroke="#b9bbb4"/>',
        f'<path d="{"".join(_ring(line, at) for line in borders)}" fill="none" stroke="#a3a69e"/>',
    ]
    dots = [
        f'<path d="M{at(x, y)}h0" stroke="#fff" stroke-width="12" stroke-linecap="round"/>'
        f'<path d="M{at(x, y)}h0" stroke="{_COLOURS[mark.kind]}" stroke-width="8" stroke-linecap="round"/>'
        for mark, (x, y) in reversed([*zip(marks, points, strict=True)])
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escaped(label)}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f2f5f7"/>{"".join(paths)}{"".join(dots)}</svg>'
    )


def _unrolled(lons: Any) -> Any:
    """Longitudes so that the smallest arc that holds them is one piece: beyond 180 where it goes over the
    antimeridian."""
    ordered = np.sort(lons)
    gaps = np.diff(np.append(ordered, ordered[0] + 360.0))
    widest = int(np.argmax(gaps))
    return lons if widest == len(gaps) - 1 else np.where(lons <= ordered[widest], lons + 360.0, lons)


def _part(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Left, top, width and height of the part of the map to show."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    ratio = WIDTH / HEIGHT
    width = max(LEAST, (max(xs) - min(xs)) * _ROOM, (max(ys) - min(ys)) * _ROOM * ratio)
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return middle_x - width / 2, middle_y - width / ratio / 2, width, width / ratio


def _ring(points: Sequence[tuple[float, float]], at: Any) -> str:
    return "M" + "L".join(at(x, y) for x, y in points)


def _cropped(name: str, left: float, top: float, width: float, height: float) -> Iterator[list[tuple[float, float]]]:
    """The outlines within a part of the map, as lists of points."""
    import shapely  # type: ignore[import-untyped]

    edge = width * 0.02  # so that the cut itself is not seen
    box = (left - edge, top - edge, left + width + edge, top + height + edge)
    shapes = _outlines(name)
    near = shapes[shapely.intersects(shapes, shapely.box(*box))]
    for shape in shapely.get_parts(shapely.clip_by_rect(near, *box)):
        if shape.geom_type == "Polygon":
            yield [(x, y) for x, y in shape.exterior.coords[:-1]]
        elif shape.geom_type == "LineString":
            yield [(x, y) for x, y in shape.coords]


@cache
def _outlines(name: str) -> Any:
    """The shapes of the world's land or borders, in units of the map; once more to the west and to the east, since the
    map ends at the antimeridian and the places around it do not."""
    import shapely

    from factory.geo.world_map import project, world

    lats = np.linspace(90.0, -90.0, 181)
    halves, heights = project(lats, np.full_like(lats, 180.0))
    shape: Any = shapely.Polygon if name == "land" else shapely.LineString
    lines = [np.cumsum(_numbers(line), axis=0) for line in getattr(world(), name).split("M") if line]
    lines = [line for line in lines if len(line) > 2 or name != "land"]
    around = [np.interp(line[:, 1], heights, 2 * halves) for line in lines]  # how wide the map is at each height
    turns = [(line, width * turn) for turn in (0, -1, 1) for line, width in zip(lines, around, strict=True)]
    shapes = np.array([shape(np.column_stack((line[:, 0] + moved, line[:, 1]))) for line, moved in turns])
    return shapely.make_valid(shapes)


def _numbers(line: str) -> Any:
    """What follows an `M`: one point, then steps from each to the next."""
    return np.array(re.findall(r"-?(?:\d+\.?\d*|\.\d+)", line), dtype=float).reshape(-1, 2)
