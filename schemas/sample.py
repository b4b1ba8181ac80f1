"""The sample: one image with its truth, origin and licence, on its way to becoming a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One planned image. Coordinates are WGS84 degrees.

    `image` is a locator relative to the source's image root: a path (`images/p002.jpg`) or, for a
    member of a tar, `shard-000.tar::000017.jpg`. The admin names are the truth's, labelled by `factory.geo`.
    """

    id: str
    image: str
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
