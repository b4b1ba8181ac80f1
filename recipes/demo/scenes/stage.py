"""Two stages that many scenes share: a street that runs away from the viewer, and one seen across the road."""

from __future__ import annotations

from scenes.canvas import Camera, Canvas, Pen, shade
from scenes.land import strip


def across(
    cv: Canvas, horizon: float, paving: str, tarmac: str, line: str, wall_z: float = 13, kerb_z: float = 9.6
) -> Camera:
    """The far pavement, the kerb and the carriageway of a street that crosses the picture; houses stand at `wall_z`."""
    cam = Camera(cv, horizon, focal=640, height=1.75)
    cv.gradient(horizon, cv.height, (shade(paving, -0.1), paving))
    for i in range(9):
        z = kerb_z + (wall_z - kerb_z) * i / 9
        strip(cam, -40, 40, z, z + 0.03, shade(paving, -0.16))
    for i in range(-16, 17):
        cam.ground(
            [(i * 1.3, kerb_z), (i * 1.3 + 0.03, kerb_z), (i * 1.3 + 0.03, wall_z), (i * 1.3, wall_z)],
            shade(paving, -0.13),
        )
    strip(cam, -60, 60, 1.2, kerb_z, tarmac)
    cam.face([(-60, 0.14, kerb_z), (60, 0.14, kerb_z), (60, 0, kerb_z), (-60, 0, kerb_z)], shade(paving, -0.3))
    strip(cam, -60, 60, kerb_z - 0.5, kerb_z - 0.02, "#1414281e")
    if line:
        for i in range(-7, 8):
            strip(cam, i * 3.6, i * 3.6 + 2.1, 5.55, 5.75, line)
    strip(cam, -60, 60, wall_z - 0.8, wall_z, "#14142826")
    return cam


def on_wall(cam: Camera, x: float, z: float) -> Pen:
    """A pen whose origin is the foot of a wall seen face-on."""
    return cam.at(x, z)


def wires(cv: Canvas, lines: list[tuple[float, float, float, float]], color: str = "#3a3d44") -> None:
    """Sagging overhead wires between picture points (x0, y0, x1, y1)."""
    for x0, y0, x1, y1 in lines:
        sag = abs(x1 - x0) * 0.06
        points = []
        for i in range(13):
            t = i / 12
            points.append((x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + sag * 4 * t * (1 - t)))
        cv.flat.line(points, 1.0, color)


def street_light(pen: Pen, tall: float = 7, side: int = 1) -> None:
    """A lamp post leaning over the road."""
    pen.shadow(0.2, 0, 0.4, 0.05)
    pen.rect(-0.08, 0, 0.08, tall, "#5e646c")
    pen.line([(0, tall), (side * 0.6, tall + 0.4), (side * 1.6, tall + 0.45)], 0.1, "#5e646c")
    pen.rect(side * 1.3 - 0.35, tall + 0.3, side * 1.3 + 0.35, tall + 0.44, "#c9ced3")


def utility_pole(pen: Pen, tall: float = 8) -> None:
    """A wooden pole with a cross-arm, insulators and a transformer."""
    pen.shadow(0.2, 0, 0.4, 0.05)
    pen.rect(-0.12, 0, 0.12, tall, "#7a6450")
    pen.rect(-0.12, 0, -0.04, tall, "#927a62")
    for y in (tall - 0.5, tall - 1.1):
        pen.rect(-1.1, y, 1.1, y + 0.14, "#6a5644")
        for x in (-1.0, -0.5, 0.5, 1.0):
            pen.rect(x - 0.05, y + 0.14, x + 0.05, y + 0.34, "#cfd6d4")
    pen.rect(0.12, tall - 2.6, 0.6, tall - 1.6, "#8f979c", 0.08)


def foreground_shade(cv: Canvas, strength: int = 60) -> None:
    """A soft darkening along the lower edge that settles the picture."""
    for i in range(12):
        y = cv.height * (1 - 0.012 * (12 - i))
        cv.flat.rect(0, y, cv.width, cv.height, f"#10122a{round(strength / 12):02x}")
