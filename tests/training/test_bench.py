"""The benchmark of training runs where there is no GPU, too, and its figures follow from what was trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.bench_train import Pace, paced


def test_a_pace_is_of_what_was_trained(llava: Path, release: Path, tmp_path: Path) -> None:
    found = paced("sft", llava, release, tmp_path, steps=3, batch=4, tokens=2)
    assert (found.steps, found.rows) == (2, 8) and found.tokens >= 8 * 20 and found.seconds > 0
    answers = paced("grpo", llava, release, tmp_path, steps=2, batch=4, tokens=2)
    assert answers.rows == 4 and 0 < answers.tokens < found.tokens and answers.weights == found.weights


def test_flops_are_those_of_the_weights_that_learn_by_the_clock() -> None:
    found = Pace("grpo", steps=10, seconds=2.0, rows=80, tokens=4_000, weights=10**9, memory=2**31)
    assert found.flops == pytest.approx(2e13)
    assert found.told(1e14, 4e13) == (
        "grpo: 10 steps in 2.0 s, 2,000 tokens/s, 40.00 rows/s, 2.00 GiB, 20 TFLOP/s: 20.0% of bare products, 50.0% of "
        "peak; 1,000,000,000 weights learn"
    )
