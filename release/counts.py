"""The numbers of a release: rows by split, country, scene and licence, and what left on the way, by reason.

They are computed from the build's tables, never from a running process, so a resumed build counts right. What left on
the way is counted in samples, what is released in rows: a family may make several rows of a sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from factory.geo.names import country_name
from factory.store.layout import Build
from factory.store.places import placed_plan
from factory.store.tables import beside, read_columns
from release.coarse import REASON as FINER

UNKNOWN = "unknown"


def release_counts(
    build: Build, order: pl.DataFrame, licence: str | None, left: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Counts for manifest and card, as plain data.

    Args:
        order: kept samples, see `release.rows.release_order`, with the number of rows of each as `rows`.
        licence: licence of samples that state none.
        left: kept samples that are not released, by reason.
    """
    plan = placed_plan(build, "scene", "licence")
    kept = beside(order, plan)
    codes = kept["country_code"].unique().to_list()
    named = {code: country_name(code) or UNKNOWN for code in codes}
    kept = kept.with_columns(
        country=pl.col("country_code").replace_strict(named, return_dtype=pl.String),
        scene=_known("scene").fill_null(UNKNOWN),
        licence=pl.coalesce(_known("licence"), pl.lit(licence or None, pl.String), pl.lit(UNKNOWN)),
    )
    splits = _by_rows(kept, "split")
    decisions, reasons = _decisions(build)
    return {
        "rows": kept["rows"].sum(),
        "samples": kept.height,
        "labelled": kept.filter("labelled").height,
        "splits": {name: splits[name] for name in ("train", "validation", "test") if splits.get(name)},
        "countries": _by_rows(kept, "country"),
        "scenes": _by_rows(kept, "scene"),
        "licences": _by_rows(kept, "licence"),
        "planned": plan.height,
        "decisions": dict(sorted(decisions.items())),
        "drops": [*_dropped(build), *reasons, *_removed(build), *_left(left or {})],
    }


_RULES: Final = {"withdrawn": "withdrawn", FINER: "coordinates"}


def _left(left: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"phase": "release", "rule": _RULES[reason], "reason": reason, "rows": samples}
        for reason, samples in left.items()
        if samples
    ]


def _known(name: str) -> pl.Expr:
    """A text, null where it says nothing."""
    return pl.when(pl.col(name) != "").then(name)


def _by_rows(kept: pl.DataFrame, name: str) -> dict[str, int]:
    """Rows by value, the commonest first."""
    counted = kept.group_by(name).agg(pl.col("rows").sum()).iter_rows()
    return dict(sorted(counted, key=lambda item: (-item[1], item[0])))


def _dropped(build: Build) -> list[dict[str, Any]]:
    if not build.paths.dropped.exists():
        return []
    counts = build.dropped.group_by("phase", "rule", "reason").len("rows").sort("phase", "rule", "reason")
    return [dict(row) for row in counts.iter_rows(named=True)]


def _decisions(build: Build) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Samples by decision, and how often each reason kept one from being accepted (a sample may have several)."""
    decisions: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for shard in build.paths.shards():
        if not shard.verdicts.exists():
            continue
        found = read_columns(shard.verdicts, ["decision", "reasons"])
        decisions.update(dict(found["decision"].value_counts().iter_rows()))
        told = found.explode("reasons").drop_nulls().group_by("decision", "reasons").len()
        reasons.update({(decision, reason): count for decision, reason, count in told.iter_rows()})
    rows = []
    for (decision, reason), count in sorted(reasons.items()):
        rule, _, slug = reason.partition(":")
        rows.append({"phase": decision, "rule": rule, "reason": slug or rule, "rows": count})
    return decisions, rows


def _removed(build: Build) -> list[dict[str, Any]]:
    gone = build.selection.filter(~pl.col("kept")).with_columns(phase=pl.lit("select"), rule="removed_by")
    counts = gone.group_by("phase", "rule", "reason").len("rows").sort("rule", "reason")
    return [dict(row) for row in counts.iter_rows(named=True)]
