"""Panoramax: street photos as STAC 1.0.0 Features, each with its place, licence, direction and field of view.

GeoJSON has the longitude first. `datetime` is local time that says it is UTC in real records, so its zone is not taken.
`view:azimuth` is rounded. A producer may be named twice, in two spellings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.fetched import Fetch, FetchedPictures
from factory.sources.pages import FOLDER, PagedSource, Row, address_of, mapping_of, number_of, opened_pages, text_of
from factory.sources.paths import recipe_path
from schemas.settings import InputPath, Kilometres

Asset = Literal["hd", "sd", "thumb"]
Kept = Literal["all", "panoramas", "single_views"]

PANORAMA_DEGREES: Final = 360
HOW_TO_GET_IT: Final = (
    "it needs FeatureCollections of Panoramax's API: save what "
    "https://api.panoramax.xyz/api/search?bbox=7.72,48.49,7.74,48.51&limit=100 answers, or name such an address as "
    "`path`"
)
_ZONE: Final = re.compile(r"(Z|[+-]00:?00)$")


@register("source", "panoramax")
def panoramax(
    root: Path,
    *,
    path: InputPath,
    images: InputPath = FOLDER,
    asset: Asset = "sd",
    keep: Kept = "all",
    pages: int = 10,
    uncertainty_km: Kilometres = 0.01,
    fetch: Fetch = Fetch(),  # noqa: B008 - frozen
) -> Source:
    """Street photos of Panoramax.

    Args:
        root: the folder from which relative paths start.
        path: a FeatureCollection, a folder of them, or the address of a search.
        images: the folder into which pages and pictures are fetched.
        asset: which size of a picture: `sd` is 2,048 pixels wide, `thumb` 500.
        keep: panoramas alone, single views alone, or both.
        pages: of an address, how many at most; each leads to the next.
        uncertainty_km: of a place, where the record does not say; 10 m is a phone's under open sky.
        fetch: what is too much, and how gently hosts are asked.
    """
    where = opened_pages(root, path, HOW_TO_GET_IT)
    pictures = FetchedPictures(recipe_path(root, images, key="images"), fetch)
    rows = partial(_rows, asset=asset, keep=keep, uncertainty_km=uncertainty_km)
    return PagedSource(path, where, HOW_TO_GET_IT, pictures, rows, _next, pages)


def _rows(page: Any, *, asset: Asset, keep: Kept, uncertainty_km: float) -> Iterator[Row]:
    features = page.get("features") if isinstance(page, dict) else None
    if isinstance(page, dict) and page.get("type") == "Feature":
        features = [page]
    if not isinstance(features, list):
        raise ValueError("no FeatureCollection")
    for feature in features:
        yield _row(feature if isinstance(feature, dict) else {}, asset, keep, uncertainty_km)


def _row(feature: Mapping[str, Any], asset: Asset, keep: Kept, uncertainty_km: float) -> Row:
    known = mapping_of(feature.get("properties"))
    picture = address_of(mapping_of(mapping_of(feature.get("assets")).get(asset)).get("href"))
    lat, lon = _place(feature.get("geometry"))
    metres = number_of(known.get("quality:horizontal_accuracy"))
    view = number_of(mapping_of(known.get("pers:interior_orientation")).get("field_of_view"))
    status = known.get("geovisio:status")
    row: Row = {
        "id": text_of(feature.get("id")),
        "image": picture,
        "lat": lat,
        "lon": lon,
        "uncertainty_km": uncertainty_km if metres is None or metres < 0 else metres / 1000,
        "licence": text_of(known.get("license")),
        "author": _producer(feature, known),
        "captured_at": _local(text_of(known.get("datetime"))),
        "source_url": _link(feature, "self") or picture,
        "texts": {
            "azimuth": number_of(known.get("view:azimuth")),
            "field_of_view": view,
            "sequence": text_of(feature.get("collection")),
        },
    }
    problem: tuple[str, str] | None = None
    if status not in (None, "ready"):
        problem = "not_ready", f"its status is {str(status)[:40]!r}"
    elif picture is None:
        problem = "no_picture", f"no asset {asset}"
    elif keep != "all" and view is None:
        problem = "unknown_view", "no field of view"
    elif keep != "all" and (view == PANORAMA_DEGREES) != (keep == "panoramas"):
        problem = "other_view", f"a field of view of {view:g} degrees"
    return row if problem is None else row | {PROBLEM: problem[0], DETAIL: problem[1]}


def _place(geometry: Any) -> tuple[float | None, float | None]:
    """Latitude and longitude of a Point, whose longitude is first; an outline is no camera's place."""
    found = mapping_of(geometry)
    pair = found.get("coordinates")
    if found.get("type") != "Point" or not isinstance(pair, list) or len(pair) < 2:
        return None, None
    lon, lat = (number_of(one) for one in pair[:2])
    return lat, lon


def _producer(feature: Mapping[str, Any], known: Mapping[str, Any]) -> str | None:
    named = [known.get("geovisio:producer")]
    providers = feature.get("providers")
    named += [mapping_of(one).get("name") for one in providers] if isinstance(providers, list) else []
    return next((text for one in reversed(named) if (text := text_of(one))), None)


def _local(written: str | None) -> str | None:
    return None if written is None else _ZONE.sub("", written)


def _next(page: Any) -> str | None:
    return _link(page if isinstance(page, dict) else {}, "next")


def _link(record: Mapping[str, Any], relation: str) -> str | None:
    links = record.get("links")
    found = (mapping_of(link) for link in links) if isinstance(links, list) else iter(())
    return next((text_of(link.get("href")) for link in found if link.get("rel") == relation), None)
