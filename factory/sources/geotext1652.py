"""GeoText-1652: pictures of buildings from a drone, with a caption and sentences that each belong to a box.

An annotation is a JSON list of `{image_id, image, caption, sentences, bboxes}`; a box is cx, cy, w, h, shares of the
picture's sides, which no field says: the published example reaches 0.9995 only so. The set has no coordinates, so
positions come from a list of the user's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from factory.errors import SourceError
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM
from factory.sources.cross_view import pair_table, pairs_digest, picture
from factory.sources.csv_table import read_header, read_rows
from factory.sources.json_text import read_json
from factory.sources.paths import file_stamp, locate, recipe_path
from schemas.settings import InputPath

MAX_ANNOTATION_BYTES: Final = 512_000_000
"""Of one file: `train.json` of 113,562 captions is about 90 MB."""
SLACK: Final = 0.01
"""How far a box may reach beyond the picture: published ones are rounded."""
HOW_TO_GET_IT: Final = (
    "GeoText-1652 is linked from github.com/MultimodalGeo/GeoText-1652: `train.json`, `test_951_version.json` and the "
    "pictures of University-1652, which its authors give on request"
)
_POSITIONS: Final = ("image_id", "lat", "lon")


@register("source", "geotext1652")
def geotext1652(
    root: Path,
    *,
    path: InputPath,
    images: InputPath,
    positions: InputPath,
    licence: str | None = None,
    author: str | None = None,
) -> Source:
    """GeoText-1652 as it is published: a sample is a picture from above with what is said of it and of its regions.

    Args:
        root: the folder from which relative paths start.
        path: `train.json`, or another annotation.
        images: the folder from which its `image` leads on (`train/0839/image-43.jpeg`).
        positions: a CSV of yours: image_id (the building's number), lat, lon. The set's own are in a KML.
        licence: of all pictures.
        author: of all pictures.
    """
    files = [recipe_path(root, name, key=key) for key, name in (("path", path), ("positions", positions))]
    folder = recipe_path(root, images, key="images")
    return GeoText(path, files[0], folder, files[1], positions, {"licence": licence, "author": author})


@dataclass(frozen=True, slots=True, eq=False)
class GeoText:
    """See `geotext1652`. A locator is a picture's path below `images`."""

    name: str
    file: Path
    images: Path
    positions: Path
    positions_name: str
    said: Mapping[str, str | None]
    _held: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False)
    """The table that `digest` read, until the plan takes it."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "lat", "lon"

    def digest(self) -> str:
        table = self.table()
        self._held[:] = [table]
        return pairs_digest(table, "", self.stamp, ("id", "lat", "lon", "texts", PROBLEM))

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        if not self.images.is_dir():
            raise SourceError(f"source.images: there is no folder {self.images.name}; {HOW_TO_GET_IT}")
        places, seen = self._places(), dict[str, int]()
        return pair_table([_row(item, number, places, seen) for number, item in enumerate(self._items())], self.said)

    def read(self, locator: str) -> Path:
        return locate(self.images, locator)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        return file_stamp(self.images, locator)

    def _items(self) -> Iterator[Any]:
        try:
            if self.file.stat().st_size > MAX_ANNOTATION_BYTES:
                raise SourceError(f"{self.name}: larger than {MAX_ANNOTATION_BYTES:,} bytes: no annotation")
            found = read_json(self.file.read_bytes())
        except FileNotFoundError:
            raise SourceError(f"source.path: there is no {self.name}; {HOW_TO_GET_IT}") from None
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise SourceError(f"{self.name}: no JSON ({error})") from None
        if not isinstance(found, list):
            raise SourceError(f"{self.name}: expected a JSON list of image, caption, sentences and bboxes")
        yield from found

    def _places(self) -> dict[str, tuple[str, str]]:
        label = self.positions_name
        try:
            header = read_header(self.positions, label=label, encoding="utf-8", delimiter=",")
            if missing := [name for name in _POSITIONS if name not in header.names]:
                raise SourceError(f"{label}: has no column {', '.join(missing)}; it needs {', '.join(_POSITIONS)}")
            rows = read_rows(self.positions, [*_POSITIONS], label=label, encoding="utf-8", header=header)
        except FileNotFoundError:
            raise SourceError(
                f"source.positions: there is no {label}; it needs a list of yours, {','.join(_POSITIONS)}: the set's "
                "own are in a KML of University-1652"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{label}: cannot be read ({error})") from None
        return {name.strip(): (lat, lon) for name, lat, lon in rows.select(_POSITIONS).iter_rows() if name}


def _row(item: Any, number: int, places: Mapping[str, tuple[str, str]], seen: dict[str, int]) -> dict[str, Any]:
    """One entry as a row: with its place and its regions, or with what is wrong with it."""
    image = item.get("image") if isinstance(item, dict) else None
    if not isinstance(image, str) or image.count("/") < 1 or len(image) > 400:
        return {"id": f"entry-{number}", PROBLEM: "bad_image", DETAIL: f"entry {number}: has no `image` in a folder"}
    building, stem = image.split("/")[-2], image.rpartition(".")[0] or image
    seen[stem] = seen.get(stem, 0) + 1
    row: dict[str, Any] = {"id": stem if seen[stem] == 1 else f"{stem}~{seen[stem]}"}
    caption, sentences, boxes = item.get("caption"), item.get("sentences"), item.get("bboxes")
    if not isinstance(caption, str) or not caption.strip():
        return row | {PROBLEM: "no_caption", DETAIL: f"{image}: `caption` is no text"}
    if not isinstance(sentences, list) or not isinstance(boxes, list) or len(sentences) != len(boxes):
        return row | {PROBLEM: "other_count", DETAIL: f"{image}: not as many sentences as boxes"}
    regions = []
    for sentence, box in zip(sentences, boxes, strict=True):
        numbers = read_box(box)
        if not isinstance(sentence, str) or not sentence.strip() or numbers is None:
            return row | {PROBLEM: "bad_box", DETAIL: f"{image}: {str(box)[:80]} is no cx, cy, w, h of a sentence"}
        regions.append({"sentence": sentence, "box": numbers})
    place = places.get(building) or places.get(str(item.get("image_id")))
    if place is None:
        return row | {PROBLEM: "no_position", DETAIL: f"{image}: building {building} is not in the list of positions"}
    told = {"caption": caption, "regions": orjson.dumps(regions).decode(), "building": building, "file": image}
    return row | {"lat": place[0], "lon": place[1], "images": [picture("drone", image)], "texts": told}


def read_box(box: Any) -> list[float] | None:
    """cx, cy, w, h as shares of a picture's sides; None for what is none, or reaches out of it."""
    if not isinstance(box, list) or len(box) != 4:
        return None
    if any(isinstance(value, bool) or not isinstance(value, int | float | str) for value in box):
        return None
    try:
        cx, cy, w, h = numbers = [float(value) for value in box]
    except ValueError:
        return None
    if not all(map(math.isfinite, numbers)) or w <= 0 or h <= 0:
        return None
    edges = (cx - w / 2, cy - h / 2, 1 - cx - w / 2, 1 - cy - h / 2)
    return numbers if min(edges) >= -SLACK else None
