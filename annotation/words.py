"""What one annotation counts for: whose it is, its vote, and which word of a person is the last. Functions on rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from factory.store.decided import DROPPED

Annotation = Mapping[str, Any]
"""A row of `schemas.arrow.ANNOTATIONS`."""

LEAD: Final = "lead"
"""The slot of who breaks ties."""
KEEPS: Final = ("accept", "fix")
NOWHERE: Final = "not_localizable"

REFUSED: Final = "refused"
"""Flag of an annotation that cannot count: it takes back what the same person said before, and its marks hold."""
UNREAD_MARK: Final = "unread_mark"
"""Flag beside that one: something of it may be a mark of what is private, and cannot be read."""
AS_SHOWN: Final = "as_shown"
"""Flag of a lead's accept: as the teacher wrote it, whatever reviewers changed."""
NOT_PRIVATE: Final = "not_private"
"""Flag of a lead's word: what was flagged as private until then needs no blur."""
OURS: Final = (REFUSED, UNREAD_MARK, AS_SHOWN, NOT_PRIVATE)
"""Flags that no screen has."""


def side_of(said: str | None) -> str | None:
    """What a verdict comes to: `keep`, or against the row."""
    return "keep" if said in KEEPS else said


def is_refused(one: Annotation) -> bool:
    """Whether it was refused, and stands there for what it takes back and marks."""
    return REFUSED in one["flags"]


def counts(one: Annotation) -> bool:
    """Whether it says anything now: neither skipped, taken back nor refused."""
    return not (one["skipped"] or one["deleted"] or is_refused(one))


def mends(one: Annotation) -> bool:
    """Whether it changes anything of the row: text, a clue that goes, place, or something to blur."""
    dropped = any(clue["judgement"] in DROPPED for clue in one["clues"])
    marked = any(box["kind"] == "privacy" for box in one["boxes"])
    return one["reasoning"] is not None or one["lat"] is not None or bool(one["place"]) or dropped or marked


def is_empty_fix(one: Annotation) -> bool:
    """Whether it says that something is wrong, and not what."""
    return one["verdict"] == "fix" and not mends(one)


def drops(one: Annotation, *, loses: bool) -> bool:
    """Whether somebody calls a part wrong that cannot leave the row."""
    return not loses and any(clue["judgement"] in DROPPED for clue in one["clues"])


def vote_of(one: Annotation, *, loses: bool) -> str | None:
    """What an annotation says of the row; None where it is no vote: skipped, unsure, or a fix that mends nothing.

    A flag that names a fault and leaves it there speaks against the row, and so does a part that is called wrong and
    cannot leave.
    """
    verdict: str | None = one["verdict"]
    if verdict is None or one["skipped"] or "unsure" in one["flags"]:
        return None
    placed = one["lat"] is not None or bool(one["place"])
    if verdict in KEEPS and "leaks_answer" in one["flags"] and one["reasoning"] is None:
        return "reject"
    if verdict in KEEPS and "truth_wrong" in one["flags"] and not placed:
        return "reject"
    if verdict in KEEPS and drops(one, loses=loses):
        return "reject"
    return None if is_empty_fix(one) else verdict


def last_words(ones: Iterable[Annotation]) -> list[Annotation]:
    """The last word of each person, of annotations oldest first; nobody's whose last one was refused."""
    return [one for one in {one["reviewer"]: one for one in ones}.values() if not is_refused(one)]


def places(one: Annotation) -> bool:
    """Whether it says anything of where the picture is."""
    return bool({"truth_wrong", AS_SHOWN} & {*one["flags"]} or one["lat"] is not None or one["place"])


def words_of_place(ones: Sequence[Annotation], *, loses: bool) -> list[Annotation]:
    """What each person says in the end of where the picture is, of annotations oldest first, whatever answer was shown
    with it. Who corrected the place, and says nothing of it when another answer is shown, leaves it corrected."""
    last: dict[str, Annotation] = {}
    for one in ones:
        before = last.get(one["reviewer"])
        silent = before is not None and places(before) and not places(one) and one["keys"] != before["keys"]
        if not silent or is_refused(one):
            last[one["reviewer"]] = one
    return [one for one in last.values() if vote_of(one, loses=loses) is not None]
