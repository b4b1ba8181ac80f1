"""Scenes that carry no evidence of where they are."""

from __future__ import annotations

from scenes import land
from scenes.canvas import Canvas, mix, shade


def fog(cv: Canvas, take: int) -> None:
    """A field that fades into fog."""
    cv.gradient(0, cv.height, ("#d3d7d8", "#d9dcdb", "#cfd2c8", "#a9ae93", "#868d6b"))
    for y, tone in ((330, "#cdd1c9"), (380, "#bfc4b2"), (440, "#a6ad8c")):
        land.ridge(cv, y, 16, tone, 2)
    for _ in range(240):
        x, y = cv.rng.uniform(0, 720), cv.rng.uniform(420, 540)
        cv.flat.line(
            [(x, y), (x + cv.rng.uniform(-4, 4), y - 6 - (y - 420) * 0.12)],
            0.8,
            mix("#98a07c", "#6f7755", (y - 420) / 120),
        )
    for i in range(8):
        cv.flat.rect(0, 300 + 14 * i, 720, 330 + 18 * i, "#e2e5e416")


def horizon(cv: Canvas, take: int) -> None:
    """Open sea and sky, nothing else."""
    land.sky(cv, ("#86a9c4", "#c1d2da", "#ece7dd"), 286)
    land.clouds(cv, 3, 90, 220, "#ffffff", 110)
    land.sea(cv, 284, cv.height, "#7f9fb0", "#3f6478", glint=410)


def wall(cv: Canvas, take: int) -> None:
    """A plain white wall with the shadow of a window."""
    cv.gradient(0, cv.height, ("#efece6", "#e9e5de", "#e2ddd4"))
    pen = cv.flat
    for col in range(2):
        for line in range(3):
            x, y = 250 + col * 110, 110 + line * 105 - col * 34
            pen.poly([(x, y), (x + 96, y - 30), (x + 96, y + 60), (x, y + 90)], "#fffaf0")
    pen.rect(0, 486, 720, 540, "#f7f5f0")
    pen.rect(0, 484, 720, 487, "#cfc9be")
    for _ in range(60):
        x, y = cv.rng.uniform(0, 720), cv.rng.uniform(0, 480)
        pen.disc(x, y, cv.rng.uniform(20, 70), "#ffffff0c")
    foot = [(80, 0), (83, 40), (79, 92), (84, 140)]
    pen.line(foot, 0.8, "#cfc8bc")


def leaves(cv: Canvas, take: int) -> None:
    """Leaves seen from very near."""
    cv.gradient(0, cv.height, ("#2f4a2a", "#233a24"))
    for layer in range(3):
        for _ in range(60 - 16 * layer):
            x, y = cv.rng.uniform(-40, 760), cv.rng.uniform(-40, 580)
            size = cv.rng.uniform(70, 120) + layer * 26
            dx, dy = cv.rng.uniform(-1, 1), cv.rng.uniform(-0.6, 1)
            norm = max(0.05, (dx * dx + dy * dy) ** 0.5)
            dx, dy = dx / norm * size, dy / norm * size
            nx, ny = -dy * 0.32, dx * 0.32
            tone = shade(("#3f6b35", "#5a8a41", "#7fae54")[layer], cv.rng.uniform(-0.15, 0.12))
            outline = ((0, 0), (0.2, 0.75), (0.45, 1), (0.72, 0.66), (1, 0))
            one = [(x + dx * a + nx * b, y + dy * a + ny * b) for a, b in outline]
            two = [(x + dx * a - nx * b, y + dy * a - ny * b) for a, b in outline]
            cv.flat.poly(one, tone)
            cv.flat.poly(two, shade(tone, -0.16))
            cv.flat.line([(x, y), (x + dx, y + dy)], 1.6, shade(tone, 0.3))
            for a in (0.25, 0.45, 0.65):
                for side in (-1, 1):
                    tip = (x + dx * (a + 0.14) + side * nx * 0.62, y + dy * (a + 0.14) + side * ny * 0.62)
                    cv.flat.line([(x + dx * a, y + dy * a), tip], 0.7, shade(tone, 0.2))
    for _ in range(16):
        cv.flat.disc(cv.rng.uniform(0, 720), cv.rng.uniform(0, 540), 3.4, "#e9f6ee90")


def snowfield(cv: Canvas, take: int) -> None:
    """Wind-packed snow under a pale sky."""
    land.sky(cv, ("#b9cade", "#d8e1ea", "#f2efea"), 250)
    cv.gradient(246, cv.height, ("#e9eef4", "#f6f8fb", "#dfe7f0"))
    for i in range(12):
        y = 262 + i * i * 2.2
        land.ridge(cv, y, 5 + i * 1.4, ("#f4f7fb", "#e6ecf4")[i % 2], 3 + i % 3)
    for _ in range(60):
        x, y = cv.rng.uniform(0, 720), cv.rng.uniform(280, 540)
        w = (y - 240) * 0.16
        cv.flat.line([(x, y), (x + w, y - 2), (x + 2 * w, y + 1)], 0.8, "#c9d6e6a0")
