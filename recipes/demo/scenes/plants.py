"""Trees and other plants, drawn in metres by a pen that stands on the ground."""

from __future__ import annotations

from scenes.canvas import Pen, mix, shade


def crown(pen: Pen, x: float, y: float, r: float, color: str, puffs: int = 11) -> None:
    """A leafy mass: dark puffs below, the colour, light puffs toward the sun (upper left)."""
    rng = pen.rng
    for tone, dx, dy, size in ((-0.28, 0.1, -0.14, 0.62), (0.0, 0.0, 0.0, 0.58), (0.16, -0.16, 0.2, 0.36)):
        for _ in range(puffs):
            px, py = rng.uniform(-0.62, 0.62), rng.uniform(-0.5, 0.5)
            pen.disc(x + (px + dx) * r, y + (py + dy) * r, r * size * rng.uniform(0.55, 0.9), shade(color, tone))


def broadleaf(pen: Pen, tall: float = 7, color: str = "#4f7f3f", trunk: str = "#6a5140") -> None:
    """An ordinary deciduous tree."""
    pen.shadow(0.6, 0.02, tall * 0.34, tall * 0.035)
    pen.poly([(-0.05 * tall, 0), (0.05 * tall, 0), (0.025 * tall, tall * 0.5), (-0.025 * tall, tall * 0.5)], trunk)
    crown(pen, 0, tall * 0.68, tall * 0.36, color)


def birch(pen: Pen, tall: float = 9, color: str = "#8fae4c") -> None:
    """White bark with black marks, light hanging crown."""
    pen.shadow(0.5, 0.02, tall * 0.2, tall * 0.02)
    crown(pen, 0.0, tall * 0.66, tall * 0.23, shade(color, -0.1), 9)
    pen.poly([(-0.02 * tall, 0), (0.02 * tall, 0), (0.008 * tall, tall * 0.9), (-0.004 * tall, tall * 0.9)], "#eeece4")
    for _ in range(12):
        y = pen.rng.uniform(0.02, 0.6) * tall
        x = pen.rng.uniform(-0.015, 0.008) * tall
        pen.rect(x, y, x + 0.014 * tall, y + 0.006 * tall, "#33302c")
    for _ in range(26):
        x, y = pen.rng.uniform(-0.24, 0.24) * tall, pen.rng.uniform(0.42, 0.92) * tall
        pen.disc(x, y, tall * 0.035, shade(color, pen.rng.uniform(-0.1, 0.25)), tall * 0.05)


def conifer(pen: Pen, tall: float = 10, color: str = "#2f5a45", snow: bool = False) -> None:
    """A spruce of stacked skirts, snow on its shoulders if asked."""
    pen.shadow(0.4, 0.02, tall * 0.2, tall * 0.02)
    pen.rect(-0.02 * tall, 0, 0.02 * tall, 0.12 * tall, "#54412f")
    for i in range(6):
        low = tall * (0.08 + 0.145 * i)
        half = tall * 0.19 * (1 - i / 6.8)
        top = low + tall * 0.24
        pen.poly([(-half, low), (half, low), (half * 0.1, top), (-half * 0.1, top)], shade(color, -0.12 + 0.04 * i))
        pen.poly([(-half, low), (-half * 0.15, low + tall * 0.02), (0, top), (-half * 0.1, top)], shade(color, 0.08))
        if snow:
            pen.poly([(-half * 0.8, low + tall * 0.04), (half * 0.3, low + tall * 0.06), (0, top)], "#f1f6fbd8")


