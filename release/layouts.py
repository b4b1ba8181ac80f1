"""Cross-view rows as their papers publish them: files that the published loaders read.

Each function takes rows as `release.read` gives them, pictures within, and writes into a folder. Names come from rows,
and a row may be anybody's: one that is no name of the layout is refused, and none leads out of the folder.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from factory.errors import RecipeError
from factory.sources.cvg_text import read_name
from factory.sources.vigor_labels import Label, parse_label, read_tile, write_label
from factory.store.files import PUBLIC_FOLDER, make_folder
from release.shards import write_durably

Rows = Iterable[Mapping[str, Any]]
NOTHING: Final = "-"
"""NGCG's empty value."""
_CITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")
_BUILDING: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FOLDER: Final[Mapping[str, str]] = {"ground": "ground", "satellite": "satellite", "map": "OSM"}
"""CVG-Text's folders by role."""


def write_vigor(rows: Rows, root: Path, *, split: str) -> int:
    """VIGOR's folders and lists of rows of `vigor_pairs`, as SliceMatch writes them: `<city>/panorama`,
    `<city>/satellite`, `splits__corrected/<city>/same_area_balanced_<split>__corrected.txt`, `satellite_list.txt`.

    Tiles that a row names and does not hold are in the list alone. Returns how many rows were written.

    Raises RecipeError for a row without three semi-positives, with names of another layout, or whose tile was made
    smaller: its offsets are pixels of the tile in its set.
    """
    lists: dict[str, list[str]] = {}
    tiles: dict[str, dict[str, None]] = {}
    for row in rows:
        city = _named(row, "area_name", _CITY)
        shown = [row["tile"], *(one["tile"] for one in row["semi_positives"] or ())]
        numbers = [row, *(row["semi_positives"] or ())]
        if len(shown) != 4:
            raise _refused(row, f"has {len(shown) - 1} semi-positives; a line of VIGOR has three")
        line = write_label(
            str(row["panorama"]),
            [(str(name), one["north_px"], one["east_px"]) for name, one in zip(shown, numbers, strict=True)],
        )
        if not isinstance(parse_label(line, where=""), Label) or "/" in line:
            raise _refused(row, "has a name that is none of VIGOR's")
        ground, *above = _pictures(row)
        for tile, data in zip(shown, above, strict=False):
            if (width := _width(data)) != row["tile_pixels"]:
                raise _refused(row, f"{tile} is {width} pixels wide and was {row['tile_pixels']}: offsets are of those")
            _write(root, f"{city}/satellite/{tile}", data)
        _write(root, f"{city}/panorama/{row['panorama']}", ground)
        lists.setdefault(city, []).append(line)
        further = (one["tile"] for one in row["negatives"] or ())
        names = [*shown, *(name for name in further if read_tile(name) is not None and "/" not in name)]
        tiles.setdefault(city, {}).update(dict.fromkeys(names))
    for city, lines in lists.items():
        folder = f"splits__corrected/{city}"
        # As the published ones: CRLF between lines, and none behind the last.
        _write(root, f"{folder}/same_area_balanced_{split}__corrected.txt", "\r\n".join(lines).encode())
        _write(root, f"{folder}/satellite_list.txt", "".join(f"{name}\n" for name in tiles[city]).encode())
    return sum(map(len, lists.values()))


def write_cvg_text(rows: Rows, root: Path, *, split: str, version: str = "Rows") -> int:
    """CVG-Text's folders and annotation of rows of `cvg_text`: `annotation/<version>/<split>.json`, file name to
    description, and the pictures in `<version>-ground`, `-satellite` and `-OSM` by the same name.

    Returns how many rows were written. Raises RecipeError for two rows of one name.
    """
    captions: dict[str, str] = {}
    for row in rows:
        name = cvg_text_name(row)
        if name in captions:
            raise _refused(row, f"has the name {name} of another row")
        captions[name] = row["description"]
        for role, data in _by_role(row):
            _write(root, f"{version}-{_FOLDER[role]}/{name}", data)
    _write(root, f"annotation/{version}/{split}.json", _json(captions))
    return len(captions)


