"""Scenes from northern and eastern Europe, the Alps and Russia."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Draw, Front, house, panel_block, row, shop
from scenes.canvas import Camera, Canvas, Pen, shade
from scenes.landmarks import chalet, highlander_house, nordic_church, orthodox_church, timber_house
from scenes.plants import birch, conifer, treeline, vine_pot
from scenes.signs import Row, board, plate, posts, street_plate
from scenes.stage import across, foreground_shade, wires
from scenes.vehicles import Plate, boat, bus, car, car_side, person, tram

EU = "#1f3f94"


def svolvaer(cv: Canvas, take: int) -> None:
    """Red cabins on stilts under Lofoten peaks."""
    land.sky(cv, ("#5e8fbd", "#a9cade", "#e9eef0"), 290)
    land.clouds(cv, 3, 30, 120)
    for x, y, half in ((80, 90, 190), (330, 60, 170), (560, 100, 200), (690, 150, 150)):
        land.peak(cv, x, y, 300, half, "#6d7c86", 0.45, lean=0.15)
    land.sea(cv, 296, cv.height, "#5a8296", "#2f5568")
    cam = Camera(cv, 292, focal=620, height=3.0)
    for x, w, wall in ((-13.5, 5.5, "#a8322e"), (-7.2, 5.0, "#b03a32"), (-1.4, 5.2, "#d9a033"), (4.6, 5.4, "#a8322e")):
        pen = cam.at(x, 24)
        for k in range(5):
            pen.rect(w * k / 4 - 0.1, -1.4, w * k / 4 + 0.1, 0.1, "#4a3a2f")
        timber_house(pen, w, 3.0, wall)
        for i in range(5):
            cam.at(x, 23.4, -1.2).rect(
                w * 0.2 * i, -0.2 - 0.1 * (i % 2), w * 0.2 * i + 0.9, -0.1 - 0.1 * (i % 2), shade(wall, -0.1) + "70"
            )
    rack = cam.at(10.8, 23)
    for x in range(4):
        rack.line([(x * 1.1, -0.5), (x * 1.1 + 0.6, 2.6)], 0.1, "#8a7a66")
        rack.line([(x * 1.1 + 1.2, -0.5), (x * 1.1 + 0.6, 2.6)], 0.1, "#8a7a66")
    rack.line([(0.4, 2.4), (4.2, 2.4)], 0.1, "#8a7a66")
    boat(cam.at(-3.5, 14.5, -0.8), "#2c6b86")
    cv.gradient(488, cv.height, ("#8f8f88", "#6f716d"))
    for _ in range(30):
        cv.flat.disc(
            cv.rng.uniform(0, 720),
            cv.rng.uniform(486, 505),
            cv.rng.uniform(8, 22),
            ("#84857f", "#979891", "#73756f")[cv.rng.randrange(3)],
            9,
        )
    board(cam.at(-3.9, 9.6), 2.3, [Row("Svolvær", 0.5, centre=True)], "#f8f8f4", "#15181d", "#15181d", clear=1.6)
    board(
        cam.at(3.6, 9.8),
        3.0,
        [Row("Leknes", 0.4, right="68", tag="E10", tag_colors=("#2e7a45", "#ffffff")), Row("Å", 0.4, right="126")],
        "#f6c92c",
        "#15181d",
        "#15181d",
        clear=1.6,
    )


def raettvik(cv: Canvas, take: int) -> None:
    """A Dalarna cottage among birches."""
    land.sky(cv, land.DAY, 290)
    land.clouds(cv, 4, 30, 170)
    land.ridge(cv, 278, 30, "#7f9fae", 3, 310)
    land.sea(cv, 284, 306, "#a9cbdd", "#7fb0cc")
    treeline(Pen(cv, lambda x, y: (x, 304 - y), 1), 720, 34, "#3f6a4d", conifers=True)
    cam = Camera(cv, 300, haze="#c8dbe0")
    land.grass(cam, "#7fae4f", 130, keep_out=(-3.2, 3.2))
    land.road(cam, -3, 3, "#76777a", centre="#f4f4f0", edge="#f4f4f0", dash=(1.5, 3))
    timber_house(cam.at(5.6, 22), 6.5, 3.6, "#9b2d24", roof="#443c3c")
    timber_house(cam.at(-14, 30), 5, 3.2, "#9b2d24", roof="#443c3c")
    pole = cam.at(4.4, 20)
    pole.rect(-0.05, 0, 0.05, 7, "#f4f4f0")
    pole.rect(0.05, 5.4, 1.9, 6.8, "#2160ad")
    pole.rect(0.55, 5.4, 0.85, 6.8, "#f5cd2f")
    pole.rect(0.05, 5.95, 1.9, 6.25, "#f5cd2f")
    for x, z in ((-8, 22), (-6.2, 16), (13, 22), (-11, 18)):
        birch(cam.at(x, z), 9)
    board(cam.at(4.7, 11.4), 2.7, [Row("Rättvik", 0.5, centre=True)], "#1a57a5", "#ffffff", "#ffffff", clear=1.5)
    board(
        cam.at(-4.6, 11.6),
        3.2,
        [Row("Mora", 0.38, right="37", tag="70", tag_colors=("#1a57a5", "#ffffff")), Row("Leksand", 0.38, right="20")],
        "#1a57a5",
        "#ffffff",
        "#ffffff",
        clear=1.6,
    )
    car(cam.at(1.5, 12), "#c5b04a", Plate("MLB 42K", band=EU, letters="S"))
    foreground_shade(cv)


def zakopane(cv: Canvas, take: int) -> None:
    """A highlander house below the Tatra."""
    land.sky(cv, land.DAY, 300)
    land.clouds(cv, 3, 20, 90)
    for x, y, half in ((60, 130, 170), (240, 84, 190), (430, 110, 170), (620, 92, 200)):
        land.peak(cv, x, y, 300, half, "#7f8b98", 0.35, lean=0.1)
    land.ridge(cv, 290, 60, "#3f6454", 6, 320)
    cam = Camera(cv, 304, haze="#c6d4d6")
    land.grass(cam, "#7da54d", 120, keep_out=(-3.4, 3.4))
    for x, z in ((-16, 34), (-13, 28), (15, 30), (18, 36), (-20, 40), (12, 40)):
        conifer(cam.at(x, z), 10)
    highlander_house(cam.at(-11.6, 21), 7.4)
    land.road(cam, -3.2, 3.2, "#6f7176", centre="#f4f4f0", edge="#f4f4f0", dash=(2, 4))
    board(
        cam.at(5.8, 19),
        4.4,
        [
            Row("Nowy Targ", 0.6, right="21"),
            Row("Kraków", 0.6, right="102", tag="47", tag_colors=("#c8262c", "#ffffff")),
        ],
        "#14703f",
        "#ffffff",
        "#ffffff",
        clear=3.0,
    )
    board(cam.at(4.6, 11.2), 2.6, [Row("Zakopane", 0.46, centre=True)], "#14703f", "#ffffff", "#ffffff", clear=1.5)
    inn = cam.at(-4.6, 13)
    posts(inn, [-0.7, 0.7], 1.6, "#7d522a")
    plate(
        inn,
        0,
        1.1,
        2.4,
        [Row("KARCZMA", 0.36, centre=True, font="serif"), Row("oscypek · kwaśnica", 0.2, centre=True)],
        "#8a5a2e",
        "#fbe9c4",
        "#5c3b22",
    )
    car(cam.at(1.6, 11.6), "#365f8c", Plate("KTT 5J20", band=EU, letters="PL"))
    foreground_shade(cv)


def prague(cv: Canvas, take: int) -> None:
    """A red tram under baroque fronts."""
    land.sky(cv, land.GOLD, 330)
    cam = Camera(cv, 325, focal=640, height=1.75)
    dome = cam.at(1.5, 60)
    dome.disc(0, 15.5, 4.6, "#6fa08c", 7.6)
    dome.disc(-1.4, 17, 1.2, "#8fbda8", 4.6)
    dome.rect(-5, 0, 5, 15.5, "#c2ab80")
    dome.rect(-5.4, 15.1, 5.4, 15.9, "#e2d2ac")
    for x in (-3.6, -1.2, 1.2, 3.6):
        dome.rect(x - 0.5, 10, x + 0.5, 14.2, "#5d6468")
    dome.rect(-1, 23, 1, 26, "#a8926c")
    dome.poly([(-1.2, 26), (1.2, 26), (0, 29)], "#6fa08c")
    tones = ("#e6cf97", "#dfae8a", "#cfd6b4", "#ead9c2", "#d8b8a4")

    def painter(tone: str) -> Draw:
        def paint(pen: Pen, w: float, h: float) -> None:
            house(pen, w, h, Front(wall=tone, floors=4, bays=3, trim="#f3ead6", glass="#53646c"))
            pen.poly([(0, h), (w, h), (w, h + 1.3), (0, h + 1.3)], "#b0573a")

        return paint

    blocks = [(8.0, 11.5 + (i % 3), tones[i % 5], painter(tones[i % 5])) for i in range(6)]
    row(cam, -1, 7, blocks, 7)
    row(cam, 1, 7, blocks[::-1], 7)
    land.cobbles(cam, -4.6, 4.6, "#85807b")
    land.kerb(cam, -4.6, -1, paving="#b8b1a6", width=2.4)
    land.kerb(cam, 4.6, 1, paving="#b8b1a6", width=2.4)
    for x in (-2.3, -0.9, 0.9, 2.3):
        land.strip(cam, x, x + 0.09, 1, 120, "#44464b")
    tram(cam.at(-1.6, 14), "#b8262c", "#f0e6d0", "Bílá Hora", "22")
    car(cam.at(1.7, 10.5), "#d9dcde", Plate("4AK 7215", band=EU, letters="CZ"))
    pen = cam.at(5.2, 11.5, 0.13)
    posts(pen, [0], 3.0)
    street_plate(
        pen,
        -0.1,
        2.3,
        2.3,
        [Row("KARMELITSKÁ", 0.3, centre=True), Row("MALÁ STRANA – PRAHA 1", 0.16, centre=True)],
        "#b8262c",
        "#ffffff",
        "#ffffff",
    )
    blade = cam.at(-5.6, 12.5)
    plate(blade, 0, 2.7, 2.4, [Row("KNIHKUPECTVÍ", 0.27, centre=True, font="serif")], "#2b4a3c", "#f3e3b5", "#f3e3b5")
    for x, coat in ((-5.4, "#6d3d52"), (-4.9, "#3b4d66"), (5.9, "#8a7a52")):
        person(cam.at(x, 13, 0.13), coat)
    wires(cv, [(0, 120, 720, 130), (360, 0, 340, 250)])
    foreground_shade(cv)


def kazan(cv: Canvas, take: int) -> None:
    """A Kazan street: Russian and Tatar plates, and one shop with a German name."""
    land.sky(cv, land.SOFT, 330)
    land.clouds(cv, 3, 20, 60)
    cam = across(cv, 310, "#b7b2aa", "#66686e", "#f2f2ee")
    cam_back = cam.at(-13, 46)
    for x in (-3, 6):
        cam_back.rect(x - 0.8, 0, x + 0.8, 20, "#eef2f4")
        cam_back.poly([(x - 0.9, 20), (x + 0.9, 20), (x, 26)], "#3f93b8")
    cam_back.disc(1.5, 12, 5, "#3f93b8", 6)
    orthodox_church(cam.at(19, 46))
    left = cam.at(-8.6, 13)
    left.rect(0, 0, 5.4, 4.3, "#d9b26f")
    left.rect(0, 4.0, 5.4, 4.4, "#f5eedd")
    shop(left, 1.3, 4.0, "ПРОДУКТЫ", "#2c6a44", "#ffffff", tall=3.2, size=0.52)
    middle = cam.at(-3.2, 13)
    house(
        middle,
        6.2,
        10.4,
        Front(wall="#9fb5a6", floors=3, bays=4, trim="#f5eedd", ground=3.4, arched=True),
        upper_only=True,
    )
    shop(
        middle, 0.1, 6.0, "Bäckerei Müller", "#6b3f24", "#f6dfae", "serif", ("#7c4a2c", "#f0dfbf"), tall=3.2, size=0.56
    )
    right = cam.at(3.0, 13)
    house(right, 5.8, 9.2, Front(wall="#c98f78", floors=3, bays=3, trim="#f5eedd", ground=3.4), upper_only=True)
    shop(right, 0.1, 4.1, "АПТЕКА", "#f3f5f4", "#12834a", tall=3.2, size=0.6)
    street_plate(
        middle,
        3.1,
        3.55,
        3.3,
        [Row("УЛИЦА ПУШКИНА", 0.25, centre=True), Row("ПУШКИН УРАМЫ", 0.2, centre=True)],
        "#1d4a9a",
        "#ffffff",
        "#ffffff",
    )
    car_side(cam.at(-2.9, 8.0), "#7a8c99", right=True)
    bus_stop = cam.at(4.3, 9.9, 0.14)
    posts(bus_stop, [0], 2.0)
    plate(
        bus_stop,
        0,
        1.25,
        1.9,
        [Row("А  5  10  30", 0.24, centre=True), Row("Ж/д вокзал", 0.22, centre=True)],
        "#f5f5f2",
        "#1d4a9a",
        "#1d4a9a",
    )
    person(cam.at(2.9, 10.2, 0.14), "#5f4b7a")
    person(cam.at(-5.9, 11, 0.14), "#8f3d3a")
    foreground_shade(cv)


def novosibirsk(cv: Canvas, take: int) -> None:
    """Winter among panel blocks in Siberia."""
    land.sky(cv, ("#8fa9c6", "#c4d0de", "#f2dccb"), 470, sun=(420, 250))
    cam = Camera(cv, 460, focal=600, height=1.7, haze="#d5dae2", haze_distance=220)
    cv.gradient(460, cv.height, ("#dde4ec", "#eef2f6"))

    def block(pen: Pen, w: float, h: float) -> None:
        panel_block(pen, w, 9, 9, snow=True)

    row(cam, -1, 11, [(30, 25, "#c4c0b6", block), (34, 25, "#c4c0b6", block)], 18)
    row(cam, 1, 12, [(30, 25, "#b9b2a8", block), (40, 25, "#c9c3b0", block)], 26)
    land.road(cam, -3.8, 4.2, "#8d949c", far=300)
    for x in (-3.4, -1.2, 0.9, 3.6):
        land.strip(cam, x, x + 0.9, 1, 150, "#e7ecf180")
    for x, z in ((-7.5, 40), (-7, 28), (-6.2, 19), (8, 36), (7.2, 24)):
        birch_pen = cam.at(x, z)
        birch_pen.rect(-0.12, 0, 0.12, 8, "#eceae4")
        for k in range(7):
            birch_pen.line([(0, 2.5 + k * 0.75), (0.9 if k % 2 else -0.9, 3.8 + k * 0.75)], 0.05, "#6d655f")
    bus(
        cam.at(1.9, 14),
        "#2f6f9f",
        "97 Площадь Маркса",
        Plate("К 903 ОВ", band="#f6f6f2", letters=""),
        accent="#e9edf0",
        front=False,
    )
    car(cam.at(-1.8, 13.5), "#b33a35", Plate("С 552 НТ", band="#f6f6f2", letters=""), front=True)
    kiosk = cam.at(-6.9, 15)
    kiosk.shadow(1.4, 0, 2, 0.2)
    shop(kiosk, 0, 2.9, "ПРОДУКТЫ", "#2c6a8f", "#ffffff", tall=2.7, size=0.5)
    kiosk.rect(-0.1, 2.7, 3.0, 2.95, "#f6f9fc")
    sign = cam.at(4.3, 12.4)
    posts(sign, [0], 3.4)
    plate(
        sign,
        -0.2,
        2.6,
        2.3,
        [Row("Красный", 0.3, centre=True), Row("проспект", 0.3, centre=True)],
        "#1d4a9a",
        "#ffffff",
        "#ffffff",
    )
    for x, coat in ((-4.5, "#7a2f4a"), (-5.1, "#37404f"), (4.9, "#8a6a3a")):
        person(cam.at(x, 12.5), coat, hair="#5b4032")
    for _ in range(130):
        cv.flat.disc(cv.rng.uniform(0, cv.width), cv.rng.uniform(0, cv.height), cv.rng.uniform(0.8, 2.2), "#ffffffc0")


def husavik(cv: Canvas, take: int) -> None:
    """A wooden church and whale boats in north Iceland."""
    land.sky(cv, ("#6f9cc4", "#b9d2e2", "#f1eee4"), 290)
    land.clouds(cv, 3, 40, 130)
    for x, y, half in ((110, 170, 220), (420, 190, 240), (660, 165, 200)):
        land.peak(cv, x, y, 296, half, "#74839a", 0.6, lean=0.2)
    land.sea(cv, 288, cv.height, "#6f9fba", "#33637d")
    cam = Camera(cv, 286, focal=620, height=3.0)
    land.strip(cam, -60, 60, 26, 40, "#8fa35f")
    nordic_church(cam.at(5.8, 34))
    for x, w, wall in ((-16, 5.5, "#e9e4d8"), (-9.6, 5, "#c5503f"), (-3.9, 4.6, "#3f6f94")):
        timber_house(cam.at(x, 28), w, 3.2, wall, planks=False, roof="#a33b32" if wall != "#c5503f" else "#4d565e")
    cam.face([(-60, 0, 26), (60, 0, 26), (60, -0.9, 26), (-60, -0.9, 26)], "#6c655c")
    boat(cam.at(-4.6, 16.5, -0.8), "#7a4a2a", trim="#e8dcc2")
    cam.at(-4.6, 16.5, -0.8).text(0.9, 0.6, "NÁTTFARI", 0.4, "#f3ead2")
    boat(cam.at(4.0, 18, -0.8), "#2f5f86")
    cv.gradient(486, cv.height, ("#a08c70", "#84715a"))
    for i in range(6):
        cv.flat.rect(0, 490 + 9 * i, 720, 491 + 9 * i, "#5f4f3c90")
    hut = cam.at(3.1, 9.2)
    posts(hut, [-1.2, 1.2], 2.2, "#6b5a44")
    plate(
        hut,
        0,
        1.3,
        3.4,
        [Row("HVALASKOÐUN", 0.42, centre=True), Row("Whale Watching · Húsavík", 0.24, centre=True)],
        "#f4f1e8",
        "#1f4a6e",
        "#1f4a6e",
    )
    board(cam.at(-3.9, 9.6), 2.5, [Row("Húsavík", 0.48, centre=True)], "#f6c92c", "#15181d", "#15181d", clear=1.5)


def zermatt(cv: Canvas, take: int) -> None:
    """The station square and the Matterhorn."""
    land.sky(cv, ("#3f86cc", "#84bce4", "#dcecf2"), 430)
    cv.flat.poly(
        [(60, 430), (176, 268), (232, 190), (262, 112), (282, 92), (306, 124), (336, 216), (400, 300), (500, 430)],
        "#8a94a3",
    )
    cv.flat.poly(
        [(282, 92), (306, 124), (336, 216), (400, 300), (500, 430), (300, 430), (318, 330), (286, 250), (300, 180)],
        "#5f6b7d",
    )
    cv.flat.poly(
        [
            (60, 430),
            (176, 268),
            (232, 190),
            (262, 112),
            (282, 92),
            (276, 150),
            (244, 230),
            (226, 300),
            (190, 330),
            (168, 430),
        ],
        "#f6f9fd",
    )
    cv.flat.poly([(282, 92), (300, 180), (290, 230), (306, 160), (306, 124)], "#cfdbea")
    cv.flat.poly([(300, 430), (318, 350), (352, 380), (378, 340), (430, 430)], "#cfdbea")
    land.ridge(cv, 420, 60, "#3c5f52", 5, 480)
    cam = Camera(cv, 470, focal=600, height=1.7, haze="#cfdbe4")
    cv.gradient(470, cv.height, ("#b9b5ad", "#9c988f"))
    for x, z in ((-12, 32), (13, 34), (16, 30)):
        conifer(cam.at(x, z), 9)
    chalet(cam.at(-11.5, 27), 9)
    chalet(cam.at(3.2, 30), 9)
    land.strip(cam, -3.4, -0.2, 1, 26, "#7d776c")
    for z in range(2, 26):
        land.strip(cam, -3.2, -0.4, z, z + 0.3, "#5d5148")
    for x in (-2.6, -1.8, -1.0):
        land.strip(cam, x - 0.05, x + 0.05, 1, 26, "#d5d8dc")
    bus(cam.at(-1.8, 15), "#c8262c", "ZERMATT", Plate("MGB 2012"), accent="#f1eee8", ink="#ffffff", tall=3.6)
    land.kerb(cam, 0.2, 1, far=26, width=8, paving="#c8c3b9")
    sign = cam.at(2.5, 9.4, 0.13)
    posts(sign, [-0.9, 0.9], 3.2, "#4b5057")
    plate(sign, 0, 2.3, 2.7, [Row("Zermatt", 0.56, centre=True)], "#1c2f6e", "#ffffff")
    plate(
        sign,
        0,
        1.5,
        2.7,
        [Row("Gornergrat Bahn", 0.24), Row("Visp  ·  Brig", 0.24, right="Gleis 3")],
        "#f5f5f2",
        "#15181d",
        "#15181d",
    )
    person(cam.at(0.9, 14, 0.13), "#b83a3a")
    person(cam.at(1.6, 14, 0.13), "#2f5a7a")
    for x in (1.2, 4.2):
        vine_pot(cam.at(x, 12, 0.13), "#d23a3f")
    foreground_shade(cv)
