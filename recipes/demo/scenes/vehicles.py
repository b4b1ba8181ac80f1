"""Cars, buses, trams, three-wheelers and boats, in metres, standing at the origin of a pen."""

from __future__ import annotations

from dataclasses import dataclass

from scenes.canvas import Pen, mix, shade

GLASS = "#2c3a47"
TYRE = "#22242a"


@dataclass(frozen=True)
class Plate:
    """A number plate: text, colours, and a coloured band at the left, right or top with its letters."""

    text: str
    back: str = "#f6f6f2"
    ink: str = "#15181d"
    band: str = ""
    letters: str = ""
    at: str = "left"
    square: bool = False
    font: str = "bold"


def number_plate(pen: Pen, x: float, y: float, plate: Plate, w: float = 0.66) -> None:
    """Draw a plate, a little larger than life so that it can be read."""
    h = w * (0.52 if plate.square else 0.23)
    pen.rect(x - w / 2 - 0.015, y - h / 2 - 0.015, x + w / 2 + 0.015, y + h / 2 + 0.015, "#15181d", 0.02)
    pen.rect(x - w / 2, y - h / 2, x + w / 2, y + h / 2, plate.back, 0.015)
    left, right, top = x - w / 2, x + w / 2, y + h / 2
    if plate.band and plate.at == "top":
        cut = h * 0.3
        pen.rect(left, top - cut, right, top, plate.band)
        pen.text(x, top - cut / 2, plate.letters, cut * 0.85, "#ffffff", fit=w * 0.9)
        top -= cut
    elif plate.band:
        cut = w * 0.1
        edge = left if plate.at == "left" else right - cut
        pen.rect(edge, y - h / 2, edge + cut, y + h / 2, plate.band)
        pen.text(edge + cut / 2, y - h * 0.22, plate.letters, h * 0.42, "#ffffff", fit=cut * 0.9)
        left, right = (left + cut, right) if plate.at == "left" else (left, right - cut)
    pen.text(
        (left + right) / 2,
        (y - h / 2 + top) / 2,
        plate.text,
        (top - y + h / 2) * 0.82,
        plate.ink,
        plate.font,
        fit=(right - left) * 0.92,
    )


def car(pen: Pen, color: str, plate: Plate, front: bool = False, tall: float = 1.5, drive: str = "left") -> None:
    """A car from behind or in front, 1.8 m wide; `drive` is the driver's side of an oncoming car."""
    pen.shadow(0, 0.04, 1.15, 0.16, 0.5)
    for side in (-1, 1):
        pen.rect(side * 0.86 - 0.13, 0, side * 0.86 + 0.13, 0.42, TYRE, 0.05)
    deck = tall * 0.58
    roof = [(-0.66, tall), (0.66, tall), (0.84, deck), (-0.84, deck)]
    pen.poly(roof, color)
    pen.rect(-0.6, tall - 0.06, 0.6, tall + 0.03, color, 0.04)
    pen.poly([(-0.58, tall - 0.08), (0.58, tall - 0.08), (0.73, deck + 0.02), (-0.73, deck + 0.02)], GLASS)
    pen.poly([(-0.55, tall - 0.1), (-0.2, tall - 0.1), (-0.42, deck + 0.04), (-0.7, deck + 0.04)], "#8fa9bc70")
    pen.rect(-0.92, 0.24, 0.92, deck + 0.04, color, 0.14)
    pen.rect(-0.92, 0.24, 0.92, 0.44, shade(color, -0.3), 0.08)
    pen.rect(-0.84, deck - 0.08, 0.84, deck - 0.02, shade(color, 0.25), 0.03)
    lamp = "#fdf6d8" if front else "#d2222d"
    for side in (-1, 1):
        inner, outer = sorted((side * 0.5, side * 0.88))
        pen.rect(
            inner if front else (inner if side < 0 else outer - 0.26),
            deck - 0.3,
            (inner + 0.26) if (not front and side < 0) else outer,
            deck - 0.12,
            lamp,
            0.05,
        )
        pen.disc(side * 0.95, deck + 0.1, 0.12, shade(color, -0.15), 0.08)
    if front:
        pen.rect(-0.42, 0.5, 0.42, deck - 0.12, "#23262d", 0.05)
        head = -0.32 if drive == "right" else 0.32
        pen.disc(head, deck + 0.24, 0.12, "#11161c")
        pen.rect(head - 0.2, deck + 0.03, head + 0.2, deck + 0.14, "#11161c", 0.05)
    number_plate(pen, 0, 0.4 if front else 0.52, plate, 0.62)


