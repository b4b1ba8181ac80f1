"""Where to look in a photo: boxes of a detector of yours from a file, and pictures cut out by them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from factory.errors import SourceError
from factory.text import did_you_mean, tidy
from train.evaluate.predictions import id_of, rows_of
from train.navig.questions import LABELS, MAX_BOXES, box_of

Box = tuple[str, tuple[float, float, float, float]]
"""A label, and left, top, right and bottom as shares of width and height."""
MIN_SIDE: Final = 16
"""Pixels; on less nothing can be read. NAVIG leaves out what is below 224 on both sides, of larger photos."""
QUALITY: Final = 90


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a photo."""

    label: str
    jpeg: bytes
    key: str
    """What it is: a digest of the photo's name and the box."""


def read_boxes_file(path: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by the id of the photo, from JSON lines: `{"id": ..., "boxes": [{"label": "house", "box": [l, t, r, b]}]}`
    with shares of width and height, 0 to 1.

    Raises SourceError naming row and box for what is none.
    """
    found: dict[str, tuple[Box, ...]] = {}
    for number, row in enumerate(rows_of(path), 1):
        key, listed = id_of(row, str(path), number), row.get("boxes")
        if key in found:
            raise SourceError(f"{path}, row {number}: id {key!r} stands there twice")
        if not isinstance(listed, list) or len(listed) > MAX_BOXES:
            raise SourceError(f"{path}, row {number}, boxes: expected a list of at most {MAX_BOXES}")
        boxes = []
        for at, value in enumerate(listed, 1):
            box = box_of(value, 1.0)
            if box is None:
                label = str(value.get("label")) if isinstance(value, dict) else ""
                near = did_you_mean(label[:60], LABELS) if label not in LABELS else ""
                raise SourceError(
                    f"{path}, row {number}, box {at}: expected a `label` of {', '.join(LABELS)}{near} and a `box` of "
                    f"left, top, right and bottom from 0 to 1; found {tidy(str(value), 80)}"
                )
            boxes.append(box)
        found[key] = tuple(boxes)
    return found


def crops(jpeg: bytes, key: str, boxes: tuple[Box, ...]) -> list[Crop]:
    """The parts of a prepared photo; what is too small to show anything is left out.

    Args:
        jpeg: as `factory.images` prepared it: small, and decoded once within limits.
        key: the photo's name.
    """
    from PIL import Image

    found = []
    with Image.open(BytesIO(jpeg), formats=("JPEG",)) as photo:
        photo.load()
        width, height = photo.size
        for label, (left, top, right, bottom) in boxes:
            sides = (int(left * width), int(top * height), round(right * width), round(bottom * height))
            if sides[2] - sides[0] < MIN_SIDE or sides[3] - sides[1] < MIN_SIDE:
                continue
            out = BytesIO()
            photo.crop(sides).convert("RGB").save(out, "JPEG", quality=QUALITY)
            name = hashlib.sha256(f"{key}:{sides}".encode()).hexdigest()
            found.append(Crop(label, out.getvalue(), name))
    return found
