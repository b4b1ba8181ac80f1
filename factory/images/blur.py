"""Blurs what people marked as private in a picture: of a release and of a page alike, and nowhere else.

What lay there cannot be won back: each rectangle keeps at most 4 x 4 means, stretched smoothly over it. The rest of the
picture is decoded and encoded once more, as preparation encodes: the same bytes on every machine with one Pillow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import ceil, floor
from typing import Any, Final

from PIL import Image

from factory.images.prepare import encoded

KEPT: Final = 4
"""Means a side that are kept of a rectangle: a face needs more than ten to be told from another."""


def blurred(jpeg: bytes, boxes: Sequence[Mapping[str, Any]], *, quality: int) -> bytes:
    """A JPEG with rectangles blurred; the same bytes where there are none.

    Args:
        jpeg: a prepared picture.
        boxes: `x`, `y`, `width`, `height` as shares of the picture, 0 to 1; every pixel that one touches is blurred,
            and what reaches beyond the picture is cut.
        quality: of the encoding, 1 to 95.

    Raises OSError for what is no picture.
    """
    if not boxes:
        return jpeg
    with Image.open(BytesIO(jpeg), formats=("JPEG",)) as opened:
        picture = opened.convert("RGB") if opened.mode not in ("L", "RGB") else opened.copy()
    for box in boxes:
        _blur(picture, _pixels(picture.size, box))
    return encoded(picture, quality)


def _pixels(size: tuple[int, int], box: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a rectangle that holds every pixel touched, one at least."""
    (width, height), x, y = size, float(box["x"]), float(box["y"])
    left, top = (min(max(0, floor(at * side)), side - 1) for at, side in ((x, width), (y, height)))
    right, bottom = ceil((x + float(box["width"])) * width), ceil((y + float(box["height"])) * height)
    return left, top, min(max(left + 1, right), width), min(max(top + 1, bottom), height)


def _blur(picture: Image.Image, pixels: tuple[int, int, int, int]) -> None:
    part = picture.crop(pixels)
    few = part.resize((min(KEPT, part.width), min(KEPT, part.height)), Image.Resampling.BOX)
    picture.paste(few.resize(part.size, Image.Resampling.BICUBIC), pixels)