def car_side(pen: Pen, color: str, right: bool = True, tall: float = 1.45, taxi: str = "") -> None:
    """A car seen from the side, heading right or left."""
    pen.shadow(0, 0.02, 2.5, 0.16, 0.5)
    p = pen.moved(0, 0, 1, flip=not right)
    body = [
        (-2.1, 0.3),
        (2.12, 0.3),
        (2.15, 0.66),
        (1.9, 0.82),
        (1.1, 0.93),
        (0.5, tall),
        (-1.05, tall),
        (-1.75, 0.98),
        (-2.1, 0.92),
    ]
    p.poly(body, color)
    p.poly([(0.9, 0.93), (0.42, tall - 0.1), (-0.2, tall - 0.1), (-0.2, 0.93)], GLASS)
    p.poly([(-0.3, 0.93), (-0.3, tall - 0.1), (-0.98, tall - 0.1), (-1.5, 0.95)], GLASS)
    p.poly([(-2.1, 0.3), (2.12, 0.3), (2.14, 0.46), (-2.1, 0.46)], shade(color, -0.3))
    p.line([(-0.25, 0.4), (-0.25, 0.93)], 0.03, shade(color, -0.25))
    p.rect(1.86, 0.62, 2.12, 0.76, "#fdf3c8")
    p.rect(-2.12, 0.66, -1.9, 0.86, "#cf2731")
    if taxi:
        pen.rect(-0.55, tall, 0.15, tall + 0.26, "#fff7d0", 0.05)
        pen.text(-0.2, tall + 0.13, taxi, 0.2, "#15181d", fit=0.6)
    for x in (-1.3, 1.32):
        p.disc(x, 0.34, 0.36, TYRE)
        p.disc(x, 0.34, 0.2, "#b9bdc2")
        p.disc(x, 0.34, 0.07, "#5a5e63")


def bus(
    pen: Pen,
    color: str,
    board: str,
    plate: Plate,
    accent: str = "#f4f4f0",
    font: str = "bold",
    ink: str = "#ffb52e",
    tall: float = 3.0,
    front: bool = True,
) -> None:
    """A bus or minibus from the front (destination board lit) or from behind."""
    pen.shadow(0, 0.03, 1.55, 0.18, 0.5)
    for side in (-1, 1):
        pen.rect(side * 1.02 - 0.16, 0, side * 1.02 + 0.16, 0.5, TYRE, 0.05)
    pen.rect(-1.27, 0.3, 1.27, tall, color, 0.16)
    pen.rect(-1.27, 0.3, 1.27, tall * 0.36, accent, 0.1)
    pen.rect(-1.14, tall * 0.42, 1.14, tall * 0.78, GLASS, 0.08)
    pen.poly([(-1.1, tall * 0.77), (-0.5, tall * 0.77), (-0.85, tall * 0.43), (-1.1, tall * 0.43)], "#9fb6c670")
    pen.rect(-1.1, tall * 0.81, 1.1, tall * 0.96, "#15181d", 0.04)
    pen.text(0, tall * 0.885, board, tall * 0.12, ink, font, fit=2.05)
    for side in (-1, 1):
        pen.rect(side * 1.0 - 0.17, 0.62, side * 1.0 + 0.17, 0.8, "#fdf3c8" if front else "#cf2731", 0.05)
        pen.rect(side * 1.38 - 0.07, tall * 0.5, side * 1.38 + 0.07, tall * 0.68, "#20232a", 0.03)
    if front:
        pen.line([(-0.6, tall * 0.43), (-0.05, tall * 0.6)], 0.03, "#11141a")
        pen.line([(0.55, tall * 0.43), (1.0, tall * 0.6)], 0.03, "#11141a")
    number_plate(pen, 0, 0.48, plate, 0.62)


def tram(pen: Pen, color: str, cream: str, board: str, number: str, font: str = "bold", narrow: bool = False) -> None:
    """A tram car from the front; `narrow` gives the small two-axle car of Lisbon."""
    half, tall = (1.1, 3.1) if narrow else (1.2, 3.3)
    pen.shadow(0, 0.02, half * 1.3, 0.2, 0.55)
    pen.rect(-half * 0.9, 0.12, half * 0.9, 0.5, "#2b2d33", 0.05)
    pen.poly([(-half, 0.4), (half, 0.4), (half * 0.96, tall), (-half * 0.96, tall)], color)
    pen.rect(-half * 0.97, 1.35, half * 0.97, tall - 0.12, cream, 0.1)
    pen.rect(-half * 0.9, tall - 0.08, half * 0.9, tall + 0.12, shade(color, -0.35), 0.08)
    panes = ((-0.92, -0.36), (-0.3, 0.3), (0.36, 0.92))
    for a, b in panes:
        pen.rect(a * half, 1.5, b * half, 2.45, GLASS, 0.05)
        pen.poly(
            [(a * half + 0.05, 2.4), (a * half + 0.25, 2.4), (a * half + 0.1, 1.55), (a * half + 0.05, 1.55)],
            "#a8bdca80",
        )
    pen.rect(-half * 0.8, 2.52, half * 0.8, 2.92, "#15181d", 0.04)
    pen.text(-half * 0.62, 2.72, number, 0.32, "#ffc94a", fit=half * 0.3)
    pen.text(half * 0.14, 2.72, board, 0.27, "#ffffff", font, fit=half * 1.15)
    pen.disc(0, 0.95, 0.19, "#fdf3c8")
    pen.disc(0, 0.95, 0.13, "#ffffff")
    pen.rect(-half, 1.2, half, 1.3, shade(color, -0.2))
    pen.line([(0, tall + 0.1), (-0.5, tall + 0.7), (0.35, tall + 1.15)], 0.05, "#33373d")


