"""Scenes from southern Europe and Turkey."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Draw, Front, gable_roof, house, row, shop, window
from scenes.canvas import Camera, Canvas, Pen
from scenes.landmarks import greek_church, mosque
from scenes.plants import cypress, vine_pot
from scenes.signs import Row, arrow_board, board, plate, posts, street_plate
from scenes.stage import foreground_shade, wires
from scenes.vehicles import Plate, boat, car, person, tram

EU = "#1f3f94"


def pienza(cv: Canvas, take: int) -> None:
    """A white road between cypresses in the Val d'Orcia."""
    land.sky(cv, land.GOLD, 290, sun=(120, 150))
    for y, amp, tone in ((266, 60, "#b3a791"), (286, 40, "#b8a66f"), (302, 26, "#a99a52")):
        land.ridge(cv, y, amp, tone, 3, 340)
    cam = Camera(cv, 300, haze="#f0d3a0")
    land.grass(cam, "#c3a951", 120, keep_out=(-3, 3))
    land.road(cam, -2.7, 2.7, "#8b8175", centre="#f2ede0", edge="#f2ede0")
    farm = cam.at(15, 75)
    farm.rect(0, 0, 12, 7, "#d9a878")
    gable_roof(farm, 12, 7, 2.6, "#a8603f")
    for i in range(9):
        z = 62 - 6.2 * i
        cypress(cam.at(-4.6, z), 8.5)
        cypress(cam.at(4.8, z + 2), 8)
    sign = cam.at(3.9, 10.4)
    board(sign, 2.5, [Row("PIENZA", 0.5, centre=True)], "#f8f8f4", "#15181d", "#15181d", clear=1.6)
    way = cam.at(-3.9, 10)
    posts(way, [0], 2.9)
    arrow_board(way, 2.55, 2.7, Row("Montepulciano", 0.27, right="14"), "#1c53a0", "#ffffff", right=True)
    arrow_board(way, 2.0, 2.7, Row("S. Quirico d'Orcia", 0.27, right="10"), "#1c53a0", "#ffffff", right=False)
    car(cam.at(1.3, 12.5), "#b9c9d1", Plate("FW 621 KT", band=EU, letters="I"))
    foreground_shade(cv)


def lisbon(cv: Canvas, take: int) -> None:
    """The small yellow tram on a steep tiled street."""
    land.sky(cv, land.DAY, 436, sun=(400, 90))
    cam = Camera(cv, 430, focal=600, height=1.7)
    cv.gradient(430, cv.height, ("#b5ab9c", "#94897b"))
    tiles = (("#6d9fc4", "#dfe9ee"), ("#e9c46a", "#f5ecd2"), ("#d98f86", "#f4e4dd"), ("#88b39b", "#e5efe6"))

    def painter(tone: str) -> Draw:
        def paint(pen: Pen, w: float, h: float) -> None:
            house(pen, w, h, Front(wall=tone, floors=4, bays=3, balcony="#2f3b38", frame="#f4efe2", trim="#efe7d6"))

        return paint

    blocks = [(7.0, 12 + i % 2, tiles[i % 4][0], painter(tiles[i % 4][0])) for i in range(6)]
    row(cam, -1, 4.6, blocks, 9)
    row(cam, 1, 4.4, blocks[::-1], 8)
    land.cobbles(cam, -3.2, 3.2, "#8e8578")
    land.kerb(cam, -3.2, -1, paving="#e4ddcf", width=1.4)
    land.kerb(cam, 3.2, 1, paving="#e4ddcf", width=1.4)
    for x in (-1.7, -0.4, 0.5, 1.8):
        land.strip(cam, x, x + 0.09, 1, 120, "#4b4d52")
    z = 11.5 if take == 0 else 10.8
    tram(cam.at(-1.0, z), "#f3c21b", "#f6efda", "MARTIM MONIZ", "28E", narrow=True)
    left = cam.wall(-4.59, 9, -4.59, 16)
    shop(left, 0.5, 5.6, "PASTELARIA ALFAMA", "#1f5b4a", "#f5e6c0", "serif", tall=3.3)
    blade = cam.at(3.5, 10.5)
    street_plate(
        blade,
        -0.3,
        3.3,
        2.0,
        [Row("RUA DAS", 0.24, centre=True), Row("ESCOLAS GERAIS", 0.26, centre=True)],
        "#f2efe4",
        "#1d4b86",
        "#1d4b86",
    )
    wires(cv, [(0, 150, 540, 205), (0, 235, 540, 190), (270, 0, 318, 300)])
    person(cam.at(-3.8, 9.5, 0.13), "#b54e3d")
    person(cam.at(-3.7, 14, 0.13), "#3c5e7c")
    vine_pot(cam.at(-3.7, 7.2, 0.13))
    foreground_shade(cv)


