"""The twin of the acceptance test on real photos: made teachers, held-out groups, a nested threshold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.made_teachers import Made, Teacher, drawn
from tests.nested import Rows, by_rule, held_out, measured, used

SCALES = {
    "as it is": {},
    "overconfident": {"floor": 0.5, "width": 0.5},
    "underconfident": {"width": 0.5},
}


def made(rows: int, seed: int, **scale: float) -> Made:
    teachers = (Teacher(**scale), Teacher(skill=-0.2, **scale))
    return drawn(np.random.default_rng(seed), rows, teachers, ease=1.4, group_size=4)


def features(found: Made) -> Rows:
    """As `factory.verify.said` writes them."""
    said = found.said
    return [
        {
            "group": found.groups[n],
            "km:a:b": said.apart_km[n, 0, 1],
            **{f"{kind}:{name}": 1.0 for kind in ("level", "placed") for name in "ab"},
            **{f"confidence:{name}": said.confidence[n, t] for t, name in enumerate("ab")},
            **{f"right:{name}": float(found.right[n, t]) for t, name in enumerate("ab")},
        }
        for n in range(len(found.groups))
    ]


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_held_out_rows_reach_the_target_on_any_scale(scale: dict[str, float]) -> None:
    found = measured(*held_out(features(made(500, 1, **scale)), target=0.97))
    assert found.precision >= 0.96, str(found)
    assert found.coverage >= 0.6, str(found)


def test_a_written_threshold_does_not_travel_between_scales() -> None:
    """Why there is a fit: the same rule is strict for one teacher and lets wrong rows through for another."""

    def sure(row: dict[str, float]) -> bool:
        return min(row["confidence:a"], row["confidence:b"]) >= 0.3 and row["km:a:b"] <= 25

    plain, over = (
        measured(*by_rule(features(made(2000, 1, **SCALES[name])), sure, (0, 1)))
        for name in ("as it is", "overconfident")
    )
    assert over.coverage > plain.coverage and over.precision < plain.precision - 0.005


def test_a_model_of_one_set_serves_another_of_the_same_teachers() -> None:
    known, fresh = (features(made(500, seed)) for seed in (1, 2))
    found = measured(*used(known, fresh, target=0.97))
    assert found.precision >= 0.95 and found.coverage >= 0.6, str(found)
