"""`factory plan`: what a build would do and cost, without making a call. An unknown figure is unknown, never 0.

Request keys need the pictures' digests, and no picture is opened here. So an answer counts as paid where an earlier
build's identity agrees on everything that enters this teacher's request keys: another temperature, prompt or image size
foresees every call again. What is foreseen are first questions; asking again after an unusable answer is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.calls.of_shard import shard_rows
from factory.calls.teacher import ANSWERS, recorded_answers
from factory.errors import CorruptBuild, EnvironmentFault
from factory.generators import needs_of
from factory.phases.disk import free_bytes, in_words, room_for
from factory.phases.earlier import EarlierBuild, earlier_builds, question_identity
from factory.phases.identity import identify
from factory.phases.plan import plan_source
from factory.plugins.contracts import Needs
from factory.recipe.fingerprint import Fingerprint, differences
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import Recipe, teacher_settings
from factory.sources import open_source
from factory.store.cases import PASSING_REFUSALS
from factory.store.layout import Build, BuildPaths, ShardPaths, open_build
from factory.store.tables import read_columns
from factory.text import counted
from factory.verify.judge import require_ready
from schemas.settings import TeacherSettings

MOST_CAUSES: Final = 7
"""Lines about what changed since the nearest earlier build, below the one that names it."""
_DIGEST: Final = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherEstimate:
    """What one teacher would be asked."""

    name: str
    questions: int
    """At the least: what the family asks about every sample, times the draws."""
    questions_most: int
    """Where the family decides as it goes."""
    answered: int
    """Questions that need no call: this build or an earlier one with the same questions has the answer, a batch has the
    question, or the photo was refused. Of a recording: those that it has an answer to."""
    calls: int
    tokens: int | None
    cost: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a build would do."""

    build: str
    state: str
    causes: tuple[str, ...]
    """Why it is not the nearest earlier build, of the same profile and with the fewest changes: a changed key each."""
    profile: str
    """Which profile was taken, and why."""
    samples: int
    unplaced: int
    """Samples without a known place."""
    disk_bytes: int
    """At the most: every row kept, nothing taken over from an earlier build."""
    dropped: dict[str, int]
    shards: int
    teachers: tuple[TeacherEstimate, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Known:
    """What the ledgers so far say about one teacher."""

    settings: TeacherSettings
    answered: list[pl.DataFrame] = field(default_factory=list)
    """What it will not be asked again, as `_ANSWERED`, build by build and shard by shard."""
    paid: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_s: float = 0.0
    source_changed: bool = False
    """Answers were counted from a build of another table or other photos."""


def estimate(loaded: LoadedRecipe, *, out: Path) -> Estimate:
    """Plans a recipe in memory and counts. Tokens, cost and time come from earlier calls to the same model."""
    recipe = loaded.recipe
    source = open_source(recipe.source, loaded.root)
    identity = identify(loaded, source)
    require_ready(recipe, loaded.root)
    paths = BuildPaths(out / f"{recipe.name}-{identity.short}")
    plan = plan_source(source, recipe, loaded.root)
    earlier = earlier_builds(out, recipe.name, paths.root)
    asked = [call for call in recipe.teachers if teacher_settings(call).role == ANSWERS]
    known = [_Known(teacher_settings(call)) for call in asked]
    notes: list[str] = []
    for build in (*earlier, EarlierBuild(paths, identity.stages, identity.identity, "")):
        notes += _learn(known, build, identity)
    ids = plan.samples["id"]
    needs = needs_of(recipe.generator)
    least, most = room_for(recipe, plan.samples, source)
    if most > (free := free_bytes(paths.root)):
        some = "even without a released row it does not fit" if least > free else "it fits if few rows are accepted"
        notes.append(f"{in_words(free)} are free on its disk: {some}")
    recorded = [recorded_answers(call, loaded.root, needs, ids) for call in asked]
    teachers = tuple(_estimate_teacher(ids, *one, needs) for one in zip(known, recorded, strict=True))
    return Estimate(
        build=str(paths.root),
        state=open_build(paths.root).info["state"] if paths.info.exists() else "new",
        causes=() if paths.info.exists() else _causes(earlier, identity.identity, loaded.profile, plan.samples.height),
        profile=loaded.profile_words,
        samples=plan.samples.height,
        unplaced=plan.counts["unplaced"],
        disk_bytes=most,
        dropped=dict(Counter(plan.dropped["reason"].to_list())),
        shards=int(plan.samples["shard"].n_unique()),
        teachers=teachers,
        notes=(*notes, *_unrecorded(teachers, recorded), *_notes(teachers, known), *_uncounted(recipe)),
    )


def _notes(teachers: Sequence[TeacherEstimate], known: Sequence[_Known]) -> Iterator[str]:
    if unknown := [teacher.name for teacher in teachers if teacher.calls and teacher.tokens is None]:
        yield f"tokens and time of {', '.join(unknown)} are unknown until the first calls"
    if unpriced := [t.name for t in teachers if t.calls and t.tokens is not None and t.cost is None]:
        yield f"cost of {', '.join(unpriced)} is unknown: give `prices` in the recipe"
    if any(about.source_changed for about in known):
        yield "the source changed since an earlier build: photos with new content are asked again and not counted here"


def _unrecorded(teachers: Sequence[TeacherEstimate], recorded: Sequence[tuple[int, int] | None]) -> Iterator[str]:
    for teacher, found in zip(teachers, recorded, strict=True):
        if found is not None and found[0] < found[1]:
            lacking = found[1] - found[0]
            yield (
                f"{teacher.name} has recorded answers to {found[0]:,} of {counted(found[1], 'question')}; "
                f"{counted(lacking, 'question')} will end without one (not_recorded)"
            )


def _uncounted(recipe: Recipe) -> Iterator[str]:
    """Who is asked as the build goes, and is not foreseen."""
    others = [s.name for call in recipe.teachers if (s := teacher_settings(call)).role != ANSWERS]
    if names := ", ".join([*others, *(witness.name for witness in recipe.witnesses)]):
        yield f"what the family asks of {names} is not counted"


def _learn(known: Sequence[_Known], build: EarlierBuild, now: Fingerprint) -> Iterator[str]:
    """Adds what one build's ledgers tell, a shard at a time. Yields a note for each file that cannot be read."""
    asked = [_same_questions(about, build, now) for about in known]
    same_source = build.identity.get("inputs.source") == now.identity.get("inputs.source")
    same_limits = _image_keys(build.identity) == _image_keys(now.identity)
    for shard in build.paths.shards():
        try:
            rows = shard_rows(shard, _ROWS)
            part = _part_rows(shard) if shard.answers.exists() and any(asked) else None
        except (CorruptBuild, EnvironmentFault) as error:
            yield f"not counted: {error}"
            continue
        for about, same in zip(known, asked, strict=True):
            _add_figures(about, rows)
            if same:
                found = [_answered(about.settings.name, rows, part)]
                if part is not None and shard.report.exists():
                    if build.identity == now.identity:  # this very build: a finished shard asks nothing more
                        found.append(_whole(part["id"], about.settings.sampling.draws))
                    elif same_limits:
                        found.append(_whole(part.filter("refused")["id"], about.settings.sampling.draws))
                known_now = pl.concat(found)
                about.source_changed |= not known_now.is_empty() and not same_source
                about.answered.append(known_now)


def _same_questions(about: _Known, build: EarlierBuild, now: Fingerprint) -> bool:
    ours = question_identity(now.identity, about.settings.name)
    return ours is not None and ours == question_identity(build.identity, about.settings.name)


_ROWS = (
    "key",
    "sample_id",
    "teacher",
    "model",
    "draw",
    "turn",
    "status",
    "origin",
    "prompt_tokens",
    "completion_tokens",
    "latency_s",
)
_ANSWERED: Final = pl.Schema({"id": pl.String, "draw": pl.Int32, "turns": pl.Int32})
"""How many questions of a sample and draw need no call."""
_ALL: Final = 2**31 - 1
"""As `turns`: however many there are."""


def _image_keys(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in identity.items() if key.startswith("images.") or key == "inputs.prepare"}


def _part_rows(shard: ShardPaths) -> pl.DataFrame:
    """Each sample of a shard that was finished once: its answers with their request keys, and whether its photo was
    refused for a reason that stays."""
    answers = [f"answers.list.element.{name}" for name in ("teacher", "draw", "keys.list.element")]
    rows = read_columns(shard.answers, ("id", *answers, "photos.list.element.refused"))
    refused = pl.col("photos").list.eval(pl.element().struct.field("refused").drop_nulls())
    passing = refused.list.eval(pl.element().is_in(list(PASSING_REFUSALS))).list.any()
    return rows.select("id", "answers", refused=(refused.list.len() > 0) & ~passing)


def _answered(teacher: str, rows: pl.DataFrame, part: pl.DataFrame | None) -> pl.DataFrame:
    """What is recorded of one teacher, as `_ANSWERED`.

    Each turn that the ledger has, under the sample's own id; and conversations that were led to their end, which may be
    shorter than others, and whose questions may stand under the id of a sample with the same picture.
    """
    mine = rows.filter(pl.col("teacher") == teacher)
    asked_again = pl.col("status") == "exhausted"
    final = mine.filter(~asked_again)
    turn = ["sample_id", "draw", "turn"]
    told = final.join(mine.filter(asked_again).join(final, on="key", how="anti"), on=turn, how="anti")
    turns = told.group_by(id="sample_id", draw="draw").agg(turns=pl.col("turn").n_unique())
    found = [turns.select(pl.col(name).cast(kind) for name, kind in _ANSWERED.items())]
    if part is not None:
        given = part.select("id", "answers").explode("answers").drop_nulls("answers").unnest("answers")
        keys = given.filter(pl.col("teacher") == teacher).explode("keys")
        settled = keys.with_columns(has=pl.col("keys").is_in(final["key"].implode()).fill_null(False))
        ended = settled.group_by("id", "draw").agg(pl.col("has").all()).filter("has")
        found.append(ended.select(pl.col("id"), pl.col("draw").cast(pl.Int32), turns=pl.lit(_ALL, pl.Int32)))
    return pl.concat(found)


def _whole(ids: pl.Series, draws: int) -> pl.DataFrame:
    """Samples about which nothing more is asked, as `_ANSWERED`."""
    each = ids.to_frame("id").join(pl.DataFrame({"draw": range(draws)}, schema={"draw": pl.Int32}), how="cross")
    return each.with_columns(turns=pl.lit(_ALL, pl.Int32))


def _questions_answered(ids: pl.Series, about: _Known, each: int) -> int:
    """Questions about these samples that need no call, of `each` for a sample and draw."""
    known = pl.concat([_ANSWERED.to_frame(), *about.answered]).filter(pl.col("draw") < about.settings.sampling.draws)
    most = known.group_by("id", "draw").agg(pl.col("turns").max().clip(upper_bound=each))
    return int(most.join(ids.to_frame("id"), on="id", how="semi")["turns"].sum())


def _add_figures(about: _Known, rows: pl.DataFrame) -> None:
    mine = (pl.col("teacher") == about.settings.name) & (pl.col("model") == about.settings.model)
    paid = rows.filter(mine & (pl.col("status") == "ok") & (pl.col("origin") != "replay"))
    paid = paid.filter(pl.col("prompt_tokens") + pl.col("completion_tokens") > 0)  # 0: the endpoint did not say
    if not paid.is_empty():
        about.paid += paid.height
        about.prompt_tokens += int(paid["prompt_tokens"].sum())
        about.completion_tokens += int(paid["completion_tokens"].sum())
        about.latency_s += float(paid["latency_s"].sum())


def _causes(
    earlier: Sequence[EarlierBuild], identity: Mapping[str, Any], profile: str | None, samples: int
) -> tuple[str, ...]:
    """What is not as in the nearest earlier build: one of the same profile where there is one, with the fewest changes,
    and the newest of these."""
    told = [(build, _told(build)) for build in earlier if build.identity]
    alike = [one for one in told if one[1].get("profile") == profile] or told
    if not alike:
        return ()
    nearest, info = min(alike, key=lambda one: len(differences(one[0].identity, identity)))
    before = info.get("counts", {}).get("planned")
    changed = [_shown(line, before, samples) for line in differences(nearest.identity, identity)]
    if len(changed) > MOST_CAUSES:
        changed[MOST_CAUSES - 1 :] = [f"... and {len(changed) - MOST_CAUSES + 1} more"]
    return (f"it differs from {nearest.paths.root}:", *changed)


def _told(build: EarlierBuild) -> Mapping[str, Any]:
    try:
        return Build(build.paths).info
    except (CorruptBuild, OSError):
        return {}


def _shown(line: str, before: Any, samples: int) -> str:
    """A change as somebody reads it: of a folder or a file, that its content changed, and how many samples it has."""
    key, _, values = line.partition(": ")
    if not _DIGEST.search(values):
        return line
    counts = f": {before:,} → {samples:,} samples planned" if key == "inputs.source" and isinstance(before, int) else ""
    return f"{key.removeprefix('inputs.')}: its content changed{counts}"


def _estimate_teacher(ids: pl.Series, about: _Known, recorded: tuple[int, int] | None, needs: Needs) -> TeacherEstimate:
    settings = about.settings
    each, most = (count * settings.sampling.draws for count in needs.calls)
    questions = len(ids) * each
    known: dict[str, Any] = {"name": settings.name, "questions": questions, "questions_most": len(ids) * most}
    if recorded is not None:
        return TeacherEstimate(**known, answered=recorded[0], calls=0, tokens=0, cost=0.0, seconds=0.0)
    answered = _questions_answered(ids, about, needs.calls[0])
    calls = questions - answered
    known_figures = about.paid > 0 or calls == 0
    paid = max(about.paid, 1)
    prompt, completion = about.prompt_tokens / paid, about.completion_tokens / paid
    prices = settings.prices
    priced = prices.input_per_million > 0 or prices.output_per_million > 0 or calls == 0
    per_call = (prompt * prices.input_per_million + completion * prices.output_per_million) / 1e6
    return TeacherEstimate(
        **known,
        answered=answered,
        calls=calls,
        tokens=round(calls * (prompt + completion)) if known_figures else None,
        cost=round(calls * per_call, 4) if known_figures and priced else None,
        seconds=calls * about.latency_s / paid / settings.max_in_flight if known_figures else None,
    )
