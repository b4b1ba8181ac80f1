"""House fronts and rows of houses: windows, shops, roofs, in metres, face-on or along a street."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scenes.canvas import Camera, Pen, shade


@dataclass(frozen=True)
class Front:
    """How a house front looks."""

    wall: str = "#d8c9ae"
    floors: int = 3
    bays: int = 3
    frame: str = "#f4f1ea"
    glass: str = "#4c6375"
    shutters: str = ""
    arched: bool = False
    balcony: str = ""
    trim: str = ""
    ground: float = 3.2
    window: tuple[float, float] = (0.95, 1.5)
    lit: float = 0.0


def window(pen: Pen, x: float, y: float, w: float, h: float, front: Front) -> None:
    """One window whose lower left corner is at (x, y)."""
    glass = "#f3cf86" if front.lit and pen.rng.random() < front.lit else front.glass
    if front.shutters:
        for sx in (x - w * 0.48, x + w * 1.04):
            pen.rect(sx, y, sx + w * 0.44, y + h, front.shutters)
            pen.rect(sx + w * 0.06, y + h * 0.52, sx + w * 0.38, y + h * 0.94, shade(front.shutters, -0.16))
            pen.rect(sx + w * 0.06, y + h * 0.06, sx + w * 0.38, y + h * 0.46, shade(front.shutters, -0.16))
    edge = 0.09
    if front.arched:
        pen.disc(x + w / 2, y + h, w / 2 + edge, front.frame, w * 0.42)
    pen.rect(x - edge, y - edge, x + w + edge, y + h + edge, front.frame)
    if front.arched:
        pen.disc(x + w / 2, y + h, w / 2, glass, w * 0.36)
    pen.rect(x, y, x + w, y + h, glass)
    pen.poly([(x, y + h), (x + w * 0.55, y + h), (x, y + h * 0.35)], "#ffffff30")
    pen.rect(x + w / 2 - 0.03, y, x + w / 2 + 0.03, y + h, front.frame)
    pen.rect(x, y + h * 0.66, x + w, y + h * 0.66 + 0.05, front.frame)
    pen.rect(x - 0.16, y - 0.2, x + w + 0.16, y - 0.08, shade(front.frame, -0.1))
    pen.rect(x - 0.14, y - 0.3, x + w + 0.14, y - 0.2, "#1418282c")
    if front.balcony:
        pen.rect(x - 0.32, y - 0.26, x + w + 0.32, y - 0.14, shade(front.wall, -0.15))
        for i in range(9):
            bar = x - 0.3 + (w + 0.6) * i / 8
            pen.rect(bar - 0.02, y - 0.14, bar + 0.02, y + 0.72, front.balcony)
        pen.rect(x - 0.32, y + 0.68, x + w + 0.32, y + 0.76, front.balcony)


def house(pen: Pen, w: float, h: float, front: Front, upper_only: bool = False) -> None:
    """A rectangular front from (0, 0) to (w, h) with its grid of windows above the ground floor."""
    pen.rect(0, 0, w, h, front.wall)
    pen.rect(0, 0, w, 0.55, shade(front.wall, -0.22))
    step = (h - front.ground - 0.5) / max(1, front.floors - 1)
    ww, wh = front.window
    wh = min(wh, step * 0.62)
    for floor in range(front.floors - 1):
        y = front.ground + 0.55 + floor * step
        for bay in range(front.bays):
            window(pen, w * (bay + 0.5) / front.bays - ww / 2, y, ww, wh, front)
    if front.trim:
        pen.rect(0, h - 0.35, w, h, front.trim)
        pen.rect(-0.12, h - 0.08, w + 0.12, h + 0.12, shade(front.trim, -0.12))
        pen.rect(0, front.ground, w, front.ground + 0.16, front.trim)
        pen.rect(0, h - 0.55, w, h - 0.35, "#14182826")
    if not upper_only:
        door(pen, w * 0.18, 0, front)
        for bay in range(1, front.bays):
            window(pen, w * (bay + 0.5) / front.bays - ww / 2, 1.05, ww, min(1.4, front.ground * 0.45), front)


def door(pen: Pen, x: float, y: float, front: Front, color: str = "#5b3a2b", w: float = 1.05, h: float = 2.3) -> None:
    """A panelled front door centred on x."""
    pen.rect(x - w / 2 - 0.12, y, x + w / 2 + 0.12, y + h + 0.15, front.frame)
    pen.rect(x - w / 2, y, x + w / 2, y + h, color)
    for low, high in ((0.15, 1.0), (1.2, 2.05)):
        pen.rect(x - w * 0.34, y + low, x + w * 0.34, y + high, shade(color, -0.22))
    pen.disc(x + w * 0.36, y + 1.08, 0.05, "#d9b64e")


def shop(
    pen: Pen,
    x: float,
    w: float,
    name: str,
    back: str,
    ink: str = "#ffffff",
    font: str = "bold",
    awning: Sequence[str] = (),
    tall: float = 3.1,
    size: float = 0.55,
    lit: bool = True,
) -> None:
    """A shop front from x to x + w on the ground floor: fascia with the name, windows, door, optional awning."""
    pen.rect(x, 0, x + w, tall, shade(back, -0.2))
    glow = "#e8d3a0" if lit else "#51646f"
    pen.rect(x + 0.2, 0.5, x + w * 0.62, tall - 0.85, glow)
    pen.rect(x + w * 0.68, 0.0, x + w - 0.25, tall - 0.85, shade(glow, -0.18))
    pen.rect(x + w * 0.7 + 0.1, 0.9, x + w - 0.4, tall - 1.0, shade(glow, 0.2))
    for i in range(5):
        px = x + 0.4 + (w * 0.62 - 0.8) * i / 4
        tone = ("#a0573c", "#55744f", "#8a6a3a", "#4d6584", "#9b7c92")[i]
        pen.rect(px - 0.16, 0.5, px + 0.16, 0.85 + 0.25 * pen.rng.random(), tone)
    pen.poly([(x + 0.2, tall - 0.85), (x + w * 0.3, tall - 0.85), (x + 0.2, 1.0)], "#ffffff2e")
    pen.rect(x, tall - 0.78, x + w, tall, back)
    pen.rect(x, tall - 0.06, x + w, tall + 0.06, shade(back, 0.2))
    pen.text(x + w / 2, tall - 0.4, name, size, ink, font, fit=w * 0.92)
    if awning:
        low, high, stripes = tall - 1.35, tall - 0.78, max(4, int(w / 0.45))
        for i in range(stripes):
            a, b = x + w * i / stripes, x + w * (i + 1) / stripes
            pen.poly(
                [(a, high), (b, high), (b + (b - x - w / 2) * 0.06, low), (a + (a - x - w / 2) * 0.06, low)],
                awning[i % len(awning)],
            )
        pen.rect(x, low - 0.28, x + w, low, "#14182838")


def gable_roof(pen: Pen, w: float, h: float, rise: float, color: str, over: float = 0.35) -> None:
    """A tiled roof seen from its long side, above a front of width w and height h."""
    points = [(-over, h), (w + over, h), (w - rise * 0.25, h + rise), (rise * 0.25, h + rise)]
    pen.poly(points, color)
    rows = max(3, int(rise / 0.3))
    for i in range(rows):
        y = h + rise * i / rows
        inset = rise * 0.25 * i / rows + over * i / rows
        pen.line([(-over + inset, y), (w + over - inset, y)], 0.05, shade(color, -0.14 if i % 2 else -0.07))
    pen.rect(-over, h - 0.14, w + over, h + 0.06, shade(color, -0.3))


def pitched_front(pen: Pen, w: float, h: float, rise: float, wall: str, roof: str, over: float = 0.45) -> None:
    """The triangular gable above a front, with thick roof edges."""
    pen.poly([(0, h), (w, h), (w / 2, h + rise)], wall)
    pen.poly([(-over, h - 0.25), (w / 2, h + rise), (w / 2, h + rise + 0.4), (-over, h + 0.15)], roof)
    pen.poly(
        [(w + over, h - 0.25), (w / 2, h + rise), (w / 2, h + rise + 0.4), (w + over, h + 0.15)], shade(roof, -0.2)
    )


def dutch_gable(pen: Pen, w: float, h: float, kind: str, wall: str, trim: str = "#f2ede2") -> None:
    """The stepped, bell or neck gable of a canal house."""
    mid = w / 2
    if kind == "step":
        for i in range(5):
            half = mid * (1 - i / 5)
            pen.rect(mid - half, h + i * 0.62, mid + half, h + (i + 1) * 0.62, wall)
            pen.rect(mid - half - 0.06, h + (i + 1) * 0.62 - 0.12, mid + half + 0.06, h + (i + 1) * 0.62, trim)
    elif kind == "neck":
        pen.rect(mid - w * 0.24, h, mid + w * 0.24, h + 2.6, wall)
        for side in (-1, 1):
            pen.poly([(mid + side * mid, h), (mid + side * w * 0.24, h), (mid + side * w * 0.24, h + 1.9)], trim)
        pen.poly([(mid - w * 0.3, h + 2.6), (mid + w * 0.3, h + 2.6), (mid, h + 3.4)], trim)
    else:
        curve = [(0, 0), (0.04, 0.5), (0.16, 0.8), (0.24, 1.4), (0.28, 2.1), (0.38, 2.6), (0.5, 2.8)]
        left = [(w * a, h + b) for a, b in curve]
        pen.poly(left + [(w - x, y) for x, y in reversed(left)], wall)
        pen.line(left, 0.16, trim)
        pen.line([(w - x, y) for x, y in left], 0.16, trim)
    window(pen, mid - 0.4, h + 0.5, 0.8, 1.1, Front(wall=wall))
    pen.line([(mid, h + 1.95), (mid, h + 2.05), (mid + 0.05, h + 1.8)], 0.09, "#3a3a3a")


def mansard(pen: Pen, w: float, h: float, bays: int, tall: float = 2.6, slate: str = "#5d6875") -> None:
    """A Parisian zinc roof with dormers and chimneys."""
    pen.poly([(0, h), (w, h), (w - 0.5, h + tall), (0.5, h + tall)], slate)
    pen.poly(
        [(0.5, h + tall), (w - 0.5, h + tall), (w - 1.1, h + tall + 0.5), (1.1, h + tall + 0.5)], shade(slate, 0.15)
    )
    for i in range(bays):
        x = w * (i + 0.5) / bays
        pen.rect(x - 0.6, h + 0.25, x + 0.6, h + 1.95, "#ece5d4")
        pen.disc(x, h + 1.95, 0.6, "#ece5d4", 0.28)
        pen.rect(x - 0.4, h + 0.4, x + 0.4, h + 1.85, "#445664")
    for x in (w * 0.12, w * 0.66):
        pen.rect(x, h + tall, x + 1.1, h + tall + 1.3, "#c8b9a0")
        for i in range(3):
            pen.rect(x + 0.1 + 0.33 * i, h + tall + 1.3, x + 0.28 + 0.33 * i, h + tall + 1.65, "#b5643f")


def panel_block(pen: Pen, w: float, floors: int, bays: int, wall: str = "#cfcbc0", snow: bool = False) -> None:
    """A Soviet prefabricated block: panels with seams, loggias, shared windows."""
    h = floors * 2.7 + 0.6
    pen.rect(0, 0, w, h, wall)
    front = Front(frame="#eeeeea", glass="#586b79", lit=0.18)
    for floor in range(floors):
        y = 0.6 + floor * 2.7
        pen.rect(0, y - 0.04, w, y + 0.04, shade(wall, -0.2))
        for bay in range(bays):
            left = w * bay / bays
            pen.rect(left - 0.03, 0, left + 0.03, h, shade(wall, -0.16))
            if bay % 3 == 1:
                pen.rect(left + 0.3, y + 0.25, left + w / bays - 0.3, y + 2.35, "#46525c")
                tone = ("#b9b4a6", "#8fa0a3", "#a88f78", "#9aa58d")[(floor * 7 + bay) % 4]
                pen.rect(left + 0.25, y + 0.2, left + w / bays - 0.25, y + 1.1, tone)
                pen.rect(left + 0.35, y + 1.3, left + w / bays / 2, y + 2.2, "#7f97a4")
            else:
                window(pen, left + w / bays / 2 - 0.7, y + 0.85, 1.4, 1.35, front)
    pen.rect(-0.1, h, w + 0.1, h + 0.3, "#f4f7fb" if snow else shade(wall, -0.25))


Draw = Callable[[Pen, float, float], None]


def row(
    cam: Camera,
    side: int,
    x_face: float,
    blocks: Sequence[tuple[float, float, str, Draw]],
    start: float,
    depth: float = 9,
) -> None:
    """Houses along one side of a street, far ones first. A block is (length, height, end-wall colour, painter).

    The painter receives a pen lying along the wall (u runs left to right as seen), its length and its height.
    """
    at, placed = start, []
    for length, height, end, draw in blocks:
        placed.append((at, length, height, end, draw))
        at += length
    face = side * x_face
    for z, length, height, end, draw in reversed(placed):
        far = z + length
        corners = [(face, 0.0, z), (face + side * depth, 0.0, z), (face + side * depth, height, z), (face, height, z)]
        cam.face(corners, shade(end, -0.12 if side < 0 else -0.3), z)
        pen = cam.wall(face, z, face, far) if side < 0 else cam.wall(face, far, face, z)
        draw(pen, length, height)
        if side > 0:
            pen.rect(0, 0, length, height, "#1a1c3a30")
