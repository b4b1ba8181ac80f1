"""Checks and deciders run by name; a fault of their code is told from a fault of the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from factory.errors import PluginFault
from factory.plugins import registry
from factory.plugins.contracts import Decider
from factory.plugins.registry import plugin, register
from factory.verify.checks import run_check, run_decider
from schemas import Case, CheckResult, LocatedAnswer

Make = Callable[..., Case]


@pytest.fixture
def broken_check() -> Iterator[str]:
    @register("check", "broken_on_purpose")
    def broken_on_purpose(case: Case, *, by: float = 0.0) -> CheckResult:
        if by:
            return "fine"  # type: ignore[return-value]
        raise ZeroDivisionError(f"{len(case.answers)} / {by}")

    yield "broken_on_purpose"
    registry._PLUGINS.pop(("check", "broken_on_purpose"))


def test_runs_each_check_with_its_settings(make_case: Make, make_answer: Callable[..., LocatedAnswer]) -> None:
    case = make_case(make_answer(lat=56.06, lon=49.12, reasoning="A tram."))
    near = plugin("check", "near_truth").settings
    found = [run_check("near_truth", settings, case).outcome for settings in (near(), near(tier="region"))]
    assert found == ["fail", "pass"]


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
    said = r"check `broken_on_purpose` failed on sample `ru-kazan-07`: ZeroDivision.*stored answers are kept"
    with pytest.raises(PluginFault, match=said) as error:
        run_check(broken_check, settings, make_case())
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_a_check_that_returns_something_else_is_named_too(make_case: Make, broken_check: str) -> None:
    with pytest.raises(PluginFault, match="returned str, not CheckResult"):
        run_check(broken_check, plugin("check", broken_check).settings(by=1.0), make_case())


def test_a_decider_that_raises_or_returns_something_else_is_named(make_case: Make) -> None:
    def broken(checks: Any, features: Any, model: Any) -> Any:
        return {"decision": "accept"} if checks else 1 / 0

    decider = Decider(decide=broken)
    with pytest.raises(PluginFault, match=r"decider `mine` failed on sample `ru-kazan-07`: ZeroDivision"):
        run_decider(decider, "mine", make_case(), [], {}, None)
    found = CheckResult(check="x", outcome="pass", reason="y")
    with pytest.raises(PluginFault, match="returned dict, not Verdict"):
        run_decider(decider, "mine", make_case(), [found], {}, None)
