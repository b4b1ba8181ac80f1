"""VIGOR's label files: 13 fields a row, one panorama and four tiles with where they lie.

    pano  satellite north east  satellite north east  satellite north east  satellite north east

The first tile is the positive, three more are semi-positives: they show the place near their edge. `north` and `east`
are pixels from the panorama to the tile's middle. Lines may end with CRLF, the last one with nothing. Ids hold `_` and
`-`, so that no name is cut at them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from factory.errors import SourceError

FIELDS: Final = 13
MAX_LABEL_BYTES: Final = 256_000_000
"""Of one file: the largest published one is 20 MB."""
ORIGINAL_METRES_PER_PIXEL: Final = 0.114
"""What the offsets of VIGOR's own labels take a pixel for, in every city (the paper, Zhu et al. 2021)."""
_DEGREES: Final = r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?"
_PANO: Final = re.compile(rf"(.{{1,80}}),({_DEGREES}),({_DEGREES}),\.(?:jpe?g|png)", re.IGNORECASE)
_TILE: Final = re.compile(rf"satellite_({_DEGREES})_({_DEGREES})\.(?:png|jpe?g)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,6}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class TileLabel:
    """One tile of a row."""

    name: str
    lat: float
    lon: float
    """WGS84 degrees of its middle, by its name."""
    north: float
    east: float
    """Pixels from the panorama to the tile's middle, as the file has them."""


@dataclass(frozen=True, slots=True)
class Label:
    """One row: a panorama, its tile, and the three others that show it, too."""

    pano: str
    pano_id: str
    lat: float
    lon: float
    """WGS84 degrees of the camera, by the panorama's name."""
    positive: TileLabel
    semi_positives: tuple[TileLabel, ...]


@dataclass(frozen=True, slots=True)
class BadLabel:
    """A row that cannot be read: `reason` is a slug, `detail` says what is odd."""

    name: str
    reason: str
    detail: str


def read_labels(path: Path, *, label: str) -> Iterator[Label | BadLabel]:
    """Every row of a label file, in order; blank lines are none.

    Args:
        path: the file.
        label: what messages call it.

    Raises SourceError when it cannot be read.
    """
    for number, line in enumerate(text_lines(path, label=label), 1):
        if line:
            yield parse_label(line, where=f"{label}:{number}")


def text_lines(path: Path, *, label: str) -> Iterator[str]:
    """The lines of a list, without what ends them and the blanks around. Raises SourceError for none."""
    try:
        if path.stat().st_size > MAX_LABEL_BYTES:
            raise SourceError(f"{label}: larger than {MAX_LABEL_BYTES:,} bytes: no list of VIGOR")
        text = path.read_bytes().decode("utf-8-sig", "strict")
    except UnicodeDecodeError as error:
        raise SourceError(f"{label}: byte {error.start:,} is no text") from None
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror})") from None
    for line in text.split("\n"):
        yield line.strip()


def parse_label(line: str, *, where: str) -> Label | BadLabel:
    """One row of a label file, or what is wrong with it."""
    fields = line.split()
    name = fields[0] if fields else ""
    if len(fields) != FIELDS:
        return BadLabel(name, "bad_fields", f"{where}: {len(fields)} fields, expected {FIELDS}")
    pano = _PANO.fullmatch(name)
    if pano is None or not _is_place(*pano.groups()[1:]):
        detail = f"{where}: {name[:80]!r} is no panorama's name, `<id>,<lat>,<lon>,.jpg`"
        return BadLabel(name, "bad_panorama_name", detail)
    tiles = []
    for at in range(1, FIELDS, 3):
        tile = read_tile(fields[at])
        if tile is None:
            detail = f"{where}: {fields[at][:80]!r} is no tile's name, `satellite_<lat>_<lon>.png`"
            return BadLabel(name, "bad_tile_name", detail)
        offsets = fields[at + 1 : at + 3]
        if any(_NUMBER.fullmatch(offset) is None for offset in offsets):
            return BadLabel(name, "bad_offset", f"{where}: {' '.join(offsets)[:80]!r} are no two numbers of pixels")
        tiles.append(TileLabel(fields[at], *tile, *map(float, offsets)))
    if len({tile.name for tile in tiles}) < len(tiles):
        return BadLabel(name, "tile_twice", f"{where}: names a tile twice")
    return Label(name, pano[1], float(pano[2]), float(pano[3]), tiles[0], tuple(tiles[1:]))


def read_tile(name: str) -> tuple[float, float] | None:
    """(lat, lon) of a tile by its name, None where it is no tile's."""
    found = _TILE.fullmatch(name)
    return (float(found[1]), float(found[2])) if found is not None and _is_place(found[1], found[2]) else None


def write_label(pano: str, tiles: Sequence[tuple[str, float, float]]) -> str:
    """A row as `parse_label` reads it, without a line's end.

    Args:
        pano: the panorama's name.
        tiles: four of (name, north, east); the first is the positive.
    """
    if len(tiles) != (FIELDS - 1) // 3:
        raise ValueError(f"{pano}: {len(tiles)} tiles, a row of VIGOR has four")
    return " ".join([pano, *(part for name, north, east in tiles for part in (name, f"{north:.1f}", f"{east:.1f}"))])


def _is_place(lat: str, lon: str) -> bool:
    # Web Mercator, by which tiles are made, ends at 85.05 degrees.
    return math.fabs(float(lat)) <= 85 and math.fabs(float(lon)) <= 180
