from __future__ import annotations

import numpy as np

from factory.verify.calibration import Said, best
from factory.verify.cross_fit import FOLDS, cross_fit, cross_scored, part_of
from tests.made_teachers import Teacher, drawn


def test_a_group_stands_in_one_part_and_large_numbers_are_exact() -> None:
    groups = np.array([2**53 - 1, 2**53 - 2, 2**53 - 1, 7], dtype=np.float64)
    parts = part_of(groups)
    assert parts.tolist() == [(2**53 - 1) % FOLDS, (2**53 - 2) % FOLDS, (2**53 - 1) % FOLDS, 7]


def test_no_row_judges_itself_or_its_group() -> None:
    """Turning every outcome of a part round leaves the scores of its own rows as they are."""
    made = drawn(np.random.default_rng(0), 400, (Teacher(), Teacher()))
    parts = part_of(made.groups)
    before = cross_scored(made.said, parts, cross_fit(made.said, made.right, parts, radius_km=25))
    turned = made.right.copy()
    turned[parts == 3] ^= True
    after = cross_scored(made.said, parts, cross_fit(made.said, turned, parts, radius_km=25))
    np.testing.assert_array_equal(before[parts == 3], after[parts == 3])
    assert np.abs(before[parts != 3] - after[parts != 3]).max() > 0.01


def test_one_group_alone_has_nobody_to_be_judged_by() -> None:
    made = drawn(np.random.default_rng(0), 30, (Teacher(), Teacher()))
    parts = np.zeros(30, dtype=np.int64)
    models = cross_fit(made.said, made.right, parts, radius_km=25)
    assert models[0] is None
    assert best(cross_scored(made.said, parts, models))[1].tolist() == [-1] * 30


def test_a_teacher_that_only_one_part_has_heard_is_no_surprise() -> None:
    made = drawn(np.random.default_rng(2), 200, (Teacher(), Teacher()))
    parts = part_of(made.groups)
    confidence = made.said.confidence.copy()
    confidence[parts != 4, 1] = np.nan
    said = Said(confidence, made.said.level, made.said.placed, made.said.apart_km, made.said.support)
    found = cross_scored(said, parts, cross_fit(said, made.right, parts, radius_km=25))
    assert np.isfinite(found[:, 0]).all()
    assert np.isfinite(found[parts == 4, 1]).all()
