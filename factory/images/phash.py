"""Perceptual hash: the sign pattern of a picture's 64 lowest DCT frequencies.

The definition is that of the `imagehash` package's `phash` (32 x 32 luma, 8 x 8 corner of its DCT-II, each against
their median), so hashes compare with published lists. It is computed in integers: the same picture gives the same
64 bits on every machine, and a plain area does not turn rounding noise into bits. The first bit is the mean and
practically always one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

SIDE: Final = 32
LOW: Final = 8
_ONE: Final = 1 << 20
"""Fixed-point one: 255 * (32 * 2**20)**2 stays below 2**63."""

_waves = np.cos(np.pi * np.outer(np.arange(LOW), 2 * np.arange(SIDE) + 1) / (2 * SIDE))
_BASIS: Final = np.rint(_waves * _ONE).astype(np.int64)


def phash(picture: Image.Image) -> int:
    """The unsigned 64-bit hash of a picture; the highest bit is the mean, then row by row.

    Args:
        picture: any size and mode; only its luma (ITU-R 601) is looked at.
    """
    luma = picture if picture.mode == "L" else picture.convert("L")
    pixels = np.asarray(luma.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.int64)
    low = (_BASIS @ pixels @ _BASIS.T).ravel()
    ranked = np.sort(low)
    above = 2 * low > ranked[31] + ranked[32]
    return int.from_bytes(np.packbits(above).tobytes(), "big")


def hamming(a: int, b: int) -> int:
    """Number of bits (0 to 64) in which two hashes differ."""
    return (a ^ b).bit_count()