def naousa(cv: Canvas, take: int) -> None:
    """A Cycladic harbour at noon."""
    land.sky(cv, ("#3d8fd6", "#8cc4ea", "#dff0f4"), 300)
    land.ridge(cv, 286, 46, "#b4a68c", 3, 310)
    cam = Camera(cv, 296, focal=620, height=3.0)
    land.sea(cv, 300, cv.height, "#3f93bd", "#1e6d96")
    for x, z, w, h in ((-15, 30, 6, 5), (-9, 31, 5, 3.4), (7.5, 30, 6, 4.4), (13, 31, 7, 6)):
        pen = cam.at(x, z)
        house(pen, w, h, Front(wall="#f8f8f5", floors=2, bays=2, frame="#2f6fc0", ground=2.4, shutters=""))
    greek_church(cam.at(0.5, 29))
    land.strip(cam, -40, 40, 22, 29, "#d8d0c0")
    cam.face([(-40, 0, 22), (40, 0, 22), (40, -1.0, 22), (-40, -1.0, 22)], "#b5aa97")
    taverna = cam.at(-11.0, 23.5)
    shop(taverna, 0, 6.2, "ΤΑΒΕΡΝΑ Ο ΓΛΑΡΟΣ", "#2f6fc0", "#ffffff", awning=("#ffffff", "#2f6fc0"), tall=3.4)
    for x in (-10, -8, -6):
        pen = cam.at(x, 22.6)
        pen.rect(-0.5, 0.7, 0.5, 0.78, "#2f6fc0")
        pen.rect(-0.05, 0, 0.05, 0.7, "#6a6a6a")
    boat(cam.at(0.9, 17, -0.9), "#2468a8")
    boat(cam.at(-4.6, 13, -0.9), "#c8452f")
    cam.at(0.9, 17, -0.9).text(0.9, 0.62, "ΑΓ. ΝΙΚΟΛΑΟΣ", 0.42, "#ffffff")
    cam.at(-4.6, 13, -0.9).text(0.8, 0.6, "ΜΑΡΙΑ", 0.42, "#ffffff")
    cv.gradient(492, cv.height, ("#d8cfbd", "#c3b8a4"))
    sign = cam.at(4.0, 10.6)
    posts(sign, [-1.3, 1.3], 2.3)
    plate(
        sign,
        0,
        1.3,
        3.5,
        [
            Row("ΝΑΟΥΣΑ", 0.4, color="#f7d038"),
            Row("Naousa", 0.38),
            Row("ΠΑΡΟΙΚΙΑ", 0.34, right="11", color="#f7d038"),
            Row("Parikia", 0.32),
        ],
        "#1c53a0",
        "#ffffff",
        "#ffffff",
    )
    vine_pot(cam.at(-4.6, 7.6), "#e0518b")
    foreground_shade(cv)


def safranbolu(cv: Canvas, take: int) -> None:
    """Ottoman timber houses, a mosque, a blue town sign."""
    land.sky(cv, land.HOT, 300)
    land.clouds(cv, 2, 40, 120)
    land.ridge(cv, 270, 90, "#b3a482", 3, 330)
    land.ridge(cv, 296, 50, "#8f9a62", 4, 330)
    cam = Camera(cv, 300, haze="#e8dcc2")
    cv.gradient(300, cv.height, ("#c3b393", "#a39273"))
    mosque(cam.at(5.5, 56))
    for x, z, w in ((-15, 30, 7), (-7.6, 34, 6), (10, 26, 6.5)):
        pen = cam.at(x, z)
        pen.rect(0.4, 0, w - 0.4, 3.0, "#c9b694")
        house(
            pen.moved(0, 2.8),
            w,
            5.2,
            Front(wall="#f4efe3", floors=2, bays=4, ground=2.0, frame="#6a4430", window=(0.75, 1.5)),
            upper_only=True,
        )
        for k in range(4):
            window(pen, w * (k + 0.5) / 4 - 0.38, 3.5, 0.75, 1.4, Front(frame="#6a4430"))
        for k in (0, w - 0.2):
            pen.rect(k, 2.8, k + 0.2, 8, "#6a4430")
        pen.rect(0, 2.7, w, 2.95, "#6a4430")
        gable_roof(pen, w, 8, 1.7, "#b0583a", 0.8)
    land.cobbles(cam, -4, 4, "#a09383", far=30)
    board(
        cam.at(4.3, 10.6),
        3.1,
        [Row("SAFRANBOLU", 0.42, centre=True), Row("Nüfus 68.000   Rakım 485", 0.2, centre=True)],
        "#1b4f9c",
        "#ffffff",
        "#ffffff",
        clear=1.4,
    )
    lokum = cam.at(-5.0, 12.5)
    posts(lokum, [-0.9, 0.9], 2.0, "#6a4430")
    plate(
        lokum,
        0,
        1.4,
        2.8,
        [Row("SAFRANLI LOKUM", 0.3, centre=True, font="serif"), Row("Tarihî Çarşı", 0.24, centre=True)],
        "#7d2f3c",
        "#fbe9c4",
        "#e7c25a",
    )
    for x, z, c in ((-2, 16, "#3c4d6b"), (-2.8, 16.5, "#a34c52"), (2.4, 20, "#6b6b4f")):
        person(cam.at(x, z), c)
    car(cam.at(1.7, 12.2), "#f0efe9", Plate("78 AB 341", band=EU, letters="TR"))
    foreground_shade(cv)
