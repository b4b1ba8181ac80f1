"""Buildings that belong to one part of the world, in metres, standing at the origin of a pen."""

from __future__ import annotations

from scenes.buildings import Front, pitched_front, window
from scenes.canvas import Pen, shade


def onion(pen: Pen, x: float, y: float, r: float, color: str, cross: str = "#e2b43c") -> None:
    """An onion dome on a drum."""
    pen.rect(x - r * 0.62, y - r * 1.3, x + r * 0.62, y, "#f1ede4")
    pen.rect(x - r * 0.14, y - r * 1.1, x + r * 0.14, y - r * 0.3, "#44525e")
    half = [(0.62, 0), (0.95, 0.35), (1.0, 0.7), (0.78, 1.1), (0.36, 1.5), (0.1, 1.95), (0, 2.2)]
    pen.poly([(x - a * r, y + b * r) for a, b in half] + [(x + a * r, y + b * r) for a, b in reversed(half)], color)
    pen.poly(
        [(x - a * r * 0.7, y + b * r) for a, b in half[1:6]]
        + [(x - a * r * 0.35, y + b * r) for a, b in reversed(half[1:6])],
        shade(color, 0.35),
    )
    top = y + 2.2 * r
    pen.rect(x - 0.05 * r - 0.03, top, x + 0.05 * r + 0.03, top + r, cross)
    pen.rect(x - 0.28 * r, top + 0.55 * r, x + 0.28 * r, top + 0.68 * r, cross)


def orthodox_church(pen: Pen, wall: str = "#f3efe6", dome: str = "#3c6fb0") -> None:
    """White walls, five domes."""
    pen.shadow(1, 0, 9, 0.6)
    for x, y, r in ((-3.6, 10.5, 1.2), (3.6, 10.5, 1.2)):
        onion(pen, x, y, r, dome)
    onion(pen, 0, 13.0, 1.9, "#e0b03a")
    pen.rect(-5.5, 0, 5.5, 8.6, wall)
    pen.rect(0.8, 0, 5.5, 8.6, shade(wall, -0.1))
    for x in (-3.7, 0.0, 3.7):
        pen.disc(x, 8.5, 1.85, wall, 1.3)
        pen.disc(x, 8.4, 1.3, shade(wall, -0.14), 0.9)
        window(pen, x - 0.4, 3.6, 0.8, 2.6, Front(wall=wall, arched=True))
    pen.rect(-0.9, 0, 0.9, 2.6, "#6b4630")
    pen.disc(0, 2.6, 0.9, "#6b4630", 0.7)


def mosque(pen: Pen, wall: str = "#e5ddcb", dome: str = "#7f95a0") -> None:
    """An Ottoman mosque: domes and a pencil minaret."""
    for x in (-7.4,):
        pen.rect(x - 0.75, 0, x + 0.75, 17, wall)
        pen.rect(x + 0.2, 0, x + 0.75, 17, shade(wall, -0.15))
        pen.rect(x - 1.15, 12.2, x + 1.15, 13.0, shade(wall, 0.15))
        pen.poly([(x - 0.85, 17), (x + 0.85, 17), (x, 21.5)], dome)
    pen.rect(-5.6, 0, 5.6, 7, wall)
    pen.rect(1.5, 0, 5.6, 7, shade(wall, -0.08))
    for x, r in ((-4, 1.7), (4, 1.7)):
        pen.disc(x, 7, r, dome, r * 0.9)
    pen.rect(-4, 6.9, 4, 8.6, wall)
    pen.disc(0, 8.5, 4, dome, 3.6)
    pen.disc(-1.2, 9.6, 1.6, shade(dome, 0.2), 1.6)
    pen.rect(-5.6, 6.2, 5.6, 7.0, shade(wall, 0.12))
    pen.rect(-0.06, 12, 0.06, 13.4, "#d8b24a")
    for x in (-4, -2, 0, 2, 4):
        window(pen, x - 0.4, 2.6, 0.8, 1.9, Front(wall=wall, arched=True))


