"""Scenes from Japan, Korea, China and Taiwan."""

from __future__ import annotations

from scenes import land
from scenes.buildings import Draw, Front, house, row, shop
from scenes.canvas import Camera, Canvas, Pen, shade
from scenes.landmarks import hanok
from scenes.plants import blossom
from scenes.signs import Row, board, plate, posts
from scenes.stage import foreground_shade, utility_pole, wires
from scenes.vehicles import Plate, car, person


def fuji(cv: Canvas, take: int) -> None:
    """A shopping street under Mount Fuji, wires overhead."""
    land.sky(cv, ("#5b97cf", "#aacfe6", "#efe6da"), 330)
    land.clouds(cv, 2, 210, 250, "#ffffff", 150)
    slope = [
        (-60, 340),
        (90, 272),
        (200, 196),
        (286, 112),
        (316, 84),
        (352, 80),
        (386, 84),
        (420, 116),
        (510, 200),
        (620, 268),
        (790, 340),
    ]
    cv.flat.poly(slope, "#7288a8")
    cv.flat.poly(
        [
            (316, 84),
            (352, 80),
            (386, 84),
            (420, 116),
            (452, 148),
            (436, 158),
            (418, 142),
            (402, 168),
            (382, 146),
            (366, 176),
            (346, 150),
            (326, 172),
            (308, 146),
            (288, 162),
            (262, 140),
            (286, 112),
        ],
        "#fbfcfe",
    )
    cv.flat.poly([(386, 84), (420, 116), (510, 200), (620, 268), (790, 340), (470, 340), (400, 200)], "#3a4f7440")
    cam = Camera(cv, 318, focal=640, height=1.75)
    cv.gradient(318, cv.height, ("#a7a49e", "#8e8b86"))
    _fuji_near(cv, cam, take)


def _fuji_near(cv: Canvas, cam: Camera, take: int) -> None:
    """The nearer half of the picture, drawn over the rest."""
    names = (("吉田うどん", "#22407a"), ("喫茶 富士", "#7a3b2a"), ("写真館", "#3f6b52"))
    walls = ("#d9d2c2", "#bfc6c4", "#e2d8c0", "#c9b9a5", "#b7b3ab")

    def painter(i: int) -> Draw:
        def paint(pen: Pen, w: float, h: float) -> None:
            house(
                pen,
                w,
                h,
                Front(wall=walls[i % 5], floors=2, bays=3, ground=3.1, glass="#56707f", window=(1.3, 1.1)),
                upper_only=True,
            )
            tone = ("#22407a", "#8a2f2a", "#3f6b52", "#b8862f")[i % 4]
            shop(pen, 0.2, w - 0.4, ("お土産", "酒店", "薬局", "食堂")[i % 4], tone, "#ffffff", "cjk", tall=2.9)
            pen.poly([(0, h), (w, h), (w, h + 0.7), (0, h + 0.7)], "#5a6068")

        return paint

    blocks = [(7.0, 6.2 + 0.7 * (i % 3), walls[i % 5], painter(i)) for i in range(8)]
    row(cam, -1, 6.2, blocks, 8)
    row(cam, 1, 6.2, blocks[::-1], 8)
    land.road(cam, -3.4, 3.4, "#6a6c72", centre="#f4f4f0", dash=(3, 3), far=140)
    for side in (-1, 1):
        land.strip(cam, side * 3.3 - 0.07, side * 3.3 + 0.07, 1, 140, "#f4f4f0")
        land.strip(cam, side * 4.6 - 1.1, side * 4.6 + 1.1, 1, 140, "#b7b2a8")
    for x, z in ((-5.2, 34), (5.2, 30), (-5.2, 22), (5.2, 17)):
        utility_pole(cam.at(x, z), 8)
    wires(cv, [(0, 20, 260, 200), (0, 60, 260, 208), (720, 10, 470, 190), (720, 52, 470, 200), (0, 110, 720, 90)])
    for i, (name, tone) in enumerate(names[:2]):
        blade = cam.at(-4.9 + 0.5 * i, 12 + 6 * i)
        blade.rect(-0.42, 2.2, 0.42, 2.4 + 0.72 * len(name), tone, 0.06)
        for k, letter in enumerate(name):
            blade.text(0, 2.1 + 0.72 * len(name) - 0.72 * k, letter, 0.62, "#ffffff", "cjk")
    sign = cam.at(3.9, 11)
    posts(sign, [1.2], 3.9, "#d9dcdf")
    rows = [
        Row("富士吉田市", 0.36, centre=True, font="cjk"),
        Row("河口湖", 0.34, right="4 km", font="cjk"),
        Row("Kawaguchiko", 0.2),
        Row("大月", 0.34, right="24 km", font="cjk"),
        Row("Otsuki", 0.2),
    ]
    plate(sign, -0.2, 1.75, 3.2, rows, "#1d4fa3", "#ffffff", "#ffffff")
    number = Plate("富士山 さ24-07", "#f8f8f4", "#1d6b3f", font="cjk")
    near = cam.at(-1.7, 9.6 if take == 0 else 10.3)
    car(near, "#e7e8e6", number, tall=1.75)
    car(cam.at(1.7, 19), "#27406b", number, front=True, tall=1.7, drive="right")
    foreground_shade(cv)


