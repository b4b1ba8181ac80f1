"""What a person is asked: a task's name, its JSON, its row. Plain data in, plain data out."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

import orjson

from schemas import Case

Kind = Literal["dispute", "audit", "gold"]

EXTERNAL: Final = "ext_id"
"""Key of a task's data under which its name stands; the server knows no duplicates, so we do."""
SHOWN: Final = "shown"
"""Key of its data for a digest of what is judged on it, by which that is known where its row is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a screen makes of a sample."""

    data: Mapping[str, Any]
    """The task's data as the screen reads it, escaped."""
    results: Sequence[Mapping[str, Any]]
    """What stands on the screen before anybody touched it (the text to edit, boxes): a prediction. Never a verdict."""
    keys: tuple[str, ...]
    """Ledger keys of the answer that is shown."""
    clues: tuple[str, ...]
    """Its clues, in the order shown."""
    reasoning: str | None
    """Its text, as shown."""


class Screen(Protocol):
    """What annotators see."""

    @property
    def config(self) -> str:
        """Label Studio's labelling configuration, the same for all tasks of a build."""
        ...

    @property
    def shows(self) -> str:
        """What of it the recipe chooses, in words: where it differs from what was sent, screens are shown anew."""
        ...

    def task(self, case: Case, pictures: Mapping[str, str]) -> Made:
        """One sample's task; `pictures` are the addresses of its pictures on the server, by role."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A sample that a reviewer is to look at."""

    id: str
    shard: int
    slot: str
    kind: Kind
    uncertainty: float
    """From 0 (sure) to 1; the least sure are shown first."""
    expected: str | None = None
    """The right verdict of a gold task; it stays here."""

    @property
    def external(self) -> str:
        """The task's name on every server."""
        return f"{self.id}:{self.slot}"


def slots_of(sample_id: str, *, slots: Sequence[str], overlap: int, sent: Sequence[str] = ()) -> tuple[str, ...]:
    """The reviewers of a sample: `overlap` of the slots, the same every time, evenly over many samples and in all
    combinations.

    Args:
        sent: slots that it was sent to before: those stay, and only as many are added as are missing.
    """
    drawn = sorted(slots, key=lambda slot: hashlib.sha256(f"{slot}\0{sample_id}".encode()).digest())
    new = [slot for slot in drawn if slot not in sent]
    return tuple(sorted((*sent, *new[: max(0, overlap - len(sent))]), key=lambda slot: (len(slot), slot)))


def asked(
    samples: Sequence[Wanted],
    *,
    reviewers: int,
    overlap: int,
    sent: Mapping[str, Sequence[str]] = MappingProxyType({}),
    qualified: Container[str] | None = None,
) -> Iterator[Wanted]:
    """Each sample once for each of its reviewers; gold goes to all of them.

    Args:
        samples: with any slot, which is replaced.
        reviewers: they have the slots `1` ... `reviewers`.
        sent: slots that samples were sent to before.
        qualified: slots that are sent more than gold; None for all of them.
    """
    every = [str(number) for number in range(1, reviewers + 1)]
    some = [slot for slot in every if qualified is None or slot in qualified]
    for sample in samples:
        slots, most = (every, reviewers) if sample.kind == "gold" else (some, overlap)
        for slot in slots_of(sample.id, slots=slots, overlap=most, sent=sent.get(sample.id, ())):
            yield replace(sample, slot=slot)


def task_body(wanted: Wanted, made: Made, model_version: str) -> dict[str, Any]:
    """A task as the server imports it. Nothing in it says why the sample was sent, nor what is expected."""
    prediction = {
        "model_version": model_version,
        "score": task_score(wanted),
        "result": [dict(result) for result in made.results],
    }
    return {"data": {**made.data, EXTERNAL: wanted.external, SHOWN: shown_digest(made)}, "predictions": [prediction]}


def shown_digest(made: Made) -> str:
    """What is judged on a screen, as a digest: whatever its language, and whether it shows the truth or not."""
    data = orjson.dumps([list(made.keys), list(made.clues), made.reasoning])
    return hashlib.sha256(data).hexdigest()[:32]


def task_score(wanted: Wanted) -> float:
    """What the server orders by: the lowest first, so the least sure."""
    return round(1.0 - wanted.uncertainty, 6)


def task_row(wanted: Wanted, made: Made, case: Case, *, at: str) -> dict[str, Any]:
    """A row of tasks.parquet, without `project` and `task`, which whoever sends it fills in."""
    return {
        "external": wanted.external,
        "id": wanted.id,
        "slot": wanted.slot,
        "kind": wanted.kind,
        "images": [photo.sha256 for photo in case.photos if photo.sha256 is not None],
        "keys": list(made.keys),
        "clues": list(made.clues),
        "reasoning": made.reasoning,
        "score": task_score(wanted),
        "expected": wanted.expected,
        "pushed_at": at,
    }
