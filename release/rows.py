"""From a build to released rows: which answer speaks, what the row says, in one pass over the shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from factory.errors import CorruptBuild
from factory.generators.mp16_reason import is_releasable
from factory.geo.names import country_name
from factory.store.layout import Build
from factory.store.tables import read_table
from schemas import arrow
from schemas.release import CHECK
from schemas.rows.mp16_reason import ANSWER, CLUE, JSON_KEYS, ROW
from schemas.settings import AnswerPolicy

Answer = Mapping[str, Any]
"""One element of a part row's `answers`, see `schemas.arrow.ANSWER`."""
Answerer = Callable[[Sequence[Answer]], Answer | None]
"""Chooses the answer whose reasoning is released, in the recipe's order of teachers; None when no answer can be."""

_ROW_TEXT: Final = frozenset(field.name for field in ROW if str(field.type) == "string")


@dataclass(frozen=True, slots=True)
class Released:
    """One row on its way into the files: its split, its values without the image, and the JPEG."""

    split: str
    values: dict[str, Any]
    jpeg: bytes


def row_answer(answers: Sequence[Answer], policy: AnswerPolicy = "nearest") -> Answer | None:
    """The answer that becomes a row's `response`, None when none can be (`factory.verify.releasable`).

    Among those that can, answers that call the photo localizable and name the right country go before all others,
    whatever the policy: a row may be accepted with one teacher wrong.

    Args:
        answers: one a teacher, in the recipe's order, which also breaks ties.
        policy: `nearest` to the truth (by coordinates, else by the place named), `first`, or `most_confident`.
    """
    spoken = [
        answer
        for answer in answers
        if answer["failure"] is None and is_releasable(answer["reasoning"], answer["country_correct"])
    ]
    right = [answer for answer in spoken if answer["localizable"] and answer["country_correct"]]
    candidates = right or spoken
    if not candidates:
        return None
    if policy == "first":
        return candidates[0]
    if policy == "most_confident":
        return max(candidates, key=lambda answer: -1.0 if answer["confidence"] is None else answer["confidence"])
    return min(candidates, key=lambda answer: _located(answer)[2])


def release_order(build: Build) -> pl.DataFrame:
    """id, shard, position, split of every kept row, in plan order."""
    return build.selection.filter("kept").select("id", "shard", "position", "split").sort("shard", "position")


def released_rows(build: Build, order: pl.DataFrame, answerer: Answerer, licence: str | None) -> Iterator[Released]:
    """Every kept row in plan order, one shard in memory at a time.

    Args:
        order: see `release_order`.
        licence: licence of rows that state none.

    Raises:
        CorruptBuild: a kept row has no image, no answer or no part.
    """
    for (shard,), wanted in order.group_by("shard", maintain_order=True):
        number = int(str(shard))
        plan = build.plan.filter(pl.col("shard") == number)
        part = read_table(build.paths.shard(number).part, arrow.PART).drop("id")
        if part.height != plan.height:
            raise CorruptBuild(f"{build.paths.shard(number).part}: {part.height} rows, but {plan.height} are planned")
        joined = plan.sort("position").hstack(part)
        images = Build(build.paths)  # its own index of the shard's tar, dropped with the shard
        chosen = joined.join(wanted.select("id", "split"), on="id", how="inner", maintain_order="left")
        if chosen.height != wanted.height:
            raise CorruptBuild(f"{build.paths.selection}: names rows of shard {number} that the plan does not have")
        for row in chosen.iter_rows(named=True):
            try:
                jpeg = images.image(number, row["position"])
            except (KeyError, OSError) as error:
                raise CorruptBuild(
                    f"{build.paths.shard(number).images}: no image of kept row {row['id']!r} ({error})"
                ) from error
            yield Released(row["split"], _values(row, answerer, licence), jpeg)


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The row as its WebDataset JSON: every key, unknown text as ""."""
    plain = _without_null_text({key: values[key] for key in JSON_KEYS}, _ROW_TEXT)
    plain["answer"] = _without_null_text(values["answer"], _ANSWER_TEXT)
    plain["clues"] = [_without_null_text(clue, _CLUE_TEXT) for clue in values["clues"]]
    plain["checks"] = [_without_null_text(check, _CHECK_TEXT) for check in values["checks"]]
    return plain


def _without_null_text(item: Mapping[str, Any], texts: frozenset[str]) -> dict[str, Any]:
    return {key: "" if value is None and key in texts else value for key, value in item.items()}


def _text_names(struct: Any) -> frozenset[str]:
    return frozenset(struct.field(i).name for i in range(struct.num_fields) if str(struct.field(i).type) == "string")


_ANSWER_TEXT: Final = _text_names(ANSWER)
_CLUE_TEXT: Final = _text_names(CLUE)
_CHECK_TEXT: Final = _text_names(CHECK)


def _values(row: Mapping[str, Any], answerer: Answerer, licence: str | None) -> dict[str, Any]:
    answer = answerer(row["answers"])
    if answer is None:
        raise CorruptBuild(
            f"row {row['id']!r} is kept but has no answer in the right country with reasoning; `factory build` sends "
            "such rows to review, so the part was written by something else or changed since"
        )
    country = country_name(row["country_code"])
    clues = [{name: clue[name] for name in ("kind", "text", "supports")} for clue in answer["clues"] or ()]
    spoken = [item for item in row["answers"] if item["failure"] is None]
    return {
        "id": row["id"],
        "response": answer["reasoning"].strip(),
        "__#solution": f"<country>{_untagged(country)}</country><city>{_untagged(row['city'])}</city>",
        "entities": [{"text": text} for text in dict.fromkeys(clue["text"] for clue in clues if clue["text"])],
        "country": country,
        **{name: row[name] for name in ("country_code", "region", "city", "lat", "lon", "uncertainty_km", "scene")},
        "clues": clues,
        "answer": _answer_values(answer),
        "teachers": [item["teacher"] for item in spoken],
        "checks": [{name: check[name] for name in _CHECK_NAMES} for check in row["checks"]],
        "licence": row["licence"] or licence,
        **{name: row[name] for name in ("author", "source_url", "captured_at", "image_sha256")},
        "image_phash": f"{row['image_phash'] or 0:016x}",
        "width": row["image_width"],
        "height": row["image_height"],
        "requests": [item["request_key"] for item in spoken],
        "source_row": row["source_row"],
        "split": row["split"],
    }


_CHECK_NAMES: Final = ("check", "outcome", "score", "threshold", "reason")


def _answer_values(answer: Answer) -> dict[str, Any]:
    lat, lon, km = _located(answer)
    by = "coordinates" if answer["lat"] is not None else "place" if lat is not None else None
    names = {name: answer[name] for name in ("country", "region", "city")}
    rest = {"confidence": answer["confidence"], "teacher": answer["teacher"], "model": answer["model"]}
    rest["distance_km"] = None if km == float("inf") else km
    return {**names, "lat": lat, "lon": lon, "located_by": by, **rest}


def _located(answer: Answer) -> tuple[float | None, float | None, float]:
    """Coordinates of an answer and their distance to the truth: those it gave, else those of the place it named."""
    prefix = "" if answer["lat"] is not None else "named_"
    km = answer[f"{prefix}distance_km"]
    return answer[f"{prefix}lat"], answer[f"{prefix}lon"], float("inf") if km is None else km


def _untagged(name: str | None) -> str:
    """A name that cannot close or open a tag of the solution."""
    return (name or "").replace("<", "").replace(">", "")
