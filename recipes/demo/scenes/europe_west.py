"""Scenes from western Europe."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Draw, Front, dutch_gable, house, mansard, row, shop, window
from scenes.canvas import Camera, Canvas, Pen
from scenes.landmarks import phone_box, pillar_box
from scenes.plants import broadleaf
from scenes.signs import Row, arrow_board, board, plate, posts, street_plate
from scenes.stage import foreground_shade
from scenes.vehicles import Plate, bicycle, boat, bus, car, person, tram

EU = "#1f3f94"


def amsterdam(cv: Canvas, take: int) -> None:
    """A canal quay with gabled houses, bicycles and a street-name plate."""
    land.sky(cv, land.SOFT, 390)
    land.clouds(cv, 4, 30, 150)
    cam = Camera(cv, 330, focal=640, height=1.9)
    fronts = [
        (4.4, 8.2, "bell", "#7a3f33"),
        (3.8, 9.0, "neck", "#3f4650"),
        (4.8, 7.6, "step", "#96553c"),
        (4.0, 8.8, "bell", "#5b4a42"),
        (4.4, 8.0, "neck", "#a86a4b"),
        (4.2, 8.4, "step", "#6d3a35"),
    ]
    x = -12.6
    for w, h, kind, wall in fronts:
        pen = cam.at(x, 24)
        front = Front(wall=wall, floors=3, bays=3, ground=2.9, window=(0.72, 1.45), lit=0.1)
        house(pen, w, h, front)
        dutch_gable(pen, w, h, kind, wall)
        x += w
    for x in (-9, -1.5, 6.5):
        broadleaf(cam.at(x, 21.5), 6.6, "#7c9440")
    land.strip(cam, -40, 40, 19, 24, "#8f7466")
    for x in (-8, -6.6, 3.2, 4.5, 9.0):
        bicycle(cam.at(x, 20))
    cam.face([(-40, 0, 19), (40, 0, 19), (40, -0.7, 19), (-40, -0.7, 19)], "#6f5c52")
    top = cam.pt(0, -0.7, 19)[1]
    land.sea(cv, top, cv.height, "#5c6f68", "#33463f")
    boat(cam.at(-0.4, 15, -0.7), "#2e5f6b")
    _quay_corner(cv, cam)
    foreground_shade(cv)


def _quay_corner(cv: Canvas, cam: Camera) -> None:
    """The near bridge rail with the name plate and a parked car with a yellow plate."""
    cv.gradient(474, cv.height, ("#a18b7d", "#86725f"))
    pen = cam.at(0, 8.2)
    for x in range(-7, 8):
        pen.rect(x - 0.04, -0.3, x + 0.04, 1.0, "#20352f")
    pen.rect(-8, 0.92, 8, 1.02, "#20352f")
    pen.rect(-8, 0.4, 8, 0.46, "#20352f")
    sign = cam.at(-2.9, 7.6)
    posts(sign, [0], 2.6, "#20352f")
    street_plate(
        sign,
        0,
        2.0,
        2.3,
        [Row("Prinsengracht", 0.36, centre=True), Row("Amsterdam-Centrum", 0.19, centre=True)],
        "#1d4aa0",
        "#ffffff",
        "#ffffff",
    )
    bicycle(cam.at(-1.2, 7.4).moved(0, 0, 1.05))
    bicycle(cam.at(0.2, 7.5).moved(0, 0, 1.05))
    car(cam.at(3.1, 7.4), "#c8cdd2", Plate("KX-482-P", "#f2c32c", band=EU, letters="NL"))


def paris(cv: Canvas, take: int) -> None:
    """A Haussmann corner with an enamel street plate, a cafe and a pharmacy cross."""
    land.sky(cv, land.SOFT, 475)
    land.clouds(cv, 2, 30, 120)
    cam = Camera(cv, 470, focal=600, height=1.7, centre=0.7)
    cv.gradient(470, cv.height, ("#8d8a88", "#6c6c72"))
    stone = Front(
        wall="#e2d4b8",
        floors=5,
        bays=3,
        balcony="#2b2e33",
        trim="#d3c3a3",
        window=(1.1, 2.0),
        ground=3.6,
        glass="#566a78",
    )

    def front(pen: Pen, w: float, h: float) -> None:
        house(pen, w, h, stone, upper_only=True)
        mansard(pen, w, h, 4)

    row(cam, -1, 5.5, [(14, 17, "#d9c9ab", front), (14, 16, "#d9c9ab", front), (16, 17.5, "#d9c9ab", front)], 16)
    row(cam, 1, 7.5, [(12, 17, "#cfc0a4", front), (14, 18, "#cfc0a4", front), (16, 16, "#cfc0a4", front)], 9)
    land.road(cam, -3.4, 4.6, "#70727a", centre="#f1f1ee", dash=(3, 4))
    land.kerb(cam, -3.4, -1, paving="#bdb6aa", width=3)
    land.kerb(cam, 4.6, 1, paving="#bdb6aa", width=4)
    near = cam.at(-9.9, 12)
    near.rect(0, 0, 6.3, 17, "#dccdb0")
    near.rect(6.0, 0, 6.3, 17, "#c4b496")
    for y in (4.6, 8.1):
        for x in (1.3, 3.9):
            window(near, x, y, 1.15, 2.2, stone)
    shop(near, 2.3, 3.9, "CAFÉ LE MARAIS", "#7d2029", "#f4dca0", "serif", ("#8f2430", "#f3eadb"), tall=3.5)
    street_plate(
        near,
        4.2,
        3.72,
        2.5,
        [Row("4ᵉ Arrᵗ", 0.2, centre=True, font="serif"), Row("RUE DE RIVOLI", 0.3, centre=True)],
        "#173f8f",
        "#ffffff",
        "#2c7a4c",
    )
    cross = cam.at(5.0, 20)
    for a, b in ((0.7, 0.24), (0.24, 0.7)):
        cross.rect(-a, 3.9 - b, a, 3.9 + b, "#19a05a")
    cross.text(0, 3.0, "PHARMACIE", 0.34, "#0f6b3b")
    for x, coat in ((-4.0, "#9b3b3b"), (-4.7, "#2e4a66")):
        person(cam.at(x, 10.5, 0.13), coat)
    car(cam.at(1.4, 11.2), "#e9e9e6", Plate("GK-317-VD", band=EU, letters="F"))
    car(cam.at(-1.5, 19), "#344c6b", Plate("FB-902-LM", band=EU, letters="F"), front=True)
    foreground_shade(cv)


def kehl(cv: Canvas, take: int) -> None:
    """A German border town: yellow entry sign, bridge over the Rhine, French city on the direction sign."""
    land.sky(cv, land.DAY, 300)
    land.clouds(cv, 4, 40, 190)
    land.ridge(cv, 292, 34, "#93aec2", 3, 320)
    cam = Camera(cv, 300, haze="#c9d8de")
    land.grass(cam, "#86a458", keep_out=(-5, 5))
    arch = cam.at(0, 70)
    for side in (-7.5, 7.5):
        points = [(side + 0.0, 0.0)] + [(side * (1 - i / 60), 12 * (1 - ((i - 10) / 10) ** 2)) for i in range(21)]
        arch.line(points[1:], 0.5, "#e8edf0")
    arch.rect(-30, -0.6, 30, 1.4, "#c5ced4")
    arch.rect(-30, 1.4, 30, 1.7, "#e4e9ec")
    for x in range(-28, 29, 4):
        arch.rect(x - 0.1, 1.4, x + 0.1, 2.6, "#9fabb3")
    land.road(cam, -4.2, 4.2, centre="#f4f4f0", edge="#f4f4f0", far=70)
    land.kerb(cam, 4.2, 1, far=60, width=2.4)
    tram(cam.at(-5.7, 26), "#d9dde0", "#b9c3cb", "Kehl Rathaus", "D")
    for x, z in ((8.5, 30), (10, 20), (-12, 26), (-15, 19)):
        broadleaf(cam.at(x, z), 7, "#5c8a45")
    entry = cam.at(5.5, 13, 0.13)
    board(
        entry,
        2.7,
        [Row("Kehl", 0.62, centre=True), Row("Ortenaukreis", 0.3, centre=True)],
        "#f5cd2f",
        "#15181d",
        "#15181d",
        clear=1.5,
    )
    way = cam.at(-5.0, 12.4)
    posts(way, [0], 3.4)
    arrow_board(way, 2.9, 3.0, Row("Strasbourg (F)", 0.32, right="6"), "#f5cd2f", "#15181d", right=False)
    arrow_board(way, 2.25, 3.0, Row("Offenburg", 0.32, right="20"), "#f5cd2f", "#15181d", right=True)
    border = cam.at(6.5, 34)
    board(
        border, 2.6, [Row("F", 0.8, centre=True), Row("FRANCE", 0.4, centre=True)], EU, "#ffffff", "#f7d038", clear=2.4
    )
    car(cam.at(2.1, 9.5), "#7c1f2b", Plate("OG KM 418", band=EU, letters="D"))
    car(cam.at(-2.0, 19), "#dcdfe0", Plate("EL-774-RC", band=EU, letters="F"), front=True)
    foreground_shade(cv)


def ulm(cv: Canvas, take: int) -> None:
    """The motorway near Ulm: blue signs, the minster's spire, a lorry and a fast car."""
    land.sky(cv, land.SOFT, 300)
    land.clouds(cv, 5, 30, 200)
    land.ridge(cv, 292, 46, "#9fb7b4", 3, 330)
    spire = Pen(cv, lambda x, y: (150 + x * 3, 288 - y * 3), 3)
    spire.poly([(-3.2, 0), (3.2, 0), (2.6, 16), (1.2, 22), (0, 38), (-1.2, 22), (-2.6, 16)], "#7d8790")
    spire.rect(-11, 0, 5, 8, "#8b949a")
    land.ridge(cv, 300, 24, "#7d9a6b", 5, 330)
    cam = Camera(cv, 300, height=2.2, haze="#cdd9d8")
    land.grass(cam, "#7f9f52", 60)
    land.road(cam, -4.2, 7.6, "#63666d")
    for x, solid in ((-3.8, True), (-0.1, False), (3.6, False), (7.2, True)):
        land.dashes(cam, x, 0.17, "#f4f4f0", 6, 0 if solid else 9)
    rail = [(-4.9, 0.75, 1.2), (-4.9, 0.75, 260), (-4.9, 0.45, 260), (-4.9, 0.45, 1.2)]
    cam.face(rail, "#b7bec3")
    land.road(cam, -18, -6.2, "#6b6e75")
    for x in (-17.5, -13.8, -10, -6.6):
        land.dashes(cam, x, 0.17, "#f4f4f0", 6, 0 if x in (-17.5, -6.6) else 9)
    gantry = cam.at(1.7, 19)
    for x in (-6.8, 7.2):
        gantry.rect(x - 0.18, -0.1, x + 0.18, 8.6, "#9aa2a8")
    gantry.rect(-6.8, 8.2, 7.2, 8.5, "#9aa2a8")
    blue = "#1b56a6"
    plate(
        gantry,
        -2.6,
        5.0,
        6.2,
        [Row("8", 0.62, centre=True), Row("Stuttgart", 0.95, centre=True), Row("Karlsruhe", 0.95, centre=True)],
        blue,
        "#ffffff",
        "#ffffff",
    )
    plate(
        gantry,
        4.1,
        5.0,
        5.6,
        [
            Row("Ulm-West", 0.95, centre=True),
            Row("Ulm  Heidenheim", 0.62, centre=True),
            Row("Ausfahrt 1000 m", 0.62, centre=True),
        ],
        blue,
        "#ffffff",
        "#ffffff",
    )
    bus(cam.at(5.5, 26), "#d8dadc", "", Plate("UL TK 88", band=EU, letters="D"), front=False, tall=3.8)
    car(cam.at(1.75, 10.4), "#23272e", Plate("UL KP 204", band=EU, letters="D"))
    car(cam.at(-10, 30), "#aa2d2d", Plate("S MZ 91", band=EU, letters="D"), front=True)
    foreground_shade(cv)


