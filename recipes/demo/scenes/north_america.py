"""Scenes from the United States and Canada."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Draw, Front, house, row, shop, window
from scenes.canvas import Camera, Canvas, Pen, shade
from scenes.landmarks import grain_elevator, timber_house, water_tower
from scenes.plants import bush, saguaro, treeline
from scenes.signs import Row, board, plate, posts, us_shield
from scenes.stage import foreground_shade, utility_pole
from scenes.vehicles import Plate, car, person


def ajo(cv: Canvas, take: int) -> None:
    """The Sonoran desert road."""
    land.sky(cv, land.DUSK, 310, sun=(520, 250))
    land.ridge(cv, 286, 70, "#a27a80", 7, 330)
    land.ridge(cv, 300, 40, "#80626a", 9, 330)
    cam = Camera(cv, 306, haze="#e0a88c")
    land.grass(cam, "#c79a6b", 40, keep_out=(-4, 4))
    for _ in range(46):
        z = 5 + 40 * cv.rng.random()
        x = cv.rng.uniform(-1, 1) * z
        if abs(x) > 4.6:
            bush(cam.at(x, z), 0.45, "#8a8f5a")
    for x, z, t in ((-13, 33, 5.5), (10, 26, 5.2), (-8.5, 20, 5.6), (17, 36, 5), (7.2, 15.5, 5.0)):
        saguaro(cam.at(x, z), t)
    land.road(cam, -3.8, 3.8, "#5f5d63", centre="#f0b62a", edge="#f4f4f0", double=True)
    sign = cam.at(5.0, 12.2)
    board(
        sign,
        3.2,
        [Row("Ajo", 0.46, right="3"), Row("Gila Bend", 0.46, right="45")],
        "#14653f",
        "#ffffff",
        "#ffffff",
        clear=1.5,
    )
    marker = cam.at(-4.9, 12)
    posts(marker, [0], 2.4)
    plate(
        marker,
        0,
        1.9,
        0.95,
        [Row("ARIZONA", 0.15, centre=True), Row("85", 0.46, centre=True)],
        "#f6f6f2",
        "#15181d",
        "#15181d",
    )
    plate(marker, 0, 1.5, 0.95, [Row("NORTH", 0.2, centre=True)], "#f6f6f2", "#15181d", "#15181d")
    car(
        cam.at(1.8, 12),
        "#9fa6ab",
        Plate("DKA 4471", "#b9c4d6", "#2a2f6b", band="#7a5b8f", letters="ARIZONA", at="top", square=True),
        tall=1.85,
    )
    foreground_shade(cv)


def paris_texas(cv: Canvas, take: int) -> None:
    """A small Texan main road whose town shares the name of a capital."""
    land.sky(cv, land.HOT, 310)
    land.clouds(cv, 5, 30, 200)
    cam = Camera(cv, 306, haze="#d9e0da")
    land.grass(cam, "#a9a75a", 110, keep_out=(-9, 9))
    treeline(Pen(cv, lambda x, y: (x, 308 - y), 1), 720, 18, "#6f8a56")
    water_tower(cam.at(-13, 52), "PARIS")
    feed = cam.at(5.4, 20)
    feed.rect(0, 0, 9, 4.2, "#b5523f")
    feed.rect(0, 4.2, 9, 5.6, "#f1e6cf")
    feed.text(2.9, 4.9, "LAMAR FEED & SEED", 0.85, "#7a2a22", "serif", fit=5.4)
    for i in range(3):
        feed.rect(0.6 + 2.8 * i, 0.5, 2.8 + 2.8 * i, 2.9, "#5f7480")
    bistro = cam.at(-12.4, 21)
    bistro.rect(0, 0, 6.4, 4.0, "#c9c1b0")
    shop(bistro, 0.2, 6.0, "BISTRO EIFFEL", "#22407a", "#ffffff", "serif", ("#22407a", "#ffffff", "#b8282c"), tall=3.8)
    land.road(cam, -5.4, 5.4, "#6b6a6c", centre="#f0b62a", edge="#f4f4f0", double=True)
    sign = cam.at(5.2, 12.2)
    board(
        sign,
        2.8,
        [Row("Paris", 0.6, centre=True), Row("CITY LIMIT", 0.26, centre=True), Row("POP. 24,476", 0.26, centre=True)],
        "#14653f",
        "#ffffff",
        "#ffffff",
        clear=1.3,
    )
    marker = cam.at(-6.3, 23)
    posts(marker, [0], 2.8)
    marker.rect(-0.62, 1.6, 0.62, 2.85, "#f6f6f2", 0.05)
    us_shield(marker, 0, 2.2, 1.0, "82")
    plate(marker, 0, 1.15, 1.1, [Row("WEST", 0.26, centre=True)], "#f6f6f2", "#15181d", "#15181d")
    for x, z in ((7.4, 40), (-7.6, 34)):
        utility_pole(cam.at(x, z), 8)
    truck = cam.at(2.4, 11)
    tag = Plate("LVR 8402", "#f6f6f2", "#1a1a2a", band="#3a5f9a", letters="TEXAS", at="top", square=True)
    car(truck, "#a02a28", tag, tall=1.95)
    truck.rect(-0.94, 0.62, 0.94, 1.22, "#a02a28", 0.05)
    truck.rect(-0.8, 0.74, 0.8, 1.1, "#8a2220", 0.03)
    truck.text(0, 0.92, "LONE STAR", 0.2, "#d97a70")
    foreground_shade(cv)


def moscow_idaho(cv: Canvas, take: int) -> None:
    """Wheat hills and a namesake town in the American Northwest."""
    land.sky(cv, land.DAY, 330)
    land.clouds(cv, 4, 30, 150)
    for y, amp, tone in ((262, 50, "#9db18a"), (286, 56, "#cfb968"), (306, 50, "#b7c46f"), (322, 34, "#d9c06a")):
        land.ridge(cv, y, amp, tone, 3, 360)
        for k in range(7):
            cv.flat.line([(k * 120 - 20, y + 6), (k * 120 + 50, y - 4), (k * 120 + 110, y + 8)], 1.2, shade(tone, -0.1))
    cam = Camera(cv, 320, haze="#dfe0c0")
    land.grass(cam, "#d1b455", 150, keep_out=(-4.6, 4.6))
    grain_elevator(cam.at(-24, 48), "LATAH GRAIN")
    barn = cam.at(-10, 40)
    timber_house(barn, 7, 4, "#a3362c", roof="#6a6e74", rise=3)
    land.road(cam, -4.2, 4.2, "#6a6b70", centre="#f0b62a", edge="#f4f4f0", dash=(3, 5))
    sign = cam.at(5.2, 12)
    board(
        sign,
        2.9,
        [Row("MOSCOW", 0.52, centre=True), Row("POP 25,435", 0.26, centre=True)],
        "#14653f",
        "#ffffff",
        "#ffffff",
        clear=1.4,
    )
    way = cam.at(6.0, 27)
    board(
        way,
        4.4,
        [Row("Pullman", 0.62, right="9"), Row("Lewiston", 0.62, right="32")],
        "#14653f",
        "#ffffff",
        "#ffffff",
        clear=3.2,
    )
    marker = cam.at(-5.0, 12)
    posts(marker, [0], 2.7)
    marker.rect(-0.6, 1.5, 0.6, 2.7, "#f6f6f2", 0.05)
    us_shield(marker, 0, 2.1, 1.0, "95")
    plate(marker, 0, 1.05, 1.1, [Row("NORTH", 0.24, centre=True)], "#f6f6f2", "#15181d", "#15181d")
    car(
        cam.at(1.9, 11.4),
        "#3f6a58",
        Plate("L 204 86", "#dfe8f2", "#1d3f8f", band="#b8282c", letters="IDAHO", at="top", square=True),
        tall=1.7,
    )
    foreground_shade(cv)


def quebec(cv: Canvas, take: int) -> None:
    """Old stone houses in the snow, a red ARRÊT."""
    land.sky(cv, ("#7f98b8", "#bccbdc", "#f0e2d6"), 330)
    cam = Camera(cv, 312, haze="#dfe5ee")
    cv.gradient(312, cv.height, ("#e4eaf1", "#f3f6fa"))
    castle = cam.at(-1.5, 70)
    castle.rect(-6, 0, 6, 15, "#a5654c")
    castle.poly([(-6.4, 15), (6.4, 15), (4.4, 20), (-4.4, 20)], "#6fa08c")
    castle.rect(-2, 15, 2, 22, "#a5654c")
    for floor in range(4):
        for bay in range(6):
            castle.rect(-5.2 + bay * 1.9, 4 + floor * 2.9, -4.4 + bay * 1.9, 5.6 + floor * 2.9, "#e9d9b0")
    castle.poly([(-2.4, 22), (2.4, 22), (0.6, 27), (-0.6, 27)], "#6fa08c")

    def painter(wall: str, roof: str) -> Draw:
        def paint(pen: Pen, w: float, h: float) -> None:
            house(pen, w, h, Front(wall=wall, floors=2, bays=3, ground=3.0, shutters="#33566b", lit=0.3))
            pen.poly([(-0.2, h), (w + 0.2, h), (w - 0.3, h + 2.2), (0.3, h + 2.2)], roof)
            pen.poly([(0.1, h + 1.0), (w - 0.1, h + 1.2), (w - 0.3, h + 2.2), (0.3, h + 2.2)], "#f6f9fc")
            for x in (w * 0.25, w * 0.7):
                window(pen, x, h + 0.4, 0.8, 1.0, Front(wall=wall))

        return paint

    looks = (("#a9a39a", "#b8352e"), ("#8f4a3c", "#4d6b7a"), ("#c4bcae", "#b8352e"), ("#7f8288", "#3f6a55"))
    blocks = [(7.5, 6.0 + 0.4 * (i % 3), looks[i % 4][0], painter(*looks[i % 4])) for i in range(6)]
    row(cam, -1, 6.2, blocks, 9)
    row(cam, 1, 6.6, blocks[::-1], 9)
    land.road(cam, -3.6, 3.6, "#8b9099", centre="#e3b73a", dash=(3, 3), far=80)
    for x in (-3.3, -1.0, 2.6):
        land.strip(cam, x, x + 0.8, 1, 80, "#eef2f690")
    for side in (-1, 1):
        for i in range(14):
            cam.at(side * 4.4, 34 - 2 * i).disc(0, 0.1, 1.2, ("#f2f6fa", "#e2e9f1")[i % 2], 0.5)
    _quebec_near(cv, cam)


def _quebec_near(cv: Canvas, cam: Camera) -> None:
    """The nearer half of the picture, drawn over the rest."""
    stop = cam.at(4.2, 10.2)
    posts(stop, [0], 2.4)
    octagon = [
        (-0.24, 0.58),
        (0.24, 0.58),
        (0.58, 0.24),
        (0.58, -0.24),
        (0.24, -0.58),
        (-0.24, -0.58),
        (-0.58, -0.24),
        (-0.58, 0.24),
    ]
    stop.poly([(x * 1.1, 2.2 + y * 1.1) for x, y in octagon], "#ffffff")
    stop.poly([(x, 2.2 + y) for x, y in octagon], "#c8262c")
    stop.text(0, 2.2, "ARRÊT", 0.34, "#ffffff")
    plate(stop, 0, 2.95, 2.5, [Row("RUE SAINT-JEAN", 0.28, centre=True)], "#1d4a9a", "#ffffff", "#ffffff")
    store = cam.at(-5.0, 12.2)
    plate(
        store,
        0,
        2.4,
        2.9,
        [Row("DÉPANNEUR", 0.36, centre=True), Row("Bière · Vin · Loto", 0.24, centre=True)],
        "#b8282c",
        "#ffffff",
        "#f3e3b5",
    )
    posts(store, [-1.2, 1.2], 2.4, "#5d646a")
    car(cam.at(1.7, 12.2), "#3f5f8a", Plate("K47 RTB", "#f6f6f2", "#22449a", band="#f6f6f2"), tall=1.6)
    cam.at(1.7, 12.2).text(0, 0.71, "Québec", 0.12, "#f3f6fa")
    person(cam.at(-4.2, 14), "#b8352e", hair="#e8e2d6")
    for _ in range(150):
        cv.flat.disc(cv.rng.uniform(0, cv.width), cv.rng.uniform(0, cv.height), cv.rng.uniform(0.8, 2.2), "#ffffffd0")
