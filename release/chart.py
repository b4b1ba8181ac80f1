"""chart.svg: where the rows are by country, and how far teachers' nearest answers are from the truth."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from factory.geo.distance import DISTANCE_TIERS_KM
from factory.store.layout import Build
from factory.store.tables import read_columns

CHART: Final = "chart.svg"
COUNTRIES: Final = 15
"""That have a bar of their own; the manifest counts them all."""
_WIDTH: Final = 760
_ROW: Final = 22
_LABEL: Final = 190


def nearest_answers(build: Build, kept: pl.Series) -> dict[str, int]:
    """Kept samples by how far the nearest answer of any teacher is from the truth; empty where nobody was asked."""
    names = ["id", *(f"located.list.element.{name}" for name in ("combined", "distance_km", "named_distance_km"))]
    found: list[float] = []
    for shard in build.paths.shards():
        if not shard.verdicts.exists():
            continue
        located = read_columns(shard.verdicts, names).filter(pl.col("id").is_in(kept.implode()))
        answer = pl.element().struct
        near = pl.coalesce(answer.field("distance_km"), answer.field("named_distance_km"))
        told = pl.when(~answer.field("combined")).then(near)
        found += located.select(pl.col("located").list.eval(told).list.min()).to_series().drop_nulls().to_list()
    if not found:
        return {}
    counted = {f"within {tier:,} km": sum(km <= tier for km in found) for tier in DISTANCE_TIERS_KM.values()}
    below = [0, *counted.values()]
    apart = {name: count - less for (name, count), less in zip(counted.items(), below, strict=False)}
    return {**apart, "farther": len(found) - below[-1]}


def render_chart(countries: Mapping[str, int], errors: Mapping[str, int]) -> str:
    """Bars of the largest countries, and of the nearest answers' distances, as an SVG."""
    largest = list(countries.items())[:COUNTRIES]
    rest = sum(list(countries.values())[COUNTRIES:])
    panels = [("Rows by country", [*largest, *([("others", rest)] if rest else [])])]
    if errors:
        panels.append(("Samples by distance of the nearest answer to the truth", list(errors.items())))
    lines, y = [], 8
    for title, bars in panels:
        lines.append(f'<text x="8" y="{y + 16}" font-size="15" font-weight="bold">{html.escape(title)}</text>')
        y += 28
        lines += _bars(bars, y)
        y += _ROW * len(bars) + 18
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" font-family="sans-serif" role="img">'
    body = [
        "<title>Rows by country, and how far answers are off</title>",
        f'<rect width="{_WIDTH}" height="{y}" fill="#fff"/>',
    ]
    return "\n".join([head, *body, *lines, "</svg>", ""])


def _bars(bars: Sequence[tuple[str, Any]], top: int) -> list[str]:
    most = max((count for _, count in bars), default=0) or 1
    lines = []
    for number, (name, count) in enumerate(bars):
        y, width = top + _ROW * number, round((_WIDTH - _LABEL - 90) * count / most, 1)
        shown = html.escape(name if len(name) <= 26 else f"{name[:25]}…")
        lines.append(f'<text x="{_LABEL - 8}" y="{y + 15}" font-size="13" text-anchor="end">{shown}</text>')
        lines.append(f'<rect x="{_LABEL}" y="{y + 3}" width="{width:g}" height="{_ROW - 6}" fill="#2563eb"/>')
        lines.append(f'<text x="{_LABEL + width + 6:g}" y="{y + 15}" font-size="12">{count:,}</text>')
    return lines
