"""The sample: photos and texts of one place, with its truth, origin and licence, on its way to becoming rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Deflated:
    """How a picture lies in a zip."""

    packed: int
    """Bytes there."""
    crc: int
    """CRC-32 of the picture."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A picture inside a larger file, such as a member of a tar: who decodes it reads it, and no more than it may."""

    path: Path
    offset: int
    """Bytes from the start of the file."""
    size: int
    """Bytes of the picture."""
    deflated: Deflated | None = None
    """None where it lies there as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRef:
    """One picture of a sample: where it lies, and what it is to the family that asks for it."""

    role: str = "photo"
    """What a family calls it: photo, ground, satellite, map, panorama. Each role at most once a sample."""
    locator: str
    """Relative to the source's image root: a path (`images/p002.jpg`) or, for a member of a tar,
    `shard-000.tar::000017.jpg`."""
    lat: float | None = None
    lon: float | None = None
    """WGS84 degrees of its own, where it was not taken at the sample's place (a picture of a gallery, a tile)."""
    metres_per_pixel: float | None = None
    """Ground resolution, where the picture is a tile or a map."""
    embed: bool = True
    """Whether the picture itself is released; False releases rows that do without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One planned sample. Coordinates are WGS84 degrees, NaN where the source has none and the recipe says
    `plan: {truth: unknown}`; the admin names are the truth's, labelled by `factory.geo`."""

    id: str
    images: tuple[ImageRef, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    """What the source says beside the pictures: a transcript, metadata, a list of clues. Hostile until parsed."""
    lat: float
    lon: float
    uncertainty_km: float = 0.0
    """How far the truth may be from where the camera stood; radii of checks grow by it."""
    country_code: str | None = None
    """ISO 3166-1 alpha-2. "NA" is Namibia; missing is None."""
    region: str | None = None
    city: str | None = None
    scene: str | None = None
    """indoor, natural or urban where the source tells (MP-16's S3 classes)."""
    author: str | None = None
    licence: str | None = None
    captured_at: str | None = None
    source_url: str | None = None
    source_row: int = 0
    """Zero-based position in the source's table or listing, for `factory explain`."""

    @property
    def placed(self) -> bool:
        """Whether its place is known."""
        return isfinite(self.lat) and isfinite(self.lon)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of its pictures, in order."""
        return tuple(image.role for image in self.images)
