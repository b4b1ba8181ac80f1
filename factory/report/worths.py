"""What the report shows of a source of evidence: precision at coverage with it and without it, in numbers and words.

`factory.verify.worth` counts; this says it. Nothing here looks at a build.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["adds", "not_shown", "costs", "silent"]


@dataclass(frozen=True, slots=True)
class At:
    """What is right of the rows accepted at one coverage, with the source and without it."""

    coverage: float
    accepted: int
    right_with: int
    right_without: int
    low: float
    high: float
    """95 % interval of the difference in precision, with less without."""

    @property
    def gain(self) -> float:
        return (self.right_with - self.right_without) / self.accepted


@dataclass(frozen=True, slots=True)
class Spoke:
    """Places that a witness speaks for or against, by itself."""

    places: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Worth:
    """One source."""

    source: str
    verdict: Verdict
    rows: int
    """Samples whose place is known."""
    groups: int
    """Authors or trips among them."""
    gain: float
    """Mean difference in precision over the coverages from 0.5 to 1."""
    low: float
    high: float
    """95 % interval of it."""
    at: tuple[At, ...] = ()
    spoke_for: Spoke | None = None
    spoke_against: Spoke | None = None
    """Of witnesses; None of the teachers' agreement."""

    @property
    def words(self) -> str:
        """In plain words."""
        points = f"{100 * self.gain:+.1f} points of precision [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
        if self.verdict == "silent":
            return "said nothing of any place: worth nothing here"
        if self.verdict == "adds":
            return f"is worth its place: {points}"
        if self.verdict == "costs":
            return f"makes it worse, leave it out: {points}"
        return f"no worth is shown on these known places, the difference may be chance: {points}"
