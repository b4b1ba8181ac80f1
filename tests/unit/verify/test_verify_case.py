from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from factory.errors import FactoryError
from factory.plugins import registry
from factory.plugins.registry import plugin, register
from factory.verify import verify_case
from schemas import Case, CheckResult, LocatedAnswer

Make = Callable[..., Case]


@pytest.fixture
def broken_check() -> Iterator[str]:
    @register("check", "broken_on_purpose")
    def broken_on_purpose(case: Case, *, by: float = 0.0) -> CheckResult:
        raise ZeroDivisionError(f"{len(case.answers)} / {by}")

    yield "broken_on_purpose"
    registry._PLUGINS.pop(("check", "broken_on_purpose"))


def test_runs_each_check_with_its_settings(make_case: Make, make_answer: Callable[..., LocatedAnswer]) -> None:
    case = make_case(make_answer(lat=56.06, lon=49.12, reasoning="A tram."))
    near = plugin("check", "near_truth").settings
    checks = [("near_truth", near()), ("near_truth", near(tier="region"))]
    verdict = verify_case(case, checks, ("rules", plugin("decider", "rules").settings()))
    assert [found.outcome for found in verdict.checks] == ["fail", "pass"]
    assert (verdict.decision, verdict.reasons) == ("reject", ("near_truth:too_far",))


@pytest.mark.parametrize(
    ("check", "setting", "value"),
    [
        ("localizable", "min_confidence", 50),
        ("near_truth", "radius_km", -1),
        ("near_truth", "tier", "village"),
        ("teachers_agree", "min_clue_overlap", float("nan")),
        ("grounded", "min_precison", 0.5),
        ("no_leak", "allow", ["everything"]),
    ],
)
def test_a_recipe_cannot_set_what_makes_no_sense(check: str, setting: str, value: object) -> None:
    with pytest.raises(ValidationError, match=setting):
        plugin("check", check).settings(**{setting: value})


def test_a_check_that_raises_is_named_with_its_sample(make_case: Make, broken_check: str) -> None:
    settings = plugin("check", broken_check).settings()
    with pytest.raises(
        FactoryError, match=r"check `broken_on_purpose` failed on sample `ru-kazan-07`: ZeroDivision"
    ) as error:
        verify_case(make_case(), [(broken_check, settings)], ("rules", plugin("decider", "rules").settings()))
    assert isinstance(error.value.__cause__, ZeroDivisionError)
