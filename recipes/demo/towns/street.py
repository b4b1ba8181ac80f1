"""A town from the street: a ray for each column of the picture, walls by distance, the ground looked up from above."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scenes.canvas import load_font, rgba, shade

from towns.above import REACH, SCALE, SIDE, ground
from towns.world import Box, Point, Town, Tree

EYE = 2.4
"""Metres of the camera above the ground."""
FINE = 2
"""Rays a pixel and axis, averaged."""
PITCH = 0.4
"""Height of a gable, of the house's depth."""

Grid = NDArray[np.float64]


@dataclass
class View:
    """A picture under way: colours and distances of its rays."""

    at: Point
    azimuth: Grid
    """Of each column, radians from north to the east."""
    rise: Grid
    """Tangent of each ray's elevation, rows by columns."""
    color: Grid
    depth: Grid


def panorama(name: str, at: Point, width: int) -> Image.Image:
    """All around, north in the middle: columns are azimuths, rows elevations, twice as wide as high."""
    columns, rows = width * FINE, width * FINE // 2
    azimuth = (np.arange(columns) + 0.5) / columns * 2 * math.pi - math.pi
    elevation = math.pi / 2 - (np.arange(rows) + 0.5) / rows * math.pi
    rise = np.repeat(np.tan(elevation)[:, None], columns, axis=1)
    return _taken(name, at, azimuth, rise, elevation)


def single(name: str, at: Point, heading: float, size: tuple[int, int], across: float = 75) -> Image.Image:
    """A photo along `heading` (degrees), `across` degrees wide."""
    columns, rows = size[0] * FINE, size[1] * FINE
    focal = columns / 2 / math.tan(math.radians(across) / 2)
    x = (np.arange(columns) + 0.5 - columns / 2) / focal
    y = (np.arange(rows) + 0.5 - rows * 0.54) / focal
    azimuth = np.arctan(x) + math.radians(heading)
    rise = -y[:, None] / np.sqrt(1 + x[None, :] ** 2)
    return _taken(name, at, azimuth, rise, np.arctan(-y))


def _taken(name: str, at: Point, azimuth: Grid, rise: Grid, elevation: Grid) -> Image.Image:
    from towns.places import TOWNS

    town = TOWNS[name]
    high = np.clip(elevation / (math.pi / 2), 0, 1)[:, None] ** 0.6
    top, low = (np.array(rgba(color)[:3], np.float64) for color in town.sky)
    color = np.repeat((low + (top - low) * high)[:, None, :], len(azimuth), axis=1)
    view = View(at, azimuth, rise, color, np.full(rise.shape, 1e9))
    _ground(view, town)
    for box in town.boxes:
        _walls(view, town, box)
    for tree in town.trees:
        _tree(view, tree)
    haze = np.clip(view.depth / 260, 0, 0.55)[..., None] * (view.depth < 1e8)[..., None]
    mixed = view.color * (1 - haze) + low * haze
    image = Image.fromarray(np.clip(np.round(mixed), 0, 255).astype(np.uint8))
    return image.reduce(FINE)


def _ground(view: View, town: Town) -> None:
    below = view.rise < -1e-4
    away = np.where(below, EYE / np.maximum(-view.rise, 1e-4), 1e9)
    east = view.at[0] + away * np.sin(view.azimuth)
    north = view.at[1] + away * np.cos(view.azimuth)
    column = np.clip(((east + REACH) * SCALE).astype(np.int64), 0, SIDE - 1)
    row = np.clip(((REACH - north) * SCALE).astype(np.int64), 0, SIDE - 1)
    seen = np.asarray(ground(town.name), np.float64)[row, column]
    inside = (np.abs(east) < REACH) & (np.abs(north) < REACH)
    base = np.array(rgba(town.base)[:3], np.float64)
    view.color = np.where(below[..., None], np.where(inside[..., None], seen, base), view.color)
    view.depth = np.where(below, away, view.depth)


