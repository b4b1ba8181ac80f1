"""What changed between two builds: rows that came and went, decisions, labels and splits, each with why.

A sample's way ends in one of a few states: kept, removed by a selector, waiting for people, rejected, quarantined,
dropped by the plan, not there. What is compared is that state in both builds, and for what changed the checks, people
and settings behind it. Everything is done on columns: texts of teachers are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from factory.errors import RecipeError
from factory.geo.distance import haversine_array
from factory.recipe.fingerprint import differences
from factory.store.decided import read_decided
from factory.store.layout import Build, open_build
from factory.store.places import PLACE, placed_plan
from factory.store.reviews import final_decision, read_reviews
from factory.store.tables import read_arrow, read_table
from schemas import arrow

ABSENT: Final = "not planned"
KEPT: Final = "kept"
_VERDICT: Final = ("id", "decision", "reasons", "unreleasable", "checks")


def build_diff(before: Path, after: Path) -> dict[str, Any]:
    """The differences of one build from another, as plain data.

    `settings` are keys of the recipe that differ, `key: old → new`; `rows` counts. `came` and `went` are rows that only
    one of them keeps, with their state in both; `decisions` samples of both that were decided otherwise, with the
    checks (and people) behind that; `labels` those whose place differs, with how far it moved and whose place it is by
    now (people, teachers, source, or names alone); `splits` rows that both keep, elsewhere. Each list has a tally
    beside it (`came_by`, ...), the commonest first.

    Raises RecipeError for what is no finished build, CorruptBuild for one that is damaged.
    """
    old, new = _opened(before), _opened(after)
    both = _frame(old).join(
        _frame(new), on="id", how="full", coalesce=True, suffix="_after", maintain_order="left_right"
    )
    both = both.with_columns(pl.col("state", "state_after").fill_null(ABSENT))
    was, now = (pl.col(name) == KEPT for name in ("state", "state_after"))
    came = both.filter(now & ~was).select("id", before="state", after="split_after")
    went = both.filter(was & ~now).select("id", before="split", after="state_after")
    splits = both.filter(was & now & pl.col("split").ne_missing(pl.col("split_after")))
    splits = splits.select("id", before="split", after="split_after")
    planned = both.filter(pl.col("decision").is_not_null() & pl.col("decision_after").is_not_null())
    decided = planned.filter(pl.col("decision") != pl.col("decision_after"))
    causes = _causes(decided)
    labels = _labels(both)
    counts = {
        "before": both.filter(was).height,
        "after": both.filter(now).height,
        **{"came": came.height, "went": went.height, "stayed": both.filter(was & now).height},
        "other_split": splits.height,
    }
    samples = {
        "before": both.filter(pl.col("planned")).height,
        "after": both.filter(pl.col("planned_after")).height,
        "new": both.filter(pl.col("planned_after") & pl.col("planned").is_null()).height,
        "gone": both.filter(pl.col("planned") & pl.col("planned_after").is_null()).height,
        **{"other_decision": decided.height, "other_label": labels.height},
    }
    return {
        "before": _named(old),
        "after": _named(new),
        "settings": differences(*(_identity(build) for build in (old, new))),
        "samples": samples,
        "rows": counts,
        "came_by": _tally(came, pl.col("before")),
        "went_by": _tally(went, pl.col("after")),
        "decisions_by": _tally(decided, pl.format("{} → {}", "decision", "decision_after")),
        "checks_by": _check_tally(causes),
        "labels_by": _tally(labels, pl.col("by")),
        "splits_by": _tally(splits, pl.format("{} → {}", *(pl.col(n).fill_null("none") for n in ("before", "after")))),
        "came": came.to_dicts(),
        "went": went.to_dicts(),
        "decisions": _decisions(decided, causes),
        "labels": labels.to_dicts(),
        "splits": splits.to_dicts(),
    }


def is_build(path: Path) -> bool:
    """Whether a path is a build's folder."""
    return (path / "build.json").is_file()