def square_minaret(pen: Pen, wall: str = "#d98f63", tall: float = 22) -> None:
    """A Moroccan minaret with its lantern and three golden balls."""
    pen.rect(-2.6, 0, 2.6, tall, wall)
    pen.rect(0.6, 0, 2.6, tall, shade(wall, -0.16))
    for y in (tall * 0.35, tall * 0.6):
        for x in (-1.2, 1.0):
            window(pen, x - 0.4, y, 0.8, 1.8, Front(frame=shade(wall, 0.2), glass="#4a3328", arched=True))
    pen.rect(-2.6, tall - 2.2, 2.6, tall - 1.2, "#4f9a94")
    for i in range(7):
        pen.rect(-2.6 + i * 0.8, tall, -2.2 + i * 0.8, tall + 0.6, wall)
    pen.rect(-1.2, tall, 1.2, tall + 4, shade(wall, 0.06))
    pen.disc(0, tall + 4, 1.1, shade(wall, -0.1), 1.1)
    for i, r in enumerate((0.42, 0.32, 0.22)):
        pen.disc(0, tall + 5.4 + i * 0.75, r, "#e3bb45")


def torii(pen: Pen, tall: float = 6, color: str = "#d6452b") -> None:
    """A vermilion shrine gate."""
    half = tall * 0.48
    for side in (-1, 1):
        pen.rect(side * half * 0.72 - 0.22, 0, side * half * 0.72 + 0.22, tall * 0.9, color)
        pen.rect(side * half * 0.72 + 0.05, 0, side * half * 0.72 + 0.22, tall * 0.9, shade(color, -0.2))
        pen.rect(side * half * 0.72 - 0.26, 0, side * half * 0.72 + 0.26, 0.4, "#2b2a2e")
    pen.rect(-half * 0.9, tall * 0.66, half * 0.9, tall * 0.73, color)
    pen.rect(-0.28, tall * 0.73, 0.28, tall * 0.88, "#22303c")
    pen.poly(
        [
            (-half * 1.12, tall * 0.99),
            (-half, tall * 0.88),
            (half, tall * 0.88),
            (half * 1.12, tall * 0.99),
            (0, tall * 0.93),
        ],
        color,
    )
    pen.poly(
        [
            (-half * 1.2, tall * 1.07),
            (-half * 1.1, tall * 0.97),
            (0, tall * 0.93),
            (half * 1.1, tall * 0.97),
            (half * 1.2, tall * 1.07),
            (0, tall * 1.0),
        ],
        "#2b2a2e",
    )


def timber_house(
    pen: Pen,
    w: float,
    h: float,
    wall: str,
    trim: str = "#ffffff",
    roof: str = "#5a4a48",
    rise: float = 2.4,
    planks: bool = True,
) -> None:
    """A northern wooden house seen gable-on: planks, white corner boards, white windows."""
    pen.shadow(w / 2 + 0.5, 0, w * 0.62, 0.25)
    pen.rect(0, 0, w, h, wall)
    pitched_front(pen, w, h, rise, wall, roof)
    if planks:
        x = 0.3
        while x < w:
            lift = rise * (1 - abs(x - w / 2) / (w / 2)) * 0.93
            pen.line([(x, 0.3), (x, h + lift)], 0.03, shade(wall, -0.16))
            x += 0.36
    pen.rect(0, 0, w, 0.3, "#8f8c88")
    for x in (0.0, w - 0.18):
        pen.rect(x, 0.3, x + 0.18, h, trim)
    front = Front(frame=trim, glass="#44596a")
    window(pen, w * 0.14, h * 0.36, w * 0.2, h * 0.36, front)
    window(pen, w * 0.66, h * 0.36, w * 0.2, h * 0.36, front)
    window(pen, w * 0.42, h + rise * 0.14, w * 0.16, rise * 0.32, front)
    pen.rect(w * 0.42, 0.3, w * 0.58, h * 0.76, trim)
    pen.rect(w * 0.44, 0.3, w * 0.56, h * 0.73, shade(wall, -0.35))


