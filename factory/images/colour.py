"""Bring any decoded picture to 8-bit sRGB: bit depth, transparency, colour profiles.

A profile that cannot be read or does not fit the picture is ignored, as viewers do.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageCms

_SPACES: Final = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
_SAME_LEVELS: Final = 2
"""A profile that moves no colour of a coarse grid by more than this (of 255) is taken for sRGB."""


def to_eight_bit(picture: Image.Image) -> Image.Image:
    """A picture in mode L, RGB or CMYK with the same colours; transparency lies on white."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        # Pillow clips 16-bit grey to 255 when it converts, so it is scaled here.
        levels = np.clip(np.asarray(picture, dtype=np.int64), 0, 65535)
        return Image.fromarray(((levels * 255 + 32767) // 65535).astype(np.uint8))
    if picture.mode in ("L", "RGB", "CMYK"):
        if "transparency" not in picture.info:
            return picture
        picture = picture.convert("RGBA") if picture.mode != "CMYK" else picture
    if picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode in ("LA", "PA", "La", "RGBa"):
        picture = picture.convert("RGBA")
    if picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        return white
    return picture if picture.mode == "CMYK" else picture.convert("L" if picture.mode == "1" else "RGB")


def to_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """A picture in RGB (sRGB) from one in L, RGB or CMYK with an optional ICC profile."""
    transform = _transform(icc, picture.mode) if icc else None
    if transform is not None:
        return ImageCms.applyTransform(picture, transform) or picture
    return picture if picture.mode == "RGB" else picture.convert("RGB")


@lru_cache(maxsize=8)
def is_srgb(icc: bytes, mode: str) -> bool:
    """Whether a profile changes no colour visibly, or cannot be used for pictures of this mode at all."""
    transform = _transform(icc, mode)
    if transform is None:
        return True
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    if mode == "L":
        grid = np.arange(256, dtype=np.uint8)[None, :]
        expected = np.repeat(grid[..., None], 3, axis=2)
    else:
        grid = expected = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    converted = np.asarray(ImageCms.applyTransform(Image.fromarray(grid), transform))
    return bool(np.abs(converted.astype(np.int16) - expected).max() <= _SAME_LEVELS)


@lru_cache(maxsize=8)
def _transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        if profile.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        return ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError):
        return None