def _opened(path: Path) -> Build:
    build = open_build(path)
    if not build.paths.selection.is_file() or not build.paths.plan.is_file():
        raise RecipeError(
            f"{path}: nothing is selected yet; `factory build` goes on where it stopped, `factory status` says where"
        )
    return build


def _identity(build: Build) -> Mapping[str, Any]:
    found = build.info.get("identity")
    return found if isinstance(found, Mapping) else {}


def _named(build: Build) -> dict[str, Any]:
    names = ("recipe", "fingerprint", "factory_version", "gazetteer_version")
    return {"path": str(build.paths.root), **{name: build.info.get(name) for name in names}}


def _frame(build: Build) -> pl.DataFrame:
    """One row a sample that is known: id, planned, the columns of PLACE, labelled, moved, decision (the last word),
    person, state, split, checks."""
    paths = build.paths
    people = read_reviews(paths).select("id", person="decision")
    moved = pl.Series([name for name, one in read_decided(paths).items() if one.moved], dtype=pl.String)
    there = [shard.verdicts for shard in paths.shards() if shard.verdicts.is_file()]
    tables = [read_arrow(path, arrow.VERDICTS, columns=_VERDICT) for path in there]
    verdicts = pl.from_arrow(pa.concat_tables(tables) if tables else arrow.VERDICTS.empty_table().select(_VERDICT))
    assert isinstance(verdicts, pl.DataFrame)
    selected = read_table(paths.selection, arrow.SELECTION).select("id", "kept", "split", "removed_by", "reason")
    frame = placed_plan(build).with_columns(planned=True, moved=pl.col("id").is_in(moved.implode()))
    for other in (verdicts, people, selected):
        frame = frame.join(other, on="id", how="left", maintain_order="left")
    final = final_decision(*map(pl.col, ("decision", "person", "unreleasable")))
    frame = frame.with_columns(final=final, said=final.ne_missing(pl.col("decision")))
    frame = frame.with_columns(state=_state()).drop("decision").rename({"final": "decision"})
    columns = ["id", "planned", *PLACE, "labelled", "moved", "decision", "person", "state", "split", "checks"]
    frame = frame.select(columns).with_columns(pl.col("lat", "lon").fill_nan(None))
    if not paths.dropped.is_file():
        return frame
    dropped = read_table(paths.dropped, arrow.DROPPED).filter(pl.col("id").is_not_null())
    dropped = dropped.unique("id", keep="first", maintain_order=True).join(frame, on="id", how="anti")
    told = dropped.select("id", state=pl.format("dropped: {}:{}", "rule", "reason"))
    return pl.concat([frame, told], how="diagonal")


def _state() -> pl.Expr:
    """Where a planned sample's way ends, and why."""
    removed = pl.format("removed: {}:{}", "removed_by", pl.col("reason").fill_null("no_reason"))
    because = pl.col("reasons").list.join(", ").fill_null("")
    machine = pl.when(because != "").then(pl.format("{}: {}", "final", because)).otherwise("final")
    return (
        pl.when(pl.col("kept").fill_null(value=False))
        .then(pl.lit(KEPT))
        .when(pl.col("removed_by").is_not_null())
        .then(removed)
        .when(pl.col("final").is_null())
        .then(pl.lit("not verified"))
        .when(pl.col("said"))
        .then(pl.format("{}: people", "final"))
        .when(pl.col("final") == "accept")
        .then(pl.lit("accepted, not selected"))
        .otherwise(machine)
    )


