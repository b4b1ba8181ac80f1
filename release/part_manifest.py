"""What a manifest says of a release that is taken into another one: read by type, since anybody may have written it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Config(_Told):
    name: str


class _Teacher(_Told):
    name: str
    model: str
    answered: Count


class _Drop(_Told):
    phase: str
    rule: str
    reason: str
    rows: Count


class _Counts(_Told):
    licences: dict[str, Count] = {}
    planned: Count = 0
    decisions: dict[str, Count] = {}
    drops: list[_Drop] = []


class _Geo(_Told):
    worldview: str


class _Recipe(_Told):
    select: list[Any] | None = None
    images: dict[str, Any] | None = None
    geo: _Geo | None = None


class PartManifest(_Told):
    """The fields that are carried on."""

    name: str
    fingerprint: str
    manifest_sha256: str
    licence: str
    gazetteer_version: str | None = None
    formats: list[Literal["webdataset", "parquet"]]
    authors: list[str] = []
    contact: str | None = None
    motivation: str | None = None
    consent: str | None = None
    configs: list[_Config] = []
    teachers: list[_Teacher]
    recipe: _Recipe
    counts: _Counts