def penzance(cv: Canvas, take: int) -> None:
    """A Cornish street: traffic on the left, red kiosk, miles on the sign."""
    land.sky(cv, land.GREY, 320)
    land.clouds(cv, 5, 30, 190, "#f2f4f4", 150)
    cv.gradient(292, 320, ("#8aa5b1", "#6f909f"))
    cam = Camera(cv, 305, haze="#ccd3d4")
    cv.gradient(305, cv.height, ("#9c9b96", "#85837e"))
    granite = ("#b3aca1", "#d9d6cb", "#a8b6bc", "#cabfae")

    def painter(tone: str) -> Draw:
        def paint(pen: Pen, w: float, h: float) -> None:
            house(pen, w, h, Front(wall=tone, floors=2, bays=2, window=(1.0, 1.3), ground=2.7))
            pen.poly([(0, h), (w, h), (w, h + 1.2), (0, h + 1.2)], "#5b636c")
            pen.rect(0, h - 0.1, w, h + 0.08, "#3d434a")
            for x in (w * 0.06, w * 0.8):
                pen.rect(x, h + 0.5, x + 0.8, h + 2.0, "#8f5a48")
                pen.rect(x + 0.15, h + 2.0, x + 0.65, h + 2.3, "#b5643f")

        return paint

    blocks = [(6.0, 5.6, granite[i % 4], painter(granite[i % 4])) for i in range(7)]
    row(cam, -1, 6.4, blocks, 8)
    row(cam, 1, 6.6, blocks[::-1], 8)
    land.road(cam, -4.2, 4.2, "#62656b", centre="#f2f2ee", dash=(4, 2.4))
    land.kerb(cam, -4.2, -1, paving="#aaa79f", width=2.2)
    land.kerb(cam, 4.2, 1, paving="#aaa79f", width=2.4)
    for side in (-1, 1):
        for off in (3.75, 3.95):
            land.strip(cam, side * off - 0.05, side * off + 0.05, 1, 90, "#efc22e")
    phone_box(cam.at(5.0, 10, 0.13))
    pillar_box(cam.at(-4.9, 8, 0.13))
    way = cam.at(4.9, 18, 0.13)
    board(
        way,
        5.0,
        [
            Row("Land's End", 0.5, right="10", tag="A30", tag_colors=("#0f5a41", "#f5cd2f")),
            Row("St Ives", 0.5, right="8"),
        ],
        "#0f5a41",
        "#ffffff",
        "#ffffff",
        clear=2.6,
    )
    street_plate(
        cam.at(-5.4, 11.4),
        0,
        2.5,
        2.4,
        [Row("CHAPEL STREET", 0.28, centre=True), Row("STRET AN CHAPEL", 0.2, centre=True)],
        "#f6f6f2",
        "#15181d",
        "#15181d",
    )
    car(cam.at(-2.1, 9.2), "#2d5a4a", Plate("WK19 PZC", "#f4c531", band="#1c3f94", letters="GB"))
    car(cam.at(2.1, 18), "#c9ccd0", Plate("WJ68 TRO"), front=True, drive="right")
    foreground_shade(cv)


