"""Wikimedia Commons: files as its API tells them, with licence, attribution and the place of the camera.

`extmetadata` has HTML in what people wrote, a date with a hidden template in it, and coordinates as text that do not
say whose they are: the camera's ({{Location}}) or the object's ({{Object location}}). `prop=coordinates` with
`coprop=type` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.fetched import Fetch, FetchedPictures
from factory.sources.pages import FOLDER, PagedSource, Row, address_of, mapping_of, number_of, opened_pages, text_of
from factory.sources.paths import recipe_path
from schemas.settings import InputPath, Kilometres

Positions = Literal["camera", "any"]

HOW_TO_GET_IT: Final = (
    "it needs answers of Commons' API: save what https://commons.wikimedia.org/w/api.php?action=query&format=json&"
    "formatversion=2&generator=categorymembers&gcmtitle=Category:...&gcmtype=file&gcmlimit=50&prop=imageinfo|coordinates&"
    "iiprop=url|extmetadata&coprop=type answers, or name such an address as `path`"
)
_MAX_HTML: Final = 20_000
_VOID: Final = frozenset(("br", "img", "hr", "wbr", "input", "meta", "link"))
_DATE: Final = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?Z?)?)?)?")
_HIDDEN: Final = re.compile(r"display\s*:\s*none", re.IGNORECASE)


@register("source", "commons")
def commons(
    root: Path,
    *,
    path: InputPath,
    images: InputPath = FOLDER,
    positions: Positions = "camera",
    uncertainty_km: Kilometres = 0.05,
    any_uncertainty_km: Kilometres = 1.0,
    fetch: Fetch = Fetch(),  # noqa: B008 - frozen
) -> Source:
    """Photos of Wikimedia Commons.

    Args:
        root: the folder from which relative paths start.
        path: an answer of the API, a folder of them, or an address of it.
        images: the folder into which pages and pictures are fetched.
        positions: `camera` takes places that say they are the camera's, `any` those of objects and unknown ones, too.
        uncertainty_km: of a camera's place, set by hand or by a phone.
        any_uncertainty_km: of an object's and of a place that does not say whose it is.
        fetch: what is too much, and how gently hosts are asked.
    """
    where = opened_pages(root, path, HOW_TO_GET_IT)
    pictures = FetchedPictures(recipe_path(root, images, key="images"), fetch)
    rows = partial(_rows, positions=positions, camera_km=uncertainty_km, any_km=any_uncertainty_km)
    return PagedSource(path, where, HOW_TO_GET_IT, pictures, rows)


def _rows(page: Any, *, positions: Positions, camera_km: float, any_km: float) -> Iterator[Row]:
    found = page.get("query", page) if isinstance(page, dict) else None
    pages = found.get("pages") if isinstance(found, dict) else None
    if isinstance(found, dict) and "imageinfo" in found:
        pages = [found]
    if isinstance(pages, dict):  # formatversion 1
        pages = list(pages.values())
    if not isinstance(pages, list):
        raise ValueError("no `query.pages`")
    for one in pages:
        yield _row(mapping_of(one), positions, camera_km, any_km)


def _row(page: Mapping[str, Any], positions: Positions, camera_km: float, any_km: float) -> Row:
    info = page.get("imageinfo")
    info = mapping_of(info[0]) if isinstance(info, list) and info else {}
    told = mapping_of(info.get("extmetadata"))
    lat, lon, whose = _place(page, told)
    licence = _plain(told, "LicenseShortName") or _plain(told, "UsageTerms")
    picture = _bare(address_of(info.get("url")))
    row: Row = {
        "id": text_of(page.get("title")) or text_of(page.get("pageid")),
        "image": picture,
        "lat": lat,
        "lon": lon,
        "uncertainty_km": camera_km if whose == "camera" else any_km,
        "licence": licence,
        "author": _plain(told, "Artist") or text_of(info.get("user")),
        "captured_at": _date(_plain(told, "DateTimeOriginal")),
        "source_url": address_of(info.get("descriptionurl")) or picture,
        "texts": {"attribution": _plain(told, "Attribution"), "description": _plain(told, "ImageDescription")},
    }
    problem = None
    if picture is None:
        problem = "no_picture", "no imageinfo with an address"
    elif lat is not None and whose != "camera" and positions == "camera":
        what = (
            "is an object's" if whose == "object" else "does not say whose it is; ask for prop=coordinates&coprop=type"
        )
        problem = f"{whose}_position", f"its place {what}"
    return row if problem is None else row | {PROBLEM: problem[0], DETAIL: problem[1]}


def _place(page: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[Any, Any, str]:
    """Latitude, longitude, and whose place it is: camera, object or unknown."""
    listed = page.get("coordinates")
    found = [mapping_of(one) for one in listed] if isinstance(listed, list) else []
    for whose in ("camera", "object"):
        for one in found:
            if one.get("type") == whose:
                return number_of(one.get("lat")), number_of(one.get("lon")), whose
    for one in found:
        return number_of(one.get("lat")), number_of(one.get("lon")), "unknown"
    lat, lon = (text_of(mapping_of(told.get(key)).get("value"), 100) for key in ("GPSLatitude", "GPSLongitude"))
    return (lat, lon, "unknown") if lat and lon else (None, None, "unknown")


def _bare(address: str | None) -> str | None:
    """An address without what the API adds of itself (`?utm_source=...`)."""
    return None if address is None else urlunsplit((*urlsplit(address)[:3], "", ""))


def _date(text: str | None) -> str | None:
    """A day or a moment where the whole value is one; `circa 1617` is none."""
    return text if text is not None and _DATE.fullmatch(text) else None


def _plain(told: Mapping[str, Any], key: str) -> str | None:
    """What a person reads of a value: no tags, and nothing that is hidden."""
    value = mapping_of(told.get(key)).get("value")
    if not isinstance(value, str) or len(value) > _MAX_HTML:
        return None
    reader = _Words()
    reader.feed(value)
    reader.close()
    return text_of(" ".join("".join(reader.words).split()))


class _Words(HTMLParser):
    """Collects the text that is shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.words.append(" ")
        elif self._hidden or tag in ("script", "style") or _HIDDEN.search(dict(attrs).get("style") or ""):
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
