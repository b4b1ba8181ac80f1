"""Road signs, name plates and shields, in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scenes.canvas import Pen, shade


@dataclass(frozen=True)
class Row:
    """One line of a sign; `right` is set flush right (a distance), `tag` is a small coloured route number."""

    text: str
    size: float = 0.3
    right: str = ""
    color: str = ""
    font: str = "bold"
    centre: bool = False
    tag: str = ""
    tag_colors: tuple[str, str] = ("#2e6b3c", "#ffffff")


def plate(
    pen: Pen,
    x: float,
    y: float,
    w: float,
    rows: Sequence[Row],
    back: str,
    ink: str,
    border: str = "",
    radius: float = 0.06,
) -> float:
    """A sign face centred on x with its lower edge at y; gives back the height of its top."""
    pad = 0.13 * max(r.size for r in rows) / 0.3
    tall = sum(r.size * 1.22 for r in rows) + pad * 1.5
    pen.rect(x - w / 2 + 0.05, y - 0.05, x + w / 2 + 0.05, y + tall - 0.05, "#10142340", radius)
    pen.rect(x - w / 2, y, x + w / 2, y + tall, back, radius)
    if border:
        edge = min(0.07, 0.05 * tall + 0.02)
        pen.rect(
            x - w / 2 + edge * 0.6, y + edge * 0.6, x + w / 2 - edge * 0.6, y + tall - edge * 0.6, border, radius * 0.8
        )
        inner = edge * 1.25
        pen.rect(x - w / 2 + inner, y + inner, x + w / 2 - inner, y + tall - inner, back, radius * 0.6)
    at = y + tall - pad * 0.75
    for row in rows:
        middle = at - row.size * 0.61
        _row(pen, x, middle, w - 2 * pad, row, row.color or ink)
        at -= row.size * 1.22
    return y + tall


def _row(pen: Pen, x: float, y: float, w: float, row: Row, ink: str) -> None:
    if row.centre:
        pen.text(x, y, row.text, row.size, ink, row.font, "mm", fit=w)
        return
    left = x - w / 2
    if row.tag:
        tag_w = row.size * (0.5 + 0.52 * len(row.tag))
        pen.rect(left, y - row.size * 0.46, left + tag_w, y + row.size * 0.46, row.tag_colors[0], row.size * 0.12)
        pen.text(left + tag_w / 2, y, row.tag, row.size * 0.75, row.tag_colors[1], "bold", "mm")
        left += tag_w + row.size * 0.35
    right_w = row.size * 0.75 * len(row.right)
    pen.text(left, y, row.text, row.size, ink, row.font, "lm", fit=x + w / 2 - left - right_w)
    if row.right:
        pen.text(x + w / 2, y, row.right, row.size, ink, "bold", "rm")


def posts(pen: Pen, xs: Sequence[float], tall: float, color: str = "#8d9196", thick: float = 0.09) -> None:
    """Sign posts with a lit edge."""
    for x in xs:
        pen.shadow(x + 0.2, 0.0, 0.35, 0.05)
        pen.rect(x - thick / 2, 0, x + thick / 2, tall, shade(color, -0.12))
        pen.rect(x - thick / 2, 0, x - thick / 6, tall, shade(color, 0.2))


def board(
    pen: Pen,
    w: float,
    rows: Sequence[Row],
    back: str,
    ink: str,
    border: str = "",
    clear: float = 1.7,
    post: str = "#8d9196",
    radius: float = 0.08,
) -> float:
    """A sign on two posts (one when narrow); gives back the height of its top."""
    xs = (-w * 0.32, w * 0.32) if w > 1.3 else (0.0,)
    posts(pen, xs, clear + 0.4, post)
    return plate(pen, 0, clear, w, rows, back, ink, border, radius)


def arrow_board(
    pen: Pen, y: float, w: float, row: Row, back: str, ink: str, right: bool = True, border: str = ""
) -> None:
    """A finger post: a plate with one pointed end."""
    tall = row.size * 1.7
    tip = tall * 0.45
    side = 1 if right else -1

    def shape(grow: float) -> list[tuple[float, float]]:
        half, high = w / 2 - grow, tall / 2 - grow
        return [
            (-half * side, y - high),
            ((half - tip) * side, y - high),
            (half * side, y),
            ((half - tip) * side, y + high),
            (-half * side, y + high),
        ]

    pen.poly(shape(0), border or ink)
    pen.poly(shape(0.035), back)
    _row(pen, -side * tip * 0.35, y, w - tip - 0.3, row, ink)


def disc_sign(pen: Pen, y: float, r: float, back: str, ring: str, text: str = "", ink: str = "#111111") -> None:
    """A round regulatory sign."""
    pen.disc(0, y, r, ring)
    pen.disc(0, y, r * 0.78, back)
    if text:
        pen.text(0, y, text, r * 0.95, ink)


def diamond(pen: Pen, y: float, r: float, back: str = "#f6c518", edge: str = "#1a1a1a") -> None:
    """An American or Australian warning diamond, without its pictogram."""
    pen.poly([(0, y - r), (r, y), (0, y + r), (-r, y)], edge)
    pen.poly([(0, y - r * 0.92), (r * 0.92, y), (0, y + r * 0.92), (-r * 0.92, y)], back)


def us_shield(pen: Pen, x: float, y: float, size: float, number: str, interstate: bool = False) -> None:
    """A US highway or Interstate shield, `size` metres wide."""
    h = size / 2
    outline = [
        (-h, h * 0.75),
        (-h * 0.55, h),
        (0, h * 0.82),
        (h * 0.55, h),
        (h, h * 0.75),
        (h * 0.95, 0),
        (h * 0.6, -h * 0.7),
        (0, -h),
        (-h * 0.6, -h * 0.7),
        (-h * 0.95, 0),
    ]
    pen.poly([(x + a * 1.14, y + b * 1.14) for a, b in outline], "#ffffff" if interstate else "#15181d")
    pen.poly([(x + a, y + b) for a, b in outline], "#22498f" if interstate else "#ffffff")
    if interstate:
        pen.rect(x - h * 0.92, y + h * 0.34, x + h * 0.92, y + h * 0.75, "#b5303a")
        pen.text(x, y - h * 0.2, number, size * 0.52, "#ffffff")
    else:
        pen.text(x, y, number, size * 0.56, "#15181d", fit=size * 0.8)


def street_plate(
    pen: Pen, x: float, y: float, w: float, rows: Sequence[Row], back: str, ink: str, border: str = ""
) -> None:
    """An enamel street-name plate on a wall, with its four screws."""
    top = plate(pen, x, y, w, rows, back, ink, border, 0.03)
    for sx in (x - w / 2 + 0.05, x + w / 2 - 0.05):
        for sy in (y + 0.05, top - 0.05):
            pen.disc(sx, sy, 0.014, "#d8d8d8")
