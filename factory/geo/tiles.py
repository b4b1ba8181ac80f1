"""Web Mercator: which tile a place is in, how large a pixel is there, and from pixels to places and back.

The projection is that of OpenStreetMap, Google and Bing (EPSG:3857): a sphere of WGS84's equatorial radius, the world a
square of `TILE_PIXELS * 2 ** zoom` pixels, rows counted southward from 85.0511 degrees north. Places are WGS84 degrees.
Pure Python: a few places a picture are asked for, never millions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

TILE_PIXELS: Final = 256
"""Pixels a side of a tile at every zoom."""
EQUATOR_M: Final = 2 * math.pi * 6_378_137
"""Length of the projection's equator: WGS84's semi-major axis (EPSG:3857)."""
MAX_LATITUDE: Final = math.degrees(math.atan(math.sinh(math.pi)))
"""85.0511 degrees: the latitude at which the world becomes a square."""
MAX_ZOOM: Final = 30
"""A pixel is less than 0.2 mm there; beyond it a float64 no longer tells pixels apart."""


def metres_per_pixel(lat: float, zoom: float) -> float:
    """Metres on the ground that one pixel spans at a latitude (degrees), the same to the north and to the east.

    At zoom 20: 0.1111 in Chicago, 0.1132 in New York, 0.1007 in Seattle, which are the 0.1113, 0.1133 and 0.1008 that
    SliceMatch's corrected labels of VIGOR have. Raises ValueError for what is no latitude of the projection or no zoom.
    """
    _require(lat, zoom)
    return EQUATOR_M * math.cos(math.radians(lat)) / (TILE_PIXELS * math.exp2(zoom))


def zoom_of(lat: float, metres: float) -> float:
    """The zoom, seldom a whole number, at which a pixel spans so many metres at a latitude: `metres_per_pixel` back."""
    if not metres > 0:
        raise ValueError(f"{metres} metres a pixel: expected more than 0")
    _require(lat, 0)
    return math.log2(EQUATOR_M * math.cos(math.radians(lat)) / (TILE_PIXELS * metres))


def world_pixel(lat: float, lon: float, zoom: float) -> tuple[float, float]:
    """(x, y) of a place in pixels from the world's north-west corner: x grows to the east, y to the south."""
    _require(lat, zoom)
    side = TILE_PIXELS * math.exp2(zoom)
    return (lon + 180) / 360 * side, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side


def place_at(x: float, y: float, zoom: float) -> tuple[float, float]:
    """(lat, lon) of a pixel of the world: `world_pixel` back. x beyond the world's edge goes on around it."""
    side = TILE_PIXELS * math.exp2(zoom)
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / side))))
    return lat, _wrapped(x / side * 360 - 180)


def tile_of(lat: float, lon: float, zoom: int) -> tuple[int, int]:
    """(x, y) of the tile that holds a place, as `{z}/{x}/{y}.png` names it."""
    x, y = world_pixel(lat, lon, zoom)
    most = 2**zoom - 1
    return min(max(int(x // TILE_PIXELS), 0), most), min(max(int(y // TILE_PIXELS), 0), most)


def tile_centre(x: int, y: int, zoom: int) -> tuple[float, float]:
    """(lat, lon) of the middle of a tile."""
    return place_at((x + 0.5) * TILE_PIXELS, (y + 0.5) * TILE_PIXELS, zoom)


@dataclass(frozen=True, slots=True)
class Aerial:
    """A picture from above, north up: where its middle is, and how large it is."""

    lat: float
    lon: float
    """WGS84 degrees of its middle."""
    metres_per_pixel: float
    width: int
    height: int
    """Pixels."""

    def pixel_of(self, lat: float, lon: float) -> tuple[float, float]:
        """(row, column) of a place, from the picture's upper left corner; outside of the picture, too."""
        north, east = pixels_between((self.lat, self.lon), (lat, lon), self.metres_per_pixel)
        return self.height / 2 - north, self.width / 2 + east

    def place_of(self, row: float, column: float) -> tuple[float, float]:
        """(lat, lon) of a pixel: `pixel_of` back."""
        north, east = self.height / 2 - row, column - self.width / 2
        return moved(self.lat, self.lon, north, east, self.metres_per_pixel)

    def shows(self, lat: float, lon: float) -> bool:
        """Whether the place lies in the picture."""
        row, column = self.pixel_of(lat, lon)
        return 0 <= row <= self.height and 0 <= column <= self.width


def pixels_between(start: tuple[float, float], end: tuple[float, float], metres_a_pixel: float) -> tuple[float, float]:
    """(north, east) from one place to another in pixels of a picture whose pixels span so many metres at `start`."""
    zoom = zoom_of(start[0], metres_a_pixel)
    (x0, y0), (x1, y1) = world_pixel(*start, zoom), world_pixel(*end, zoom)
    side = TILE_PIXELS * math.exp2(zoom)
    east = (x1 - x0 + side / 2) % side - side / 2
    return y0 - y1, east


def moved(lat: float, lon: float, north: float, east: float, metres_a_pixel: float) -> tuple[float, float]:
    """(lat, lon) of the place so many pixels to the north and to the east of another: `pixels_between` back."""
    zoom = zoom_of(lat, metres_a_pixel)
    x, y = world_pixel(lat, lon, zoom)
    return place_at(x + east, y - north, zoom)


def _wrapped(lon: float) -> float:
    return (lon + 180) % 360 - 180 if not -180 <= lon <= 180 else lon


def _require(lat: float, zoom: float) -> None:
    if not -MAX_LATITUDE <= lat <= MAX_LATITUDE:
        raise ValueError(f"latitude {lat}: Web Mercator ends at {MAX_LATITUDE:.4f} degrees")
    if not 0 <= zoom <= MAX_ZOOM:
        raise ValueError(f"zoom {zoom}: expected 0 to {MAX_ZOOM}")
