"""The list of scenes: what is drawn, where it truly is, and what evidence it carries.

File names are running numbers in a shuffled order, so that neither a name nor its neighbours tell the place.
`note` is for people; the pipeline does not read it. Two entries that share a painter are near-duplicates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scenes import (
    africa,
    asia_east,
    asia_south,
    europe_north_east,
    europe_south,
    europe_west,
    north_america,
    nowhere,
    south,
)
from scenes.canvas import Canvas

LANDSCAPE = (720, 540)
PORTRAIT = (540, 720)


@dataclass(frozen=True)
class Look:
    """How a second picture of a place differs: part of the frame kept, brightness, and a shift toward red."""

    take: int = 0
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    exposure: float = 1.0
    warmth: float = 0.0


@dataclass(frozen=True)
class Scene:
    """One picture of the demo set. Coordinates are WGS84 degrees of a real spot in the named place."""

    number: int
    name: str
    paint: Callable[[Canvas, int], None]
    lat: float
    lon: float
    coord_uncertainty_km: float
    captured_at: str
    kind: str
    author: str
    note: str
    size: tuple[int, int] = LANDSCAPE
    look: Look = Look()

    @property
    def id(self) -> str:
        """A readable id; it is never shown to a teacher."""
        return f"s{self.number:02d}-{self.name}"

    @property
    def file(self) -> str:
        """The image's path below recipes/demo."""
        return f"images/{self.number:03d}.jpg"


LOOK_LISBON = Look(take=1, crop=(0.02, 0.015, 0.99, 0.985), exposure=1.07)
LOOK_FUJI = Look(take=1, crop=(0.012, 0.02, 0.992, 0.99), exposure=0.86)
LOOK_ALICE = Look(take=1, crop=(0.01, 0.0, 0.985, 0.975), exposure=1.02, warmth=0.05)