def cypress(pen: Pen, tall: float = 9) -> None:
    """The dark flame of a Tuscan road."""
    pen.shadow(0.8, 0.02, tall * 0.14, tall * 0.02)
    pen.rect(-0.1, 0, 0.1, 0.6, "#5b4633")
    for dx, w, tone in ((0.03, 0.1, "#223c2c"), (-0.01, 0.075, "#2f5038"), (-0.03, 0.035, "#456a48")):
        outline = ((0.05, 0.5), (0.14, 0.85), (0.27, 1), (0.42, 0.97), (0.6, 0.78), (0.78, 0.47), (0.92, 0.16), (1, 0))
        left = [(tall * (dx * (1 - y) - w * s), tall * y) for y, s in outline]
        right = [(tall * (dx * (1 - y) + w * s), tall * y) for y, s in outline]
        pen.poly(left + right[::-1], tone)


def palm(pen: Pen, tall: float = 8, color: str = "#4d8a48", lean: float = 0.12, date: bool = False) -> None:
    """A coconut palm (leaning, long fronds) or a date palm (`date`: straight, thick, stiff)."""
    lean = 0.0 if date else lean
    pen.shadow(0.6, 0.02, tall * 0.2, tall * 0.02)
    top = (lean * tall, tall * 0.8)
    width = 0.045 if date else 0.028
    stem = [(lean * tall * t * t, tall * 0.8 * t) for t in (0, 0.25, 0.5, 0.75, 1)]
    left = [(x - width * tall * (1 - 0.4 * i / 4), y) for i, (x, y) in enumerate(stem)]
    right = [(x + width * tall * (1 - 0.4 * i / 4), y) for i, (x, y) in enumerate(stem)]
    pen.poly(left + right[::-1], "#8a7358")
    for i in range(1, 13):
        t = i / 13
        x = lean * tall * t * t
        pen.line([(x - width * tall * 0.8, tall * 0.8 * t), (x + width * tall * 0.8, tall * 0.8 * t)], 0.03, "#6d5942")
    arms = [
        (-1, 0.3),
        (-0.92, -0.05),
        (-0.66, -0.34),
        (-0.7, 0.62),
        (-0.3, 0.85),
        (0.2, 0.9),
        (0.62, 0.66),
        (1, 0.33),
        (0.95, -0.02),
        (0.68, -0.34),
    ]
    for i, (dx, dy) in enumerate(arms):
        tone = shade(color, -0.2 + 0.045 * (i * 7 % 10))
        reach = tall * 0.34
        tip = (top[0] + dx * reach, top[1] + dy * reach * 0.75 - reach * 0.18)
        mid = (top[0] + dx * reach * 0.55, top[1] + dy * reach * 0.6 + reach * 0.16)
        pen.poly([top, (mid[0], mid[1] + reach * 0.07), tip, (mid[0], mid[1] - reach * 0.13)], tone)
    if not date:
        pen.disc(top[0] - 0.12, top[1] - 0.1, 0.16, "#7a6a35")
        pen.disc(top[0] + 0.14, top[1] - 0.14, 0.16, "#6a5a2d")


def saguaro(pen: Pen, tall: float = 5, color: str = "#5f8656") -> None:
    """The armed cactus of the Sonoran desert."""
    pen.shadow(0.5, 0.02, tall * 0.22, tall * 0.025)
    thick = tall * 0.065
    for side, elbow, tip in ((-1, 0.38, 0.72), (1, 0.5, 0.86)):
        arm = [(0, elbow * tall), (side * tall * 0.2, elbow * tall), (side * tall * 0.2, tip * tall)]
        pen.line(arm, thick * 1.5, color)
        pen.disc(arm[2][0], arm[2][1], thick * 0.75, color)
        pen.line(
            [(arm[1][0] + thick * 0.3, arm[1][1]), (arm[2][0] + thick * 0.3, arm[2][1])],
            thick * 0.35,
            shade(color, -0.22),
        )
    pen.rect(-thick, 0, thick, tall, color, radius=thick)
    for dx, tone in ((-0.55, 0.18), (-0.1, -0.1), (0.35, -0.22), (0.7, -0.3)):
        pen.rect(dx * thick - thick * 0.1, 0.05 * tall, dx * thick + thick * 0.1, 0.96 * tall, shade(color, tone))