def tuktuk(pen: Pen, body: str, roof: str, plate: Plate) -> None:
    """A three-wheeler from behind."""
    pen.shadow(0, 0.03, 0.9, 0.12, 0.5)
    for side in (-1, 1):
        pen.rect(side * 0.5 - 0.09, 0, side * 0.5 + 0.09, 0.42, TYRE, 0.04)
    pen.rect(-0.64, 0.28, 0.64, 1.0, body, 0.1)
    pen.rect(-0.58, 1.0, 0.58, 1.62, "#39434d")
    pen.poly([(-0.7, 1.58), (0.7, 1.58), (0.58, 1.88), (-0.58, 1.88)], roof)
    for side in (-1, 1):
        pen.rect(side * 0.6 - 0.05, 0.95, side * 0.6 + 0.05, 1.62, shade(body, -0.25))
        pen.rect(side * 0.5 - 0.09, 0.66, side * 0.5 + 0.09, 0.86, "#d2222d", 0.03)
    number_plate(pen, 0, 0.52, plate, 0.5)


def bicycle(pen: Pen, color: str = "#2c2f36") -> None:
    """A parked upright bicycle."""
    for x in (-0.52, 0.52):
        pen.disc(x, 0.34, 0.34, "#2a2c31")
        pen.disc(x, 0.34, 0.29, mix("#b8b4aa", "#ffffff", 0.2))
        pen.line([(x - 0.2, 0.14), (x + 0.2, 0.54)], 0.012, "#555555")
        pen.line([(x - 0.2, 0.54), (x + 0.2, 0.14)], 0.012, "#555555")
    pen.line([(-0.52, 0.34), (-0.22, 0.8), (0.38, 0.86), (-0.05, 0.32), (-0.22, 0.8)], 0.05, color)
    pen.line([(-0.52, 0.34), (-0.05, 0.32)], 0.05, color)
    pen.line([(0.52, 0.34), (0.36, 1.02), (0.2, 1.08)], 0.05, color)
    pen.rect(-0.36, 0.86, -0.1, 0.93, "#4a2f22")


def boat(pen: Pen, hull: str, cabin: str = "#f5f3ec", trim: str = "#d6d3c7") -> None:
    """A small fishing boat seen from the side."""
    pen.disc(0, -0.12, 3.1, "#10203030", 0.28)
    pen.poly([(-2.7, 0.9), (3.0, 1.2), (2.3, 0), (-2.3, 0)], hull)
    pen.poly([(-2.7, 0.9), (3.0, 1.2), (2.9, 1.02), (-2.64, 0.74)], trim)
    pen.rect(-1.7, 0.9, 0.1, 2.1, cabin, 0.06)
    pen.rect(-1.5, 1.4, -0.9, 1.85, GLASS)
    pen.rect(-0.7, 1.4, -0.1, 1.85, GLASS)
    pen.rect(-1.85, 2.1, 0.25, 2.25, shade(hull, -0.2))
    pen.line([(0.7, 1.0), (0.7, 3.6)], 0.06, "#7a6a55")
    pen.line([(0.7, 3.5), (2.9, 1.25)], 0.025, "#555555")


def person(
    pen: Pen, coat: str, legs: str = "#2f3642", hair: str = "#3a2d25", tall: float = 1.72, skin: str = "#d9a883"
) -> None:
    """A passer-by, standing."""
    k = tall / 1.72
    pen.shadow(0.1, 0.0, 0.36, 0.06, 0.4)
    for side in (-1, 1):
        pen.rect(side * 0.1 * k - 0.08 * k, 0, side * 0.1 * k + 0.08 * k, 0.82 * k, legs, 0.03)
    pen.rect(-0.23 * k, 0.72 * k, 0.23 * k, 1.42 * k, coat, 0.1 * k)
    for side in (-1, 1):
        pen.rect(
            side * 0.27 * k - 0.06 * k, 0.8 * k, side * 0.27 * k + 0.06 * k, 1.38 * k, shade(coat, -0.18), 0.05 * k
        )
    pen.disc(0, 1.56 * k, 0.125 * k, skin, 0.15 * k)
    pen.disc(0, 1.63 * k, 0.135 * k, hair, 0.1 * k)
