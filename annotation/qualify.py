"""A qualifying round on gold: whose word counts, and who is sent more. Pure functions on rows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.words import LEAD, REFUSED, UNREAD_MARK, is_empty_fix, is_refused, side_of

Row = Mapping[str, Any]
Expected = Mapping[tuple[str | None, str], str]
"""The right verdict by the build that annotations were taken from (None: this one) and the task's name."""


@dataclass(frozen=True, slots=True)
class Round:
    """An account on gold."""

    right: int = 0
    tasks: int = 0

    def passes(self, least: float | None) -> bool:
        """Whether it may go on; an account that saw no gold has passed nothing."""
        return least is None or (self.tasks > 0 and self.right >= least * self.tasks - 1e-9)

    def __str__(self) -> str:
        return f"{self.right:,} of {self.tasks:,} gold tasks right"


def rounds(annotations: Iterable[Row], expected: Expected) -> dict[str, Round]:
    """Each account's round. The last word on a task counts; one that was skipped was looked at and is not right, nor is
    a fix that mends nothing. One that was refused is no word, and leaves none.

    Accept and fix are one answer there: whether there is something to mend is a matter of taste, whether the row may be
    released is not.
    """
    last: dict[tuple[str, str | None, str], Row] = {}
    found: dict[str, Round] = {}
    for row in sorted(annotations, key=lambda row: (row["updated_at"], row["annotation"])):
        if row["slot"] != LEAD:
            found.setdefault(row["reviewer"], Round())
        if not row["deleted"] and row["slot"] != LEAD and (row["taken_from"], row["external"]) in expected:
            last[row["reviewer"], row["taken_from"], row["external"]] = row
    for (who, origin, name), row in last.items():
        if is_refused(row):
            continue
        is_right = not row["skipped"] and side_of(row["verdict"]) == side_of(expected[origin, name])
        is_right = is_right and not is_empty_fix(row)
        found[who] = Round(found[who].right + is_right, found[who].tasks + 1)
    return found


def barred(found: Mapping[str, Round], least: float | None, trusted: Iterable[str]) -> dict[str, Round]:
    """Accounts whose word does not count, with their round: those that did not pass and that no lead vouches for."""
    vouched = {*trusted}
    return {who: one for who, one in sorted(found.items()) if not one.passes(least) and who not in vouched}


def muted(row: Row) -> dict[str, Any]:
    """An annotation of an account that does not count, as it is decided by: no vote, no text, no place; a mark of what
    is private stays, since nobody is harmed by a blur too many."""
    nothing = dict.fromkeys(("verdict", "reasoning", "lat", "lon", "place"))
    flags = [flag for flag in row["flags"] if flag in ("privacy", REFUSED, UNREAD_MARK)]
    return {**row, **nothing, "flags": flags, "clues": []}


def open_slots(annotations: Iterable[Row], out: Container[str]) -> set[str]:
    """Reviewers' slots in which somebody works whose word counts: others get gold alone.

    Args:
        out: the accounts whose word does not.
    """
    held = (row for row in annotations if not row["deleted"] and row["slot"] != LEAD)
    return {row["slot"] for row in held if row["reviewer"] not in out}
