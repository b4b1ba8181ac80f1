"""Scenes from Latin America and Australia."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Front, house, shop, window
from scenes.canvas import Camera, Canvas, Pen, shade
from scenes.plants import eucalyptus, palm, vine_pot
from scenes.signs import Row, board, diamond, plate, posts, street_plate
from scenes.stage import across, foreground_shade
from scenes.vehicles import Plate, car, car_side, person


def guanajuato(cv: Canvas, take: int) -> None:
    """Painted houses climbing a hill, an alley with a tortilla shop."""
    land.sky(cv, land.DAY, 380, sun=(430, 80))
    land.ridge(cv, 250, 90, "#9a9a72", 3, 420)
    tones = ("#d95f4b", "#e9a63a", "#4f9aa8", "#d98fb0", "#7fae62", "#f0d27a", "#b56fa0", "#e0805a", "#5f7fb8")
    for level in range(7):
        y = 236 + 30 * level
        x = -30.0 + (level % 2) * 22
        i = level
        while x < cv.width:
            w, h = 34 + cv.rng.uniform(0, 20), 34 + cv.rng.uniform(0, 18)
            tone = tones[(i * 4 + level) % 9]
            cv.flat.rect(x, y - h, x + w, y + 30, tone)
            cv.flat.rect(x + w * 0.75, y - h, x + w, y + 30, shade(tone, -0.14))
            for k in (0.16, 0.48):
                cv.flat.rect(x + w * k, y - h * 0.7, x + w * k + 7, y - h * 0.7 + 10, "#4b4a56")
            x += w
            i += 1
    basilica = Pen(cv, lambda u, v: (385 + u * 6, 330 - v * 6), 6)
    basilica.rect(-9, 0, 9, 12, "#f0c552")
    basilica.rect(-9, 0, -5.5, 20, "#e9b83f")
    basilica.poly([(-9, 20), (-5.5, 20), (-7.2, 25)], "#c9503f")
    basilica.disc(2, 12, 5.5, "#c9503f", 6)
    for x in (-3, 1, 5):
        window(basilica, x, 4, 1.4, 3.4, Front(frame="#fff3d0", arched=True))
    cam = Camera(cv, 440, focal=600, height=1.7)
    cv.gradient(430, cv.height, ("#b8a58c", "#937f68"))
    left = cam.at(-5.6, 12)
    house(
        left,
        4.4,
        8.6,
        Front(wall="#d95f4b", floors=3, bays=2, ground=3.4, balcony="#2b2b2e", trim="#f4e3c8"),
        upper_only=True,
    )
    shop(left, 0.3, 3.9, "TORTILLERÍA", "#1f6b6b", "#fff3d0", tall=3.2)
    _guanajuato_near(cv, cam)


def _guanajuato_near(cv: Canvas, cam: Camera) -> None:
    """The nearer half of the picture, drawn over the rest."""
    right = cam.at(1.5, 11)
    house(
        right,
        4.4,
        9.5,
        Front(wall="#e9a63a", floors=3, bays=2, ground=3.4, balcony="#2b2b2e", trim="#f4e3c8", shutters="#2f6b57"),
    )
    street_plate(
        right,
        1.7,
        2.75,
        2.7,
        [Row("CALLEJÓN DEL BESO", 0.24, centre=True), Row("Guanajuato, Gto.", 0.2, centre=True)],
        "#f4efe0",
        "#1d4a86",
        "#1d4a86",
    )
    land.cobbles(cam, -1.6, 1.9, "#a8957c", far=14)
    car(
        cam.at(0.25, 11.5),
        "#f2f2ee",
        Plate("GTN-482-C", "#f6f6f2", "#1f6b45", band="#b5304a", letters="GUANAJUATO", at="top", square=True),
    )
    for i in range(9):
        x = i * 62
        cv.flat.poly(
            [(x + 6, 150 + (i % 3) * 3), (x + 50, 150 + (i % 2) * 4), (x + 46, 184), (x + 28, 176), (x + 10, 184)],
            ("#e0518b", "#f0c02c", "#3f9a8f", "#d9503f", "#7a5fb0")[i % 5],
        )
    cv.flat.line([(0, 148), (540, 152)], 1.4, "#4a4a4a")
    person(cam.at(-1.9, 12), "#f4f1ea", "#4a3f5f", hair="#1b1a1c")
    vine_pot(cam.at(1.2, 9.4), "#e0518b")
    foreground_shade(cv)


def lima(cv: Canvas, take: int) -> None:
    """Central Lima under its grey sky, with a Chinese-Peruvian restaurant."""
    land.sky(cv, ("#b4bbc0", "#ccd0d1", "#dcdcd8"), 330)
    cam = across(cv, 316, "#b5afa6", "#6a6b70", "#f0c02c")
    left = cam.at(-9.6, 13)
    house(left, 5.6, 8.8, Front(wall="#d9b04c", floors=2, bays=3, ground=3.6, trim="#f4ecd8"), upper_only=True)
    for x in (1.0,):
        left.rect(x, 3.9, x + 3.4, 7.6, "#5d3a26")
        left.rect(x - 0.15, 3.7, x + 3.55, 3.95, "#472b1c")
        left.poly([(x - 0.15, 7.6), (x + 3.55, 7.6), (x + 3.2, 8.2), (x + 0.2, 8.2)], "#472b1c")
        for i in range(5):
            for y in (5.6, 4.2):
                left.rect(x + 0.15 + 0.65 * i, y, x + 0.68 + 0.65 * i, y + (1.7 if y > 5 else 1.1), "#7d5236")
    shop(left, 2.4, 3.0, "BOTICA", "#1d6b9a", "#ffffff", tall=3.2)
    middle = cam.at(-3.9, 13)
    house(
        middle,
        7.6,
        9.4,
        Front(wall="#c8604f", floors=2, bays=4, ground=3.6, trim="#f4ecd8", arched=True),
        upper_only=True,
    )
    shop(middle, 0.2, 7.2, "", "#a3201f", tall=3.4, size=0.5)
    middle.text(2.5, 2.99, "CHIFA PALACIO", 0.56, "#f8dc7a")
    middle.text(5.9, 2.99, "中華飯店", 0.58, "#f8dc7a", "taiwan")
    for x in (0.9, 3.0, 5.0, 6.8):
        middle.disc(x, 2.05, 0.24, "#d6352b", 0.3)
        middle.rect(x - 0.02, 2.34, x + 0.02, 2.62, "#f8dc7a")
    right = cam.at(3.7, 13)
    house(
        right,
        6,
        8.4,
        Front(wall="#8fb0c4", floors=2, bays=3, ground=3.6, trim="#f4ecd8", balcony="#3a3a3e"),
        upper_only=True,
    )
    shop(right, 0.3, 3.3, "POLLERÍA", "#d9822b", "#ffffff", tall=3.2)
    street_plate(
        middle,
        3.8,
        3.75,
        2.7,
        [Row("JIRÓN UCAYALI", 0.3, centre=True), Row("CERCADO DE LIMA", 0.18, centre=True)],
        "#1f5a3f",
        "#ffffff",
        "#ffffff",
    )
    _lima_near(cv, cam)


def _lima_near(cv: Canvas, cam: Camera) -> None:
    """The nearer half of the picture, drawn over the rest."""
    stop = cam.at(4.5, 10)
    posts(stop, [0], 2.1)
    plate(
        stop,
        0,
        1.3,
        1.9,
        [Row("PARADERO", 0.24, centre=True), Row("LIMA – CALLAO", 0.2, centre=True)],
        "#1d4fa3",
        "#ffffff",
        "#ffffff",
    )
    car_side(cam.at(-1.2, 7.8), "#efc331", right=True, taxi="TAXI")
    for x, coat in ((-5.2, "#4b5a7a"), (2.6, "#a34c6b"), (3.3, "#5f7a4f")):
        person(cam.at(x, 10.6, 0.14), coat, hair="#1b1a1c", skin="#b98660")
    foreground_shade(cv)


def rio(cv: Canvas, take: int) -> None:
    """Wave paving, a coconut kiosk, the Sugarloaf across the bay."""
    land.sky(cv, land.DAY, 300, sun=(130, 80))
    land.clouds(cv, 3, 40, 140)
    land.ridge(cv, 282, 40, "#86a3ac", 3, 300)
    cv.flat.poly(
        [(452, 292), (470, 220), (492, 150), (522, 118), (556, 124), (584, 168), (604, 230), (622, 292)], "#5f7d72"
    )
    cv.flat.poly([(540, 120), (556, 124), (584, 168), (604, 230), (622, 292), (560, 292), (566, 200)], "#4a665f")
    cv.flat.poly([(330, 292), (360, 246), (400, 228), (450, 250), (480, 292)], "#6c8a70")
    cv.flat.line([(406, 230), (528, 120)], 0.8, "#2a2d33")
    land.sea(cv, 288, 356, "#4fa3bf", "#3f8fae")
    cv.flat.poly([(0, 350), (720, 336), (720, 420), (0, 420)], "#ead9ac")
    cv.flat.poly([(0, 346), (720, 332), (720, 338), (0, 352)], "#f8fbfa")
    cam = Camera(cv, 296, focal=640, height=1.8)
    for x, tone in ((-9, "#d9433f"), (-5.5, "#f0c02c"), (-1.0, "#2f7fc0"), (3, "#3f9a5f")):
        pen = cam.at(x, 17)
        pen.rect(-0.03, 0, 0.03, 1.9, "#f4f4f0")
        pen.poly([(-1.3, 1.7), (1.3, 1.7), (0.6, 2.25), (0, 2.4), (-0.6, 2.25)], tone)
        pen.poly([(-0.4, 1.7), (0.4, 1.7), (0.1, 2.38), (-0.1, 2.38)], "#f8f4ea")
    cv.gradient(392, cv.height, ("#f1eee6", "#dcd8ce"))
    for band in range(4):
        y, size = 402 + band * (26 + 8 * band), 1 + 0.5 * band
        points = []
        for i in range(0, 73):
            t = i / 72 * 6 + band * 0.5
            k = t - int(t)
            wave = 4 * k * (1 - k) * (1 if int(t) % 2 else -1)
            points.append((720 * i / 72, y + wave * 9 * size))
        cv.flat.poly(points + [(x, yy + 12 * size) for x, yy in reversed(points)], "#2c2f35")
    kiosk = cam.at(-5.6, 11.2)
    kiosk.shadow(1.4, 0, 2.0, 0.15)
    kiosk.rect(0, 0, 2.8, 1.1, "#2f8f5a")
    kiosk.rect(0.1, 1.1, 2.7, 2.3, "#49433c")
    kiosk.poly([(-0.5, 2.2), (3.3, 2.2), (2.7, 3.0), (0.1, 3.0)], "#f2c431")
    kiosk.text(1.4, 2.5, "ÁGUA DE COCO", 0.38, "#1d5a3a", fit=2.6)
    kiosk.text(1.4, 0.6, "QUIOSQUE COPACABANA", 0.3, "#ffffff", fit=2.6)
    for i in range(4):
        kiosk.disc(0.5 + 0.5 * i, 1.24, 0.18, "#6fae4b", 0.2)
    for x, z in ((-2.2, 13.5), (6.4, 13)):
        palm(cam.at(x, z), 6.2)
    sign = cam.at(3.9, 10.4)
    posts(sign, [0], 2.9)
    street_plate(
        sign,
        0,
        2.2,
        2.6,
        [Row("AV. ATLÂNTICA", 0.32, centre=True), Row("COPACABANA", 0.2, centre=True)],
        "#1d4fa3",
        "#ffffff",
        "#ffffff",
    )
    person(cam.at(-0.9, 9.6), "#f0c02c", "#2f7a4d", hair="#1b1a1c", skin="#8a5a3c")
    person(cam.at(-0.1, 11), "#d9433f", "#2f5f8f", skin="#c08a66")
    foreground_shade(cv)


def calafate(cv: Canvas, take: int) -> None:
    """Patagonian steppe, lake and granite towers."""
    land.sky(cv, ("#4f86c0", "#a3c4de", "#eef0ec"), 300)
    land.clouds(cv, 4, 20, 110, "#ffffff", 210)
    for x, y, half in (
        (120, 190, 150),
        (300, 170, 120),
        (360, 96, 54),
        (396, 140, 46),
        (440, 186, 120),
        (610, 176, 170),
    ):
        land.peak(cv, x, y, 292, half, "#8a8794", 0.55 if half > 60 else 0.18, lean=0.1)
    land.sea(cv, 288, 316, "#5fb0c4", "#4a9cb8")
    cam = Camera(cv, 300, haze="#dcdccb")
    land.grass(cam, "#b7a468", 160, keep_out=(-4.2, 4.2))
    for _ in range(30):
        z = 6 + 30 * cv.rng.random()
        x = cv.rng.uniform(-1, 1) * z
        if abs(x) > 5:
            land.tuft(cam.at(x, z), "#d9c37a", 0.7)
    for x, z in ((-9, 22), (-10.6, 24), (10.5, 26)):
        pen = cam.at(x, z)
        for lx in (-0.45, -0.25, 0.3, 0.48):
            pen.rect(lx - 0.05, 0, lx + 0.05, 0.85, "#d9c0a0")
        pen.rect(-0.6, 0.75, 0.6, 1.25, "#b8804f", 0.2)
        pen.line([(0.5, 1.1), (0.72, 1.95), (0.95, 1.95)], 0.17, "#b8804f")
        pen.poly([(0.64, 1.98), (0.7, 2.2), (0.78, 1.98)], "#8f6038")
    land.road(cam, -3.6, 3.6, "#69696c", centre="#f0b62a", edge="#f4f4f0", double=True)
    rows = [
        Row("EL CALAFATE", 0.38, right="4"),
        Row("Glaciar P. Moreno", 0.34, right="82"),
        Row("Pto. Bandera", 0.34, right="51"),
    ]
    board(cam.at(5.1, 12.4), 3.6, rows, "#14653f", "#ffffff", "#ffffff", clear=1.4)
    mark = cam.at(-4.8, 12)
    posts(mark, [0], 2.4)
    mark.rect(-0.55, 1.5, 0.55, 2.6, "#f6f6f2", 0.06)
    mark.text(0, 2.4, "SANTA CRUZ", 0.15, "#15181d", fit=0.95)
    mark.text(0, 1.98, "RP 11", 0.32, "#15181d", fit=0.9)
    car(
        cam.at(1.8, 12),
        "#f0f0ec",
        Plate("AE 417 KD", "#f6f6f2", band="#1f3f94", letters="REPÚBLICA ARGENTINA", at="top"),
        tall=1.85,
    )
    foreground_shade(cv)


def alice_springs(cv: Canvas, take: int) -> None:
    """Red earth, ghost gums and a long straight road, driven on the left."""
    land.sky(cv, ("#3f86cc", "#93c2e2", "#f2ddbd"), 310)
    if take == 0:
        land.cloud(cv, 560, 90, 130, "#ffffff", 160)
    land.ridge(cv, 292, 34, "#b5654a", 5, 330)
    land.ridge(cv, 304, 20, "#8f4a38", 8, 330)
    cam = Camera(cv, 308, haze="#e8b890")
    land.grass(cam, "#c0663f", 60, keep_out=(-4.4, 4.4))
    for _ in range(70):
        z = 5 + 36 * cv.rng.random()
        x = cv.rng.uniform(-1, 1) * z
        if abs(x) > 5:
            land.tuft(cam.at(x, z), ("#c9b878", "#a9a05f", "#dccb8e")[cv.rng.randrange(3)], 0.6)
    for x, z, t in ((-15, 34, 8), (11, 30, 8.5), (-9, 22, 8), (17, 40, 8)):
        eucalyptus(cam.at(x, z), t)
    land.road(cam, -3.6, 3.6, "#6d6564", centre="#f4f4f0", edge="#f4f4f0", dash=(3, 5))
    board(
        cam.at(-5.2, 13),
        3.4,
        [
            Row("Alice Springs", 0.38, right="6"),
            Row("Tennant Creek", 0.38, right="514"),
            Row("Darwin", 0.38, right="1502"),
        ],
        "#14653f",
        "#ffffff",
        "#ffffff",
        clear=1.4,
    )
    warn = cam.at(4.9, 12)
    posts(warn, [0], 2.0)
    diamond(warn, 2.1, 0.78)
    warn.poly(
        [
            (-0.42, 1.75),
            (-0.1, 1.8),
            (0.1, 2.1),
            (0.18, 2.5),
            (0.3, 2.52),
            (0.34, 2.36),
            (0.24, 2.3),
            (0.26, 2.0),
            (0.12, 1.72),
            (0.28, 1.66),
            (-0.02, 1.68),
            (-0.12, 1.72),
        ],
        "#15181d",
    )
    plate(warn, 0, 0.95, 1.2, [Row("NEXT 10 km", 0.2, centre=True)], "#f6c518", "#15181d", "#15181d")
    mark = cam.at(4.0, 26)
    posts(mark, [0], 2.4)
    plate(mark, 0, 1.8, 0.9, [Row("87", 0.5, centre=True)], "#14653f", "#f6d04a", "#f6d04a")
    z = 11.6 if take == 0 else 13.2
    car(cam.at(-1.8, z), "#e9e3d4", Plate("CD 48 TR", "#f6f6f2", "#a3432a", band="#f6f6f2"), tall=1.9)
    cam.at(-1.8, z).rect(-0.5, 1.9, 0.5, 2.1, "#4a4a4a")
    foreground_shade(cv)