def clifden(cv: Canvas, take: int) -> None:
    """Connemara: bog, stone walls, bilingual signs, yellow edge lines."""
    land.sky(cv, land.GREY, 290)
    land.clouds(cv, 5, 20, 170, "#eef1f1", 160)
    for y, amp, tone in ((262, 90, "#8195a0"), (284, 60, "#70877c"), (300, 26, "#7b8a58")):
        land.ridge(cv, y, amp, tone, 3, 340)
    cam = Camera(cv, 296, haze="#b9c3c4")
    land.grass(cam, "#8a9a52", 150, keep_out=(-3.4, 3.4))
    lough = [cam.pt(x, 0, z) for x, z in ((-60, 40), (-9, 40), (-12, 24), (-44, 22))]
    cv.flat.poly(lough, "#9db3bd")
    land.road(cam, -3.2, 3.2, "#66696c", centre="#f1f1ec", dash=(2, 4))
    for x in (-2.9, 2.9):
        land.dashes(cam, x, 0.13, "#e8b92d", 2, 1.2)
    for i in range(60):
        z = 44 - 0.66 * i
        stone = cam.at(4.6 + cv.rng.uniform(-0.2, 0.2), z)
        for k in range(3):
            stone.disc(
                cv.rng.uniform(-0.3, 0.3), 0.2 + 0.25 * k, 0.34, ("#9a9a94", "#7f807b", "#b1b0a8")[(i + k) % 3], 0.2
            )
    sheep = ((-6, 13), (-7.4, 16), (-5.6, 18), (9, 20))
    for x, z in sheep:
        pen = cam.at(x, z)
        pen.shadow(0, 0, 0.5, 0.08)
        for lx in (-0.25, 0.2):
            pen.rect(lx, 0, lx + 0.08, 0.35, "#2a2a2a")
        pen.disc(0, 0.55, 0.48, "#f0ede3", 0.32)
        pen.disc(0.48, 0.62, 0.16, "#2a2a2a", 0.13)
    board(
        cam.at(-4.7, 11.8),
        2.7,
        [Row("An Clochán", 0.36, centre=True, font="regular"), Row("CLIFDEN", 0.44, centre=True)],
        "#f6f6f2",
        "#15181d",
        "#15181d",
        clear=1.4,
    )
    board(
        cam.at(5.2, 13.4),
        3.9,
        [
            Row("Gaillimh", 0.36, font="regular"),
            Row("GALWAY", 0.44, right="77", tag="N59", tag_colors=("#0f5a41", "#f5cd2f")),
            Row("Cathair na Mart", 0.36, font="regular"),
            Row("WESTPORT", 0.44, right="64"),
        ],
        "#0f5a41",
        "#ffffff",
        "#ffffff",
        clear=1.5,
    )
    car(cam.at(-1.5, 12), "#6d2630", Plate("191-G-2043", band=EU, letters="IRL"))
    foreground_shade(cv)


