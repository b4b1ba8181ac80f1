"""From drawn scenes through a build, a release and training to an evaluation: what the model knows, it has seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.circle import circle


@pytest.mark.slow
def test_a_model_that_saw_the_pictures_places_held_out_ones_better_than_one_that_saw_them_shuffled(
    tmp_path: Path,
) -> None:
    """The small one: four places, one seed. `make circle` goes around with 400 scenes and three seeds."""
    (found,) = circle(tmp_path, scenes=60, places=4, seeds=(0,), steps=70)
    assert found.seen["within 25 km"] >= found.shuffled["within 25 km"] + 25
    assert found.seen["geoscore"] > found.shuffled["geoscore"] + 1000
    assert (tmp_path / "seen-0.html").is_file() and (tmp_path / "shuffled-0.jsonl").is_file()