def _walls(view: View, town: Town, box: Box) -> None:
    corners = box.corners()
    for side, (start, end) in enumerate(zip(corners, corners[1:] + corners[:1], strict=True)):
        along, away = _hits(view, start, end)
        columns = np.flatnonzero(np.isfinite(away))
        if not len(columns):
            continue
        length = math.dist(start, end)
        height = EYE + away[columns] * view.rise[:, columns]
        peak = box.depth * PITCH if box.gable and side % 2 else 0.0
        top = box.height + peak * (1 - np.abs(along[columns] / length - 0.5) * 2)
        hit = (height >= 0) & (height <= top) & (away[columns] < view.depth[:, columns])
        rows, at = np.nonzero(hit)
        if not len(rows):
            continue
        lit = _light(start, end, town.sun)
        u = np.broadcast_to(along[columns], height.shape)[rows, at]
        painted = _wall(box, u, height[rows, at], length, lit, front=side == 0)
        view.color[rows, columns[at]] = painted
        view.depth[rows, columns[at]] = away[columns[at]]
    if box.gable:
        _roof(view, box, town)


def _roof(view: View, box: Box, town: Town) -> None:
    """The slopes of a gabled roof, as the planes that they are, by small steps up."""
    steps = 14
    for step in range(steps):
        share = step / steps
        inner = Box(box.east, box.north, box.width, box.depth * (1 - share), box.angle, 0, box.wall, box.roof).corners()
        low, high = (box.height + (share + more) * box.depth * PITCH for more in (0, 1 / steps))
        for start, end in ((inner[0], inner[1]), (inner[2], inner[3])):
            _, away = _hits(view, start, end)
            columns = np.flatnonzero(np.isfinite(away))
            if not len(columns):
                continue
            height = EYE + away[columns] * view.rise[:, columns]
            hit = (height >= low) & (height <= high) & (away[columns] < view.depth[:, columns])
            rows, at = np.nonzero(hit)
            tone = np.array(rgba(shade(box.roof, _light(start, end, town.sun) * 0.2 - 0.05))[:3], np.float64)
            view.color[rows, columns[at]] = tone
            view.depth[rows, columns[at]] = away[columns[at]]


def _hits(view: View, start: Point, end: Point) -> tuple[Grid, Grid]:
    """Where each column's ray meets a wall: metres along it, and from the camera; infinite where it does not."""
    dx, dy = np.sin(view.azimuth), np.cos(view.azimuth)
    wx, wy = end[0] - start[0], end[1] - start[1]
    px, py = start[0] - view.at[0], start[1] - view.at[1]
    across = dx * wy - dy * wx
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (px * wy - py * wx) / across
        share = (px * dy - py * dx) / across
    good = (np.abs(across) > 1e-9) & (away > 0.3) & (share >= 0) & (share <= 1)
    return share * math.hypot(wx, wy), np.where(good, away, np.inf)


def _light(start: Point, end: Point, sun: float) -> float:
    """From 0, in the shade, to 1: how squarely the sun meets a wall."""
    outward = math.degrees(math.atan2(end[0] - start[0], end[1] - start[1])) - 90
    return max(0.0, math.cos(math.radians(outward - sun)))