# fmt: off
SCENES: tuple[Scene, ...] = (
    Scene(1, "nara-platform", asia_east.nara,
          34.6805, 135.8195, 0.5, "2022-11-05T09:20:00", "indoor", "studio-heron",
          "Platform with station board Nara (Narayama / Koriyama), green-striped train, pagoda"),
    Scene(2, "zermatt-station", europe_north_east.zermatt,
          46.024, 7.7482, 0.5, "2023-02-11T11:05:00", "urban", "studio-kite",
          "Matterhorn, red rack train, Swiss station sign, chalets", PORTRAIT),
    Scene(3, "narok-savannah", africa.narok,
          -1.095, 35.866, 3.0, "2022-07-30T17:40:00", "natural", "studio-meltwater",
          "Acacias, zebras, matatu NAROK - NAIROBI, Kenyan yellow plate"),
    Scene(4, "naousa-harbour", europe_south.naousa,
          37.124, 25.238, 0.5, "2023-07-09T12:30:00", "urban", "studio-saffron",
          "Blue-domed chapel, Greek boat names and taverna, bilingual road sign"),
    Scene(5, "paris-rivoli", europe_west.paris,
          48.8556, 2.358, 0.5, "2022-06-04T17:45:00", "urban", "studio-quarry",
          "Haussmann fronts, blue enamel RUE DE RIVOLI plate, pharmacy cross, French plates", PORTRAIT),
    Scene(6, "lagos-danfo", africa.lagos,
          6.601, 3.342, 1.0, "2023-02-25T13:00:00", "urban", "studio-lantern",
          "Yellow danfo buses OSHODI - IKEJA, Agege Motor Road"),
    Scene(7, "quebec-snow", north_america.quebec,
          46.812, -71.218, 0.5, "2023-01-07T15:10:00", "urban", "studio-kite",
          "ARRET, Rue Saint-Jean, depanneur, yellow line under snow"),
    Scene(8, "novosibirsk-winter", europe_north_east.novosibirsk,
          55.041, 82.913, 1.0, "2022-12-18T15:30:00", "urban", "studio-heron",
          "Panel blocks in snow, Krasny prospekt, bus 97 to Ploshchad Marksa", PORTRAIT),
    Scene(9, "clifden-bog-road", europe_west.clifden,
          53.488, -10.012, 1.0, "2023-03-26T13:15:00", "natural", "studio-meltwater",
          "Irish and English on signs, yellow broken edge lines, left-hand traffic, stone wall"),
    Scene(10, "ajo-desert-road", north_america.ajo,
          32.337, -112.83, 2.0, "2022-10-29T17:35:00", "natural", "studio-heron",
          "Saguaros, double yellow line, Arizona 85, Ajo 3 / Gila Bend 45"),
    Scene(11, "penzance-street", europe_west.penzance,
          50.118, -5.537, 0.5, "2022-11-12T12:40:00", "urban", "studio-heron",
          "Left-hand traffic, yellow rear plate, double yellow lines, phone box, Cornish name, miles"),
    Scene(12, "el-calafate-road", south.calafate,
          -50.337, -72.21, 2.0, "2022-11-26T16:50:00", "natural", "studio-meltwater",
          "Patagonian steppe, guanacos, RP 11, El Calafate 4, Argentine plate"),
    Scene(13, "alice-springs-road-a", south.alice_springs,
          -23.748, 133.867, 2.0, "2023-06-17T09:05:00", "natural", "studio-kite",
          "Red earth, ghost gums, left-hand traffic, kangaroo sign, Alice Springs 6; near-duplicate pair C"),
    Scene(14, "svolvaer-cabins", europe_north_east.svolvaer,
          68.234, 14.568, 0.5, "2023-05-30T21:15:00", "natural", "studio-meltwater",
          "Red fishing cabins, sharp peaks, yellow Norwegian direction sign E10 Leknes / A"),
    Scene(15, "jaipur-pink-city", asia_south.jaipur,
          26.9239, 75.8267, 0.5, "2023-02-04T17:30:00", "urban", "studio-quarry",
          "Pink lattice palace, auto-rickshaw RJ14, Hindi signs, yellow milestone", PORTRAIT),
    Scene(16, "ulm-motorway", europe_west.ulm,
          48.442, 9.938, 2.0, "2022-10-08T09:30:00", "urban", "studio-kite",
          "Blue Autobahn signs A 8 Stuttgart / Ulm-West, tall minster spire, German plates"),
    Scene(17, "fujiyoshida-street-b", asia_east.fuji,
          35.487, 138.796, 0.5, "2023-04-15T08:12:00", "urban", "studio-saffron",
          "Same street two minutes later, darker and slightly cropped; near-duplicate pair B", look=LOOK_FUJI),
    Scene(18, "kehl-border", europe_west.kehl,
          48.5741, 7.807, 1.0, "2023-05-21T14:05:00", "urban", "studio-meltwater",
          "Border town: German yellow signs for Kehl, France and Strasbourg (nearest big city) across the Rhine"),
    Scene(19, "amsterdam-quay", europe_west.amsterdam,
          52.3702, 4.8832, 0.5, "2023-09-17T11:20:00", "urban", "studio-heron",
          "Gabled canal houses, Prinsengracht name plate, yellow NL plate, bicycles"),
    Scene(20, "paris-texas", north_america.paris_texas,
          33.662, -95.558, 1.0, "2023-05-13T11:55:00", "urban", "studio-quarry",
          "Misleading clue: PARIS and a Bistro Eiffel, but US 82, Texas plate, double yellow line"),
    Scene(21, "tegallalang-terraces", asia_south.tegallalang,
          -8.433, 115.279, 1.0, "2022-08-13T08:35:00", "natural", "studio-meltwater",
          "Rice terraces, penjor pole, DESA TEGALLALANG, Ubud 9 km"),
    Scene(22, "zakopane-inn", europe_north_east.zakopane,
          49.302, 19.964, 1.0, "2022-07-16T10:25:00", "natural", "studio-kite",
          "Highlander log house, Tatra, green Polish signs, KARCZMA"),
    Scene(23, "kazan-shops", europe_north_east.kazan,
          55.7893, 49.124, 0.5, "2022-09-11T15:00:00", "urban", "studio-lantern",
          "Misleading clue: German shop name (Baeckerei Mueller) in a Russian street with Russian and Tatar signs"),
    Scene(24, "hoi-an-lanterns", asia_south.hoian,
          15.8772, 108.328, 0.5, "2023-03-11T18:25:00", "urban", "studio-lantern",
          "Yellow shop-houses, silk lanterns, Vietnamese signs", PORTRAIT),
    Scene(25, "raettvik-cottage", europe_north_east.raettvik,
          60.883, 15.123, 1.0, "2022-06-25T18:40:00", "natural", "studio-heron",
          "Falu-red cottages, birches, blue Swedish signs, flag"),
    Scene(26, "cape-town-motorway", africa.cape_town,
          -33.929, 18.429, 1.5, "2023-01-22T10:10:00", "urban", "studio-kite",
          "Table Mountain with its cloth, N1 Paarl / N2 Somerset West, CA plates, left-hand traffic"),
    Scene(27, "jeonju-hanok", asia_east.jeonju,
          35.815, 127.152, 0.5, "2023-04-08T14:30:00", "urban", "studio-quarry",
          "Hanok roofs, cherry blossom, Korean signs, yellow centre line"),
    Scene(28, "husavik-harbour", europe_north_east.husavik,
          66.0465, -17.342, 0.5, "2023-06-28T20:20:00", "urban", "studio-meltwater",
          "Cross-shaped wooden church, HVALASKODUN, yellow Icelandic town sign"),
    Scene(29, "snowfield", nowhere.snowfield,
          47.98, 106.75, 10.0, "2023-01-11T13:45:00", "natural", "studio-lantern",
          "No evidence: wind-packed snow (near Ulaanbaatar, MN)"),
    Scene(30, "white-wall", nowhere.wall,
          55.676, 12.568, 1.0, "2023-02-18T10:00:00", "indoor", "studio-quarry",
          "No evidence: a white wall with window light (Copenhagen, DK)"),
    Scene(31, "lima-chifa", south.lima,
          -12.05, -77.028, 0.5, "2022-07-03T14:20:00", "urban", "studio-saffron",
          "Misleading clue: Chinese restaurant (chifa) in central Lima; Jiron Ucayali, wooden balcony, grey sky"),
    Scene(32, "lisbon-tram-a", europe_south.lisbon,
          38.7118, -9.13, 0.5, "2023-04-02T16:20:00", "urban", "studio-lantern",
          "Yellow tram 28E, coloured fronts, Rua das Escolas Gerais; near-duplicate pair A", PORTRAIT),
    Scene(33, "fog-field", nowhere.fog,
          53.095, 8.15, 5.0, "2022-11-02T08:00:00", "natural", "studio-meltwater",
          "No evidence: a field in fog (near Oldenburg, DE)"),
    Scene(34, "yangshuo-river", asia_east.yangshuo,
          24.786, 110.488, 1.0, "2022-10-22T07:50:00", "natural", "studio-lantern",
          "Karst towers, bamboo raft, blue Chinese sign Guilin 65 km"),
    Scene(35, "vienna-coffee-house", europe_west.vienna,
          48.2088, 16.37, 0.5, "2022-12-03T10:50:00", "indoor", "studio-quarry",
          "Interior: coffee-house menu in Austrian German, Graben name plate and cathedral through the window"),
    Scene(36, "leaves", nowhere.leaves,
          9.933, -84.08, 1.0, "2022-08-21T11:30:00", "natural", "studio-saffron",
          "No evidence: leaves close up (San Jose, CR)"),
    Scene(37, "taipei-ximen-platform", asia_east.ximen,
          25.0421, 121.5083, 0.5, "2023-01-14T18:10:00", "indoor", "studio-kite",
          "Metro platform: traditional characters, G12 Ximen, Songshan line"),
    Scene(38, "alice-springs-road-b", south.alice_springs,
          -23.748, 133.867, 2.0, "2023-06-17T09:06:00", "natural", "studio-kite",
          "Same road a minute later, cropped and warmer; near-duplicate pair C", look=LOOK_ALICE),
    Scene(39, "pienza-cypresses", europe_south.pienza,
          43.074, 11.683, 1.0, "2023-08-19T19:10:00", "natural", "studio-saffron",
          "Cypress avenue, PIENZA entry sign, Montepulciano 14, Italian plate"),
    Scene(40, "marrakech-wall", africa.marrakech,
          31.624, -7.993, 0.5, "2022-11-19T15:20:00", "urban", "studio-saffron",
          "Red ramparts, square minaret, petit taxi, Arabic and French, Essaouira 176"),
    Scene(41, "fujiyoshida-street-a", asia_east.fuji,
          35.487, 138.796, 0.5, "2023-04-15T08:10:00", "urban", "studio-saffron",
          "Mount Fuji over a shopping street, left-hand traffic, Japanese signs; near-duplicate pair B"),
    Scene(42, "guanajuato-alley", south.guanajuato,
          21.015, -101.256, 0.5, "2022-09-25T12:15:00", "urban", "studio-lantern",
          "Painted hillside, TORTILLERIA, Callejon del Beso, papel picado", PORTRAIT),
    Scene(43, "prague-karmelitska", europe_north_east.prague,
          50.0852, 14.4045, 0.5, "2023-09-02T18:55:00", "urban", "studio-quarry",
          "Red Prague street plate, tram 22 Bila Hora, copper dome"),
    Scene(44, "safranbolu-old-town", europe_south.safranbolu,
          41.2455, 32.693, 0.5, "2023-05-06T11:40:00", "urban", "studio-saffron",
          "Ottoman houses, mosque, blue Turkish town sign with population, plate 78"),
    Scene(45, "rio-copacabana", south.rio,
          -22.972, -43.184, 0.5, "2023-01-29T10:30:00", "urban", "studio-quarry",
          "Wave paving, Sugarloaf, Av. Atlantica, agua de coco"),
    Scene(46, "moscow-idaho", north_america.moscow_idaho,
          46.722, -117.0, 1.0, "2022-08-06T10:45:00", "natural", "studio-heron",
          "Misleading clue: MOSCOW, but wheat hills, US 95, Pullman 9, Idaho plate"),
    Scene(47, "lisbon-tram-b", europe_south.lisbon,
          38.7118, -9.13, 0.5, "2023-04-02T16:21:00", "urban", "studio-lantern",
          "Same spot a minute later, closer crop and brighter; near-duplicate pair A", PORTRAIT, look=LOOK_LISBON),
    Scene(48, "ayutthaya-ruins", asia_south.ayutthaya,
          14.357, 100.568, 1.0, "2022-12-27T16:05:00", "urban", "studio-saffron",
          "Brick prangs, tuk-tuk on the left, Thai signs"),
    Scene(49, "open-sea", nowhere.horizon,
          43.46, -8.45, 20.0, "2023-03-04T13:20:00", "natural", "studio-heron",
          "No evidence: sea horizon (off A Coruna, ES)"),
)
# fmt: on
