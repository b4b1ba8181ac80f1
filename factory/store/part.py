"""The rows of a part: what became of each planned sample, as Arrow records and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from factory.store.tables import read_columns
from schemas import CheckResult, LocatedAnswer, Verdict, arrow

_CHECK_FIELDS = tuple(field.name for field in arrow.CHECK)
_IMAGE_COLUMNS = tuple(name for name in arrow.PART.names if name.startswith(("image_", "source_")))


IMAGE_CHECK = "images"
"""Name under which a refused photo stands among a row's checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardImage:
    """What is known of a sample's photo: the prepared picture's facts, or why it was refused."""

    sha256: str | None
    """Of the source bytes."""
    phash: int | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    """Size of the prepared JPEG."""
    refused: str | None = None
    """Slug of `factory.images.REASONS`."""
    detail: str = ""
    """The figures behind a refusal."""
    source_bytes: int | None = None
    source_mtime_ns: int | None = None
    """Of the source file when it was decoded: a later build reuses the picture only if both are unchanged."""


def part_table(
    ids: Sequence[str],
    images: Sequence[ShardImage],
    answers: Sequence[Sequence[LocatedAnswer]],
    verdicts: Sequence[Verdict],
) -> pa.Table:
    """part.parquet of a shard, one row a sample, in plan order."""
    rows = [
        {
            "id": sample_id,
            "image_sha256": image.sha256,
            "image_phash": image.phash,
            "image_width": image.width,
            "image_height": image.height,
            "image_bytes": image.bytes,
            "source_bytes": image.source_bytes,
            "source_mtime_ns": image.source_mtime_ns,
            "answers": [answer_record(located) for located in located_answers],
            "checks": [check_record(check) for check in verdict.checks],
            "decision": verdict.decision,
            "reasons": list(verdict.reasons),
        }
        for sample_id, image, located_answers, verdict in zip(ids, images, answers, verdicts, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=arrow.PART)


def answer_record(located: LocatedAnswer) -> dict[str, Any]:
    """One answer as the struct `schemas.arrow.ANSWER`."""
    answered = located.answered
    said: dict[str, Any] = answered.answer.model_dump() if answered.answer else {}
    return {
        **said,
        "teacher": answered.teacher,
        "model": answered.model,
        "request_key": answered.request_key,
        "failure": answered.failure,
        "detail": answered.detail,
        "country_code": located.country_code,
        "named_lat": located.named_lat,
        "named_lon": located.named_lon,
        "named_level": located.named_level,
        "country_correct": located.country_correct,
        "distance_km": _rounded(located.distance_km),
        "named_distance_km": _rounded(located.named_distance_km),
    }


def check_record(found: CheckResult) -> dict[str, Any]:
    """One finding as the struct `schemas.arrow.CHECK`."""
    record = {name: getattr(found, name) for name in _CHECK_FIELDS}
    return record | {"score": _rounded(found.score), "threshold": _rounded(found.threshold)}


def _rounded(value: float | None) -> float | None:
    """Six decimals (a millimetre in km): processors differ in the last bits of a sine, and released bytes must not."""
    return None if value is None else round(value, 6)


def part_images(part: Path) -> list[ShardImage]:
    """The photos of a finished part, for a build that links its images instead of decoding them again."""
    frame = read_columns(part, [*_IMAGE_COLUMNS, "checks"])
    images = []
    for row in frame.iter_rows(named=True):
        refusal = next((check for check in row["checks"] if check["check"] == IMAGE_CHECK), None)
        images.append(
            ShardImage(
                sha256=row["image_sha256"],
                phash=row["image_phash"],
                width=row["image_width"],
                height=row["image_height"],
                bytes=row["image_bytes"],
                refused=refusal["reason"] if refusal else None,
                detail=refusal["detail"] if refusal else "",
                source_bytes=row["source_bytes"],
                source_mtime_ns=row["source_mtime_ns"],
            )
        )
    return images
