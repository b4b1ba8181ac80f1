"""Which answer may speak for a row of the dataset: one rule, for the verdict before a release and for the release."""

from __future__ import annotations


def is_releasable(reasoning: str | None, country_correct: bool | None) -> bool:
    """Whether an answer's reasoning may become a row's response: it is there, and leads to the right country.

    A country that cannot be compared (`None`: the truth's or the answer's is unknown, as at sea) is not wrong; such
    rows are decided by the recipe's checks alone.
    """
    return bool((reasoning or "").strip()) and country_correct is not False
