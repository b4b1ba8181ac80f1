from __future__ import annotations

import pytest

from factory.generators.mp16_reason import is_releasable


@pytest.mark.parametrize("reasoning", [None, "", " \n\t", "\u00a0"])
def test_an_answer_that_says_nothing_is_not_released(reasoning: str | None) -> None:
    assert not is_releasable(reasoning, True)


def test_only_a_wrong_country_counts_against_an_answer() -> None:
    assert [is_releasable("The tram is red.", right) for right in (True, None, False)] == [True, True, False]
