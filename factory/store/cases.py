"""The two files of a shard that hold its samples: what was answered, and what was decided. Records to rows and back.

`answers.parquet` is written by the work phase and never changes with a threshold; `verdicts.parquet` is written by the
verify phase from it. A `Case` is a plan's row with both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import orjson
import polars as pl
import pyarrow as pa

from factory.errors import CorruptBuild
from factory.store.layout import BuildPaths, read_samples
from factory.store.tables import of_ids, read_arrow, read_columns, with_same
from schemas import (
    Answered,
    Case,
    CheckResult,
    Clue,
    Evidence,
    Finding,
    GeoAnswer,
    Label,
    LocatedAnswer,
    Photo,
    Sample,
    Verdict,
    arrow,
)
from schemas.plain_json import read_json

PASSING_REFUSALS = frozenset(
    {"file_missing", "file_unreadable", "decode_timeout", "decode_memory", "worker_died", "heif_support_missing"}
)
"""Refusals that another run may not repeat: they say something of the machine, not of the picture."""
NO_EVIDENCE = "no_evidence"
"""Kind of the finding that stands for evidence a required witness could not give."""
IMAGE_CHECK = "images"
"""Name under which a refused photo stands among a row's checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredSample:
    """What a shard learnt about one sample: its pictures' facts, the answers (the combined one last), the evidence."""

    photos: tuple[Photo, ...] = ()
    answers: tuple[Answered, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    chosen: tuple[str, ...] = ()
    """Ledger keys of the answer that people accepted; no file of a shard has it (`factory.store.decided`)."""


def answers_table(ids: Sequence[str], found: Sequence[AnsweredSample]) -> pa.Table:
    """answers.parquet of a shard, one row a sample, in plan order."""
    rows = [
        {
            "id": sample_id,
            "photos": [photo_record(photo) for photo in one.photos],
            "answers": [answer_record(answered) for answered in one.answers],
            "evidence": [evidence_record(evidence) for evidence in one.evidence],
        }
        for sample_id, one in zip(ids, found, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=arrow.ANSWERS)


def unseen_table(ids: pl.Series) -> pa.Table:
    """answers.parquet of samples about which nothing is seen, said or found, as `answers_table` makes it."""
    return with_same(ids, {"photos": [], "answers": [], "evidence": []}, arrow.ANSWERS)


def accepted_table(ids: pl.Series) -> pa.Table:
    """verdicts.parquet of samples that are accepted with nothing said against them, as `verdicts_table` makes it."""
    return with_same(ids, {"located": [], "checks": [], "decision": "accept", "reasons": []}, arrow.VERDICTS)


def verdicts_table(ids: Sequence[str], cases: Sequence[Case]) -> pa.Table:
    """verdicts.parquet of a shard, one row a sample, in plan order. Every case has its verdict."""
    rows = []
    for sample_id, case in zip(ids, cases, strict=True):
        assert case.verdict is not None
        rows.append(
            {
                "id": sample_id,
                "located": [located_record(located) for located in case.given],
                "checks": [check_record(check) for check in case.verdict.checks],
                "decision": case.verdict.decision,
                "reasons": list(case.verdict.reasons),
                "unreleasable": case.verdict.unreleasable,
                "label": None if case.verdict.label is None else label_record(case.verdict.label),
            }
        )
    return pa.Table.from_pylist(rows, schema=arrow.VERDICTS)


def read_answers(
    paths: BuildPaths, shard: int, ids: Collection[str] | None = None
) -> list[tuple[Sample, AnsweredSample]]:
    """The samples of a shard with what was answered, in plan order; of some samples only, where `ids` names them.

    Raises CorruptBuild when the file is damaged or does not belong to the plan.
    """
    path = paths.shard(shard).answers
    samples, table = read_samples(paths.plan, shard, ids), read_arrow(path, arrow.ANSWERS)
    rows = (table if ids is None else of_ids(table, ids)).to_pylist()
    if [row["id"] for row in rows] != [sample.id for sample in samples]:
        raise CorruptBuild(f"{path}: its samples are not those that are planned for shard {shard}")
    return [(sample, answered_sample(row)) for sample, row in zip(samples, rows, strict=True)]


Over = Callable[[Sample, AnsweredSample], tuple[Sample, AnsweredSample]]
"""What is laid over a sample and its answers (`factory.store.decided.laid_over`)."""


def read_cases(paths: BuildPaths, shard: int, over: Over = lambda sample, found: (sample, found)) -> Iterator[Case]:
    """The finished cases of a shard, in plan order, as the teachers left them or with something laid over them. Raises
    CorruptBuild as `read_answers` does."""
    path = paths.shard(shard).verdicts
    rows = read_arrow(path, arrow.VERDICTS).to_pylist()
    answered = read_answers(paths, shard)
    if [row["id"] for row in rows] != [sample.id for sample, _ in answered]:
        raise CorruptBuild(f"{path}: its samples are not those that are planned for shard {shard}")
    for (sample, found), row in zip(answered, rows, strict=True):
        yield case_from_row(*over(sample, found), row)


def case_from_row(sample: Sample, found: AnsweredSample, row: Mapping[str, Any]) -> Case:
    """A case from its row of verdicts.parquet."""
    located = [
        LocatedAnswer(answered=answered, **{name: record[name] for name in _MEASURED})
        for answered, record in zip(found.answers, row["located"], strict=True)
    ]
    verdict = Verdict(
        decision=row["decision"],
        reasons=tuple(row["reasons"]),
        checks=tuple(CheckResult(**check) for check in row["checks"]),
        unreleasable=row["unreleasable"],
        label=None if row["label"] is None else Label(**row["label"]),
    )
    return case_of(sample, found, located, verdict)


def case_of(
    sample: Sample, found: AnsweredSample, located: Sequence[LocatedAnswer], verdict: Verdict | None = None
) -> Case:
    """A case from its parts; of the answers the combined one stands apart."""
    return Case(
        sample=sample,
        answers=tuple(one for one in located if not one.answered.combined),
        combined=next((one for one in located if one.answered.combined), None),
        evidence=found.evidence,
        photos=found.photos,
        verdict=verdict,
        chosen=found.chosen,
    )


def sample_frame(paths: BuildPaths, shard: int) -> pl.DataFrame:
    """The samples of a shard as a table, in plan order: the plan's columns, and `photos`.

    Only the shard's own row groups of the plan are read. Raises CorruptBuild as `read_answers` does.
    """
    plan = pl.from_arrow(read_arrow(paths.plan, arrow.PLAN, shard=shard))
    assert isinstance(plan, pl.DataFrame)
    path = paths.shard(shard).answers
    photos = read_columns(path, ["id", "photos"])
    if not plan["id"].equals(photos["id"]):
        raise CorruptBuild(f"{path}: its samples are not those that are planned for shard {shard}")
    return plan.with_columns(photos["photos"])


def stored_photos(path: Path) -> dict[str, tuple[Photo, ...]]:
    """The photos of a finished shard by sample, in plan order, for a build that takes them over."""
    rows = read_columns(path, ["id", "photos"]).iter_rows()
    return {sample_id: tuple(Photo(**photo) for photo in photos) for sample_id, photos in rows}


def nothing_to_check(found: AnsweredSample, *, asked: bool) -> tuple[str, ...]:
    """Why a sample cannot be judged at all: a refused picture, or no answer although somebody was asked. Empty when it
    can."""
    if refused := [photo.refused for photo in found.photos if photo.refused is not None]:
        return tuple(dict.fromkeys(f"{IMAGE_CHECK}:{reason}" for reason in refused))
    answers = [answered for answered in found.answers if not answered.combined]
    if asked and not answers:
        return ("teachers:no_answer",)
    silent = [one.source for one in found.evidence if any(finding.kind == NO_EVIDENCE for finding in one.findings)]
    if silent:
        return tuple(f"witness:{source}" for source in silent)
    if answers and all(answered.failure is not None for answered in answers):
        return tuple(dict.fromkeys(f"teachers:{answered.failure}" for answered in answers))
    return ()


def may_pass(found: AnsweredSample) -> tuple[str, ...]:
    """What of a sample failed for a reason that another run may not repeat: an endpoint or a file that was away."""
    pictures = [f"{IMAGE_CHECK}:{photo.refused}" for photo in found.photos if photo.refused in PASSING_REFUSALS]
    answers = ["teachers:exhausted" for answered in found.answers if answered.failure == "exhausted"]
    return tuple(dict.fromkeys((*pictures, *answers)))


def outcomes(found: Iterable[AnsweredSample]) -> dict[str, dict[str, int]]:
    """Answers by teacher and what they are: `ok`, or why there is none; calls that never got a reply are named by what
    they got instead (`http_500`, `timeout`)."""
    counted: dict[str, Counter[str]] = {}
    for answered in (answered for one in found for answered in one.answers if not answered.combined):
        kind = answered.failure or "ok"
        if kind == "exhausted":
            kind = answered.detail.partition(":")[0] or kind
        counted.setdefault(answered.teacher, Counter())[kind] += 1
    return {teacher: dict(sorted(kinds.items())) for teacher, kinds in sorted(counted.items())}


def photo_record(photo: Photo) -> dict[str, Any]:
    """One picture's facts as the struct `schemas.arrow.PHOTO`."""
    return {name: getattr(photo, name) for name in _PHOTO}


def answer_record(answered: Answered) -> dict[str, Any]:
    """One answer as the struct `schemas.arrow.ANSWER`. What it cost stands in the ledger."""
    place = answered.place
    return {
        **{name: getattr(answered, name) for name in _ANSWER},
        "keys": list(answered.keys),
        "place": None if place is None else place.model_dump(),
        "values": orjson.dumps(answered.values, option=orjson.OPT_SORT_KEYS).decode() if answered.values else None,
    }


def evidence_record(evidence: Evidence) -> dict[str, Any]:
    """One source's evidence as the struct `schemas.arrow.EVIDENCE`."""
    return {
        "source": evidence.source,
        "findings": [
            {name: getattr(finding, name) for name in _FINDING} | {"box": list(finding.box) if finding.box else None}
            for finding in evidence.findings
        ],
        "vectors": [{"text": text, "vector": list(vector)} for text, vector in evidence.vectors.items()],
    }


def located_record(located: LocatedAnswer) -> dict[str, Any]:
    """One measured answer as the struct `schemas.arrow.LOCATED`."""
    answered, place = located.answered, located.answered.place
    return {
        "teacher": answered.teacher,
        "draw": answered.draw,
        "combined": answered.combined,
        "failure": answered.failure,
        "localizable": None if place is None else place.localizable,
        "confidence": None if place is None else place.confidence,
        "lat": None if place is None else place.lat,
        "lon": None if place is None else place.lon,
        **{name: getattr(located, name) for name in _MEASURED},
        "distance_km": _rounded(located.distance_km),
        "named_distance_km": _rounded(located.named_distance_km),
    }


def check_record(found: CheckResult) -> dict[str, Any]:
    """One finding as the struct `schemas.arrow.CHECK`."""
    record = {field.name: getattr(found, field.name) for field in arrow.CHECK}
    return record | {"score": _rounded(found.score), "threshold": _rounded(found.threshold)}


def label_record(label: Label) -> dict[str, Any]:
    """One pseudo-label as the struct `schemas.arrow.LABEL`."""
    record = {field.name: getattr(label, field.name) for field in arrow.LABEL}
    return record | {name: _rounded(record[name]) for name in ("probability", "lat", "lon")}


def _rounded(value: float | None) -> float | None:
    """Six decimals (a millimetre in km): processors differ in the last bits of a sine, and released bytes must not."""
    return None if value is None else round(value, 6)


def answered_sample(row: Mapping[str, Any]) -> AnsweredSample:
    """A row of answers.parquet as records. Raises CorruptBuild for values that no answer can have."""
    try:
        return AnsweredSample(
            photos=tuple(Photo(**photo) for photo in row["photos"]),
            answers=tuple(_answered(record) for record in row["answers"]),
            evidence=tuple(_evidence(record) for record in row["evidence"]),
        )
    except (TypeError, ValueError) as error:
        raise CorruptBuild(f"the stored answers of sample {row['id']!r} are damaged ({error})") from None


def _answered(record: Mapping[str, Any]) -> Answered:
    place = record["place"]
    return Answered(
        **{name: record[name] for name in _ANSWER},
        keys=tuple(record["keys"]),
        place=None if place is None else _place(place),
        values=read_json(record["values"].encode()) if record["values"] else {},
    )


def _place(record: Mapping[str, Any]) -> GeoAnswer:
    """A stored place as it was: it was validated when it was parsed, and doing so again costs more than the checks."""
    clues = tuple(Clue.model_construct(**clue) for clue in record["clues"] or ())
    return GeoAnswer.model_construct(**{**record, "clues": clues, "unreadable": tuple(record["unreadable"] or ())})


def _evidence(record: Mapping[str, Any]) -> Evidence:
    findings = tuple(
        Finding(**{**finding, "box": tuple(finding["box"]) if finding["box"] else None})
        for finding in record["findings"]
    )
    vectors = {entry["text"]: tuple(entry["vector"]) for entry in record["vectors"]}
    return Evidence(source=record["source"], findings=findings, vectors=cast(dict[str, tuple[float, ...]], vectors))


_PHOTO = tuple(field.name for field in arrow.PHOTO)
_FINDING = tuple(field.name for field in arrow.FINDING)
_ANSWER = ("teacher", "model", "draw", "saw_truth", "combined", "failure", "detail")
_MEASURED = tuple(field.name for field in fields(LocatedAnswer) if field.name != "answered")
