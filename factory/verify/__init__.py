"""Verification: what the teachers said, against the truth, each other and the picture.

One module a check; each is a pure function of a `Case` that passes, fails or abstains with a score, its threshold and
a reason. `decide` turns the results into a verdict. To add a check, write its module and import it here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from factory.errors import PluginFault
from factory.plugins.registry import Kind, plugin
from factory.verify.decide import rules
from factory.verify.grounded import grounded
from factory.verify.localizable import localizable
from factory.verify.locate import Place, locate, place_queries, resolve
from factory.verify.near_truth import near_truth
from factory.verify.no_leak import no_leak
from factory.verify.teachers_agree import teachers_agree
from schemas import Case, CheckResult, Verdict

__all__ = [
    "Place",
    "grounded",
    "localizable",
    "locate",
    "near_truth",
    "no_leak",
    "place_queries",
    "resolve",
    "rules",
    "teachers_agree",
    "verify_case",
]


def verify_case(case: Case, checks: Sequence[tuple[str, BaseModel]], decider: tuple[str, BaseModel]) -> Verdict:
    """Runs the recipe's checks on one sample and lets the decider decide.

    Args:
        case: The sample with its located answers and evidence.
        checks: Registered names with their settings, in the recipe's order.
        decider: The decider's name with its settings.

    Raises:
        PluginFault: A check or the decider raised, or returned something else than its result. That is a fault of
            the code and not of the sample, so it stops the shard; the message names the plug-in and the sample.
    """
    results = [_run_check(name, settings, case) for name, settings in checks]
    name, settings = decider
    decide = _function("decider", name)
    try:
        verdict = decide(results, **vars(settings))
    except Exception as error:
        raise PluginFault(_blame("decider", name, case, error)) from error
    if not isinstance(verdict, Verdict):
        raise PluginFault(_blame("decider", name, case, TypeError(f"returned {type(verdict).__name__}, not Verdict")))
    return verdict


@lru_cache(maxsize=256)
def _function(kind: Kind, name: str) -> Callable[..., Any]:
    return plugin(kind, name).function


def _run_check(name: str, settings: BaseModel, case: Case) -> CheckResult:
    check = _function("check", name)
    try:
        result = check(case, **vars(settings))
    except Exception as error:
        raise PluginFault(_blame("check", name, case, error)) from error
    if not isinstance(result, CheckResult):
        raise PluginFault(_blame("check", name, case, TypeError(f"returned {type(result).__name__}, not CheckResult")))
    return result


def _blame(kind: str, name: str, case: Case, error: Exception) -> str:
    return (
        f"{kind} `{name}` failed on sample `{case.sample.id}`: {type(error).__name__}: {error}. "
        f"This is a fault of the {kind}, not of the sample: mend it, or take it out of `verify` in the recipe; "
        "stored answers are kept and are verified again by the next build."
    )
