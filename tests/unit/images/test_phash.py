from __future__ import annotations

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from factory.images.phash import hamming, phash
from tests.hostile import picture


@given(seed=st.integers(0, 10_000), width=st.integers(8, 120), height=st.integers(8, 120))
@settings(max_examples=60)
def test_equals_the_hash_of_the_imagehash_package(seed: int, width: int, height: int) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    assert phash(image) == int(str(imagehash.phash(image)), 16)


@pytest.mark.parametrize("level", [1, 77, 255])
def test_a_plain_area_gives_only_the_mean_bit(level: int) -> None:
    assert phash(Image.new("L", (200, 100), level)) == 1 << 63


def test_scaling_and_brightness_change_few_bits_and_turning_many() -> None:
    image = picture(600, 400)
    original = phash(image)
    assert hamming(original, phash(image.resize((150, 100)))) <= 4
    assert hamming(original, phash(image.point(lambda level: level * 0.8))) <= 4
    assert hamming(original, phash(image.rotate(90, expand=True))) > 12


def test_hamming_counts_differing_bits() -> None:
    assert hamming(0, (1 << 64) - 1) == 64
    assert hamming(0b1011, 0b0010) == 2