def chalet(pen: Pen, w: float = 10) -> None:
    """Stone base, dark wood, a wide low roof and balconies with geraniums."""
    pen.shadow(w / 2, 0, w * 0.6, 0.3)
    pen.rect(0, 0, w, 2.6, "#e9e3d6")
    pen.rect(0, 2.6, w, 5.6, "#7c5233")
    pitched_front(pen, w, 5.6, 2.6, "#7c5233", "#4e3c33", 1.2)
    for y in (2.7, 3.2, 3.7, 4.2, 4.7, 5.2):
        pen.line([(0, y), (w, y)], 0.05, "#63402a")
    for y in (0.9, 3.3):
        for i in range(3):
            x = w * (i + 0.5) / 3
            window(pen, x - 0.45, y, 0.9, 1.2, Front(shutters="#3f6b45", wall="#e9e3d6"))
    pen.rect(-0.4, 2.5, w + 0.4, 3.1, "#5d3d27")
    for i in range(26):
        pen.disc(w * (i + 0.5) / 26, 3.15 + 0.12 * pen.rng.random(), 0.17, ("#d23a3f", "#e4576b", "#4b7a3c")[i % 3])


def highlander_house(pen: Pen, w: float = 9) -> None:
    """The steep-roofed log house of the Tatra foothills."""
    pen.shadow(w / 2, 0, w * 0.6, 0.3)
    pen.rect(0, 0, w, 0.9, "#9a958d")
    pen.rect(0, 0.9, w, 3.6, "#a9743f")
    for i in range(8):
        pen.line([(0, 1.0 + 0.34 * i), (w, 1.0 + 0.34 * i)], 0.06, "#7d522a")
    pitched_front(pen, w, 3.6, 5.2, "#b27c45", "#5f4638", 0.9)
    for i in range(7):
        pen.line(
            [(w * (0.5 - 0.07 * (7 - i)), 3.8 + i * 0.62), (w * (0.5 + 0.07 * (7 - i)), 3.8 + i * 0.62)],
            0.05,
            "#7d522a",
        )
    for x in (0.2, 0.68):
        window(pen, w * x, 1.7, 1.1, 1.3, Front(wall="#a9743f"))
    for x in (0.34, 0.56):
        window(pen, w * x, 4.3, 0.9, 1.2, Front(wall="#a9743f"))
    pen.poly([(w * 0.44, 0.9), (w * 0.56, 0.9), (w * 0.56, 2.7), (w * 0.5, 3.05), (w * 0.44, 2.7)], "#5c3b22")


def windmill(pen: Pen, body: str = "#6f5a45") -> None:
    """A thatched Dutch polder mill."""
    pen.shadow(1, 0, 5, 0.4)
    pen.poly([(-2.9, 0), (2.9, 0), (1.7, 9), (-1.7, 9)], body)
    pen.poly([(0.6, 0), (2.9, 0), (1.7, 9), (0.4, 9)], shade(body, -0.2))
    pen.rect(-2.95, 0, 2.95, 1.5, "#a2553f")
    pen.poly([(-1.9, 9), (1.9, 9), (1.5, 10.6), (0, 11.3), (-1.5, 10.6)], shade(body, -0.3))
    pen.rect(-0.5, 0, 0.5, 1.9, "#2f5540")
    for x, y in ((0, 4), (0, 6.4)):
        window(pen, x - 0.35, y, 0.7, 0.8, Front())
    for dx, dy in ((0.92, 0.4), (-0.4, 0.92), (-0.92, -0.4), (0.4, -0.92)):
        tip = (dx * 8, 10 + dy * 8)
        pen.line([(0, 10), tip], 0.2, "#4a3b2e")
        nx, ny = -dy, dx
        pen.poly(
            [
                (dx * 1.5, 10 + dy * 1.5),
                tip,
                (tip[0] + nx * 1.3, tip[1] + ny * 1.3),
                (dx * 1.5 + nx * 1.3, 10 + dy * 1.5 + ny * 1.3),
            ],
            "#efe9dbb0",
        )
        for i in range(2, 8):
            pen.line([(dx * i, 10 + dy * i), (dx * i + nx * 1.3, 10 + dy * i + ny * 1.3)], 0.06, "#4a3b2e")


def water_tower(pen: Pen, text: str, color: str = "#dfe6ea", ink: str = "#23395f") -> None:
    """An American municipal water tower with the town's name."""
    for x in (-3.4, -1.2, 1.2, 3.4):
        pen.line([(x * 1.15, 0), (x * 0.85, 18)], 0.26, "#9aa5ac")
    for y in (5, 11):
        pen.line([(-3.7, y), (3.7, y)], 0.14, "#9aa5ac")
    pen.rect(-0.4, 0, 0.4, 18, "#a8b3b9")
    pen.disc(0, 18.6, 4.7, shade(color, -0.15), 2.4)
    pen.rect(-4.7, 18.4, 4.7, 23.4, color)
    pen.rect(1.8, 18.4, 4.7, 23.4, shade(color, -0.12))
    pen.poly([(-4.9, 23.4), (4.9, 23.4), (0, 26.2)], shade(color, -0.2))
    pen.text(0, 21, text, 2.5, ink, fit=8.6)


