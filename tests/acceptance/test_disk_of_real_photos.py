"""What is foreseen of a build's disk against what 138 real photos take, in their own size and smaller."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.test_real_photos import OVERRIDES, PHOTOS, RECIPE
from tests.real_build import foreseen_and_taken

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no real photos at {PHOTOS}: set FACTORY_SHARED"),
]


@pytest.mark.parametrize("images", ["{}", "{max_side: 512}", "{max_side: 768, quality: 80}"])
def test_real_photos_take_what_was_foreseen(images: str, tmp_path: Path) -> None:
    foreseen, taken = foreseen_and_taken(RECIPE, tmp_path, *OVERRIDES, f"images={images}")
    print(f"{images}: {foreseen:,} foreseen, {taken:,} taken")
    assert taken <= foreseen <= 1.3 * taken, f"{foreseen:,} foreseen, {taken:,} taken"