def nara(cv: Canvas, take: int) -> None:
    """A railway platform with a station name board and a commuter train."""
    cv.gradient(0, cv.height, ("#59636c", "#7c868c", "#9aa09f"))
    cam = Camera(cv, 330, focal=600, height=1.65, centre=0.42)
    cam.face([(-1.6, 4.2, 1.5), (9, 4.2, 1.5), (9, 4.2, 60), (-1.6, 4.2, 60)], "#4a5158")
    for z in range(4, 60, 4):
        cam.face([(0.8, 4.18, z), (2.4, 4.18, z), (2.4, 4.18, z + 2), (0.8, 4.18, z + 2)], "#fbf6dd")
    cam.face([(-60, 8, 60), (-1.6, 4.2, 60), (-1.6, 0, 60), (-60, 0, 60)], "#b9d4e4")
    cv.gradient(0, 316, land.SOFT, 0.01, 205)
    land_pen = Pen(cv, lambda x, y: (x, 318 - y), 1)
    for x in range(0, 200, 24):
        land_pen.disc(x, 10, 26, shade("#5f7f5a", 0.1 * (x % 3)), 30)
    temple = Pen(cv, lambda x, y: (88 + x * 2.2, 300 - y * 2.2), 2.2)
    for i in range(5):
        half, y = 17 - 2.4 * i, 12 * i
        temple.rect(-half * 0.55, y, half * 0.55, y + 8, "#8b5a44")
        temple.poly([(-half - 4, y + 7), (half + 4, y + 7), (half * 0.6, y + 12), (-half * 0.6, y + 12)], "#3f454c")
    temple.rect(-0.7, 58, 0.7, 78, "#3f454c")
    cam.ground([(-9, 1), (-1.6, 1), (-1.6, 60), (-9, 60)], "#6d6a66", -1.1)
    for z in range(2, 40):
        cam.ground([(-6.2, z), (-2.6, z), (-2.6, z + 0.3), (-6.2, z + 0.3)], "#57524d", -1.1)
    for x in (-5.4, -3.5):
        cam.ground([(x, 1), (x + 0.1, 1), (x + 0.1, 60), (x, 60)], "#c6c9cc", -1.0)
    cam.ground([(-1.6, 1), (9, 1), (9, 60), (-1.6, 60)], "#a9a69f")
    cam.ground([(-1.2, 1), (-0.8, 1), (-0.8, 60), (-1.2, 60)], "#f0c52c")
    train = cam.wall(-1.9, 12, -1.9, 48)
    train.rect(0, -0.6, 36, 2.9, "#e7e9ea")
    train.rect(0, 0.3, 36, 0.75, "#2f8f57")
    for i in range(12):
        train.rect(0.6 + i * 3, 1.1, 2.4 + i * 3, 2.2, "#33424d")
    cam.face([(-4.8, -0.9, 12), (-1.9, -0.9, 12), (-1.9, 2.9, 12), (-4.8, 2.9, 12)], "#eceeee")
    head = cam.at(-3.35, 12)
    head.rect(-1.2, 1.0, 1.2, 2.3, "#26333d", 0.1)
    head.rect(-1.0, 2.4, 1.0, 2.8, "#15181d")
    head.text(0, 2.6, "大和路快速 大阪", 0.26, "#ffb84a", "cjk", fit=1.9)
    head.rect(-1.45, 0.3, 1.45, 0.75, "#2f8f57")
    for x in (-1.0, 1.0):
        head.disc(x, 0.1, 0.16, "#fff6d0")
    for z in (34, 24, 15):
        post = cam.at(4.4, z)
        post.rect(-0.16, 0, 0.16, 4.2, "#d9dcdc")
        post.rect(0.04, 0, 0.16, 4.2, "#b3b8b9")
    sign = cam.at(2.75, 9.2)
    for x in (-1.7, 1.7):
        sign.rect(x - 0.05, 3.1, x + 0.05, 4.2, "#3a4046")
    sign.rect(-2.3, 1.6, 2.3, 3.3, "#f8f8f5", 0.06)
    sign.text(0, 2.86, "奈良", 0.66, "#15181d", "cjk")
    sign.text(0, 2.36, "なら  Nara", 0.25, "#15181d", "cjk")
    sign.rect(-2.3, 1.98, 2.3, 2.18, "#2f8f57")
    sign.text(-2.15, 1.82, "平城山 Narayama", 0.2, "#15181d", "cjk", "lm")
    sign.text(2.15, 1.82, "郡山 Kōriyama", 0.2, "#15181d", "cjk", "rm")
    for x, z, coat in ((0.9, 12, "#2b3f66"), (1.5, 13, "#d8d3c8"), (3.4, 14, "#5a5f66")):
        person(cam.at(x, z), coat, hair="#1b1a1c")
    bench = cam.at(3.6, 7.4)
    bench.rect(-1, 0.42, 1, 0.52, "#3f78a8")
    bench.rect(-1, 0.52, 1, 0.95, "#4a88ba")
    for x in (-0.8, 0.8):
        bench.rect(x - 0.05, 0, x + 0.05, 0.42, "#555b60")
    foreground_shade(cv)


