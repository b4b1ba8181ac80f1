"""A town from above: its ground with the shadows on it, a satellite picture, and a map. Pillow and numpy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw
from scenes.canvas import load_font, rgba, shade

from towns.world import Area, Point, Town, turned

SCALE = 10
"""Pixels a metre of the ground picture."""
REACH = 110
"""Metres from the origin to the edge of what is drawn."""
SIDE = 2 * REACH * SCALE


def _px(points: Sequence[Point]) -> list[Point]:
    return [((east + REACH) * SCALE, (REACH - north) * SCALE) for east, north in points]


@lru_cache(maxsize=2)
def ground(name: str) -> Image.Image:
    """What lies on the ground of a town, shadows included; where the street view looks up its ground, too."""
    from towns.places import TOWNS

    town = TOWNS[name]
    image = Image.new("RGB", (SIDE, SIDE), town.base)
    draw = ImageDraw.Draw(image, "RGBA")
    for area in town.drawn:
        _fill(draw, area, area.color)
    grain = np.random.default_rng(len(name)).integers(-3, 4, (SIDE // 2, SIDE // 2, 1))
    rough = np.asarray(image, np.int16) + np.kron(grain, np.ones((2, 2, 1), np.int16)).astype(np.int16)
    image = Image.fromarray(np.clip(rough, 0, 255).astype(np.uint8))
    _shadows(image, town)
    return image


def _fill(draw: ImageDraw.ImageDraw, area: Area, color: str) -> None:
    if len(area.points) == 1:
        (x, y), r = _px(area.points)[0], area.radius * SCALE
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rgba(color))
    else:
        draw.polygon(_px(area.points), fill=rgba(color))


def _shadows(image: Image.Image, town: Town) -> None:
    """Darkens the ground away from the sun: a footprint swept along the shadow, a crown's disc at its end."""
    layer = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(layer)
    away = math.radians(town.sun + 180)
    for box in town.boxes:
        long = box.height * 0.75
        step = (math.sin(away) * long, math.cos(away) * long)
        near = box.corners()
        far = [(east + step[0], north + step[1]) for east, north in near]
        for a, b, c, d in zip(near, near[1:] + near[:1], far[1:] + far[:1], far, strict=True):
            draw.polygon(_px([a, b, c, d]), fill=255)
        draw.polygon(_px(far), fill=255)
    for tree in town.trees:
        long = tree.height * 0.6
        (x, y), r = _px([(tree.east + math.sin(away) * long, tree.north + math.cos(away) * long)])[0], tree.radius
        draw.ellipse((x - r * SCALE, y - r * SCALE, x + r * SCALE, y + r * SCALE), fill=255)
    image.paste(Image.new("RGB", image.size, "#1c2233"), (0, 0), layer.point(lambda on: 105 if on else 0))


@lru_cache(maxsize=2)
def roofs(name: str) -> Image.Image:
    """The ground with all that stands on it, seen straight down."""
    from towns.places import TOWNS

    town = TOWNS[name]
    image = ground(name).copy()
    draw = ImageDraw.Draw(image, "RGBA")
    for box in sorted(town.boxes, key=lambda box: box.height):
        draw.polygon(_px(box.corners()), fill=rgba(box.roof))
        if box.is_car:
            glass = [
                turned(box.east, box.north, x, y, box.angle)
                for x, y in ((-0.7, 1), (0.7, 1), (0.7, -1.5), (-0.7, -1.5))
            ]
            draw.polygon(_px(glass), fill=rgba("#2b3440"))
        if not box.on_map:
            continue
        w, d = box.width / 2, box.depth / 2
        if box.gable:
            lit = [turned(box.east, box.north, x, y, box.angle) for x, y in ((-w, d), (w, d), (w, 0), (-w, 0))]
            draw.polygon(_px(lit), fill=rgba(shade(box.roof, 0.18)))
        else:
            draw.line(_px([*box.corners(-0.35), box.corners(-0.35)[0]]), fill=rgba(shade(box.roof, -0.25)), width=4)
            vent = [turned(box.east, box.north, x, y, box.angle) for x, y in ((-1, 1), (1, 1), (1, -1), (-1, -1))]
            draw.polygon(_px([(e + w / 4, n) for e, n in vent]), fill=rgba(shade(box.roof, 0.2)))
    for tree in town.trees:
        (x, y), r = _px([(tree.east, tree.north)])[0], tree.radius * SCALE
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rgba(tree.color))
        draw.ellipse((x - r * 0.6, y - r * 0.7, x + r * 0.35, y + r * 0.25), fill=rgba(shade(tree.color, 0.16)))
    return image


def picture(name: str, middle: Point, metres_per_pixel: float, side: int) -> Image.Image:
    """A square picture from above around a point of the town, north up."""
    return _cut(roofs(name), middle, metres_per_pixel, side)


def chart(name: str, middle: Point, metres_per_pixel: float, side: int) -> Image.Image:
    """The map of the same square, with the names of its streets."""
    from towns.places import TOWNS

    town = TOWNS[name]
    image = Image.new("RGB", (SIDE, SIDE), "#f2efe9")
    draw = ImageDraw.Draw(image, "RGBA")
    for area in town.drawn:
        if area.on_map:
            _fill(draw, area, area.on_map)
    for box in town.boxes:
        if box.on_map:
            draw.polygon(_px(box.corners()), fill=rgba("#d9d0c9"), outline=rgba("#b9aea5"), width=3)
    for words in town.names:
        face = load_font("bold", round(3.4 * SCALE))
        wide = round(face.getlength(words.text)) + 12
        layer = Image.new("L", (wide, 5 * SCALE), 0)
        ImageDraw.Draw(layer).text((wide / 2, 2.5 * SCALE), words.text, font=face, fill=255, anchor="mm")
        angle = (90 - words.angle) % 180
        layer = layer.rotate(angle - 180 if angle > 90 else angle, expand=True, resample=Image.Resampling.BICUBIC)
        (x, y) = _px([(words.east, words.north)])[0]
        image.paste("#4b4b50", (round(x - layer.width / 2), round(y - layer.height / 2)), layer)
    return _cut(image, middle, metres_per_pixel, side)


def _cut(image: Image.Image, middle: Point, metres_per_pixel: float, side: int) -> Image.Image:
    (x, y), half = _px([middle])[0], side / 2 * metres_per_pixel * SCALE
    box = (x - half, y - half, x + half, y + half)
    if min(box) < 0 or max(box) > SIDE:
        raise ValueError(f"a square of {2 * half / SCALE:.0f} m around {middle} leaves the town")
    return image.resize((side, side), Image.Resampling.BOX, box)