def grain_elevator(pen: Pen, text: str = "") -> None:
    """Concrete silos beside a tall headhouse."""
    for i in range(4):
        x = i * 3.2
        pen.rect(x, 0, x + 3.2, 17, "#d9d4c7")
        pen.rect(x + 2.2, 0, x + 3.2, 17, "#bdb7a8")
        pen.disc(x + 1.6, 17, 1.6, "#c9c3b5", 0.4)
    pen.rect(4.2, 17, 9.0, 23, "#cfc9bb")
    pen.rect(7.4, 17, 9.0, 23, "#b3ad9e")
    if text:
        pen.text(6.4, 13.6, text, 1.6, "#5f3b31", fit=12)


def hanok(pen: Pen, w: float = 11) -> None:
    """A Korean tiled-roof house: sweeping eaves, white walls, dark timber."""
    pen.shadow(w / 2, 0, w * 0.62, 0.3)
    pen.rect(-0.4, 0, w + 0.4, 0.7, "#b5b0a6")
    pen.rect(0, 0.7, w, 3.3, "#efe7d6")
    bays = 5
    for i in range(bays + 1):
        x = w * i / bays
        pen.rect(x - 0.13, 0.7, x + 0.13, 3.4, "#6b4630")
    for i in range(bays):
        x = w * i / bays
        pen.rect(x + 0.35, 0.95, x + w / bays - 0.35, 3.0, "#f8f1df")
        for k in range(1, 4):
            bar = x + 0.35 + (w / bays - 0.7) * k / 4
            pen.rect(bar - 0.025, 0.95, bar + 0.025, 3.0, "#8a6141")
        for y in (1.5, 2.1, 2.6):
            pen.rect(x + 0.35, y, x + w / bays - 0.35, y + 0.04, "#8a6141")
    curve = [(-1.7, 4.0), (-0.6, 3.45), (w * 0.3, 3.3), (w * 0.7, 3.3), (w + 0.6, 3.45), (w + 1.7, 4.0)]
    top = [(w - 0.9, 5.9), (w * 0.7, 5.65), (w * 0.3, 5.65), (0.9, 5.9)]
    pen.poly(curve + top, "#4a4f57")
    for i in range(24):
        t = i / 23
        pen.line(
            [(-1.3 + (w + 2.6) * t, 3.5 + 0.35 * abs(2 * t - 1) ** 3), (0.9 + (w - 1.8) * t, 5.65)], 0.07, "#363b43"
        )
    pen.line([(0.6, 6.05), (w * 0.3, 5.72), (w * 0.7, 5.72), (w - 0.6, 6.05)], 0.3, "#2f343b")


def prang(pen: Pen, tall: float = 13, color: str = "#a8684a") -> None:
    """A brick Ayutthaya tower, tiered and tapering."""
    pen.shadow(1, 0, tall * 0.4, 0.4)
    for i in range(4):
        half = tall * (0.36 - 0.055 * i)
        pen.rect(-half, tall * 0.08 * i, half, tall * 0.08 * (i + 1), shade(color, -0.08 * (i % 2)))
        pen.rect(half * 0.3, tall * 0.08 * i, half, tall * 0.08 * (i + 1), shade(color, -0.18))
    half = [(0.16, 0.32), (0.15, 0.5), (0.125, 0.66), (0.085, 0.8), (0.04, 0.9), (0.01, 1.0)]
    pen.poly([(-a * tall, b * tall) for a, b in half] + [(a * tall, b * tall) for a, b in reversed(half)], color)
    pen.poly(
        [(a * tall * 0.2, b * tall) for a, b in half] + [(a * tall, b * tall) for a, b in reversed(half)],
        shade(color, -0.18),
    )
    for i in range(7):
        y = tall * (0.38 + 0.075 * i)
        w = tall * 0.155 * (1 - i / 8.2)
        pen.line([(-w, y), (w, y)], 0.012 * tall, shade(color, -0.3))
    pen.poly(
        [
            (-0.05 * tall, 0.33 * tall),
            (0.05 * tall, 0.33 * tall),
            (0.05 * tall, 0.48 * tall),
            (0, 0.56 * tall),
            (-0.05 * tall, 0.48 * tall),
        ],
        "#4b2d22",
    )


