"""The towns: eight invented corners of real cities. Streets, names and shops are made up, the places about right."""

from __future__ import annotations

from towns.world import ASPHALT, EARTH, GRASS, PAVING, WATER, Area, Box, Town, Tree

RAIL = "#8d8a84"


def utrecht() -> Town:
    """A canal with a bridge, gabled brick houses, a row of trees on the quay."""
    town = Town("Utrecht", 52.09240, 5.12150, base="#8d9a72", sky=("#7fa3c7", "#dde6ea"))
    town.area(WATER, (-9, -110), (7, -110), (7, 110), (-9, 110))
    for east in (-9.6, 7.0):
        town.area("#8a7a6a", (east, -110), (east + 0.6, -110), (east + 0.6, 110), (east, 110))
    town.street([(-19, -110), (-19, 110)], "OUDE GRACHT", width=6)
    town.street([(17, -110), (17, 110)], "NIEUWE KADE", width=6)
    town.street([(-110, 14), (110, 14)], "BRUGSTRAAT", width=7)
    town.row((-19, 22), (-19, 105), away=6.5, heights=(9, 13), gable=True, signs=["BAKKER", "", "BOEKEN"])
    town.row((-19, -105), (-19, 4), away=6.5, heights=(8, 13), gable=True, signs=["", "", "", "", "KAAS", "CAFE"])
    town.row((17, 105), (17, 22), away=6.5, heights=(9, 14), gable=True, signs=["", "", "", "FIETSEN"])
    town.row((17, 4), (17, -105), away=6.5, heights=(8, 12), gable=True, signs=["BLOEMEN", "", "KAAS"])
    town.row((34, 14), (105, 14), away=6.5, gable=True)
    town.avenue((-12.4, -100), (-12.4, 5), 9)
    town.avenue((10.4, 26), (10.4, 100), 9)
    for at, color in ((-40, "#a33327"), (-31, "#d8d8d4"), (31, "#27496d"), (38, "#c9b037")):
        town.car(-16.9, at, 0, color)
    return town


def austin() -> Town:
    """A wide crossing, a parking lot with cars in rows, low flat shops, a blue pool behind one."""
    town = Town("Austin", 30.26810, -97.74280, base="#a59c74", sky=("#3f7fc6", "#cfe0ee"), sun=200)
    town.street([(-110, -4), (110, -4)], "PECAN STREET", width=14)
    town.street([(12, -110), (12, 110)], "LAMAR DRIVE", width=11)
    town.area(ASPHALT, (-62, 8), (-4, 8), (-4, 48), (-62, 48))
    for row, north in enumerate((13, 27, 41)):
        for number in range(13):
            east = -58 + number * 4.1
            town.areas.append(
                Area(
                    ((east, north - 2.6), (east + 0.2, north - 2.6), (east + 0.2, north + 2.6), (east, north + 2.6)),
                    "#dcd9cf",
                )
            )
            if (number * 5 + row * 3) % 4:
                color = ("#b8bcc0", "#20242b", "#8e2f2b", "#e9e7e1", "#35557a")[(number + 2 * row) % 5]
                town.car(east + 2.1, north, 0, color)
    town.house(Box(-34, 62, 52, 18, 180, 6, "#d9c7a5", "#c9c5bb", sign="MARKET HALL"))
    town.house(Box(36, 22, 22, 16, 270, 5, "#b7c7c9", "#a9a59b", sign="TACOS"))
    town.house(Box(38, 50, 18, 14, 270, 8, "#c98f6b", "#8b6f57", sign="MUSIC"))
    town.house(Box(-30, -30, 40, 20, 0, 10, "#bfb5a5", "#b3afa6", sign="HOTEL"))
    town.disc("#2f8fc0", -34, -50, 6.5)
    town.disc("#e9e2d0", -34, -50, 0.1)
    town.house(Box(44, -30, 24, 18, 0, 14, "#9ea7ad", "#83878a", sign="BANK"))
    town.zebra(12, 8.5, 0, 11)
    town.zebra(23, -4, 90, 14)
    town.grove((80, 60), 24, 14)
    town.grove((-80, -55), 20, 10)
    town.avenue((-60, -16.5), (0, -16.5), 12, 1.8)
    return town


