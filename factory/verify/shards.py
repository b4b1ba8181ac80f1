"""Verification of one shard, as an engine runs it: stored answers in, `verdicts.parquet` out.

Two passes where the decider fits on the whole set: `shard_features` gives what it knows the samples by, the verify
phase fits, `verify_shard` decides. Neither touches an image, a ledger or a shard's report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from factory.generators.rows import made_at_once, rows_by_sample
from factory.plugins.contracts import Model
from factory.recipe.model import Recipe
from factory.store.cases import AnsweredSample, accepted_table, read_answers, sample_frame, verdicts_table
from factory.store.decided import Decided, laid_over, moved, read_decided
from factory.store.files import file_digest
from factory.store.layout import BuildPaths
from factory.store.tables import write_table
from factory.verify.at_once import plainly_accepted, silent
from factory.verify.judge import Judge, Rows, decide, examine, features_of, judge_of, located_cases, unjudgeable
from factory.verify.label import names_of
from factory.verify.people import held_back
from schemas import Case, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """Which shard of which build is verified, and with what fitted model."""

    build: str
    number: int
    recipe: Mapping[str, Any]
    root: str
    """The recipe's folder, from which its relative paths start."""
    model: Model | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was decided in a shard."""

    number: int
    samples: int
    decisions: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    """sha256 of its verdicts.parquet."""


@contextmanager
def open_judge(spec: VerifySpec) -> Iterator[Judge]:
    """The rules of a recipe, once a process; the gazetteer's tables are given back with it."""
    from factory.geo import forget

    yield judge_of(Recipe.model_validate(spec.recipe), Path(spec.root))
    forget()


def shard_features(spec: VerifySpec, judge: Judge) -> pl.DataFrame:
    """Pass one: `id` and the decider's features of every sample of a shard that can be judged, in plan order."""
    paths = BuildPaths(Path(spec.build))
    answered = _laid_over(read_answers(paths, spec.number), read_decided(paths))
    rows = [
        {"id": case.sample.id, **features_of(case, examine(case, judge), judge)}
        for case, (_, found) in zip(located_cases(answered, judge), answered, strict=True)
        if unjudgeable(found, judge) is None
    ]
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema={"id": pl.String})


def verify_shard(spec: VerifySpec, judge: Judge) -> VerifyReport:
    """Pass two: decides every sample of a shard and writes its verdicts.

    Of a family that makes its rows at once, what is plainly sound is decided at once, the rest one by one.

    Raises CorruptBuild for a damaged part, PluginFault for a check, decider or family that raises.
    """
    paths = BuildPaths(Path(spec.build))
    if judge.generator.records is None:
        cases = _decided(read_answers(paths, spec.number), spec, judge, None)
        table, plain = verdicts_table([case.sample.id for case in cases], cases), 0
    else:
        table, cases = _decided_at_once(paths, spec, judge)
        plain = table.num_rows - len(cases)
    target = paths.shard(spec.number).verdicts
    write_table(table, target)
    verdicts = [case.verdict for case in cases if case.verdict is not None]
    decisions = Counter({"accept": plain} if plain else {})
    decisions.update(verdict.decision for verdict in verdicts)
    return VerifyReport(
        number=spec.number,
        samples=table.num_rows,
        decisions=dict(decisions),
        reasons=dict(Counter(reason for verdict in verdicts for reason in verdict.reasons)),
        digest=file_digest(target),
    )


def _decided_at_once(paths: BuildPaths, spec: VerifySpec, judge: Judge) -> tuple[pa.Table, list[Case]]:
    """The verdicts of a shard in plan order, and the cases that were not decided as columns."""
    samples = moved(sample_frame(paths, spec.number), paths)
    made = made_at_once(judge.generator, samples)
    plain = plainly_accepted(samples.with_columns(silent(paths.shard(spec.number).answers)), made, judge)
    plain &= ~samples["id"].is_in([*read_decided(paths)])
    accepted = accepted_table(samples.filter(plain)["id"])
    if plain.all():
        return accepted, []
    ids = samples.filter(~plain)["id"].to_list()
    cases = _decided(read_answers(paths, spec.number, ids), spec, judge, rows_by_sample(made, ids))
    table = pa.concat_tables([accepted, verdicts_table(ids, cases)])
    place = pl.when("plain").then(pl.col("plain").cum_sum()).otherwise(accepted.num_rows + (~pl.col("plain")).cum_sum())
    order = pl.DataFrame({"plain": plain}).select(place.cast(pl.Int64) - 1).to_series()
    return table.take(order.to_arrow()).combine_chunks(), cases


def _decided(
    answered: Sequence[tuple[Sample, AnsweredSample]],
    spec: VerifySpec,
    judge: Judge,
    rows: Mapping[str, Rows] | None,
) -> list[Case]:
    """Cases with their verdicts. `rows` is what a family that makes its rows at once made of each sample."""
    cases = []
    people, licence = read_decided(BuildPaths(Path(spec.build))), spec.recipe.get("release", {}).get("licence")
    located = located_cases(_laid_over(answered, people), judge)
    unedited = _unedited(answered, people, judge)
    names = names_of(located, worldview=judge.worldview)
    for case, (sample, found) in zip(located, answered, strict=True):
        hopeless = unjudgeable(found, judge)
        if hopeless is not None:
            cases.append(replace(case, verdict=hopeless))
        else:
            made = None if rows is None else rows.get(sample.id, ())
            checks, decided, was = examine(case, judge), people.get(sample.id), unedited.get(sample.id)
            before = () if was is None else examine(was, judge)
            held = None if decided is None else held_back(sample, found, before, checks, decided, licence)
            cases.append(decide(case, checks, judge, spec.model, made, names, held))
    return cases


def _laid_over(
    answered: Sequence[tuple[Sample, AnsweredSample]], people: Mapping[str, Decided]
) -> Sequence[tuple[Sample, AnsweredSample]]:
    """Samples and answers as people left them."""
    return [laid_over(sample, found, people.get(sample.id)) for sample, found in answered] if people else answered


def _unedited(
    answered: Sequence[tuple[Sample, AnsweredSample]], people: Mapping[str, Decided], judge: Judge
) -> dict[str, Case]:
    """Cases as the teachers left them, of the samples whose text or clues people changed: an edit must spoil no check.
    Without one nothing is compared, so nothing is examined twice."""
    edited = [(sample, found) for sample, found in answered if sample.id in people and people[sample.id].edited]
    pairs = [(sample, found) for sample, found in edited if unjudgeable(found, judge) is None]
    return {case.sample.id: case for case in located_cases(pairs, judge)} if pairs else {}