def _wall(box: Box, u: Grid, v: Grid, length: float, lit: float, *, front: bool) -> Grid:
    """Colours of points on a wall, `u` metres along it and `v` up."""
    tones = {"wall": shade(box.wall, lit * 0.22 - 0.14)}
    tones |= {"glass": "#39505f", "frame": shade(box.wall, 0.35), "base": shade(box.wall, -0.35), "shop": "#22303a"}
    ink = {name: np.array(rgba(color)[:3], np.float64) for name, color in tones.items()}
    painted = np.repeat(ink["wall"][None], len(u), axis=0)
    if box.is_car:
        painted[(v > 0.8) & (v < 1.3)] = ink["glass"]
        painted[v < 0.35] = ink["shop"]
    if not box.on_map:
        return painted
    if box.windows:
        floor, bay = 3.1, length / max(1, round(length / 2.7))
        x, y = np.mod(u, bay) / bay, np.mod(v, floor)
        whole = v < math.floor(box.height / floor) * floor
        for name, inset in (("frame", 0.0), ("glass", 0.05)):
            inside = (x > 0.27 + inset) & (x < 0.73 - inset) & (y > 0.95 + inset * 2) & (y < 2.5 - inset * 2) & whole
            painted[inside] = ink[name]
    painted[v < 0.5] = ink["base"]
    painted[v > box.height - 0.3] = ink["frame"]
    if front and box.sign:
        painted[(v < 2.7) & (v > 0.5) & (u > 0.6) & (u < length - 0.6)] = ink["shop"]
        painted[(v < 2.7) & (np.mod(u, 2.2) < 0.14) & (v > 0.5)] = ink["frame"]
        _lettered(painted, box.sign, u, v, length)
    return painted


def _lettered(painted: Grid, text: str, u: Grid, v: Grid, length: float) -> None:
    """A fascia with the shop's name above its window, as wide as the house lets it be."""
    sign = _sign(text)
    tall = min(1.05, (length - 0.8) * sign.shape[0] / sign.shape[1])
    wide = tall * sign.shape[1] / sign.shape[0]
    left, low = (length - wide) / 2, 2.75
    inside = (u > left) & (u < left + wide) & (v > low) & (v < low + tall)
    # The front runs from its left corner as one faces the house: the first side is walked with the house on the right.
    column = ((left + wide - u[inside]) / wide * sign.shape[1]).astype(np.int64)
    row = ((low + tall - v[inside]) / tall * sign.shape[0]).astype(np.int64)
    painted[inside] = sign[np.clip(row, 0, sign.shape[0] - 1), np.clip(column, 0, sign.shape[1] - 1)]


def _sign(text: str) -> NDArray[Any]:
    face = load_font("bold", 48)
    wide = round(face.getlength(text)) + 40
    image = Image.new("RGB", (wide, 72), "#f4efe2")
    draw = ImageDraw.Draw(image)
    draw.rectangle((3, 3, wide - 4, 68), outline="#7a2f24", width=4)
    draw.text((wide / 2, 36), text, font=face, fill="#7a2f24", anchor="mm")
    return np.asarray(image, np.float64)


def _tree(view: View, tree: Tree) -> None:
    east, north = tree.east - view.at[0], tree.north - view.at[1]
    away = math.hypot(east, north)
    if away < tree.radius + 0.5:
        return
    off = (view.azimuth - math.atan2(east, north) + math.pi) % (2 * math.pi) - math.pi
    columns = np.flatnonzero(np.abs(off) < min(1.2, math.atan2(tree.radius, away) * 1.2 + 0.01))
    if not len(columns):
        return
    beside = np.tan(off[columns]) * away
    height = EYE + away / np.cos(off[columns]) * view.rise[:, columns]
    middle, half = tree.height - tree.radius, tree.radius * 1.1
    round_ = (beside / tree.radius) ** 2 + ((height - middle) / half) ** 2
    leaf = round_ < 1 + 0.08 * np.sin(beside * 9 + tree.east) * np.cos(height * 8 + tree.north)
    trunk = (np.abs(beside) < 0.16) & (height > 0) & (height < middle)
    near = away < view.depth[:, columns]
    base = np.array(rgba(tree.color)[:3], np.float64)
    glow = 0.82 + 0.3 * np.clip((height - middle) / half * 0.6 - beside / tree.radius * 0.3, -0.6, 1)
    glow = glow + 0.07 * np.sin(beside * 13) * np.sin(height * 11)
    for part, painted in (
        (trunk & near, np.broadcast_to(np.array((92.0, 74.0, 58.0)), (*height.shape, 3))),
        (leaf & near, base * glow[..., None]),
    ):
        rows, at = np.nonzero(part)
        view.color[rows, columns[at]] = painted[rows, at]
        view.depth[rows, columns[at]] = away
