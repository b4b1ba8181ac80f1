from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.select.hamming import MAX_BITS, matches_within, pairs_within


def all_pairs(hashes: np.typing.NDArray[np.uint64], bits: int) -> set[tuple[int, int]]:
    chunks = pairs_within(hashes, bits)
    return {
        (min(a, b), max(a, b)) for left, right in chunks for a, b in zip(left.tolist(), right.tolist(), strict=True)
    }


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12),
    st.lists(st.sets(st.integers(0, 63), max_size=MAX_BITS + 2), min_size=1, max_size=12),
    st.integers(0, MAX_BITS),
)
@settings(max_examples=25)
def test_finds_exactly_the_pairs_that_a_full_comparison_finds(
    base: list[int], flips: list[set[int]], bits: int
) -> None:
    near = [value ^ sum(1 << bit for bit in flip) for value, flip in zip(base, flips, strict=False)]
    hashes = np.unique(np.array(base + near, dtype=np.uint64))
    found = all_pairs(hashes, bits)
    values = hashes.tolist()
    pairs = {(j, i) for i in range(len(values)) for j in range(i) if (values[i] ^ values[j]).bit_count() <= bits}
    assert found == pairs


def test_matches_queries_against_another_set() -> None:
    queries = np.array([0, 0xFF], dtype=np.uint64)
    hashes = np.array([0b111, 1 << 63, 0xFFFF], dtype=np.uint64)
    asked, hit = matches_within(queries, hashes, 3)
    assert sorted(set(zip(asked.tolist(), hit.tolist(), strict=True))) == [(0, 0), (0, 1)]


def test_equal_hashes_are_pairs_at_zero_bits() -> None:
    assert all_pairs(np.array([7, 7], dtype=np.uint64), 0) == {(0, 1)}


def test_refuses_a_radius_at_which_unrelated_photos_meet() -> None:
    with pytest.raises(ValueError, match="0 to 12 bits"):
        all_pairs(np.zeros(1, dtype=np.uint64), 30)
