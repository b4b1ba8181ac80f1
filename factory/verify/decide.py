"""Checks become a decision: accept, review or reject, with every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator

from factory.plugins.contracts import Decider, Model
from factory.plugins.registry import UnknownPlugin, plugin, register
from schemas import CheckResult, Verdict
from schemas.settings import CheckRef


def _known_check(name: str) -> str:
    """A misspelt name would quietly weaken a rule, so it is refused while the recipe is read."""
    try:
        plugin("check", name)
    except UnknownPlugin as error:
        raise ValueError(str(error)) from None
    return name


CheckName = Annotated[str, AfterValidator(_known_check), CheckRef()]


@register("decider", "rules")
def rules(
    *,
    reject: tuple[CheckName, ...] = ("localizable", "near_truth", "no_leak"),
    review: tuple[CheckName, ...] = ("teachers_agree", "grounded"),
    review_abstained: tuple[CheckName, ...] = (),
) -> Decider:
    """Rejects, else sends to review, else accepts.

    Args:
        reject: A fail of one of these rejects, even where `review` names it too.
        review: A fail of one of these sends the sample to people.
        review_abstained: So does one of these that could not look, e.g. `teachers_agree` when one of two answers
            failed. Otherwise an abstention never counts against a sample.

    A failed check that neither list names sends the sample to review: nothing is accepted over a fail. `reasons` has
    `check:reason` of every check that pulled the sample away from acceptance, in the order of the checks.
    """

    def decide(checks: Sequence[CheckResult], _features: Mapping[str, float], _model: Model | None) -> Verdict:
        rejected = any(found.outcome == "fail" and found.check in reject for found in checks)
        against = [
            found
            for found in checks
            if found.outcome == "fail" or (found.outcome == "abstain" and found.check in review_abstained)
        ]
        return Verdict(
            decision="reject" if rejected else "review" if against else "accept",
            reasons=tuple(dict.fromkeys(f"{found.check}:{found.reason}" for found in against)),
            checks=tuple(checks),
        )

    return Decider(decide=decide)
