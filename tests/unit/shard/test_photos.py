"""When the pictures of an earlier shard are those that the source has now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from factory.shard.photos import PASSING_REFUSALS, unchanged
from schemas import ImageRef, Photo, Sample

SAMPLE = Sample(
    id="s",
    images=(ImageRef(role="ground", locator="g.jpg"), ImageRef(role="map", locator="m.jpg")),
    lat=0.0,
    lon=0.0,
)
GROUND = Photo(role="ground", sha256="0", source_bytes=5, source_mtime_ns=7)
MAP = Photo(role="map", sha256="1", source_bytes=6, source_mtime_ns=8)


@dataclass
class Stamps:
    """A source that knows sizes and times."""

    by_locator: dict[str, tuple[int, int | None]]

    def stamp(self, locator: str) -> tuple[int, int | None] | None:
        return self.by_locator.get(locator)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name}: nothing is read to find that out")


SAME: Any = Stamps({"g.jpg": (5, 7), "m.jpg": (6, 8)})


def test_every_picture_must_have_its_size_and_time() -> None:
    assert unchanged((GROUND, MAP), SAMPLE, SAME)
    for other in ({"g.jpg": (5, 7)}, {"g.jpg": (5, 7), "m.jpg": (6, 9)}, {"g.jpg": (4, 7), "m.jpg": (6, 8)}):
        assert not unchanged((GROUND, MAP), SAMPLE, Stamps(other))  # type: ignore[arg-type]


def test_another_number_of_pictures_is_another_sample() -> None:
    assert not unchanged((GROUND,), SAMPLE, SAME)
    assert unchanged((), replace(SAMPLE, images=()), SAME)


@pytest.mark.parametrize("reason", sorted(PASSING_REFUSALS))
def test_a_refusal_that_may_pass_is_tried_again(reason: str) -> None:
    assert not unchanged((GROUND, replace(MAP, refused=reason)), SAMPLE, SAME)


def test_a_refusal_that_stays_is_taken_over() -> None:
    assert unchanged((GROUND, replace(MAP, refused="truncated")), SAMPLE, SAME)


def test_another_role_of_the_same_file_is_another_picture() -> None:
    assert not unchanged((replace(GROUND, role="photo"), MAP), SAMPLE, SAME)
