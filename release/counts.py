"""The numbers of a release: rows by split, country, scene and licence, and what left on the way, by reason.

They are computed from the build's tables, never from a running process, so a resumed build counts right. What left on
the way is counted in samples, what is released in rows: a family may make several rows of a sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import polars as pl

from factory.geo.names import country_name
from factory.store.layout import Build
from factory.store.places import placed_plan
from factory.store.tables import read_columns

UNKNOWN = "unknown"


def release_counts(build: Build, order: pl.DataFrame, licence: str | None) -> dict[str, Any]:
    """Counts for manifest and card, as plain data.

    Args:
        order: kept samples, see `release.rows.release_order`, with the number of rows of each as `rows`.
        licence: licence of samples that state none.
    """
    plan = placed_plan(build, "scene", "licence")
    kept = order.join(plan, on="id", how="left", maintain_order="left")
    splits = _by_rows(kept, kept["split"])
    decisions, reasons = _decisions(build)
    return {
        "rows": kept["rows"].sum(),
        "samples": kept.height,
        "labelled": kept.filter("labelled").height,
        "splits": {name: splits[name] for name in ("train", "validation", "test") if splits[name]},
        "countries": _ranked(_by_rows(kept, (country_name(code) or UNKNOWN for code in kept["country_code"]))),
        "scenes": _ranked(_by_rows(kept, (scene or UNKNOWN for scene in kept["scene"]))),
        "licences": _ranked(_by_rows(kept, (text or licence or UNKNOWN for text in kept["licence"]))),
        "planned": plan.height,
        "decisions": dict(sorted(decisions.items())),
        "drops": [*_dropped(build), *reasons, *_removed(build)],
    }


def _by_rows(kept: pl.DataFrame, values: Iterable[str]) -> Counter[str]:
    """Rows by value."""
    counter: Counter[str] = Counter()
    for value, rows in zip(values, kept["rows"], strict=True):
        counter[value] += rows
    return counter


def _ranked(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


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
        for decision, found in read_columns(shard.verdicts, ["decision", "reasons"]).iter_rows():
            decisions[decision] += 1
            reasons.update((decision, reason) for reason in found)
    rows = []
    for (decision, reason), count in sorted(reasons.items()):
        rule, _, slug = reason.partition(":")
        rows.append({"phase": decision, "rule": rule, "reason": slug or rule, "rows": count})
    return decisions, rows


def _removed(build: Build) -> list[dict[str, Any]]:
    gone = build.selection.filter(~pl.col("kept")).with_columns(phase=pl.lit("select"), rule="removed_by")
    counts = gone.group_by("phase", "rule", "reason").len("rows").sort("rule", "reason")
    return [dict(row) for row in counts.iter_rows(named=True)]