def nairobi() -> Town:
    """A roundabout with a ring of grass and a monument, red earth, jacaranda trees in bloom."""
    town = Town("Nairobi", -1.28650, 36.82180, base="#b58a62", sky=("#5e97cf", "#e2e6e2"), sun=20)
    town.street([(-110, 0), (110, 0)], "HAKI ROAD", width=9)
    town.street([(0, -110), (0, 110)], "UMOJA AVENUE", width=9)
    town.disc(PAVING, 0, 0, 24, 1)
    town.disc(ASPHALT, 0, 0, 21, 3)
    town.disc(GRASS, 0, 0, 11.5, 3)
    town.disc(PAVING, 0, 0, 4, 3)
    town.house(Box(0, 0, 2.2, 2.2, 45, 9, "#e6e1d6", "#d8d2c4", windows=False))
    town.disc(EARTH, 50, 52, 22)
    for east, north in ((30, 26), (-30, 26), (26, -32), (-28, -30)):
        town.trees.append(Tree(east, north, 4.2, 9.5, "#7f6bb0"))
    town.row(
        (-105, 0),
        (-28, 0),
        away=11,
        heights=(6, 12),
        walls=["#d7c08f", "#c2b8a3", "#8fa59a"],
        gap=2,
        signs=["", "", "DUKA", "KAHAWA"],
    )
    town.row((28, 0), (105, 0), away=-11, heights=(8, 18), walls=["#c9c5bd", "#a8b3b8"], gap=2, signs=["", "SIMU"])
    town.row((0, 30), (0, 105), away=-11, heights=(5, 9), walls=["#c98f6b", "#d7c08f"], gap=3)
    for at, color in ((40, "#e9e7e1"), (52, "#e9e7e1"), (-46, "#b8bcc0")):
        town.car(at, 6.0, 90, color)
    return town


def curitiba() -> Town:
    """A round pond in a park, tall pale flats, a kiosk with a red roof at the gate."""
    town = Town("Curitiba", -25.42950, -49.26720, base="#77914f", sky=("#5590cb", "#dfe9ee"), sun=10)
    town.area(GRASS, (-110, -110), (30, -110), (30, 110), (-110, 110))
    town.street([(40, -110), (40, 110)], "RUA DO LAGO", width=9)
    town.strip("#cdbf9c", [(34, 0), (6, 0)], 3)
    town.disc("#cdbf9c", -20, 0, 27)
    town.disc(WATER, -20, 0, 22)
    town.strip("#cdbf9c", [(-47, 0), (-105, 30)], 3)
    town.house(Box(24, 9, 5, 5, 90, 3, "#e8dfc9", "#b3392c", sign="SUCOS"))
    for north in (-75, -42, -8, 26, 60):
        town.house(
            Box(62, north, 22, 18, 270, 24 + north % 9, "#e3ddd0", "#bdb7aa", sign="PADARIA" if north == -8 else "")
        )
    town.grove((-20, 55), 26, 22)
    town.grove((-25, -58), 28, 22)
    town.grove((-85, 0), 14, 9)
    for at, color in ((-20, "#a33327"), (-6, "#e9e7e1"), (13, "#35557a")):
        town.car(36.6, at, 0, color)
    return town


