"""The numbers of a release: rows by split, country, scene and licence, and what left on the way, by reason.

They are computed from the build's tables, never from a running process, so a resumed build counts right.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from factory.geo.names import country_name
from factory.store.layout import Build

UNKNOWN = "unknown"


def release_counts(build: Build, order: pl.DataFrame, licence: str | None) -> dict[str, Any]:
    """Counts for manifest and card, as plain data.

    Args:
        order: kept rows, see `release.rows.release_order`.
        licence: licence of rows that state none.
    """
    kept = order.join(build.plan.drop("shard", "position"), on="id", how="left", maintain_order="left")
    splits = Counter(kept["split"])
    decisions, reasons = _decisions(build)
    return {
        "rows": kept.height,
        "splits": {name: splits[name] for name in ("train", "validation", "test") if splits[name]},
        "countries": _ranked(Counter(country_name(code) or UNKNOWN for code in kept["country_code"])),
        "scenes": _ranked(Counter(scene or UNKNOWN for scene in kept["scene"])),
        "licences": _ranked(Counter(text or licence or UNKNOWN for text in kept["licence"])),
        "planned": build.plan.height,
        "decisions": dict(sorted(decisions.items())),
        "drops": [*_dropped(build), *reasons, *_removed(build)],
    }


def _ranked(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


def _dropped(build: Build) -> list[dict[str, Any]]:
    if not build.paths.dropped.exists():
        return []
    counts = build.dropped.group_by("phase", "rule", "reason").len("rows").sort("phase", "rule", "reason")
    return [dict(row) for row in counts.iter_rows(named=True)]


def _decisions(build: Build) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Rows by decision, and how often each reason kept a row from being accepted (a row may have several)."""
    decisions: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for shard in build.paths.shards():
        if not shard.report.exists():
            continue
        table = pq.read_table(
            shard.part, columns=["decision", "reasons"], page_checksum_verification=True, partitioning=None
        )
        for decision, found in zip(table["decision"].to_pylist(), table["reasons"].to_pylist(), strict=True):
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
