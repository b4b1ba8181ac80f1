"""The answer: what a teacher says about one image, as a typed record."""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

MAX_CLUES = 64
"""Of one answer: parsers keep no more, so stored rows stay bounded, and checks may compare every clue with every
other."""


class Clue(BaseModel):
    """One piece of visible evidence and what it speaks for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str = "other"
    """A word of the field: signage, language, vehicle, plate, road, vegetation, architecture, terrain, sky, ..."""
    text: str
    """What is seen."""
    supports: str = ""
    """What it supports: a country, a region, a climate."""


class GeoAnswer(BaseModel):
    """A parsed answer. Names are as the teacher wrote them; `factory.geo` resolves them.

    A coordinate pair is complete and possible or absent: parsers drop halves and impossible values.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    localizable: bool
    confidence: float | None = Field(default=None, ge=0.0, le=1.0)
    scene: str | None = None
    clues: tuple[Clue, ...] = ()
    reasoning: str = ""
    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: float | None = Field(default=None, ge=-90, le=90, validation_alias=AliasChoices("lat", "latitude"))
    lon: float | None = Field(default=None, ge=-180, le=180, validation_alias=AliasChoices("lon", "longitude"))
    unreadable: tuple[str, ...] = ()
    """What was stated and could not be read: localizable, confidence, country, region, city, coordinates. No check
    takes it for a pass: the sample goes to review."""
