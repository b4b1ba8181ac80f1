"""A supersampled canvas, pens that draw in metres, and a pinhole camera.

Everything is drawn three times too large and averaged down once, so that edges are smooth without any drawing code
knowing about it. A `Pen` maps its own units (metres, y up) to the canvas; the camera hands out pens that stand on the
ground or lie along a wall, so the same window or shop sign can be drawn face-on or in perspective.
Text uses the small fonts beside this program with Pillow's basic layout: no font and no shaper of the machine is used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SCALE = 3
FONT_DIR = Path(__file__).resolve().parent.parent / "fonts"
FONT_FILES = {
    "bold": "NotoSans-Bold.subset.ttf",
    "regular": "NotoSans-Regular.subset.ttf",
    "serif": "NotoSerif-Bold.subset.ttf",
    "cjk": "NotoSansCJKjp-Bold.subset.otf",
    "korean": "NotoSansCJKkr-Bold.subset.otf",
    "chinese": "NotoSansCJKsc-Bold.subset.otf",
    "taiwan": "NotoSansCJKtc-Bold.subset.otf",
    "thai": "NotoSansThai-Bold.subset.ttf",
    "devanagari": "NotoSansDevanagari-Bold.subset.ttf",
    "arabic": "NotoNaskhArabic-Bold.subset.ttf",
}
GLYPHS_USED: dict[str, set[str]] = {name: set() for name in FONT_FILES}

Point = tuple[float, float]
Color = tuple[int, int, int, int]


@lru_cache(maxsize=4096)
def rgba(color: str) -> Color:
    """Read `#rrggbb` or `#rrggbbaa`."""
    value = color.lstrip("#")
    channels = [int(value[i : i + 2], 16) for i in range(0, len(value), 2)]
    return (channels[0], channels[1], channels[2], channels[3] if len(channels) > 3 else 255)


@lru_cache(maxsize=4096)
def mix(first: str, second: str, share: float) -> str:
    """Blend two colours; `share` is the part of the second, alpha stays that of the first."""
    a, b = rgba(first), rgba(second)
    blended = [round(a[i] + (b[i] - a[i]) * share) for i in range(3)]
    return "#" + "".join(f"{c:02x}" for c in (*blended, a[3]))


def shade(color: str, amount: float) -> str:
    """Darken (negative amount) or lighten (positive amount) a colour."""
    return mix(color, "#ffffff" if amount > 0 else "#141428", abs(amount))


@lru_cache(maxsize=512)
def load_font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    """Open one of the committed fonts at a size in canvas pixels."""
    return ImageFont.truetype(str(FONT_DIR / FONT_FILES[name]), pixels, layout_engine=ImageFont.Layout.BASIC)


class Canvas:
    """A picture of `width` x `height` pixels under construction, with the random stream of its scene."""

    def __init__(self, width: int, height: int, seed: str) -> None:
        self.width, self.height = width, height
        self.rng = random.Random(seed)  # noqa: S311
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), "#ffffff")
        self.draw = ImageDraw.Draw(self.image, "RGBA")
        self.flat = Pen(self, lambda x, y: (x, y), 1.0)

    def gradient(self, top: float, bottom: float, stops: Sequence[str], left: float = 0, right: float = 0) -> None:
        """Fill the band between two heights (pixels, y down) with evenly spaced colour stops."""
        y0, y1 = round(top * SCALE), round(bottom * SCALE)
        x0, x1 = round(left * SCALE), round((right or self.width) * SCALE)
        colors = np.array([rgba(s)[:3] for s in stops], dtype=np.float64)
        at = np.linspace(0, len(stops) - 1, max(1, y1 - y0))
        low = np.minimum(at.astype(int), len(stops) - 2)
        rows = colors[low] + (colors[low + 1] - colors[low]) * (at - low)[:, None]
        band = np.repeat(np.round(rows).astype(np.uint8)[:, None, :], max(1, x1 - x0), axis=1)
        self.image.paste(Image.fromarray(band), (x0, y0))

    def glow(self, x: float, y: float, radius: float, color: str, strength: float = 1.0) -> None:
        """Lay a soft round light over the picture; the square falloff keeps its edge invisible."""
        r = round(radius * SCALE)
        axis = np.arange(-r, r + 1, dtype=np.float64) / r
        falloff = np.clip(1 - (axis[:, None] ** 2 + axis[None, :] ** 2), 0, 1) ** 2
        mask = Image.fromarray(np.round(falloff * 255 * strength).astype(np.uint8))
        box = (round(x * SCALE) - r, round(y * SCALE) - r)
        self.image.paste(Image.new("RGB", mask.size, rgba(color)[:3]), box, mask)

    def finish(self) -> Image.Image:
        """Average the canvas down to its published size."""
        return self.image.reduce(SCALE)


class Pen:
    """Draws in its own units through `project`; `unit` is how many picture pixels one unit spans near its origin."""

    def __init__(
        self,
        canvas: Canvas,
        project: Callable[[float, float], Point],
        unit: float,
        haze: tuple[str, float] | None = None,
        warped: bool = False,
    ) -> None:
        self.canvas, self.project, self.unit = canvas, project, unit
        self.haze, self.warped = haze, warped
        self.rng = canvas.rng

    def moved(self, dx: float, dy: float, zoom: float = 1.0, flip: bool = False) -> Pen:
        """A pen whose origin lies at (dx, dy) of this one, optionally larger or mirrored."""
        sign = -1.0 if flip else 1.0
        base = self.project
        return Pen(
            self.canvas,
            lambda x, y: base(dx + x * zoom * sign, dy + y * zoom),
            self.unit * zoom,
            self.haze,
            self.warped,
        )

    def ink(self, color: str) -> Color:
        """The colour as this distance shows it."""
        return rgba(mix(color, *self.haze) if self.haze else color)

    def _px(self, points: Sequence[Point]) -> list[Point]:
        return [(x * SCALE, y * SCALE) for x, y in (self.project(*p) for p in points)]

    def poly(self, points: Sequence[Point], color: str) -> None:
        """Fill a polygon."""
        self.canvas.draw.polygon(self._px(points), fill=self.ink(color))

    def rect(self, x0: float, y0: float, x1: float, y1: float, color: str, radius: float = 0) -> None:
        """Fill a rectangle given by two corners; `radius` rounds it when the pen is not warped."""
        if radius and not self.warped:
            (ax, ay), (bx, by) = self._px([(x0, y0), (x1, y1)])
            box = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
            self.canvas.draw.rounded_rectangle(box, radius * self.unit * SCALE, fill=self.ink(color))
        else:
            self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color)

    def disc(self, x: float, y: float, rx: float, color: str, ry: float | None = None) -> None:
        """Fill an ellipse."""
        tall = rx if ry is None else ry
        if self.warped:
            turns = np.linspace(0, 2 * np.pi, 33)[:-1]
            self.poly([(x + rx * float(np.cos(t)), y + tall * float(np.sin(t))) for t in turns], color)
            return
        (ax, ay), (bx, by) = self._px([(x - rx, y - tall), (x + rx, y + tall)])
        box = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
        self.canvas.draw.ellipse(box, fill=self.ink(color))

    def line(self, points: Sequence[Point], width: float, color: str) -> None:
        """Stroke a polyline; `width` is in the pen's units and never thinner than a third of a pixel."""
        pixels = max(1, round(width * self.unit * SCALE))
        self.canvas.draw.line(self._px(points), fill=self.ink(color), width=pixels, joint="curve")

    def shadow(self, x: float, y: float, rx: float, ry: float, strength: float = 0.3) -> None:
        """A soft contact shadow on the ground."""
        for step in (1.0, 0.8, 0.6, 0.4):
            alpha = round(255 * strength / 4)
            self.disc(x, y, rx * step, f"#14182a{alpha:02x}", ry * step)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        color: str,
        font: str = "bold",
        anchor: str = "mm",
        fit: float = 0,
    ) -> None:
        """Write one line; `size` is the em height and `fit` the widest it may become, both in the pen's units."""
        GLYPHS_USED[font].update(text)
        pixels = max(3, round(size * self.unit * SCALE))
        face = load_font(font, pixels)
        if fit and face.getlength(text) > fit * self.unit * SCALE:
            pixels = max(3, int(pixels * fit * self.unit * SCALE / face.getlength(text)))
            face = load_font(font, pixels)
        if not self.warped:
            self.canvas.draw.text(self._px([(x, y)])[0], text, font=face, fill=self.ink(color), anchor=anchor)
            return
        self._warped_text(x, y, text, pixels / (self.unit * SCALE), color, font, anchor)

    def _warped_text(self, x: float, y: float, text: str, size: float, color: str, font: str, anchor: str) -> None:
        face = load_font(font, 120)
        wide, tall = round(face.getlength(text)) + 8, 168
        layer = Image.new("L", (wide, tall), 0)
        ImageDraw.Draw(layer).text((4, tall // 2), text, font=face, fill=255, anchor="lm")
        w, h = wide * size / 120, tall * size / 120
        left = {"l": x, "m": x - w / 2, "r": x - w}[anchor[0]]
        corners = self._px([(left, y + h / 2), (left + w, y + h / 2), (left + w, y - h / 2), (left, y - h / 2)])
        x0, y0 = (int(min(c[i] for c in corners)) for i in (0, 1))
        x1, y1 = (int(max(c[i] for c in corners)) + 2 for i in (0, 1))
        target = [(cx - x0, cy - y0) for cx, cy in corners]
        coefficients = _perspective(target, [(0, 0), (wide, 0), (wide, tall), (0, tall)])
        size_px = (max(1, x1 - x0), max(1, y1 - y0))
        mask = layer.transform(size_px, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
        ink = Image.new("RGB", size_px, self.ink(color)[:3])
        self.canvas.image.paste(ink, (x0, y0), mask)


def _perspective(target: Sequence[Point], source: Sequence[Point]) -> list[float]:
    """The eight coefficients that Pillow wants for mapping target pixels back to source pixels."""
    rows, values = [], []
    for (tx, ty), (sx, sy) in zip(target, source, strict=True):
        rows += [[tx, ty, 1, 0, 0, 0, -sx * tx, -sx * ty], [0, 0, 0, tx, ty, 1, -sy * tx, -sy * ty]]
        values += [sx, sy]
    solved = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(values, dtype=np.float64))
    return [round(float(v), 9) for v in solved]


class Camera:
    """A pinhole camera looking along +Z over flat ground (metres): X right, Y up."""

    def __init__(
        self,
        canvas: Canvas,
        horizon: float,
        focal: float = 640,
        height: float = 1.7,
        centre: float = 0.5,
        haze: str | None = None,
        haze_distance: float = 160,
    ) -> None:
        self.canvas, self.horizon, self.focal, self.height = canvas, horizon, focal, height
        self.cx = canvas.width * centre
        self.haze, self.haze_distance = haze, haze_distance

    def pt(self, x: float, y: float, z: float) -> Point:
        """Project a point of the world to picture pixels."""
        k = self.focal / max(z, 0.4)
        return (self.cx + x * k, self.horizon + (self.height - y) * k)

    def _haze(self, z: float) -> tuple[str, float] | None:
        return (self.haze, round(min(0.75, z / self.haze_distance), 3)) if self.haze else None

    def at(self, x: float, z: float, y: float = 0.0) -> Pen:
        """A pen standing upright on the ground at (x, z), facing the camera."""
        k = self.focal / z
        ox, oy = self.pt(x, y, z)
        return Pen(self.canvas, lambda u, v: (ox + u * k, oy - v * k), k, self._haze(z))

    def wall(self, x0: float, z0: float, x1: float, z1: float) -> Pen:
        """A pen on the upright plane from (x0, z0) to (x1, z1): u runs along it in metres, v up."""
        length = float(np.hypot(x1 - x0, z1 - z0))
        dx, dz = (x1 - x0) / length, (z1 - z0) / length
        middle = (z0 + z1) / 2
        return Pen(
            self.canvas,
            lambda u, v: self.pt(x0 + dx * u, v, z0 + dz * u),
            self.focal / middle,
            self._haze(middle),
            warped=True,
        )

    def ground(self, points: Sequence[Point], color: str, y: float = 0.0) -> None:
        """Fill a polygon lying on the ground, given as (x, z)."""
        self.canvas.flat.poly([self.pt(x, y, z) for x, z in points], color)

    def face(self, points: Sequence[tuple[float, float, float]], color: str, z: float = 0.0) -> None:
        """Fill any polygon of the world; `z` sets how hazy it is."""
        tone = mix(color, *haze) if (haze := self._haze(z)) and z else color
        self.canvas.flat.poly([self.pt(*p) for p in points], tone)
