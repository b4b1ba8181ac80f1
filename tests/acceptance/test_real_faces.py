"""Faces of people in real photos of places, as counted by eye (docs/publishing.md); the twin on a drawn face is in
tests/unit/release/test_detect.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from factory.images import ImageSettings, Prepared
from factory.images.prepare import prepare
from release.detect import Detectors, Wanted

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (SHARED / "photos2").exists(), reason="real photos are missing: set FACTORY_SHARED"),
]


def found(name: str) -> int:
    ready = prepare((SHARED / name).read_bytes(), ImageSettings())
    assert isinstance(ready, Prepared)
    return len(Detectors.open(Wanted(faces=0.2)).boxes(ready.jpeg)["faces"])


@pytest.mark.parametrize(
    ("name", "faces"),
    [("photos/images/p116.jpg", 1), ("photos/images/p128.jpg", 1), ("photos2/images/q140.jpg", 2)],
)
def test_people_who_can_be_told_are_found(name: str, faces: int) -> None:
    assert found(name) == faces


@pytest.mark.parametrize("name", ["photos/images/p010.jpg", "photos/images/p045.jpg"])
def test_a_landscape_has_none(name: str) -> None:
    assert found(name) == 0