def acacia(pen: Pen, tall: float = 6, color: str = "#6f8a45") -> None:
    """The flat umbrella of the savannah."""
    pen.shadow(0.3, 0.02, tall * 0.55, tall * 0.04)
    for tip in (-0.5, -0.2, 0.15, 0.48):
        pen.line([(0, 0), (tip * 0.15 * tall, tall * 0.4), (tip * tall, tall * 0.82)], 0.028 * tall, "#5d4a38")
    for tone, dy in ((-0.25, 0), (0, 0.045), (0.16, 0.09)):
        for i in range(11):
            x = (-0.66 + 0.132 * i) * tall * (1 - dy)
            pen.disc(
                x,
                tall * (0.84 + dy) + pen.rng.uniform(-0.02, 0.02) * tall,
                tall * 0.13,
                shade(color, tone),
                tall * 0.055,
            )


def eucalyptus(pen: Pen, tall: float = 9) -> None:
    """Pale bare trunk, sparse grey-green clumps of leaves."""
    pen.shadow(0.6, 0.02, tall * 0.3, tall * 0.025)
    forks = [(-0.26, 0.66), (0.05, 0.86), (0.3, 0.72), (-0.1, 0.8), (0.18, 0.58)]
    for dx, dy in forks:
        pen.line(
            [(0, 0), (0.02 * tall, tall * 0.3), (dx * 0.4 * tall, tall * 0.5), (dx * tall, dy * tall)],
            0.028 * tall,
            "#e3d9cb",
        )
        pen.line([(0.012 * tall, 0), (0.032 * tall, tall * 0.3)], 0.01 * tall, "#b9a895")
    for dx, dy in forks:
        for _ in range(9):
            x, y = (dx + pen.rng.uniform(-0.13, 0.13)) * tall, (dy + pen.rng.uniform(-0.03, 0.13)) * tall
            pen.disc(x, y, tall * 0.06, mix("#7d9174", "#a7b190", pen.rng.random()), tall * 0.035)


def blossom(pen: Pen, tall: float = 6) -> None:
    """A cherry tree in flower."""
    broadleaf(pen, tall, "#f0b9c8", "#5a4340")


def bush(pen: Pen, r: float = 0.8, color: str = "#5d7f45") -> None:
    """A low round shrub."""
    pen.shadow(0.1, 0.0, r * 1.2, r * 0.14)
    crown(pen, 0, r * 0.6, r * 0.75, color, 7)


def vine_pot(pen: Pen, bloom: str = "#d9476a") -> None:
    """A terracotta pot with flowers."""
    pen.poly([(-0.22, 0), (0.22, 0), (0.3, 0.45), (-0.3, 0.45)], "#b8693f")
    pen.rect(-0.33, 0.4, 0.33, 0.52, "#c97a4c")
    for _ in range(16):
        x, y = pen.rng.uniform(-0.4, 0.4), pen.rng.uniform(0.55, 1.0)
        pen.disc(x, y, 0.12, "#4e7b43")
        if pen.rng.random() < 0.6:
            pen.disc(x + 0.05, y + 0.06, 0.07, bloom)


def treeline(pen: Pen, width: float, tall: float, color: str, conifers: bool = False) -> None:
    """A far wood along the horizon: a row of crowns or spires `width` units wide."""
    x = 0.0
    while x < width:
        high = tall * pen.rng.uniform(0.6, 1.15)
        tone = shade(color, pen.rng.uniform(-0.12, 0.1))
        if conifers:
            pen.poly([(x - high * 0.24, -1), (x + high * 0.24, -1), (x, high)], tone)
            x += high * 0.2
        else:
            pen.disc(x, high * 0.3, high * 0.5, tone, high * 0.62)
            x += high * 0.42
    pen.rect(0, -2, width, tall * 0.25, shade(color, -0.1))