def jeonju(cv: Canvas, take: int) -> None:
    """The hanok quarter in spring."""
    land.sky(cv, land.SOFT, 310)
    land.clouds(cv, 3, 30, 130)
    land.ridge(cv, 280, 80, "#93a7a4", 3, 330)
    land.ridge(cv, 300, 40, "#7b9670", 4, 330)
    cam = Camera(cv, 300, haze="#e3e3d8")
    cv.gradient(300, cv.height, ("#c6beb0", "#a9a193"))
    hanok(cam.at(-19, 34), 11)
    hanok(cam.at(6, 36), 11)
    blossom(cam.at(3.4, 30), 6)
    hanok(cam.at(-15, 22), 9.5)
    land.road(cam, -3.6, 3.6, "#6f7176", centre="#efc12e", edge="#f4f4f0", dash=(3, 3), far=60)
    land.kerb(cam, 3.6, 1, width=4, far=60)
    blossom(cam.at(7.4, 17), 5.5)
    board(
        cam.at(5.2, 12.6, 0.13),
        3.2,
        [Row("전주한옥마을", 0.42, centre=True, font="korean"), Row("Jeonju Hanok Village", 0.25, centre=True)],
        "#6b4423",
        "#ffffff",
        "#ffffff",
        clear=1.5,
    )
    stall = cam.at(-6.5, 13)
    shop(stall, 0, 4.0, "전주비빔밥", "#a6352d", "#fff3d0", "korean", ("#a6352d", "#f2e4c8"), tall=3.0, size=0.52)
    over = cam.at(0.2, 30)
    for x in (-5, 5):
        over.rect(x - 0.12, 0, x + 0.12, 6.4, "#8d9398")
    plate(
        over,
        0,
        4.6,
        6.4,
        [Row("전주  Jeonju", 0.62, font="korean"), Row("남원  Namwon", 0.62, right="52", font="korean")],
        "#176b47",
        "#ffffff",
        "#ffffff",
    )
    car(cam.at(1.7, 11), "#eceded", Plate("27가 4518", "#f6f6f2", band="#2a56a8", letters="", font="korean"))
    for x, z, coat in ((-4.6, 16, "#e79ab0"), (-5.3, 16.4, "#6fa3c8"), (5.6, 18, "#4b5563")):
        person(cam.at(x, z), coat, hair="#1b1a1c")
    foreground_shade(cv)


