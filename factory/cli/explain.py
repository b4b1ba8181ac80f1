"""`factory explain`: one sample's whole story, from the source's row to where it went.

Of a build's shards only the sample's own is read, and of its tables only the sample's rows, so it answers at once for a
build of any size and while it runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from factory.calls.of_shard import shard_rows
from factory.errors import CorruptBuild, RecipeError
from factory.store.decided import WITHHELD, decided_of
from factory.store.info import FINISHED
from factory.store.layout import Build, ShardPaths
from factory.store.reviews import decided_by, read_reviews
from factory.store.tables import read_columns, read_rows
from schemas import arrow
from schemas.plain_json import read_json

NEAR_AMONG = 50_000
"""Ids among which one like a mistyped id is looked for: comparing takes about a second for so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything a build knows of one sample, as plain data."""

    id: str
    outcome: str
    """Where it went, in words: `released in train`, `rejected: near_truth:too_far`, `answered, not verified yet`."""
    truth: dict[str, Any]
    """Its row of the plan, without pictures and texts."""
    pictures: list[dict[str, Any]]
    """What the plan says of each picture (role, locator, ...) with what was seen of it (sha256, size, refused, ...)."""
    texts: list[dict[str, Any]]
    """Name and length in characters of what the source says beside the pictures."""
    answers: list[dict[str, Any]]
    """Each answer with its `values` as plain data and, once verified, its measures under `located`; what the family
    combined of them comes last."""
    evidence: list[dict[str, Any]]
    """What each witness found, and how many vectors it gave."""
    calls: list[dict[str, Any]]
    """Ledger rows: every question asked about its pictures, with tokens, cost, latency and errors. Where another sample
    of the shard has the same pictures, they may stand under its `sample_id`."""
    checks: list[dict[str, Any]]
    verdict: str | None
    """What the checks decided; None until they did."""
    reasons: list[str]
    label: dict[str, Any] | None
    """The pseudo-label of a sample without a known place."""
    people: dict[str, Any] | None
    """What a person decided, with who, when and the note."""
    selection: dict[str, Any] | None


def explain_sample(build: Build, sample_id: str) -> Story:
    """The story of one sample; of one whose shard is still at work, what is known so far.

    Raises RecipeError, with near ids, when the build has none of this id, and CorruptBuild for a damaged file.
    """
    paths = build.paths
    if not paths.plan.exists():
        raise RecipeError(f"{paths.root}: its plan is not made yet")
    truth = _row(paths.plan, arrow.PLAN, sample_id)
    if truth is None:
        return _dropped_story(build, sample_id)
    shard = paths.shard(truth["shard"])
    answered = _row(shard.answers, arrow.ANSWERS, sample_id) if shard.report.exists() else None
    verdict = _row(shard.verdicts, arrow.VERDICTS, sample_id) if answered and shard.verdicts.exists() else None
    selection = _row(paths.selection, arrow.SELECTION, sample_id) if paths.selection.exists() else None
    people = read_reviews(paths).filter(pl.col("id") == sample_id).to_dicts()
    answers = _answers(shard, answered, verdict)
    decided = people[0] if people else None
    calls = _calls(shard, sample_id, [key for answer in answers for key in answer["keys"]]).to_dicts()
    return Story(
        id=sample_id,
        outcome=_outcome(truth["shard"], answered, verdict, decided, selection, calls, released=_is_released(build)),
        pictures=_pictures(truth.pop("images"), answered["photos"] if answered else []),
        texts=[{"name": entry["name"], "characters": len(entry["text"])} for entry in truth.pop("texts")],
        truth=truth,
        answers=answers,
        evidence=_evidence(answered["evidence"] if answered else []),
        calls=calls,
        checks=verdict["checks"] if verdict else [],
        verdict=verdict["decision"] if verdict else None,
        reasons=verdict["reasons"] if verdict else [],
        label=verdict["label"] if verdict else None,
        people=decided,
        selection=selection,
    )


def _row(path: Path, schema: pa.Schema, sample_id: str) -> dict[str, Any] | None:
    """The sample's row of one table."""
    return read_rows(path, schema.names, [sample_id]).get(sample_id)