def write_ngcg(
    rows: Rows, root: Path, *, split: str, version: str = "Rows", query: Literal["text", "ground"] = "text"
) -> int:
    """NGCG's pairs of rows of `cvg_text`: `<split>.json`, a list of `qry_text`, `qry_img_path`, `pos_text` and
    `pos_img_path` with `-` for what is not there, and the pictures beside it.

    Args:
        query: what looks for the picture from above: the description, or the street view.
    """
    pairs = []
    for row in rows:
        name, pictures = cvg_text_name(row), dict(_by_role(row))
        paths = {role: f"{version}-{_FOLDER[role]}/{name}" for role in pictures}
        found = paths.get("satellite") or paths.get("map")
        if found is None or (query == "ground" and "ground" not in paths):
            raise _refused(row, "lacks the picture from above, or the street view")
        for role, path in paths.items():
            if path == found or (query == "ground" and role == "ground"):
                _write(root, path, pictures[role])
        text, view = (row["description"], NOTHING) if query == "text" else (NOTHING, paths["ground"])
        pairs.append({"qry_text": text, "qry_img_path": view, "pos_text": NOTHING, "pos_img_path": found})
    _write(root, f"{split}.json", _json(pairs))
    return len(pairs)


def write_geotext(rows: Rows, root: Path, *, split: str) -> int:
    """GeoText-1652's annotation of rows of `geotext`: `<split>.json`, a list of `image_id`, `image`, `caption`,
    `sentences` and `bboxes` (cx, cy, w, h), and the pictures in `images/<split>/<building>/image-NN.jpeg`.

    Returns how many rows were written. Raises RecipeError for a building that is no name of a folder.
    """
    entries: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    for row in rows:
        building = _named(row, "building", _BUILDING)
        numbers[building] = numbers.get(building, 0) + 1
        image = f"{split}/{building}/image-{numbers[building]:02d}.jpeg"
        (data,) = _pictures(row)[:1]
        _write(root, f"images/{image}", data)
        entries.append(
            {
                "image_id": building,
                "image": image,
                "caption": row["description"],
                "sentences": [region["sentence"] for region in row["regions"]],
                "bboxes": [[region[name] for name in ("cx", "cy", "w", "h")] for region in row["regions"]],
            }
        )
    _write(root, f"{split}.json", _json(entries))
    return len(entries)


def cvg_text_name(row: Mapping[str, Any]) -> str:
    """The file name of a row in CVG-Text's layout: that of its id where it begins with a place, else one made of its
    place and its id."""
    stem = str(row["id"]).rpartition("/")[2]
    name = f"{stem}.jpg"
    if read_name(name) is not None and len(name) <= 200 and "\0" not in name:
        return name
    digest = hashlib.sha256(str(row["id"]).encode()).hexdigest()[:16]
    return f"{row['lat']:.8f},{row['lon']:.8f}_{digest}.jpg"


LAYOUTS: Final[Mapping[str, tuple[str, Callable[..., int]]]] = {
    "vigor": ("vigor_pairs", write_vigor),
    "cvg_text": ("cvg_text", write_cvg_text),
    "geotext": ("geotext", write_geotext),
    "ngcg-retrieval": ("cvg_text", write_ngcg),
}
"""By name: the family whose rows it takes, and the function `(rows, root, *, split)` that writes them."""


def _by_role(row: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    roles = [one["role"] for one in row["pictures"] or ()]
    pictures = _pictures(row)
    if len(roles) != len(pictures):
        raise _refused(row, f"names {len(roles)} pictures and holds {len(pictures)}")
    for role, data in zip(roles, pictures, strict=True):
        if role in _FOLDER:
            yield role, data


def _pictures(row: Mapping[str, Any]) -> list[bytes]:
    found = [image["bytes"] for image in row["images"] or ()]
    if not found or any(not data for data in found):
        raise _refused(row, "holds no pictures; hydrate the release first")
    return found


def _named(row: Mapping[str, Any], column: str, form: re.Pattern[str]) -> str:
    name = str(row[column])
    if form.fullmatch(name) is None:
        raise _refused(row, f"{column} {name[:80]!r} is no name of a folder")
    return name


def _width(jpeg: bytes) -> int:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg), formats=["JPEG", "PNG", "WEBP"]) as opened:
        return opened.width


def _refused(row: Mapping[str, Any], why: str) -> RecipeError:
    return RecipeError(f"row {str(row.get('id'))[:200]!r}: {why}")


def _write(root: Path, inside: str, data: bytes) -> None:
    """A file below `root`, with the folders on the way to it. One that is there stays: a tile stands in many rows."""
    path = root / inside
    if path.exists():
        return
    for folder in (root, *reversed([root / parent for parent in Path(inside).parents][:-1])):
        make_folder(folder, PUBLIC_FOLDER)
    write_durably(path, data)


def _json(value: Sequence[Any] | Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