def yangshuo(cv: Canvas, take: int) -> None:
    """Karst towers, a bamboo raft, a road sign to Guilin."""
    land.sky(cv, ("#a9c3cf", "#d3dfde", "#f3ead6"), 320, sun=(560, 120))
    for tone, base, towers in (
        (
            "#a3b9bb",
            320,
            ((40, 150, 60), (150, 190, 50), (270, 120, 66), (400, 170, 52), (520, 200, 56), (640, 150, 64)),
        ),
        ("#7f9e98", 330, ((90, 190, 62), (220, 220, 52), (350, 210, 50), (590, 180, 68), (700, 210, 56))),
        ("#587f6b", 338, ((20, 180, 74), (470, 240, 58), (670, 170, 70))),
    ):
        for x, top, half in towers:
            shape = [
                (-1.25, 1),
                (-1.0, 0.62),
                (-0.8, 0.28),
                (-0.45, 0.07),
                (0, 0),
                (0.42, 0.06),
                (0.78, 0.3),
                (1.0, 0.66),
                (1.3, 1),
            ]
            cv.flat.poly([(x + a * half, top + b * (base - top)) for a, b in shape], tone)
            cv.flat.poly(
                [(x + a * half, top + b * (base - top)) for a, b in shape[4:]] + [(x + half * 0.3, base)],
                shade(tone, -0.1),
            )
    land.sea(cv, 330, 470, "#a9c0b8", "#6f9a8c")
    cam = Camera(cv, 322, focal=620, height=3.2)
    raft = cam.at(-1.6, 19)
    raft.disc(0.2, -0.1, 2.8, "#22423c50", 0.2)
    for i in range(5):
        raft.line(
            [(-2.4, 0.1 + 0.09 * i), (2.2, 0.1 + 0.09 * i), (2.8, 0.4 + 0.09 * i)], 0.1, ("#b89a5a", "#a3864a")[i % 2]
        )
    person(raft.moved(0.9, 0.4), "#3f5a6b", hair="#d9b870")
    raft.poly([(0.45, 2.02), (1.35, 2.02), (0.9, 2.4)], "#d9b870")
    raft.line([(1.5, 3.2), (0.9, 0.0)], 0.06, "#8a6f3c")
    for x in (-1.2, -0.8):
        raft.disc(x, 0.75, 0.2, "#26292d", 0.28)
    _yangshuo_near(cv, cam)


def _yangshuo_near(cv: Canvas, cam: Camera) -> None:
    """The nearer half of the picture, drawn over the rest."""
    cv.gradient(462, cv.height, ("#7c7f80", "#63666a"))
    cv.flat.rect(0, 455, 720, 466, "#d8d5cb")
    for x in range(0, 720, 48):
        cv.flat.rect(x, 430, x + 9, 462, "#d8d5cb")
    cv.flat.rect(0, 428, 720, 434, "#e6e3da")
    for x in range(-20, 720, 120):
        cv.flat.rect(x, 517, x + 76, 522, "#efc12e")
    sign = cam.at(3.5, 9.4)
    posts(sign, [-1.3, 1.3], 3.2)
    plate(
        sign,
        0,
        2.0,
        3.7,
        [
            Row("桂林  Guilin", 0.42, right="65 km", font="chinese"),
            Row("阳朔  Yangshuo", 0.42, right="2 km", font="chinese"),
        ],
        "#1d4fa3",
        "#ffffff",
        "#ffffff",
    )
    banner = cam.at(-4.3, 9.2)
    banner.rect(-0.5, 1.0, 0.5, 4.2, "#b8282c", 0.05)
    for i, letter in enumerate("漓江渔家"):
        banner.text(0, 3.8 - 0.76 * i, letter, 0.62, "#f7d76a", "chinese")
    posts(banner, [0], 1.0, "#7a5a3a")
    for i in range(9):
        stem = cam.at(-3.4 + 0.12 * i, 9.3)
        stem.line([(0, 0.2), (0.1 * (i - 4), 3.6 + 0.2 * (i % 3))], 0.06, "#7fa052")
        for k in range(6):
            stem.poly(
                [
                    (0.06 * (i - 4), 2 + 0.3 * k),
                    (0.06 * (i - 4) + (0.6 if k % 2 else -0.6), 1.85 + 0.3 * k),
                    (0.06 * (i - 4), 2.1 + 0.3 * k),
                ],
                ("#6f9a48", "#8ab45a")[k % 2],
            )
    foreground_shade(cv)


