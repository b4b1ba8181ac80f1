"""Scenes from Africa."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Draw, Front, house, row, shop
from scenes.canvas import Camera, Canvas, Pen
from scenes.landmarks import square_minaret
from scenes.plants import acacia, bush, palm
from scenes.signs import Row, board, plate, posts
from scenes.stage import foreground_shade, wires
from scenes.vehicles import Plate, bus, car, person

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
    board(
        cam.at(4.7, 11.8),
        3.3,
        [Row(MARRAKECH, 0.5, centre=True, font="arabic"), Row("MARRAKECH", 0.4, centre=True)],
        "#f6f6f2",
        "#15181d",
        "#c8262c",
        clear=1.4,
    )
    over = cam.at(0.4, 26)
    posts(over, [-4.8, 4.8], 6.2)
    over.rect(-4.9, 6.1, 4.9, 6.3, "#8d9196")
    plate(
        over,
        0,
        4.3,
        6.4,
        [Row("Essaouira", 0.62, right="176"), Row(ESSAOUIRA, 0.62, centre=True, font="arabic")],
        "#1d4fa3",
        "#ffffff",
        "#ffffff",
    )
    cab = cam.at(1.7, 11)
    cab.rect(-0.7, 1.5, 0.7, 1.62, "#4a4a4a")
    car(cab, "#d9b98a", Plate("41827 | 26"))
    cab.rect(-0.5, 1.6, 0.5, 1.85, "#f6f1dc", 0.04)
    cab.text(0, 1.725, "PETIT TAXI", 0.19, "#15181d", fit=0.9)
    for x, z, coat in ((-4.3, 24, "#d9cfba"), (-5.1, 23, "#3f6b8f")):
        person(cam.at(x, z), coat, coat, skin="#b5835e")
    foreground_shade(cv)


def cape_town(cv: Canvas, take: int) -> None:
    """Table Mountain over the motorway."""
    land.sky(cv, land.DAY, 310)
    table = [
        (-20, 300),
        (60, 232),
        (96, 150),
        (120, 138),
        (530, 132),
        (556, 150),
        (600, 236),
        (640, 262),
        (690, 206),
        (740, 290),
        (740, 320),
        (-20, 320),
    ]
    cv.flat.poly(table, "#6f7f86")
    for i in range(26):
        x = 110 + i * 17
        cv.flat.poly([(x, 140), (x + 7, 140), (x + 14 - (i % 3) * 6, 196 + (i * 13 % 30))], "#52626c")
    cv.flat.poly(
        [(-20, 300), (60, 232), (200, 226), (400, 236), (600, 236), (740, 290), (740, 320), (-20, 320)], "#5f7d58"
    )
    for i in range(14):
        land.cloud(cv, 120 + i * 32, 142 + (i % 3) * 4, 90, "#ffffff", 235)
    cam = Camera(cv, 310, height=2.0, haze="#cfdde2")
    for x, w, h, tone in (
        (-20, 4, 8, "#c9c4bb"),
        (-15, 5, 13, "#aeb6bc"),
        (-9, 4, 9, "#d6cfc0"),
        (9, 4.5, 11, "#b9c0c4"),
        (14.5, 4, 7, "#cfc6b4"),
    ):
        house(cam.at(x, 60), w, h, Front(wall=tone, floors=int(h / 2.6), bays=4, ground=1.6, window=(0.7, 1.0)))
    cv.gradient(318, cv.height, ("#98a262", "#7d8a4c"))
    _cape_town_near(cv, cam)


def _cape_town_near(cv: Canvas, cam: Camera) -> None:
    """The nearer half of the picture, drawn over the rest."""
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
    plate(
        gantry,
        -3.6,
        4.9,
        5.8,
        [Row("Paarl", 0.85, tag="N1", tag_colors=tag), Row("Bellville", 0.85)],
        blue,
        "#ffffff",
        "#ffffff",
    )
    plate(
        gantry,
        3.2,
        4.9,
        6.2,
        [Row("Somerset West", 0.85, tag="N2", tag_colors=tag), Row("Airport / Lughawe", 0.7)],
        blue,
        "#ffffff",
        "#ffffff",
    )
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
    board(
        cam.at(-4.9, 11.8),
        2.9,
        [Row("KARIBU NAROK", 0.36, centre=True), Row("NAROK COUNTY", 0.22, centre=True)],
        "#f6f6f2",
        "#15181d",
        "#14703f",
        clear=1.5,
    )
    board(
        cam.at(5.2, 12.6),
        3.5,
        [
            Row("NAIROBI", 0.42, right="142", tag="B3", tag_colors=("#0f4f34", "#f6d04a")),
            Row("MAASAI MARA", 0.42, right="95"),
        ],
        "#14703f",
        "#ffffff",
        "#ffffff",
        clear=1.6,
    )
    bus(
        cam.at(-1.7, 11.5),
        "#f2f2ee",
        "NAROK – NAIROBI",
        Plate("KCD 418Q", "#f4c531"),
        accent="#c8262c",
        tall=2.4,
        front=False,
    )
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

    def painter(name: str, tone: str, wall: str) -> Draw:
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
    row(cam, -1, 7.4, blocks, 8)
    row(cam, 1, 8.0, blocks[::-1], 9)
    for x, z in ((6.8, 30), (-6.6, 34)):
        palm(cam.at(x, z), 8)
    land.road(cam, -5.2, 5.2, "#6a6866", centre="#f0c02c", dash=(3, 4))
    for side in (-1, 1):
        for z in range(3, 60, 2):
            land.strip(cam, side * 5.3 - 0.15, side * 5.3 + 0.15, z, z + 1, "#1f1f22" if z % 4 else "#f4f4f0")
    _lagos_near(cv, cam)


def _lagos_near(cv: Canvas, cam: Camera) -> None:
    """The nearer half of the picture, drawn over the rest."""
    for x, z in ((2.2, 11.8), (-2.0, 19)):
        van = cam.at(x, z)
        bus(
            van,
            "#f2bd22",
            "OSHODI – IKEJA" if x > 0 else "IKEJA – CMS",
            Plate("KJA-482 XR", "#f6f6f2", "#1d3f8f", band="#f6f6f2"),
            accent="#f2bd22",
            tall=2.3,
            front=x < 0,
            ink="#ffffff",
        )
        for y in (0.86, 0.72):
            van.rect(-1.27, y, 1.27, y + 0.07, "#1a1a1c")
    person(cam.at(-4.3, 12.5), "#e2a431", "#2f6b4a", hair="#15130f", skin="#5d3c28")
    seller = cam.at(4.6, 13.5)
    person(seller, "#3f6fa8", "#7a2f4a", hair="#15130f", skin="#5d3c28")
    seller.disc(0, 1.85, 0.42, "#d9d2c0", 0.1)
    for i in range(5):
        seller.disc(-0.28 + 0.14 * i, 1.96, 0.1, "#e3782f")
    board(
        cam.at(5.2, 12.6),
        2.7,
        [Row("AGEGE MOTOR ROAD", 0.28, centre=True), Row("IKEJA", 0.38, centre=True)],
        "#14703f",
        "#ffffff",
        "#ffffff",
        clear=2.6,
    )
    wires(cv, [(0, 60, 330, 240), (0, 100, 330, 250), (720, 70, 390, 245)])
    foreground_shade(cv)
