"""The signature is the schema."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from factory.plugins.registry import UnknownPlugin, check_settings, known, plugin, register, settings_model


def test_keyword_only_parameters_are_the_settings() -> None:
    def check(case: object, *, radius_km: float = 25.0, name: str) -> None:
        """One line."""

    model = settings_model("check", check)
    assert set(model.model_fields) == {"radius_km", "name"}
    assert model(name="x").model_dump() == {"radius_km": 25.0, "name": "x"}
    assert model.__doc__ == "One line."


def test_settings_are_closed_and_typed() -> None:
    def check(case: object, *, radius_km: float = 25.0) -> None: ...

    model = settings_model("check", check)
    with pytest.raises(ValidationError):
        model.model_validate({"radius": 3})
    with pytest.raises(ValidationError):
        model.model_validate({"radius_km": "far"})


def test_a_rule_about_several_settings_is_part_of_the_model() -> None:
    def low_below_high(settings: Any) -> None:
        if settings.low > settings.high:
            raise ValueError("low is above high")

    @check_settings(low_below_high)
    def selector(frame: object, *, low: int = 0, high: int = 1) -> None: ...

    model = settings_model("selector", selector)
    assert model(low=1).model_dump() == {"low": 1, "high": 1}
    assert "low_below_high" not in str(model.model_json_schema())
    with pytest.raises(ValidationError, match="low is above high"):
        model(low=2)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        register("check", "no_leak")(plugin("check", "no_leak").function)


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(UnknownPlugin) as caught:
        plugin("check", "near_thruth")
    assert "did you mean `near_truth`?" in str(caught.value)
    assert "no_leak" in str(caught.value)


@pytest.mark.parametrize(
    "kind", ["source", "generator", "teacher", "witness", "check", "decider", "selector", "engine"]
)
def test_every_kind_has_plugins_with_a_docstring(kind: str) -> None:
    plugins = known(kind)  # type: ignore[arg-type]
    assert plugins
    assert all(entry.function.__doc__ for entry in plugins.values())