def lyon() -> Town:
    """A square with a fountain, plane trees in a grid, ochre fronts, a church with a slate roof."""
    town = Town("Lyon", 45.75760, 4.83260, base="#a8a08a", sky=("#6a9ccc", "#e4e8e6"))
    town.area(PAVING, (-32, -32), (32, -32), (32, 32), (-32, 32))
    for a, b, name in (
        ((-38, -110), (-38, 110), "RUE DES PLATANES"),
        ((-110, -38), (110, -38), "QUAI NEUF"),
        ((38, -110), (38, 110), ""),
        ((-110, 38), (110, 38), "RUE SAINT MARC"),
    ):
        town.street([a, b], name, width=6, pavement=2)
    town.disc("#d5cebd", 0, 0, 7)
    town.disc(WATER, 0, 0, 5.6)
    town.house(Box(0, 0, 1.4, 1.4, 0, 3.2, "#d5cebd", "#d5cebd", windows=False, on_map=False))
    for east in (-24, -16, 16, 24):
        for north in (-24, -12, 12, 24):
            town.trees.append(Tree(east, north, 3.0, 8.5, "#6f8a3f"))
    walls = ["#dcb87f", "#cf9f6a", "#e3cfa0", "#c98a6a"]
    town.row((-38, 44), (-38, 105), away=5.5, walls=walls, heights=(13, 18))
    town.row((-38, -32), (-38, 32), away=5.5, walls=walls, heights=(13, 18), signs=["TABAC", "BISTRO", "", "FLEURS"])
    town.row((-32, 38), (32, 38), away=5.5, walls=walls, heights=(14, 19), signs=["HOTEL", "", "PHARMACIE"])
    town.row((32, -38), (-32, -38), away=5.5, walls=walls, heights=(12, 17), signs=["BANQUE", "", "CAFE"])
    town.house(Box(56, 0, 16, 30, 270, 14, "#cfc6b4", "#4d5560", gable=True))
    town.house(Box(46, 12, 6, 6, 0, 27, "#cfc6b4", "#4d5560"))
    return town


def helsinki() -> Town:
    """Tram rails in a cobbled street, pale blocks around a court, a harbour basin with a quay."""
    town = Town("Helsinki", 60.16590, 24.95520, base="#9aa08e", sky=("#7f9fbd", "#e3e8ea"), sun=190)
    town.street([(-110, 6), (110, 6)], "SATAMAKATU", width=12)
    for north in (2.6, 4.1, 7.9, 9.4):
        town.area(RAIL, (-110, north - 0.12), (110, north - 0.12), (110, north + 0.12), (-110, north + 0.12), layer=3)
    town.area(PAVING, (-110, -22), (110, -22), (110, -3), (-110, -3))
    town.area(WATER, (-110, -110), (110, -110), (110, -22), (-110, -22))
    for east in (-30, 24):
        town.house(Box(east, -36, 26, 6, 90, 2.4, "#f2f0ea", "#e8e5dc", windows=False, on_map=False))
    walls = ["#efe3c2", "#e5d0a6", "#d9dcd2", "#e8c9a0"]
    town.street([(14, 6), (14, 110)], "KAIVOTIE", width=7)
    town.row(
        (-100, 6),
        (4, 6),
        away=9.5,
        walls=walls,
        heights=(15, 19),
        widths=(14, 20),
        signs=["", "", "KAHVILA", "APTEEKKI"],
    )
    town.row(
        (24, 6), (105, 6), away=9.5, walls=walls, heights=(16, 20), widths=(14, 20), signs=["KIRJAT", "", "HOTELLI"]
    )
    town.row((14, 30), (14, 105), away=6.5, walls=walls, heights=(15, 19), widths=(14, 20))
    town.avenue((-100, -19), (100, -19), 16, 1.7)
    for at, color in ((-22, "#27496d"), (-15, "#e9e7e1"), (40, "#20242b")):
        town.car(at, -0.4, 90, color)
    return town


