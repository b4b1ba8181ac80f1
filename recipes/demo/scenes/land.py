"""Sky, clouds, ridges, snow peaks, water and the roads that run into them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from PIL import Image, ImageDraw

from scenes.canvas import SCALE, Camera, Canvas, Pen, mix, shade

DAY = ("#4f9bd9", "#9fcbe9", "#e3f0f3")
SOFT = ("#7fb0d6", "#bcd6e4", "#f2ead9")
GOLD = ("#5f86b8", "#e7b98d", "#ffe2b0")
DUSK = ("#2f3f74", "#a66f92", "#f6b48a")
GREY = ("#9aa9b5", "#bfc9ce", "#dde1df")
HOT = ("#5aa3d8", "#b5d6e2", "#f4e5c8")


def noise(rng: random.Random, count: int, cells: int) -> list[float]:
    """Smooth values in 0..1 at `count` positions, made of three octaves."""
    total = [0.0] * count
    weight, norm = 1.0, 0.0
    for octave in range(3):
        knots = [rng.random() for _ in range(cells * 2**octave + 2)]
        for i in range(count):
            at = i * cells * 2**octave / count
            k, t = int(at), at - int(at)
            t = t * t * (3 - 2 * t)
            total[i] += weight * (knots[k] * (1 - t) + knots[k + 1] * t)
        norm += weight
        weight *= 0.45
    return [v / norm for v in total]


def sky(cv: Canvas, stops: Sequence[str], bottom: float, sun: tuple[float, float] | None = None) -> None:
    """Paint the sky down to `bottom`, with the sun and its glow when a place for it is given."""
    cv.gradient(0, bottom + 2, stops)
    if sun:
        cv.glow(*sun, 190, "#fff3d0", 0.75)
        cv.flat.disc(sun[0], sun[1], 19, "#fffbe8")


def cloud(cv: Canvas, x: float, y: float, w: float, color: str = "#ffffff", alpha: int = 205) -> None:
    """A flat-bottomed fair-weather cloud, drawn as one mask so that its puffs do not show through each other."""
    half, tall = round(w * 0.62 * SCALE), round(w * 0.26 * SCALE)
    mask = Image.new("L", (2 * half, tall), 0)
    puffs = ImageDraw.Draw(mask)
    for dx, r in ((-0.36, 0.1), (-0.18, 0.17), (0.05, 0.23), (0.25, 0.15), (0.41, 0.08)):
        cx, radius = half + dx * w * SCALE, r * w * SCALE
        puffs.pieslice((cx - radius, tall - radius, cx + radius, tall + radius), 180, 360, fill=alpha)
    tint = Image.new("RGB", mask.size, cv.flat.ink(color)[:3])
    cv.image.paste(tint, (round(x * SCALE) - half, round(y * SCALE) - tall), mask)


def clouds(cv: Canvas, count: int, low: float, high: float, color: str = "#ffffff", alpha: int = 170) -> None:
    """Scatter clouds between two heights; the lower ones are smaller."""
    for i in range(count):
        y = low + (high - low) * (i + cv.rng.random() * 0.6) / max(1, count)
        x = cv.width * ((i * 0.618 + cv.rng.random() * 0.25) % 1.0)
        cloud(cv, x, y, 70 + 150 * (1 - (y - low) / (high - low + 1)) * (0.7 + 0.5 * cv.rng.random()), color, alpha)


def ridge(cv: Canvas, y: float, amp: float, color: str, cells: int = 4, bottom: float | None = None) -> None:
    """A smooth hill line whose crest wanders `amp` pixels above `y`."""
    steps = 120
    heights = noise(cv.rng, steps + 1, cells)
    crest = [(cv.width * i / steps, y - amp * h) for i, h in enumerate(heights)]
    end = cv.height if bottom is None else bottom
    cv.flat.poly([*crest, (cv.width, end), (0, end)], color)


def peak(
    cv: Canvas, x: float, y: float, base: float, half: float, rock: str, snow: float = 0.0, lean: float = 0.0
) -> None:
    """One faceted mountain: lit on the left, dark on the right; `snow` is the white share of its height."""
    pen, rng = cv.flat, cv.rng
    top = (x, y)
    steps = 7

    def edge(to_x: float) -> list[tuple[float, float]]:
        return [
            (x + (to_x - x) * i / steps + rng.uniform(-1, 1) * half * 0.035, y + (base - y) * i / steps)
            for i in range(1, steps)
        ]

    left, right = edge(x - half), edge(x + half)
    spine = [
        (x + lean * half * i / steps + rng.uniform(-1, 1) * half * 0.09, y + (base - y) * i / steps)
        for i in range(1, steps + 1)
    ]
    pen.poly([top, *left, (x - half, base), *reversed(spine)], shade(rock, 0.16))
    pen.poly([top, *right, (x + half, base), *reversed(spine)], shade(rock, -0.18))
    if snow:
        reach = max(1, round(snow * steps))
        ragged_l = [(px + half * 0.05 * (1 if i % 2 else 3), py) for i, (px, py) in enumerate(left[:reach])]
        ragged_r = [(px - half * 0.04 * (1 if i % 2 else 3), py) for i, (px, py) in enumerate(right[:reach])]
        drop = [(sx, sy + (base - y) * 0.06 * (i % 2)) for i, (sx, sy) in enumerate(spine[:reach])]
        pen.poly([top, *ragged_l, *reversed(drop)], "#fbfcff")
        pen.poly([top, *ragged_r, *reversed(drop)], "#c6d4e6")


def sea(cv: Canvas, top: float, bottom: float, far: str, near: str, glint: float | None = None) -> None:
    """Water with a few horizontal glints; `glint` puts a bright path below the sun at that x."""
    cv.gradient(top, bottom, (far, mix(far, near, 0.6), near))
    for _ in range(70):
        t = cv.rng.random() ** 1.6
        y = top + 2 + (bottom - top - 3) * t
        x = cv.rng.uniform(0, cv.width)
        if glint is not None and cv.rng.random() < 0.6:
            x = glint + cv.rng.gauss(0, 14 + 60 * t)
        w = 5 + 30 * t
        cv.flat.rect(x - w, y, x + w, y + 0.6 + 1.3 * t, "#ffffff5a" if cv.rng.random() < 0.7 else f"{near}80"[:9])


def strip(cam: Camera, x0: float, x1: float, z0: float, z1: float, color: str) -> None:
    """A rectangle on the ground."""
    cam.ground([(x0, z0), (x1, z0), (x1, z1), (x0, z1)], color)


def dashes(
    cam: Camera, x: float, w: float, color: str, dash: float, gap: float, start: float = 2.0, far: float = 160
) -> None:
    """A broken line along the road; gap 0 makes it solid."""
    if gap <= 0:
        strip(cam, x - w / 2, x + w / 2, 0.9, far, color)
        return
    z = start
    while z < far:
        strip(cam, x - w / 2, x + w / 2, z, z + dash, color)
        z += dash + gap


def road(
    cam: Camera,
    left: float,
    right: float,
    tarmac: str = "#6c6f76",
    centre: str = "",
    double: bool = False,
    edge: str = "",
    dash: tuple[float, float] = (3, 6),
    far: float = 400,
) -> None:
    """A straight road: tarmac, centre line (`double` for two solid lines) and edge lines."""
    strip(cam, left, right, 0.7, far, tarmac)
    middle = (left + right) / 2
    for share in (0.25, 0.75):
        track = left + (right - left) * share
        strip(cam, track - 0.75, track + 0.75, 0.7, far, "#1a1c240f")
    if double:
        dashes(cam, middle - 0.13, 0.12, centre, 1, 0)
        dashes(cam, middle + 0.13, 0.12, centre, 1, 0)
    elif centre:
        dashes(cam, middle, 0.14, centre, *dash)
    if edge:
        dashes(cam, left + 0.3, 0.13, edge, 1, 0)
        dashes(cam, right - 0.3, 0.13, edge, 1, 0)


def kerb(
    cam: Camera,
    x: float,
    outward: float,
    far: float = 120,
    stone: str = "#b9b6ae",
    paving: str = "#c9c4b8",
    width: float = 4,
) -> None:
    """A raised pavement beside the road: kerb stone, kerb face and slabs; `outward` is -1 (left) or 1 (right)."""
    far_x = x + outward * width
    cam.face([(x, 0.13, 0.8), (far_x, 0.13, 0.8), (far_x, 0.13, far), (x, 0.13, far)], paving)
    z = 2.0
    while z < 40:
        a, b = sorted((x, far_x))
        cam.face(
            [(a, 0.13, z), (b, 0.13, z), (b, 0.13, z + 0.03 + z * 0.002), (a, 0.13, z + 0.03 + z * 0.002)],
            shade(paving, -0.12),
        )
        z += 1.2
    cam.face([(x, 0, 0.8), (x, 0.13, 0.8), (x, 0.13, far), (x, 0, far)], shade(stone, -0.22))
    cap = x + outward * 0.2
    cam.face([(x, 0.13, 0.8), (cap, 0.13, 0.8), (cap, 0.13, far), (x, 0.13, far)], shade(stone, 0.25))


def cobbles(cam: Camera, left: float, right: float, color: str, far: float = 40) -> None:
    """Setts: offset rows of slightly different stones, only where they would be seen."""
    strip(cam, left, right, 0.7, 400, color)
    z, row = 1.6, 0
    while z < far:
        step = 0.34 + z * 0.012
        x = left + (row % 2) * 0.25
        while x < right:
            if cam.canvas.rng.random() < 0.45:
                tone = shade(color, cam.canvas.rng.choice((-0.13, -0.07, 0.1, 0.16)))
                strip(cam, x + 0.03, min(right, x + 0.46), z + 0.03, z + step - 0.04, tone)
            x += 0.5
        z += step
        row += 1


def grass(cam: Camera, color: str, tufts: int = 90, reach: float = 30, keep_out: tuple[float, float] = (0, 0)) -> None:
    """Ground cover to the horizon with darker tufts; `keep_out` is an x range (metres) left bare."""
    cv = cam.canvas
    cv.gradient(cam.horizon, cv.height, (mix(color, cam.haze or color, 0.45), color, shade(color, -0.12)))
    for _ in range(tufts):
        z = 2.5 + reach * cv.rng.random() ** 1.7
        x = cv.rng.uniform(-1.2, 1.2) * z
        if keep_out[0] <= x <= keep_out[1]:
            continue
        tuft(cam.at(x, z), shade(color, cv.rng.choice((-0.25, -0.15, 0.12, 0.2))))


def tuft(pen: Pen, color: str, tall: float = 0.28) -> None:
    """A few blades of grass."""
    for dx, lean in ((-0.12, -0.1), (-0.04, -0.02), (0.05, 0.05), (0.13, 0.12)):
        pen.poly([(dx - 0.03, 0), (dx + 0.03, 0), (dx + lean, tall * (0.7 + 0.4 * pen.rng.random()))], color)
