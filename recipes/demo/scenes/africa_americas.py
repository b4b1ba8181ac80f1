"""Scenes from Africa, the Americas and Oceania."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Front, house, row, shop, window
from scenes.canvas import Camera, Canvas, Pen, shade
from scenes.landmarks import grain_elevator, square_minaret, timber_house, water_tower
from scenes.plants import acacia, broadleaf, bush, conifer, eucalyptus, palm, saguaro, treeline, vine_pot
from scenes.signs import Row, board, diamond, plate, posts, street_plate, us_shield
from scenes.stage import across, foreground_shade, street_light, utility_pole, wires
from scenes.vehicles import Plate, bus, car, car_side, person

# Arabic in presentation forms and in visual order, because the basic text layout neither joins nor reorders.
MARRAKECH = "\ufeb6\ufedb\ufe8d\ufeae\ufee3"
ESSAOUIRA = "\ufe93\ufeae\ufef3\ufeee\ufebc\ufedf\ufe8d"
PHARMACY = "\ufe94\ufef4\ufedf\ufeaa\ufef4\ufebb"


def marrakech(cv: Canvas, take: int) -> None:
    """Red walls, date palms, a square minaret, signs in Arabic and French."""
    land.sky(cv, land.HOT, 310, sun=(90, 110))
    for x, y, half in ((180, 205, 150), (380, 190, 190), (600, 200, 180)):
        land.peak(cv, x, y, 300, half, "#a9a6b0", 0.5, lean=0.1)
    cam = Camera(cv, 304, haze="#eddcc0")
    cv.gradient(304, cv.height, ("#d3ac82", "#b98a62"))
    square_minaret(cam.at(5.4, 62))
    wall = cam.at(-40, 40)
    wall.rect(0, 0, 80, 5.2, "#c9794f")
    for i in range(67):
        wall.rect(i * 1.2, 5.2, i * 1.2 + 0.7, 5.9, "#c9794f")
    for i in range(5):
        wall.rect(4 + 16 * i, 0, 8 + 16 * i, 7, "#d08558")
        wall.rect(7 + 16 * i, 0, 8 + 16 * i, 7, "#b06a44")
    for x, z in ((-15, 33), (-11, 28), (9, 31), (14, 27), (17, 34), (-18, 30)):
        palm(cam.at(x, z), 8.5, date=True)
    land.road(cam, -3.6, 3.6, "#7a7370", centre="#f4f4f0", edge="#f4f4f0", dash=(2, 4), far=36)
    shop_pen = cam.at(-7.4, 14)
    shop(shop_pen, 0, 4.2, "PHARMACIE", "#1d7a4a", "#ffffff", tall=3.1)
    shop_pen.rect(0, 3.1, 4.2, 4.6, "#cf835a")
    shop_pen.text(2.1, 3.8, PHARMACY, 0.8, "#fff6e0", "arabic")
    board(cam.at(4.7, 11.8), 3.3, [Row(MARRAKECH, 0.5, centre=True, font="arabic"), Row("MARRAKECH", 0.4, centre=True)], "#f6f6f2", "#15181d", "#c8262c", clear=1.4)
    over = cam.at(0.4, 26)
    posts(over, [-4.8, 4.8], 6.2)
    over.rect(-4.9, 6.1, 4.9, 6.3, "#8d9196")
    plate(over, 0, 4.3, 6.4, [Row("Essaouira", 0.62, right="176"), Row(ESSAOUIRA, 0.62, centre=True, font="arabic")], "#1d4fa3", "#ffffff", "#ffffff")
    cab = cam.at(1.7, 11)
    cab.rect(-0.7, 1.5, 0.7, 1.62, "#4a4a4a")
    car(cab, "#d9b98a", Plate("41827 | 26"))
    cab.rect(-0.5, 1.6, 0.5, 1.85, "#f6f1dc", 0.04)
    cab.text(0, 1.725, "PETIT TAXI", 0.19, "#15181d", fit=0.9)
    for x, z, coat in ((-4.3, 24, "#d9cfba"), (4.2, 24, "#3f6b8f")):
        person(cam.at(x, z), coat, coat, skin="#b5835e")
    foreground_shade(cv)


def cape_town(cv: Canvas, take: int) -> None:
    """Table Mountain over the motorway."""
    land.sky(cv, land.DAY, 310)
    table = [(-20, 300), (60, 232), (96, 150), (120, 138), (530, 132), (556, 150), (600, 236), (640, 262), (690, 206), (740, 290), (740, 320), (-20, 320)]
    cv.flat.poly(table, "#6f7f86")
    for i in range(26):
        x = 110 + i * 17
        cv.flat.poly([(x, 140), (x + 7, 140), (x + 14 - (i % 3) * 6, 196 + (i * 13 % 30))], "#52626c")
    cv.flat.poly([(-20, 300), (60, 232), (200, 226), (400, 236), (600, 236), (740, 290), (740, 320), (-20, 320)], "#5f7d58")
    for i in range(14):
        land.cloud(cv, 120 + i * 32, 142 + (i % 3) * 4, 90, "#ffffff", 235)
    cam = Camera(cv, 310, height=2.0, haze="#cfdde2")
    for x, w, h, tone in ((-20, 4, 8, "#c9c4bb"), (-15, 5, 13, "#aeb6bc"), (-9, 4, 9, "#d6cfc0"), (9, 4.5, 11, "#b9c0c4"), (14.5, 4, 7, "#cfc6b4")):
        house(cam.at(x, 60), w, h, Front(wall=tone, floors=int(h / 2.6), bays=4, ground=1.6, window=(0.7, 1.0)))
    cv.gradient(318, cv.height, ("#98a262", "#7d8a4c"))
    land.road(cam, -7.4, 3.9, "#66696f", far=70)
    for x, gap in ((-7.0, 0), (-3.6, 7), (0.0, 7), (3.5, 0)):
        land.dashes(cam, x, 0.16, "#f0c02c" if x == -7.0 else "#f4f4f0", 4, gap, far=70)
    cam.face([(4.3, 0.8, 1.2), (4.3, 0.8, 70), (4.3, 0, 70), (4.3, 0, 1.2)], "#c3c0b8")
    gantry = cam.at(-1.7, 25)
    for x in (-7.0, 6.4):
        gantry.rect(x - 0.16, 0, x + 0.16, 8.4, "#9aa2a8")
    gantry.rect(-7, 8.0, 6.4, 8.3, "#9aa2a8")
    blue = "#1b56a6"
    tag = ("#1b56a6", "#f6d04a")
    plate(gantry, -3.6, 4.9, 5.8, [Row("Paarl", 0.85, tag="N1", tag_colors=tag), Row("Bellville", 0.85)], blue, "#ffffff", "#ffffff")
    plate(gantry, 3.2, 4.9, 6.2, [Row("Somerset West", 0.85, tag="N2", tag_colors=tag), Row("Airport / Lughawe", 0.7)], blue, "#ffffff", "#ffffff")
    car(cam.at(-1.8, 10.2), "#f1f1ee", Plate("CA 482-913", "#f6f6f2", "#1d3f8f"), tall=1.55)
    car(cam.at(-5.2, 21), "#2f6b57", Plate("CA 77-120", "#f6f6f2", "#1d3f8f"))
    bush(cam.at(6.3, 11), 1.0, "#7f9a55")
    for x in (-0.5, 0.1, 0.6):
        cam.at(6.3 + x, 11).disc(0, 1.0 + 0.3 * (x > 0), 0.24, "#e0628a")
    foreground_shade(cv)


def narok(cv: Canvas, take: int) -> None:
    """Savannah, a matatu, red soil."""
    land.sky(cv, land.GOLD, 320, sun=(200, 190))
    land.ridge(cv, 300, 44, "#a99a8b", 3, 330)
    cam = Camera(cv, 312, haze="#f0d2a0")
    land.grass(cam, "#c9ac55", 170, keep_out=(-4.6, 4.6))
    for x, z, tall in ((-26, 60, 7), (14, 52, 7.5), (-13, 40, 7), (22, 66, 7), (9.5, 28, 6.5)):
        acacia(cam.at(x, z), tall)
    for x, z in ((-9, 36), (-7.8, 37), (-10.5, 38)):
        pen = cam.at(x, z)
        for lx in (-0.7, -0.4, 0.4, 0.7):
            pen.rect(lx - 0.06, 0, lx + 0.06, 0.8, "#2a2a2a")
        pen.rect(-0.9, 0.7, 0.8, 1.35, "#f3efe6", 0.25)
        for k in range(6):
            pen.rect(-0.75 + 0.27 * k, 0.72, -0.65 + 0.27 * k, 1.34, "#2a2a2a")
        pen.poly([(0.7, 1.1), (1.2, 1.75), (1.35, 1.5), (0.95, 0.9)], "#dcd6ca")
    for side in (-1, 1):
        land.strip(cam, side * 4.1 - 0.8, side * 4.1 + 0.8, 1, 300, "#b5693f")
    land.road(cam, -3.4, 3.4, "#77716d", centre="#f4f4f0", edge="#f0c02c", dash=(3, 5))
    board(cam.at(-4.9, 11.8), 2.9, [Row("KARIBU NAROK", 0.36, centre=True), Row("NAROK COUNTY", 0.22, centre=True)], "#f6f6f2", "#15181d", "#14703f", clear=1.5)
    board(cam.at(5.2, 12.6), 3.5, [Row("NAIROBI", 0.42, right="142", tag="B3", tag_colors=("#0f4f34", "#f6d04a")), Row("MAASAI MARA", 0.42, right="95")], "#14703f", "#ffffff", "#ffffff", clear=1.6)
    bus(cam.at(-1.7, 11.5), "#f2f2ee", "NAROK – NAIROBI", Plate("KCD 418Q", "#f4c531"), accent="#c8262c", tall=2.4, front=False)
    cam.at(-1.7, 11.5).rect(-1.27, 0.98, 1.27, 1.08, "#f0c02c")
    maasai = cam.at(4.3, 20)
    person(maasai, "#c8262c", "#c8262c", hair="#1b1a1c", skin="#6b4630", tall=1.85)
    maasai.line([(0.45, 0), (0.5, 2.1)], 0.05, "#5d4a38")
    foreground_shade(cv)


def lagos(cv: Canvas, take: int) -> None:
    """A yellow danfo in Ikeja traffic."""
    land.sky(cv, ("#8fb3c6", "#c9d3cf", "#eadfc6"), 320)
    land.clouds(cv, 4, 30, 160, "#ffffff", 120)
    cam = Camera(cv, 310, haze="#dcd6c4")
    cv.gradient(310, cv.height, ("#b08a62", "#94714e"))

    def painter(name: str, tone: str, wall: str) -> object:
        def paint(pen: Pen, w: float, h: float) -> None:
            house(pen, w, h, Front(wall=wall, floors=2, bays=3, ground=3.3, balcony="#5a5a5a"), upper_only=True)
            shop(pen, 0.2, w - 0.4, name, tone, tall=3.0, size=0.6)
            pen.poly([(-0.2, h), (w + 0.2, h), (w, h + 0.8), (0, h + 0.8)], "#8f5b43")

        return paint

    blocks = [
        (8.0, 6.4, "#d9c39a", painter("MAMA PUT", "#b5422d", "#d9c39a")),
        (7.0, 6.8, "#bcc9b0", painter("IKEJA PHONES", "#1d6b9a", "#bcc9b0")),
        (8.0, 6.2, "#e0b58c", painter("BARBER", "#5a3f7a", "#e0b58c")),
        (8.0, 7.0, "#cfd3cf", painter("LAGOS TAILORS", "#2f7a4d", "#cfd3cf")),
        (9.0, 6.0, "#d8b98c", painter("FASHION", "#a33b6b", "#d8b98c")),
    ]
    row(cam, -1, 7.4, blocks, 8)  # type: ignore[arg-type]
    row(cam, 1, 8.0, blocks[::-1], 9)  # type: ignore[arg-type]
    for x, z in ((6.8, 30), (-6.6, 34)):
        palm(cam.at(x, z), 8)
    land.road(cam, -5.2, 5.2, "#6a6866", centre="#f0c02c", dash=(3, 4))
    for side in (-1, 1):
        for z in range(3, 60, 2):
            land.strip(cam, side * 5.3 - 0.15, side * 5.3 + 0.15, z, z + 1, "#1f1f22" if z % 4 else "#f4f4f0")
    for x, z in ((2.2, 11.8), (-2.0, 19)):
        van = cam.at(x, z)
        bus(van, "#f2bd22", "OSHODI – IKEJA" if x > 0 else "IKEJA – CMS", Plate("KJA-482 XR", "#f6f6f2", "#1d3f8f", band="#f6f6f2"), accent="#f2bd22", tall=2.3, front=x < 0, ink="#ffffff")
        for y in (0.86, 0.72):
            van.rect(-1.27, y, 1.27, y + 0.07, "#1a1a1c")
    person(cam.at(-4.3, 12.5), "#e2a431", "#2f6b4a", hair="#15130f", skin="#5d3c28")
    seller = cam.at(4.6, 13.5)
    person(seller, "#3f6fa8", "#7a2f4a", hair="#15130f", skin="#5d3c28")
    seller.disc(0, 1.85, 0.42, "#d9d2c0", 0.1)
    for i in range(5):
        seller.disc(-0.28 + 0.14 * i, 1.96, 0.1, "#e3782f")
    board(cam.at(5.2, 12.6), 2.7, [Row("AGEGE MOTOR ROAD", 0.28, centre=True), Row("IKEJA", 0.38, centre=True)], "#14703f", "#ffffff", "#ffffff", clear=2.6)
    wires(cv, [(0, 60, 330, 240), (0, 100, 330, 250), (720, 70, 390, 245)])
    foreground_shade(cv)


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
    board(sign, 3.2, [Row("Ajo", 0.46, right="3"), Row("Gila Bend", 0.46, right="45")], "#14653f", "#ffffff", "#ffffff", clear=1.5)
    marker = cam.at(-4.9, 12)
    posts(marker, [0], 2.4)
    plate(marker, 0, 1.9, 0.95, [Row("ARIZONA", 0.15, centre=True), Row("85", 0.46, centre=True)], "#f6f6f2", "#15181d", "#15181d")
    plate(marker, 0, 1.5, 0.95, [Row("NORTH", 0.2, centre=True)], "#f6f6f2", "#15181d", "#15181d")
    car(cam.at(1.8, 12), "#9fa6ab", Plate("DKA 4471", "#b9c4d6", "#2a2f6b", band="#7a5b8f", letters="ARIZONA", at="top", square=True), tall=1.85)
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
    board(sign, 2.8, [Row("Paris", 0.6, centre=True), Row("CITY LIMIT", 0.26, centre=True), Row("POP. 24,476", 0.26, centre=True)], "#14653f", "#ffffff", "#ffffff", clear=1.3)
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
    board(sign, 2.9, [Row("MOSCOW", 0.52, centre=True), Row("POP 25,435", 0.26, centre=True)], "#14653f", "#ffffff", "#ffffff", clear=1.4)
    way = cam.at(6.0, 27)
    board(way, 4.4, [Row("Pullman", 0.62, right="9"), Row("Lewiston", 0.62, right="32")], "#14653f", "#ffffff", "#ffffff", clear=3.2)
    marker = cam.at(-5.0, 12)
    posts(marker, [0], 2.7)
    marker.rect(-0.6, 1.5, 0.6, 2.7, "#f6f6f2", 0.05)
    us_shield(marker, 0, 2.1, 1.0, "95")
    plate(marker, 0, 1.05, 1.1, [Row("NORTH", 0.24, centre=True)], "#f6f6f2", "#15181d", "#15181d")
    car(cam.at(1.9, 11.4), "#3f6a58", Plate("L 204 86", "#dfe8f2", "#1d3f8f", band="#b8282c", letters="IDAHO", at="top", square=True), tall=1.7)
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

    def painter(wall: str, roof: str) -> object:
        def paint(pen: Pen, w: float, h: float) -> None:
            house(pen, w, h, Front(wall=wall, floors=2, bays=3, ground=3.0, shutters="#33566b", lit=0.3))
            pen.poly([(-0.2, h), (w + 0.2, h), (w - 0.3, h + 2.2), (0.3, h + 2.2)], roof)
            pen.poly([(0.1, h + 1.0), (w - 0.1, h + 1.2), (w - 0.3, h + 2.2), (0.3, h + 2.2)], "#f6f9fc")
            for x in (w * 0.25, w * 0.7):
                window(pen, x, h + 0.4, 0.8, 1.0, Front(wall=wall))

        return paint

    looks = (("#a9a39a", "#b8352e"), ("#8f4a3c", "#4d6b7a"), ("#c4bcae", "#b8352e"), ("#7f8288", "#3f6a55"))
    blocks = [(7.5, 6.0 + 0.4 * (i % 3), looks[i % 4][0], painter(*looks[i % 4])) for i in range(6)]
    row(cam, -1, 6.2, blocks, 9)  # type: ignore[arg-type]
    row(cam, 1, 6.6, blocks[::-1], 9)  # type: ignore[arg-type]
    land.road(cam, -3.6, 3.6, "#8b9099", centre="#e3b73a", dash=(3, 3), far=80)
    for x in (-3.3, -1.0, 2.6):
        land.strip(cam, x, x + 0.8, 1, 80, "#eef2f690")
    for side in (-1, 1):
        for i in range(14):
            cam.at(side * 4.4, 34 - 2 * i).disc(0, 0.1, 1.2, ("#f2f6fa", "#e2e9f1")[i % 2], 0.5)
    stop = cam.at(4.2, 10.2)
    posts(stop, [0], 2.4)
    octagon = [(-0.24, 0.58), (0.24, 0.58), (0.58, 0.24), (0.58, -0.24), (0.24, -0.58), (-0.24, -0.58), (-0.58, -0.24), (-0.58, 0.24)]
    stop.poly([(x * 1.1, 2.2 + y * 1.1) for x, y in octagon], "#ffffff")
    stop.poly([(x, 2.2 + y) for x, y in octagon], "#c8262c")
    stop.text(0, 2.2, "ARRÊT", 0.34, "#ffffff")
    plate(stop, 0, 2.95, 2.5, [Row("RUE SAINT-JEAN", 0.28, centre=True)], "#1d4a9a", "#ffffff", "#ffffff")
    store = cam.at(-5.0, 12.2)
    plate(store, 0, 2.4, 2.9, [Row("DÉPANNEUR", 0.36, centre=True), Row("Bière · Vin · Loto", 0.24, centre=True)], "#b8282c", "#ffffff", "#f3e3b5")
    posts(store, [-1.2, 1.2], 2.4, "#5d646a")
    car(cam.at(1.7, 12.2), "#3f5f8a", Plate("K47 RTB", "#f6f6f2", "#22449a", band="#f6f6f2"), tall=1.6)
    cam.at(1.7, 12.2).text(0, 0.71, "Québec", 0.12, "#f3f6fa")
    person(cam.at(-4.2, 14), "#b8352e", hair="#e8e2d6")
    for _ in range(150):
        cv.flat.disc(cv.rng.uniform(0, cv.width), cv.rng.uniform(0, cv.height), cv.rng.uniform(0.8, 2.2), "#ffffffd0")