def _causes(decided: pl.DataFrame) -> pl.DataFrame:
    """Of samples that were decided otherwise: each check that says another thing, and people that do."""
    sides = [
        _checks(decided, name).rename({key: f"{key}{end}" for key in ("outcome", "score", "threshold")})
        for name, end in (("checks", "_before"), ("checks_after", "_after"))
    ]
    joined = sides[0].join(sides[1], on=["id", "check", "nth"], how="full", coalesce=True, maintain_order="left_right")
    joined = joined.with_columns(pl.col("outcome_before", "outcome_after").fill_null("not asked"))
    checks = joined.filter(pl.col("outcome_before") != pl.col("outcome_after")).drop("nth")
    people = decided.filter(pl.col("person").ne_missing(pl.col("person_after")))
    said = people.select(
        "id",
        check=pl.lit("people"),
        outcome_before=pl.col("person").fill_null("nobody"),
        outcome_after=pl.col("person_after").fill_null("nobody"),
    )
    return pl.concat([checks, said], how="diagonal")


def _checks(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """One row a check: id, check, nth of its name, outcome, score, threshold."""
    rows = frame.select("id", check=column).explode("check", empty_as_null=True).filter(pl.col("check").is_not_null())
    rows = rows.select("id", pl.col("check").struct.unnest())
    return rows.with_columns(nth=pl.int_range(pl.len()).over("id", "check"))


def _check_tally(causes: pl.DataFrame) -> list[dict[str, Any]]:
    """How many decisions each change of a check stands behind, with its least and its most threshold, which may be a
    sample's own."""
    key = ["check", "outcome_before", "outcome_after"]
    limits = [
        getattr(pl.col(f"threshold_{end}"), least)().alias(f"{name}_{end}")
        for end in ("before", "after")
        for name, least in (("least", "min"), ("most", "max"))
    ]
    found = causes.group_by(key).agg(pl.len().alias("rows"), *limits)
    found = found.sort("rows", *key, descending=[True, False, False, False])
    ends = {
        f"threshold_{end}": pl.when(pl.col(f"least_{end}").is_not_null()).then(
            pl.concat_list(f"least_{end}", f"most_{end}")
        )
        for end in ("before", "after")
    }
    return found.select(*key, "rows", **ends).to_dicts()


def _decisions(decided: pl.DataFrame, causes: pl.DataFrame) -> list[dict[str, Any]]:
    because = causes.group_by("id", maintain_order=True).agg(checks=pl.struct(pl.exclude("id")))
    rows = decided.select("id", before="decision", after="decision_after", state="state", state_after="state_after")
    return (
        rows.join(because, on="id", how="left", maintain_order="left")
        .with_columns(pl.col("checks").fill_null([]))
        .to_dicts()
    )


def _labels(both: pl.DataFrame) -> pl.DataFrame:
    """Samples of both whose place or its names differ."""
    there = both.filter(pl.col("planned") & pl.col("planned_after"))
    odd = {name: pl.col(name).ne_missing(pl.col(f"{name}_after")) for name in PLACE}
    changed = there.filter(pl.any_horizontal(*odd.values()))
    km = haversine_array(*(changed[name] for name in ("lat", "lon", "lat_after", "lon_after")))
    columns = pl.concat_list([pl.when(expr).then(pl.lit(name)) for name, expr in odd.items()]).list.drop_nulls()
    by = (
        pl.when(pl.col("moved") | pl.col("moved_after"))
        .then(pl.lit("people"))
        .when(pl.col("labelled") | pl.col("labelled_after"))
        .then(pl.lit("teachers"))
        .when(odd["lat"] | odd["lon"])
        .then(pl.lit("source"))
        .otherwise(pl.lit("names"))
    )
    return changed.select(
        "id",
        by=by,
        columns=columns,
        moved_km=pl.Series(km, dtype=pl.Float64).fill_nan(None).round(3),
        before=pl.struct(*PLACE),
        after=pl.struct(pl.col(f"{name}_after").alias(name) for name in PLACE),
    )


def _tally(rows: pl.DataFrame, what: pl.Expr) -> dict[str, int]:
    """How many rows have each value, the commonest first."""
    counted = rows.select(what=what).group_by("what").len().sort("len", "what", descending=[True, False])
    return dict(counted.iter_rows())
