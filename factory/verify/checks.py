"""Runs checks and deciders by name. A fault of their code stops the verification and names the sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from factory.errors import FactoryError, PluginFault
from factory.plugins import promises
from factory.plugins.contracts import Decider, Model
from factory.plugins.registry import plugin
from schemas import Case, CheckResult, Verdict


def run_check(name: str, settings: BaseModel, case: Case) -> CheckResult:
    """One check's finding on one sample.

    Raises:
        PluginFault: the check raised, or returned something else than a CheckResult of its own name. That is a fault
            of its code and not of the sample; the message names both.
        FactoryError: what the check says itself of a file that its settings name.
    """
    check = _function(name)
    try:
        return promises.check_result(check(case, **vars(settings)), name)
    except FactoryError:
        raise
    except Exception as error:
        raise PluginFault(_blame("check", name, case, error)) from error


def run_decider(
    decider: Decider,
    name: str,
    case: Case,
    checks: Sequence[CheckResult],
    features: Mapping[str, float],
    model: Model | None,
) -> Verdict:
    """The decider's verdict on one sample. Raises PluginFault as `run_check` does."""
    try:
        return promises.verdict(decider.decide(checks, features, model))
    except Exception as error:
        raise PluginFault(_blame("decider", name, case, error)) from error


@lru_cache(maxsize=256)
def _function(name: str) -> Callable[..., Any]:
    return plugin("check", name).function


def _blame(kind: str, name: str, case: Case, error: Exception) -> str:
    return (
        f"{kind} `{name}` failed on sample `{case.sample.id}`: {type(error).__name__}: {error}. "
        f"This is a fault of the {kind}, not of the sample: mend it, or take it out of `verify` in the recipe; "
        "stored answers are kept and are verified again by the next build."
    )
