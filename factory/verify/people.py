"""What holds a row back although people accepted it: an edit that fails its checks, a picture that may not change.

People are final over verdicts and not over these: they are what a release promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from factory.store.cases import AnsweredSample
from factory.store.decided import Decided, can_edit
from schemas import CheckResult, Sample
from schemas.licences import forbids_changes

EDIT_CHECK: Final = "edit"
"""Name under which an edit that cannot be made stands among a row's checks."""
PRIVACY_CHECK: Final = "privacy"
"""Name under which a picture that would have to be changed and may not stands there."""
LEAK_CHECKS: Final = frozenset({"no_leak", "clue_no_leak", "not_told"})
"""Checks of text alone: an edited text must pass them."""


def held_back(
    sample: Sample,
    found: AnsweredSample,
    before: Sequence[CheckResult],
    after: Sequence[CheckResult],
    decided: Decided,
    licence: str | None,
) -> CheckResult | None:
    """Why a sample is released by nobody.

    Args:
        sample, found: as the source and the teachers left them.
        before: what the checks find of that; empty where people edited nothing.
        after: what they find of the sample as people left it.
        licence: of samples that state none (`release.licence`).
    """
    if decided.withheld:
        detail = "annotators flagged it for privacy, and what to blur is not known"
        return CheckResult(check=PRIVACY_CHECK, outcome="fail", reason="unmarked", detail=detail)
    stated = sample.licence or licence or ""
    if decided.private and forbids_changes(stated):
        detail = f"{stated}: the picture would have to be blurred, and its licence allows no changed one"
        return CheckResult(check=PRIVACY_CHECK, outcome="fail", reason="no_derivatives", detail=detail[:300])
    if not decided.edited:
        return None
    if not can_edit(found, decided):
        detail = "people rewrote an answer that this build does not have, or that has no such text"
        return CheckResult(check=EDIT_CHECK, outcome="fail", reason="no_such_text", detail=detail)
    return next(filter(None, map(_against, before, after)), None)


def _against(before: CheckResult, after: CheckResult) -> CheckResult | None:
    """What a check has against an edit: it searches text and does not pass, or the edit made it fail."""
    spoilt = after.outcome == "fail" and before.outcome != "fail"
    unsafe = after.check in LEAK_CHECKS and after.outcome != "pass"
    return replace(after, outcome="fail", reason=f"edit_{after.reason}") if spoilt or unsafe else None