def _pictures(planned: Sequence[Mapping[str, Any]], seen: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    nothing: dict[str, Any] = {field.name: None for field in arrow.PHOTO}
    facts = [*seen, *[nothing] * (len(planned) - len(seen))]
    return [{**fact, **picture} for picture, fact in zip(planned, facts, strict=False)]


def _answers(
    shard: ShardPaths, answered: Mapping[str, Any] | None, verdict: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    given: Sequence[Mapping[str, Any]] = answered["answers"] if answered else []
    located: Sequence[Mapping[str, Any] | None] = verdict["located"] if verdict else [None] * len(given)
    try:
        return [
            {**answer, "values": read_json((answer["values"] or "{}").encode()), "located": measures}
            for answer, measures in zip(given, located, strict=True)
        ]
    except ValueError as error:  # other answers than those measured, or values that are no JSON
        raise CorruptBuild(f"{shard.answers}: does not fit to {shard.verdicts.name} ({error})") from None


def _evidence(stored: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"source": one["source"], "findings": one["findings"] or [], "vectors": len(one["vectors"] or [])}
        for one in stored
    ]


def _calls(shard: ShardPaths, sample_id: str, keys: Sequence[str]) -> pl.DataFrame:
    """Ledger rows about the sample: its own, and all turns of another's conversations that its answers came from."""
    ledger = shard_rows(shard)
    conversation = ["sample_id", "teacher", "purpose", "draw"]
    owners = ledger.filter(pl.col("key").is_in(list(keys))).select(conversation)
    mine = ledger.filter(pl.col("sample_id") == sample_id)
    shared = ledger.join(owners.unique(), on=conversation, how="semi")
    order = ("teacher", "purpose", "draw", "turn", "attempt", "key", "created_at")
    return pl.concat([mine, shared]).unique().sort(order)


_SO_FAR = {
    "ok": "answered",
    "permanent": "gave no answer",
    "exhausted": "could not be reached",
    "sent": "answers later (a batch)",
}


def _is_released(build: Build) -> bool:
    """Whether the release is that of the selection: while a build goes on again, it is what it was before."""
    state = build.info["state"]
    return state in FINISHED or (state != "selected" and build.paths.release.exists())


def _outcome(
    shard: int,
    answered: Mapping[str, Any] | None,
    verdict: Mapping[str, Any] | None,
    people: Mapping[str, Any] | None,
    selection: Mapping[str, Any] | None,
    calls: Sequence[Mapping[str, Any]],
    *,
    released: bool,
) -> str:
    if answered is None:
        asked = {call["teacher"]: call["status"] for call in calls}  # in order: the last of each teacher counts
        told = ", ".join(f"{teacher} {_SO_FAR[status]}" for teacher, status in asked.items()) or "planned"
        return f"{told}; its shard {shard} is not finished yet"
    if verdict is None:
        return "answered, not verified yet"
    decision = decided_by(verdict["decision"], people["decision"] if people else None, verdict["unreleasable"])
    if decision == "accept":
        by = " by people" if verdict["decision"] != "accept" else ""
        if selection is None:
            return f"accepted{by}, not selected yet"
        if not selection["kept"]:
            return f"removed by {selection['removed_by']}"
        return f"released in {selection['split']}" if released else f"kept for {selection['split']}, not released yet"
    if decision == "reject" and verdict["decision"] != "reject":
        return "rejected by people"
    if decision == "review" and verdict["decision"] == "accept":
        private = people is not None and WITHHELD in (people["flags"] or ())
        why = people["note"] if people is not None and private else "people differ"
        return f"accepted by the checks, and {why}: waits for their lead"
    because = ", ".join(verdict["reasons"])
    said = {"review": "waits for review", "reject": "rejected", "quarantine": "quarantined"}[verdict["decision"]]
    ignored = _ignored(people, verdict["unreleasable"]) if people and people["decision"] != decision else ""
    return (f"{said}: {because}" if because else said) + ignored


def _ignored(people: Mapping[str, Any], unreleasable: str | None) -> str:
    """Why what people decided does not hold."""
    told = f"; people's decision cannot count{f' ({unreleasable})' if unreleasable else ''}"
    asked = people["decision"] == "accept" and unreleasable is not None and decided_of(people).edited
    return f"{told}: as they left it nobody can release it, and their lead is asked" if asked else told


def _dropped_story(build: Build, sample_id: str) -> Story:
    row = _row(build.paths.dropped, arrow.DROPPED, sample_id)
    if row is None:
        planned = read_columns(build.paths.plan, ("id",))["id"].head(NEAR_AMONG)
        near = difflib.get_close_matches(sample_id, planned.to_list(), n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise RecipeError(f"{build.paths.root}: no sample `{sample_id}`{hint}")
    return Story(
        id=sample_id,
        outcome=f"dropped by {row['phase']}: {row['rule']}",
        truth={"source_row": row["source_row"]},
        pictures=[],
        texts=[],
        answers=[],
        evidence=[],
        calls=[],
        checks=[],
        verdict=None,
        reasons=[f"{row['rule']}:{row['reason']} {row['detail']}".strip()],
        label=None,
        people=None,
        selection=None,
    )