def ximen(cv: Canvas, take: int) -> None:
    """A metro platform in Taipei."""
    cv.gradient(0, cv.height, ("#e6e8e8", "#cfd3d4", "#b4b8b9"))
    cam = Camera(cv, 290, focal=600, height=1.65)
    cam.ground([(-8, 1), (8, 1), (8, 70), (-8, 70)], "#b9b5ac")
    for z in range(2, 60, 2):
        cam.ground([(-4, z), (4, z), (4, z + 0.04), (-4, z + 0.04)], "#9c988f")
    cam.face([(-5, 4, 1), (5, 4, 1), (5, 4, 70), (-5, 4, 70)], "#8f969b")
    for z in range(3, 60, 3):
        cam.face([(-0.9, 3.98, z), (0.9, 3.98, z), (0.9, 3.98, z + 2), (-0.9, 3.98, z + 2)], "#ffffff")
    for side in (-1, 1):
        x = 4.0 * side
        wall = cam.wall(x, 2, x, 60) if side < 0 else cam.wall(x, 60, x, 2)
        wall.rect(0, 0, 58, 4, "#dfe3e4")
        wall.rect(0, 2.5, 58, 3.1, "#12804f")
        for i in range(19):
            wall.rect(1 + i * 3, 0.05, 3.6 + i * 3, 2.4, "#8fb3bf90")
            wall.rect(0.9 + i * 3, 0.05, 1.05 + i * 3, 2.4, "#aab2b5")
        cam.ground([(x - side * 0.9, 1), (x - side * 0.6, 1), (x - side * 0.6, 70), (x - side * 0.9, 70)], "#f0c52c")
    column = cam.at(-2.9, 13)
    column.rect(-0.42, 0, 0.42, 4, "#c9cdce")
    column.rect(0.15, 0, 0.42, 4, "#aeb4b6")
    hang = cam.at(0, 9.2)
    for x in (-2.0, 2.0):
        hang.rect(x - 0.04, 3.1, x + 0.04, 4, "#5d646a")
    hang.rect(-2.9, 2.2, 2.9, 3.2, "#20252b", 0.06)
    hang.rect(-2.75, 2.35, -1.95, 3.05, "#12804f", 0.1)
    hang.text(-2.35, 2.7, "G12", 0.34, "#ffffff")
    hang.text(-1.7, 2.85, "西門", 0.5, "#ffffff", "taiwan", "lm")
    hang.text(-1.7, 2.43, "Ximen", 0.27, "#ffffff", "bold", "lm")
    hang.text(2.7, 2.88, "往 松山", 0.34, "#ffffff", "taiwan", "rm")
    hang.text(2.7, 2.47, "to Songshan", 0.24, "#ffffff", "bold", "rm")
    strip = cam.at(2.2, 11)
    strip.rect(-0.9, 0, 0.9, 2.1, "#f6f6f2", 0.05)
    strip.rect(-0.9, 1.75, 0.9, 2.1, "#12804f")
    strip.text(0, 1.92, "台北捷運", 0.26, "#ffffff", "taiwan")
    for i, (name, latin) in enumerate((("北門", "Beimen"), ("西門", "Ximen"), ("小南門", "Xiaonanmen"))):
        strip.disc(-0.62, 1.45 - 0.5 * i, 0.11, "#12804f")
        strip.text(-0.4, 1.52 - 0.5 * i, name, 0.23, "#15181d", "taiwan", "lm")
        strip.text(-0.4, 1.3 - 0.5 * i, latin, 0.16, "#15181d", "regular", "lm")
    for x, z, coat in ((-0.8, 13, "#c95f6f"), (0.3, 16, "#3f5f7f"), (1.0, 18, "#e8e2d2"), (-1.2, 20, "#4a4f57")):
        person(cam.at(x, z), coat, hair="#1b1a1c")