def hobart() -> Town:
    """Single houses with red iron roofs in gardens, a curved road, a football field with goals."""
    town = Town("Hobart", -42.86200, 147.36000, base="#7f9158", sky=("#4f8ccb", "#dbe8f0"), sun=340)
    town.street([(-110, -30), (-50, -14), (0, -8), (50, -14), (110, -34)], "DERWENT STREET", width=8)
    town.street([(0, -8), (6, -110)], "FERRY ROAD", width=7)
    town.areas.append(Area(((-46, 14), (46, 14), (46, 78), (-46, 78)), "#5f8f3e", on_map="#aae0cb"))
    for line in (
        ((-42, 18), (42, 18)),
        ((-42, 74), (42, 74)),
        ((-42, 18), (-42, 74)),
        ((42, 18), (42, 74)),
        ((0, 18), (0, 74)),
    ):
        (a, b), (c, d) = line
        town.area(
            "#eef0ea",
            (a - 0.15, b - 0.15),
            (c + 0.15, b - 0.15) if a != c else (a + 0.15, b - 0.15),
            (c + 0.15, d + 0.15),
            (a - 0.15, d + 0.15),
        )
    town.disc("#eef0ea", 0, 46, 7.3)
    town.disc("#5f8f3e", 0, 46, 7.0)
    for east in (-42, 42):
        for north in (43, 49):
            town.house(Box(east, north, 0.3, 0.3, 0, 6, "#f4f4f0", "#f4f4f0", windows=False, on_map=False))
    for number, (east, north, angle) in enumerate(
        (
            (-60, -40, 15),
            (-38, -34, 12),
            (-18, -30, 5),
            (26, -32, -8),
            (48, -38, -14),
            (70, -48, -18),
            (-70, 6, 195),
            (72, 0, 165),
        )
    ):
        town.house(
            Box(
                east,
                north,
                13,
                9,
                angle,
                3.6,
                ("#e9e2d0", "#cfd8d6", "#e3cfa0")[number % 3],
                "#a8392e",
                gable=True,
                sign="MILK BAR" if number == 2 else "",
            )
        )
    town.grove((-85, 50), 22, 14, (2.5, 4.5))
    town.grove((85, 45), 20, 12, (2.5, 4.5))
    town.grove((-48, -62), 20, 8)
    town.car(14, -5.5, 97, "#e9e7e1")
    return town


def lisbon() -> Town:
    """A hill street with a viewpoint garden, tiled fronts in blue and rose, terracotta roofs, a striped paving."""
    town = Town("Lisbon", 38.71390, -9.13280, base="#b3a98f", sky=("#4a8fd0", "#e6ecee"), sun=170)
    town.street([(-110, -60), (-30, -12), (30, 0), (110, 6)], "RUA DA GRACA", width=6, pavement=1.8)
    town.area(PAVING, (-22, 8), (34, 14), (32, 56), (-24, 54))
    for number in range(7):
        north = 14 + number * 5.6
        town.area("#57534c", (-20, north), (32, north + 0.9), (32, north + 2.4), (-20, north + 1.5))
    town.area(GRASS, (-16, 60), (30, 60), (30, 96), (-16, 96))
    town.house(Box(6, 36, 4.5, 4.5, 180, 3.0, "#d8cdb5", "#3d6b5c", sign="GINJA"))
    walls = ["#7fa6bf", "#d99a8f", "#e8dcc0", "#d9c06a"]
    roofs = ["#c0603a", "#b3552f", "#c96f48"]
    town.row(
        (-100, -54),
        (-32, -13.2),
        away=-5.5,
        walls=walls,
        roofs=roofs,
        heights=(9, 14),
        gable=True,
        signs=["", "", "", "", "", "PASTELARIA"],
    )
    town.row(
        (-28, -11.6),
        (28, -0.4),
        away=-5.5,
        walls=walls,
        roofs=roofs,
        heights=(9, 15),
        gable=True,
        signs=["FADO", "", "CONSERVAS", "", "MERCEARIA"],
    )
    town.row(
        (34, 0.4), (108, 6), away=-5.5, walls=walls, roofs=roofs, heights=(8, 14), gable=True, signs=["", "LIVROS"]
    )
    town.row((40, 0.8), (108, 6), away=5.5, walls=walls, roofs=roofs, heights=(8, 12), gable=True)
    town.row((-96, -51), (-36, -15.5), away=5.5, walls=walls, roofs=roofs, heights=(8, 12), gable=True)
    town.grove((8, 78), 15, 12)
    town.avenue((-18, 11), (30, 17), 12, 1.9)
    return town


TOWNS: dict[str, Town] = {
    town.name: town for town in (utrecht(), austin(), nairobi(), curitiba(), lyon(), helsinki(), hobart(), lisbon())
}