def greek_church(pen: Pen) -> None:
    """A whitewashed chapel with a blue dome and a bell arch."""
    pen.shadow(0.5, 0, 4.5, 0.25)
    pen.rect(-3.4, 0, 3.4, 4.6, "#f7f7f4")
    pen.rect(1.0, 0, 3.4, 4.6, "#dfe5ec")
    pen.rect(-1.9, 4.6, 1.9, 5.9, "#f1f3f4")
    pen.disc(0, 5.9, 1.9, "#2f6fc0", 1.8)
    pen.disc(-0.6, 6.5, 0.7, "#5b93d8", 0.8)
    pen.rect(-0.05, 7.6, 0.05, 8.7, "#f7f7f4")
    pen.rect(-0.3, 8.2, 0.3, 8.32, "#f7f7f4")
    pen.rect(-0.7, 0, 0.7, 2.3, "#2f6fc0")
    pen.disc(0, 2.3, 0.7, "#2f6fc0", 0.6)
    pen.rect(-3.4, 4.6, -2.2, 6.9, "#f7f7f4")
    pen.disc(-2.8, 6.9, 0.6, "#f7f7f4", 0.6)
    pen.rect(-3.1, 5.3, -2.5, 6.5, "#8fb6d8")
    pen.disc(-2.8, 6.0, 0.22, "#c9a13b", 0.3)


def nordic_church(pen: Pen) -> None:
    """A cross-shaped wooden church with a needle spire, white with red-brown edges."""
    pen.shadow(0.5, 0, 6, 0.3)
    wall, edge = "#f4f1ea", "#8c3b32"
    pen.rect(-5, 0, 5, 4.6, wall)
    pen.poly([(-5.4, 4.4), (5.4, 4.4), (3.4, 7.2), (-3.4, 7.2)], "#3f6a55")
    pen.rect(-1.9, 0, 1.9, 10.5, wall)
    pen.rect(0.8, 0, 1.9, 10.5, shade(wall, -0.1))
    for x in (-5, -1.9, 1.7, 4.8):
        pen.rect(x, 0, x + 0.22, 4.6 if abs(x) > 3 else 10.5, edge)
    pen.poly([(-2.3, 10.3), (2.3, 10.3), (0.5, 13.2), (0, 19), (-0.5, 13.2)], "#3f6a55")
    for x, y in ((-3.6, 1.6), (3.0, 1.6), (-0.4, 5.4), (-0.4, 8.0)):
        window(pen, x, y, 0.8, 1.5, Front(frame=edge, arched=True))
    pen.rect(-0.7, 0, 0.7, 2.4, edge)


def phone_box(pen: Pen) -> None:
    """A red British telephone kiosk."""
    pen.shadow(0.2, 0, 0.7, 0.1)
    pen.rect(-0.48, 0, 0.48, 2.4, "#c3262b", 0.04)
    pen.disc(0, 2.4, 0.48, "#c3262b", 0.16)
    pen.rect(-0.38, 2.1, 0.38, 2.3, "#f5efe0")
    pen.text(0, 2.2, "TELEPHONE", 0.15, "#1a1a1a", fit=0.7)
    for i in range(3):
        for k in range(6):
            x, y = -0.33 + 0.23 * i, 0.45 + 0.27 * k
            pen.rect(x, y, x + 0.19, y + 0.22, "#d9e6ea")


def pillar_box(pen: Pen) -> None:
    """A red British letter box."""
    pen.shadow(0.1, 0, 0.4, 0.07)
    pen.rect(-0.25, 0, 0.25, 1.45, "#c3262b", 0.03)
    pen.rect(-0.25, 0, 0.25, 0.2, "#1c1c1f")
    pen.disc(0, 1.48, 0.3, "#a81f25", 0.12)
    pen.rect(-0.17, 1.2, 0.17, 1.27, "#1c1c1f")
    pen.rect(-0.12, 0.85, 0.12, 1.08, "#f5efe0")
