"""Scenes from South and South-East Asia."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Front, house, row, shop
from scenes.canvas import Camera, Canvas, Pen, shade
from scenes.landmarks import prang
from scenes.plants import palm
from scenes.signs import Row, board, plate, posts, street_plate
from scenes.stage import foreground_shade, wires
from scenes.vehicles import Plate, bicycle, car, person, tuktuk


def ayutthaya(cv: Canvas, take: int) -> None:
    """Brick prangs, a three-wheeler on the left of the road."""
    land.sky(cv, land.HOT, 310, sun=(600, 110))
    land.clouds(cv, 4, 30, 180)
    cam = Camera(cv, 306, haze="#efe2c2")
    land.grass(cam, "#93ae54", 110, keep_out=(-3.6, 3.6))
    for x, z, tall in ((-17, 52, 15), (-8, 58, 19), (6, 60, 14), (15, 50, 16)):
        prang(cam.at(x, z), tall)
    for x, z in ((-10, 24), (11, 27), (14, 22)):
        palm(cam.at(x, z), 7.5)
    land.road(cam, -3.4, 3.4, "#77746f", centre="#f0c02c", edge="#f4f4f0", dash=(2, 4), far=60)
    board(
        cam.at(4.9, 12.2),
        3.3,
        [
            Row("อยุธยา", 0.44, right="2", font="thai"),
            Row("AYUTTHAYA", 0.27),
            Row("อ่างทอง", 0.44, right="31", font="thai"),
            Row("ANG THONG", 0.27),
        ],
        "#14703f",
        "#ffffff",
        "#ffffff",
        clear=1.5,
    )
    temple = cam.at(-5.0, 12.2)
    posts(temple, [-0.9, 0.9], 2.0, "#7a4a2a")
    plate(
        temple,
        0,
        1.3,
        2.9,
        [Row("วัดราชบูรณะ", 0.38, centre=True, font="thai"), Row("Wat Ratchaburana", 0.22, centre=True)],
        "#6b4423",
        "#ffffff",
        "#f0d38a",
    )
    tuktuk(cam.at(-1.6, 8.6), "#2467b0", "#e3b534", Plate("12-0457", "#f3c43a"))
    car(cam.at(1.7, 20), "#d36b9d", Plate("2547", "#f6f6f2"), front=True, drive="right")
    foreground_shade(cv)


def hoian(cv: Canvas, take: int) -> None:
    """Yellow shop-houses and silk lanterns at dusk."""
    land.sky(cv, land.DUSK, 420)
    cam = Camera(cv, 420, focal=600, height=1.7)
    cv.gradient(420, cv.height, ("#8f7a66", "#6b594b"))

    def paint(pen: Pen, w: float, h: float) -> None:
        house(
            pen,
            w,
            h,
            Front(wall="#e2a83c", floors=2, bays=2, ground=3.2, frame="#5b3b28", shutters="#4a6b5a", lit=0.5),
            upper_only=True,
        )
        shop(pen, 0.3, w - 0.6, "", "#5b3b28", tall=2.9)
        pen.poly([(-0.2, h - 0.2), (w + 0.2, h - 0.2), (w, h + 0.9), (0, h + 0.9)], "#7d4a36")
        pen.poly([(-0.1, 3.0), (w + 0.1, 3.0), (w, 3.6), (0, 3.6)], "#8a523c")

    blocks = [(6.5, 6.6 + 0.5 * (i % 2), "#d99c34", paint) for i in range(7)]
    row(cam, -1, 4.0, blocks, 8)
    row(cam, 1, 4.0, blocks, 7)
    land.strip(cam, -3.4, 3.4, 1, 90, "#7d6d5f")
    wires(cv, [(0, 110, 540, 150), (30, 190, 520, 215), (110, 262, 440, 276)])
    tones = ("#d6453a", "#e8a531", "#3f8f7a", "#c24d86", "#5a6fc0", "#e36a34")
    for i, (x, y, r) in enumerate(
        (
            (60, 148, 30),
            (160, 172, 26),
            (268, 182, 28),
            (380, 176, 26),
            (480, 158, 30),
            (110, 238, 20),
            (220, 252, 18),
            (330, 252, 19),
            (440, 242, 20),
            (180, 296, 12),
            (270, 300, 12),
            (360, 298, 12),
        )
    ):
        tone = tones[i % 6]
        cv.glow(x, y, r * 2.6, tone, 0.45)
        cv.flat.disc(x, y, r, tone, r * 0.86)
        cv.flat.disc(x - r * 0.2, y, r * 0.45, shade(tone, 0.35), r * 0.84)
        cv.flat.rect(x - r * 0.35, y - r * 0.98, x + r * 0.35, y - r * 0.8, "#3a2a20")
        cv.flat.line([(x, y + r * 0.85), (x, y + r * 1.5)], 1.5, shade(tone, 0.2))
    _hoian_near(cv, cam)


def _hoian_near(cv: Canvas, cam: Camera) -> None:
    """The nearer half of the picture, drawn over the rest."""
    sign = cam.at(-2.0, 8.6)
    plate(sign, 0, 2.15, 3.0, [Row("PHỐ CỔ HỘI AN", 0.36, centre=True, font="serif")], "#7a2420", "#f7d987", "#f7d987")
    posts(sign, [-1.2, 1.2], 2.15, "#5b3b28")
    right = cam.at(2.5, 8.8)
    street_plate(
        right,
        0,
        2.5,
        2.1,
        [Row("Đường", 0.2, centre=True), Row("TRẦN PHÚ", 0.34, centre=True)],
        "#1d4a9a",
        "#ffffff",
        "#ffffff",
    )
    posts(right, [0], 2.5)
    cafe = cam.at(2.3, 12)
    plate(
        cafe,
        0,
        1.0,
        1.7,
        [Row("CÀ PHÊ", 0.34, centre=True), Row("BÁNH MÌ", 0.3, centre=True)],
        "#22302c",
        "#f6efdc",
        "#a9743f",
    )
    for x, z, coat in ((-1.2, 13, "#efe7da"), (0.7, 15, "#4a6b8f"), (1.3, 11.5, "#c44f63")):
        pen = cam.at(x, z)
        person(pen, coat, hair="#1b1a1c")
        if coat == "#efe7da":
            pen.poly([(-0.42, 1.6), (0.42, 1.6), (0, 1.95)], "#e0c27a")
    bicycle(cam.at(-2.3, 10.5), "#8f2f2a")
    foreground_shade(cv)


def tegallalang(cv: Canvas, take: int) -> None:
    """Rice terraces above Ubud."""
    land.sky(cv, land.SOFT, 210)
    land.clouds(cv, 3, 20, 100)
    land.peak(cv, 520, 96, 230, 240, "#8aa3b0", lean=0.1)
    land.ridge(cv, 210, 40, "#5f8a62", 5, 260)
    cam = Camera(cv, 190, focal=640, height=3)
    for x, z, t in ((-17, 38, 11), (-13, 34, 9), (13, 34, 11), (16, 38, 12), (9, 44, 9), (-7, 46, 9)):
        palm(cam.at(x, z, -1.4), t, lean=0.1 if x < 0 else -0.08)
    for i in range(9):
        base = 236 + i * 34
        crest = land.noise(cv.rng, 61, 3)
        tilt = 26 if i % 2 else -20
        edge = [(720 * k / 60, base - 24 * crest[k] + tilt * (k / 60 - 0.5)) for k in range(61)]
        tone = ("#7db04a", "#94c456", "#6ba348", "#a6cc62")[i % 4]
        cv.flat.poly([*edge, (720, 560), (0, 560)], "#4d6b33")
        lower = [(x, y + 7) for x, y in edge]
        cv.flat.poly([*lower, (720, 560), (0, 560)], tone)
        if i % 3 == 1:
            cv.flat.poly(
                [(x, y + 10) for x, y in edge[12:46]] + [(x, y + 20) for x, y in reversed(edge[12:46])], "#c9e2e4"
            )
        for k in range(2, 60, 2):
            x, y = edge[k]
            cv.flat.line([(x, y + 22), (x + 2, y + 14)], 1.4, shade(tone, -0.2))
    hut = cam.at(4.2, 19, -1.6)
    for x in (0.2, 2.6):
        hut.rect(x, 0, x + 0.14, 2, "#6b4a30")
    hut.rect(0, 0.8, 3, 0.95, "#8a6a44")
    hut.poly([(-0.6, 1.9), (3.6, 1.9), (2.3, 3.3), (0.7, 3.3)], "#7d6a48")
    pole = cv.flat
    pole.line([(70, 500), (76, 220), (100, 110), (150, 70), (178, 110)], 5, "#d9c06a")
    for x, y in ((88, 170), (120, 92), (164, 84), (178, 112)):
        pole.poly([(x - 6, y), (x + 6, y), (x, y + 34)], "#f0dc8a")
    sign = cam.at(-1.2, 7, -1.4)
    posts(sign, [-1.0, 1.0], 1.5, "#6b4a30")
    plate(
        sign,
        0,
        0.8,
        3.0,
        [
            Row("DESA TEGALLALANG", 0.3, centre=True),
            Row("Ubud", 0.3, right="9 km"),
            Row("Kintamani", 0.3, right="20 km"),
        ],
        "#14703f",
        "#ffffff",
        "#ffffff",
    )
    worker = cam.at(2.0, 11, -1.9)
    person(worker, "#b04a3c")
    worker.poly([(-0.4, 1.62), (0.4, 1.62), (0, 1.92)], "#d9b870")


def jaipur(cv: Canvas, take: int) -> None:
    """The pink city: jharokhas, an auto-rickshaw, a milestone."""
    land.sky(cv, land.GOLD, 470, sun=(450, 120))
    cam = Camera(cv, 450, focal=600, height=1.7)
    cv.gradient(450, cv.height, ("#c99f82", "#a8856d"))
    pink = "#d9806a"
    palace = cam.at(-7.5, 17)
    palace.rect(0, 0, 11.4, 9.5, pink)
    for level in range(4):
        half = 5.7 - 0.9 * max(0, level - 1)
        y = 3.4 + 2.5 * level
        palace.rect(5.7 - half, y, 5.7 + half, y + 2.5, shade(pink, -0.05 * (level % 2)))
        count = 6 - max(0, level - 1)
        for i in range(count):
            x = 5.7 - half + 2 * half * (i + 0.5) / count
            palace.rect(x - 0.62, y + 0.2, x + 0.62, y + 1.7, shade(pink, 0.14))
            palace.disc(x, y + 1.75, 0.68, shade(pink, 0.1), 0.5)
            palace.rect(x - 0.3, y + 0.35, x + 0.3, y + 1.35, "#7a3d34")
            palace.disc(x, y + 1.35, 0.3, "#7a3d34", 0.26)
            palace.rect(x - 0.7, y + 0.12, x + 0.7, y + 0.24, "#f6e3d2")
            palace.rect(x - 0.03, y + 2.2, x + 0.03, y + 2.7, "#f0c95a")
    palace.rect(0, 3.2, 11.4, 3.45, "#f6e3d2")
    shop(palace, 0.4, 4.9, "जयपुर चाय", "#2f6b5a", "#fff3d0", "devanagari", ("#e8a53a", "#f6ead2"), tall=3.1, size=0.6)
    shop(palace, 5.7, 5.2, "BAPU BAZAR", "#8a2f4a", "#fff3d0", tall=3.1)
    land.road(cam, -5.5, 5.5, "#76706c", centre="#f4f4f0", far=14)
    land.strip(cam, -30, 30, 14, 17, "#b99579")
    stone = cam.at(2.7, 9)
    stone.shadow(0, 0, 0.8, 0.1)
    stone.rect(-0.62, 0, 0.62, 1.3, "#f7f4ea")
    stone.disc(0, 1.3, 0.62, "#f2c12e", 0.55)
    stone.rect(-0.62, 1.05, 0.62, 1.32, "#f2c12e")
    stone.text(0, 0.8, "आमेर", 0.38, "#15181d", "devanagari")
    stone.text(0, 0.34, "11 km", 0.3, "#15181d")
    name = cam.at(-2.6, 9.4)
    posts(name, [-0.8, 0.8], 2.5)
    plate(
        name,
        0,
        1.5,
        2.7,
        [Row("जयपुर", 0.46, centre=True, font="devanagari"), Row("JAIPUR", 0.36, centre=True)],
        "#14703f",
        "#ffffff",
        "#ffffff",
    )
    tuktuk(cam.at(-0.9, 8.0), "#2f8f4a", "#e9c02f", Plate("RJ14 PC 4821", "#f3c43a"))
    for x, z, coat in ((1.6, 14, "#c93f6b"), (2.3, 14.4, "#e8892f"), (-4.4, 13, "#f4f1ea")):
        person(cam.at(x, z), coat, hair="#1b1a1c", skin="#a8744f")
    foreground_shade(cv)
