"""Marks of people become pixels that say nothing; everything else stays as it was."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from factory.images.blur import blurred
from factory.store.layout import Build
from factory.store.tables import write_table
from release import open_release, write_release
from schemas import Case, arrow
from tests.annotations import box
from tests.build_fixture import draw_jpeg, make_build
from tests.unit.release.families import PAIRS, talk


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


def marked_build(root: Path) -> Build:
    """Samples of two pictures; people saw the first of s000 and marked something in it."""
    build = make_build(root / "b", 4, all_accepted=True, roles=("ground", "satellite"))
    said = {"id": "s000", "decision": "accept", "by": ["anna"], "at": "2026-11-02T10:00:00+00:00", "boxes": [box()]}
    build.paths.decisions.parent.mkdir(exist_ok=True)
    write_table(pa.Table.from_pylist([said], schema=arrow.REVIEWS), build.paths.decisions)
    return build


def pictures_of(release: Path) -> dict[str, list[bytes]]:
    opened = open_release(release)
    rows = [row for split in opened.splits for row in opened.rows(split)]
    return {row["id"]: [image["bytes"] for image in row["images"]] for row in rows}


def twice(case: Case) -> list[Mapping[str, Any]]:
    """Two rows of each sample, with the same pictures."""
    assert PAIRS.record is not None
    (row,) = PAIRS.record(case)
    return [row, {**row, "id": f"{row['id']}/2"}]


def test_a_mark_is_blurred_in_every_row_of_its_sample_and_in_the_picture_that_people_saw(tmp_path: Path) -> None:
    build = marked_build(tmp_path)
    write_release(build, replace(PAIRS, record=twice))
    found = pictures_of(build.paths.release)
    hidden = [blurred(draw_jpeg(0), [box()], quality=90), draw_jpeg(100)]
    assert found["s000"] == found["s000/2"] == hidden and hidden[0] != draw_jpeg(0)
    assert found["s001"] == found["s001/2"] == [draw_jpeg(1), draw_jpeg(101)]


def test_a_mark_is_none_in_a_row_that_does_not_show_that_picture(tmp_path: Path) -> None:
    build = marked_build(tmp_path)
    needs = replace(PAIRS.needs, images=("satellite",))
    write_release(build, replace(PAIRS, needs=needs, record=alone))
    assert pictures_of(build.paths.release)["s000"] == [draw_jpeg(100)]


def alone(case: Case) -> list[Mapping[str, Any]]:
    assert PAIRS.record is not None
    (row,) = PAIRS.record(case)
    return [{**row, "messages": talk("Is it?", "Yes.", 1)}]