def vienna(cv: Canvas, take: int) -> None:
    """Inside a coffee house: marble table, Thonet chair, cathedral in the window."""
    cv.gradient(0, cv.height, ("#6a4a36", "#8a6347", "#5b3d2c"))
    pen = cv.flat
    pen.rect(60, 60, 420, 350, "#3e281b")
    cv.gradient(72, 338, land.SOFT, 72, 408)
    tower = Pen(cv, lambda x, y: (235 + x * 4, 338 - y * 4), 4)
    for i in range(12):
        for k in range(9):
            tone = ("#4d7a5a", "#d8b65a", "#3b4b50")[(i + k) % 3]
            tower.poly(
                [(-36 + k * 4, 18 + i), (-34 + k * 4, 19.2 + i), (-32 + k * 4, 18 + i), (-34 + k * 4, 16.8 + i)], tone
            )
    tower.rect(-38, 0, 0, 17, "#b9ad9b")
    tower.rect(2, 0, 13, 34, "#a89c8b")
    tower.poly([(2, 34), (13, 34), (10, 46), (7.5, 62), (5, 46)], "#938877")
    for y in (6, 16, 26):
        tower.rect(6, y, 9, y + 6, "#5d564d")
    pen.rect(303, 150, 408, 338, "#d9c9a8")
    pen.rect(303, 150, 408, 158, "#b9a784")
    for x in (316, 352):
        pen.rect(x, 172, x + 18, 196, "#58676f")
        pen.rect(x, 270, x + 18, 320, "#58676f")
    street = Pen(cv, lambda x, y: (350 + x * 33, 250 - y * 33), 33)
    street_plate(street, 0, 0, 2.5, [Row("1., Graben", 0.42, centre=True)], "#21468f", "#ffffff", "#ffffff")
    for x in (180, 294):
        pen.rect(x, 72, x + 7, 338, "#3e281b")
    pen.rect(72, 196, 408, 202, "#3e281b")
    pen.poly([(40, 40), (110, 40), (80, 370), (40, 372)], "#8e2f33")
    pen.poly([(440, 40), (372, 40), (402, 370), (440, 372)], "#8e2f33")
    _menu_board(pen)
    cv.glow(580, 20, 220, "#ffdf9c", 0.5)
    pen.disc(250, 470, 250, "#1a0f0a60", 60)
    pen.disc(250, 452, 245, "#d9d3ca", 56)
    pen.disc(250, 446, 245, "#f1ece4", 54)
    for x0, y0, x1, y1 in ((90, 430, 170, 470), (300, 420, 380, 470), (200, 470, 260, 480)):
        pen.line([(x0, y0), ((x0 + x1) / 2, y0 + 14), (x1, y1)], 1.2, "#cfc6ba")
    pen.disc(210, 452, 74, "#c3c7cb", 17)
    pen.disc(190, 447, 36, "#ffffff", 9)
    pen.poly([(162, 418), (218, 418), (210, 447), (170, 447)], "#ffffff")
    pen.disc(190, 418, 28, "#c79a6b", 7)
    pen.disc(190, 417, 20, "#f0dcc0", 4)
    pen.rect(238, 418, 260, 454, "#dfeaf0a0", 4)
    pen.poly([(310, 430), (460, 410), (490, 448), (338, 470)], "#efe9da")
    pen.poly([(318, 434), (456, 416), (460, 421), (322, 440)], "#2d2a26")
    pen.line([(600, 540), (560, 400), (590, 360), (650, 360), (690, 400), (660, 540)], 9, "#2a1710")
    pen.line([(590, 470), (600, 400), (650, 400), (662, 470)], 6, "#2a1710")
    pen.disc(625, 480, 72, "#c9a46c", 20)
    foreground_shade(cv)


def _menu_board(pen: Pen) -> None:
    """The slate with prices on the coffee-house wall."""
    pen.rect(452, 50, 706, 330, "#2b1b12", 6)
    pen.rect(460, 58, 698, 322, "#26332c", 4)
    pen.text(580, 84, "WIENER KAFFEEHAUS", 20, "#f0e3c0", "serif", fit=190)
    for i, (name, price) in enumerate(
        (
            ("Melange", "5,20 €"),
            ("Einspänner", "6,10 €"),
            ("Kleiner Brauner", "4,10 €"),
            ("Apfelstrudel", "5,90 €"),
            ("Sachertorte", "6,80 €"),
            ("Kaiserschmarrn", "14,50 €"),
        )
    ):
        pen.text(474, 122 + 33 * i, name, 18, "#f6f1e2", "regular", "lm")
        pen.text(686, 122 + 33 * i, price, 18, "#f6f1e2", "regular", "rm")
