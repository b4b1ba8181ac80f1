"""The towns as VIGOR, CVG-Text and GeoText-1652 lay out their pictures: one place from the street and from above.

python recipes/demo/cross_view/make.py            # in the repository's folder; the same pictures every time
python recipes/demo/cross_view/make.py --check    # writes nothing, compares with the committed files
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from render import compare  # noqa: E402
from towns.above import chart, picture  # noqa: E402
from towns.places import TOWNS  # noqa: E402
from towns.street import panorama, single  # noqa: E402
from towns.world import Point  # noqa: E402

from factory.geo.tiles import metres_per_pixel, moved  # noqa: E402
from factory.sources.vigor_labels import write_label  # noqa: E402

ZOOM = 19
SIDE = 256
"""Pixels of a tile: 57 to 76 m a side, as VIGOR's 640 pixels of zoom 20."""


class Stand(NamedTuple):
    """Where a camera stood, in metres from a town's origin, and where the middle of its tile lies from there."""

    at: Point
    north: int
    east: int
    """Pixels from the camera to the middle of the positive tile."""


VIGOR = {
    "Utrecht": Stand((-18, -3), 22, 31),
    "Austin": Stand((-1, -1), 40, -28),
    "Nairobi": Stand((23, -21), 52, -47),
    "Curitiba": Stand((33, 4), -18, -58),
    "Lyon": Stand((9, -14), 37, -20),
    "Helsinki": Stand((6, 1), -30, 12),
    "Hobart": Stand((-3, 2), 44, 26),
    "Lisbon": Stand((-4, 9), -15, 39),
}


WIDE = 0.36
"""Metres a pixel of the other set's tiles: 92 m a side."""
WITHOUT_A_MAP = "Lisbon"


class Photo(NamedTuple):
    """A street view of the other set: where, and along which heading; a panorama has none."""

    town: str
    at: Point
    heading: float | None
    month: str
    caption: str


CVG_TEXT = json.loads((HERE / "photos.json").read_text(encoding="utf-8"))
GEOTEXT = json.loads((HERE / "regions.json").read_text(encoding="utf-8"))


def place(town: str, at: Point) -> tuple[float, float]:
    """WGS84 degrees of a point of a town."""
    found = TOWNS[town]
    return moved(found.lat, found.lon, at[1], at[0], 1.0)


def point(town: str, at: Point, north: float, east: float, scale: float) -> Point:
    """The point so many pixels away."""
    return at[0] + east * scale, at[1] + north * scale


def jpeg(image: Image.Image, quality: int = 76) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.quantize(48, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def named(words: str) -> str:
    """An id as a panorama's: 22 letters, `-` and `_` among them."""
    digest = hashlib.sha256(words.encode()).digest()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(letters[byte % 64] for byte in digest[:19]) + "_-" + letters[digest[19] % 64]


def vigor() -> Iterator[tuple[str, bytes]]:
    for town, stand in VIGOR.items():
        lat, lon = place(town, stand.at)
        scale = metres_per_pixel(lat, ZOOM)
        pano = f"{named(town)},{lat:.6f},{lon:.6f},.jpg"
        yield f"vigor/{town}/panorama/{pano}", jpeg(panorama(town, stand.at, 640))
        # A camera between four tiles, half a side apart: the positive is the one whose middle is nearest.
        apart = SIDE // 2
        beside = (-apart if stand.north > 0 else apart, -apart if stand.east > 0 else apart)
        offsets = [(stand.north + up * beside[0], stand.east + over * beside[1]) for up in (0, 1) for over in (0, 1)]
        tiles, listed = [], []
        for up in range(-3, 4):
            for over in range(-3, 4):
                north, east = stand.north + up * apart, stand.east + over * apart
                there = moved(lat, lon, north, east, scale)
                name = f"satellite_{there[0]:.10f}_{there[1]:.10f}.jpg"
                listed.append(name)
                if (north, east) in offsets:
                    tiles.append((offsets.index((north, east)), name, north, east))
        for _, name, north, east in sorted(tiles):
            middle = point(town, stand.at, north, east, scale)
            yield f"vigor/{town}/satellite/{name}", jpeg(picture(town, middle, scale, SIDE), 70)
        row = write_label(pano, [(name, float(north), float(east)) for _, name, north, east in sorted(tiles)])
        folder = f"vigor/splits__corrected/{town}"
        yield f"{folder}/same_area_balanced_train__corrected.txt", row.encode()
        yield f"{folder}/satellite_list.txt", "".join(f"{name}\n" for name in listed).encode()


def cvg_text() -> Iterator[tuple[str, bytes]]:
    captions: dict[str, dict[str, str]] = {"Towns": {}, "Towns-photos": {}}
    for given in CVG_TEXT:
        photo = Photo(
            given["town"], (given["at"][0], given["at"][1]), given["heading"], given["month"], given["caption"]
        )
        lat, lon = place(photo.town, photo.at)
        if photo.heading is None:
            version, name = "Towns", f"{lat:.8f},{lon:.8f}_{photo.month}_{named(photo.caption)}_d62_z3.jpg"
            view = panorama(photo.town, photo.at, 640)
        else:
            version, name = "Towns-photos", f"{lat:.8f},{lon:.8f}_view.jpg"
            view = single(photo.town, photo.at, photo.heading, (512, 384))
        captions[version][name] = photo.caption
        yield f"cvg_text/{version}-ground/{name}", jpeg(view)
        yield f"cvg_text/{version}-satellite/{name}", jpeg(picture(photo.town, photo.at, WIDE, SIDE), 70)
        if photo.town != WITHOUT_A_MAP:
            yield f"cvg_text/{version}-OSM/{name}", jpeg(chart(photo.town, photo.at, WIDE, SIDE), 76)
    for version, entries in captions.items():
        yield f"cvg_text/annotation/{version}/train.json", written(entries)


def geotext() -> Iterator[tuple[str, bytes]]:
    """Pictures from straight above, and what is said of their regions; boxes are cx, cy, w, h, shares of a side."""
    rows: list[dict[str, Any]] = []
    positions = ["image_id,lat,lon"]
    for number, given in enumerate(GEOTEXT, 1):
        building, town = f"{number:04d}", given["town"]
        at = (given["at"][0], given["at"][1])
        name = f"train/{building}/image-01.jpeg"
        yield f"geotext/images/{name}", jpeg(picture(town, at, given["scale"], 288))
        lat, lon = place(town, at)
        positions.append(f"{building},{lat:.6f},{lon:.6f}")
        rows.append(
            {"image_id": building, "image": name} | {key: given[key] for key in ("caption", "sentences", "bboxes")}
        )
    yield "geotext/train.json", written(rows)
    yield "geotext/positions.csv", ("\n".join(positions) + "\n").encode()


def written(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def main(argv: list[str]) -> int:
    checked: dict[str, list[str]] = {}
    for part in (vigor, cvg_text, geotext):
        for name, data in part():
            path = HERE / name
            if "--check" not in argv:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                continue
            there = path.read_bytes() if path.is_file() else b""
            verdict = "identical" if there == data else "different" if there else "missing"
            if verdict == "different" and path.suffix.startswith(".jp"):
                verdict = compare(there, data)
            checked.setdefault(verdict, []).append(name)
    for verdict, names in sorted(checked.items()):
        print(f"{verdict}: {len(names)}", "" if verdict == "identical" else ", ".join(names[:5]))
    return 1 if {"different", "missing"} & checked.keys() else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
