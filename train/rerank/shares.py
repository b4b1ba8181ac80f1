"""How sure a model is of each of a few labels, from the log probabilities of its first token. Pure.

A share is taken where the server said enough to know it. A label that was masked, labels that the server did not list
although they could weigh, and a model that wanted to say something else have none: a made-up score is worth less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from factory.plugins.contracts import ParseFailure
from factory.teachers.replies import MASKED

DOUBT: Final = 0.01
"""Share of the labels together that what was not listed may have at most."""
LEAST: Final = 0.5
"""Probability that the labels have together at least: below, the model was about to say something else. Ours."""
_MARKS: Final = " \t\r\n\u0120\u2581\"'`*.,:()[]{}"
"""What tokenizers and models write around a label."""


def shares(scores: Mapping[str, float], labels: tuple[str, ...]) -> dict[str, float] | ParseFailure:
    """The share of each label, together 1; every writing of a label counts (`yes`, ` Yes`, `YES`).

    Args:
        scores: natural logarithms of probabilities by token, as `Reply.scores`.
        labels: in small letters.

    Returns a failure of the kind no_scores, bad_scores, masked, unlisted or off_label where there is none.
    """
    if not scores:
        return ParseFailure("no_scores", "the server gave no log probabilities; it needs `logprobs`")
    seen = {token: math.exp(score) for token, score in scores.items() if MASKED < score <= 1e-3}
    total = sum(seen.values())
    if len(seen) < sum(score > MASKED for score in scores.values()) or total > 1.05:
        return ParseFailure("bad_scores", "what the server gave are no log probabilities")
    found = {label: sum(share for token, share in seen.items() if _plain(token) == label) for label in labels}
    masked = {_plain(token) for token, score in scores.items() if score <= MASKED}
    listed = {_plain(token) for token in seen}
    if hidden := [label for label in labels if label in masked and label not in listed]:
        return ParseFailure("masked", f"the server masks `{hidden[0]}`")
    together = sum(found.values())
    if together < LEAST:
        return ParseFailure("off_label", f"{', '.join(labels)} have {together:.2f} of the probability")
    missing = sum(label not in listed for label in labels)
    most = min(min(seen.values()), max(0.0, 1.0 - total))
    if missing * most > DOUBT * (together + missing * most):
        return ParseFailure("unlisted", f"{missing} of {len(labels)} labels were not listed and may weigh {most:.3f}")
    return {label: share / together for label, share in found.items()}


def expectation(found: Mapping[str, float]) -> float:
    """The mean of labels that are numbers."""
    return sum(float(label) * share for label, share in found.items())


def log_odds(first: float, second: float) -> float:
    """How much likelier the first of two shares is, as the logarithm of their ratio, within 14 (a millionth)."""
    return math.log(max(first, 1e-6) / max(second, 1e-6))


def _plain(token: str) -> str:
    return token.strip(_MARKS).lower()
