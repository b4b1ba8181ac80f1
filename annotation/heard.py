"""Whose words count for a sample: those about it, and those about other samples of the build that have its pictures.

What people say of a picture (where it is, what of it is private, that nobody could place it) holds for every sample
that has it; their votes, texts and clues hold for the sample they looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotation.privacy import marks
from annotation.words import LEAD, Annotation, places


@dataclass(frozen=True, slots=True)
class Content:
    """What a sample shows now."""

    images: tuple[str, ...]
    """sha256 of its pictures."""
    keys: frozenset[tuple[str, ...]]
    """Ledger keys of each of its answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The annotations that count for a sample, each oldest first."""

    ones: Sequence[Annotation]
    """About the sample, or about another one with all of its pictures by somebody without a verdict about this one."""
    marks: Sequence[Annotation]
    """About the sample, or marking as private what its first picture shows, which is the one that is blurred."""
    told: Sequence[Annotation]
    """About the sample, or saying of its picture where it is or what is private."""


def heard_of(annotations: Iterable[Annotation], contents: Mapping[str, Content]) -> dict[str, Heard]:
    """What counts for each sample of which anything does; nothing that was taken back, or is about other pictures."""
    by_id: dict[str, list[Annotation]] = {}
    by_picture: dict[str, list[Annotation]] = {}
    for one in sorted(annotations, key=lambda one: (one["updated_at"], one["annotation"])):
        if not one["deleted"]:
            by_id.setdefault(one["id"], []).append(one)
            if one["images"]:
                by_picture.setdefault(one["images"][0], []).append(one)
    found: dict[str, Heard] = {}
    for name, content in contents.items():
        there = by_picture.get(content.images[0], []) if content.images else by_id.get(name, [])
        if there:
            found[name] = _heard(name, content, there)
    return found


def _heard(name: str, content: Content, there: Sequence[Annotation]) -> Heard:
    def is_same(one: Annotation) -> bool:
        return tuple(one["images"]) == content.images

    def is_own(one: Annotation) -> bool:
        return one["id"] == name and is_same(one)

    spoke = {_whose(one) for one in there if is_own(one) and one["verdict"] is not None}

    def is_beside(one: Annotation) -> bool:
        return one["id"] != name and is_same(one) and one["verdict"] is not None and _whose(one) not in spoke

    return Heard(
        ones=[one for one in there if is_own(one) or is_beside(one)],
        marks=[one for one in there if is_own(one) or marks(one)],
        told=[one for one in there if is_own(one) or marks(one) or (is_beside(one) and places(one))],
    )


def _whose(one: Annotation) -> tuple[str, bool]:
    """A person, as reviewer or as lead."""
    return one["reviewer"], one["slot"] == LEAD
