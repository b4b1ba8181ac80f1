"""Marks of people become pixels that say nothing; everything else stays as it was."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from release.blur import blurred
from tests.annotations import box


def jpeg(width: int = 96, height: int = 64, mode: str = "RGB") -> bytes:
    """Stripes of one pixel: whatever is kept of them would be seen."""
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (height, width // 2 + 1))[:, :width]
    out = io.BytesIO()
    Image.fromarray(stripes).convert(mode).save(out, "JPEG", quality=95)
    return out.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"), dtype=int)


def test_no_mark_leaves_every_byte() -> None:
    data = jpeg()
    assert blurred(data, [], quality=90) is data


def test_what_lay_under_a_mark_is_gone_and_what_lay_beside_it_stays() -> None:
    data = jpeg()
    found, before = pixels(blurred(data, [box(x=0.5, y=0.25, width=0.25, height=0.5)], quality=95)), pixels(data)
    inside = found[20:44, 52:68]
    assert np.abs(np.diff(inside, axis=1)).max() < 16 < 200 < np.abs(np.diff(before[20:44, 52:68], axis=1)).min()
    assert np.abs(found - before)[:, :40].mean() < 4
    assert found.shape == before.shape


def test_the_same_mark_gives_the_same_bytes_and_no_metadata() -> None:
    data, marks = jpeg(), [box(), box(x=0.7)]
    assert blurred(data, marks, quality=90) == blurred(data, marks, quality=90)
    assert not Image.open(io.BytesIO(blurred(data, marks, quality=90))).getexif()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_grey_and_other_pictures_are_blurred_too(mode: str) -> None:
    found = Image.open(io.BytesIO(blurred(jpeg(mode=mode), [box()], quality=90)))
    assert found.size == (96, 64) and found.mode == ("L" if mode == "L" else "RGB")


SHARE = st.floats(0, 1)


@settings(deadline=None, max_examples=60)
@given(SHARE, SHARE, SHARE, SHARE, st.integers(8, 40), st.integers(8, 40))
def test_any_mark_fits_any_picture(x: float, y: float, width: float, height: float, wide: int, high: int) -> None:
    mark = box(x=x, y=y, width=width, height=height)
    assert pixels(blurred(jpeg(wide, high), [mark], quality=90)).shape == (high, wide)


def test_a_mark_covers_every_pixel_that_it_touches() -> None:
    """A tenth of a pixel is a pixel: nothing of it may stay at an edge."""
    data = jpeg(16, 16)
    whole = blurred(data, [box(x=0.0, y=0.0, width=1.0, height=1.0)], quality=95)
    almost = blurred(data, [box(x=0.006, y=0.006, width=0.988, height=0.988)], quality=95)
    assert whole == almost
