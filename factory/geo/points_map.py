"""Points on a world map as one HTML file that needs no network: the report's outlines and projection, no script.

Up to `factory.geo.world_map.MAX_DOTS` points are dots at their places; more become bins, so the page stays below a
megabyte at any number. A column may colour them: its seven commonest values get a colour each, the rest share one.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from factory.geo.spherical import is_place, wrapped
from factory.geo.whole_file import whole_file

COLOURS: Final = ("#2a78b8", "#e2a62d", "#c6403b", "#3f9a6c", "#8a63b5", "#c76f9d", "#4fb0b5", "#8a8f95")
"""One for each value shown, the last for all others; they stay apart for the common kinds of colour blindness."""
OTHERS: Final = "others"
_MAX_NAME: Final = 80
_STYLE: Final = """
:root { --bg: #f6f6f3; --ink: #1c2126; --muted: #646b73; --land: #e3e4df; --border: #fff;
  --graticule: #efefeb; --sea: #f9f9f7 }
@media (prefers-color-scheme: dark) {
  :root { --bg: #101316; --ink: #e5e8ea; --muted: #9aa3ab; --land: #2d343a; --border: #181c20;
    --graticule: #20262b; --sea: #14181b }
}
body { margin: 0 auto; max-width: 1360px; padding: 24px 28px; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums }
h1 { font-size: 22px; font-weight: 640; margin: 0 0 12px; overflow-wrap: anywhere }
svg { display: block; width: 100%; background: var(--sea); border-radius: 10px }
.graticule, .borders { fill: none; stroke: var(--graticule); vector-effect: non-scaling-stroke }
.borders { stroke: var(--border); stroke-width: .8px } .land { fill: var(--land) }
.dot { fill: none; stroke-linecap: round; vector-effect: non-scaling-stroke; stroke-opacity: .75 }
ul { list-style: none; margin: 12px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 18px }
li, p { color: var(--muted); font-size: 13px } li span { color: var(--ink) }
i { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 6px }
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def points_page(points: pl.DataFrame, *, title: str) -> str:
    """The page.

    Args:
        points: lat, lon in degrees, longitudes as `reverse` takes them (rows without a place are counted, not drawn),
            and where wanted `label` (shown when the pointer rests on a dot) and `colour` (the value that colours it).
    """
    from factory.geo.world_map import world, world_map

    place = is_place(pl.col("lat"), pl.col("lon"))
    drawn = points.filter(place).with_columns(wrapped(pl.col("lon")).alias("lon"))
    values = _values(drawn)
    decision = pl.col("colour").cast(pl.String).fill_null("") if "colour" in drawn.columns else pl.lit("")
    samples = drawn.select(
        "lat",
        "lon",
        id=pl.lit(""),
        decision=pl.when(decision.is_in(values)).then(decision).otherwise(pl.lit(OTHERS)),
        place=pl.col("label").cast(pl.String).fill_null("") if "label" in drawn.columns else pl.lit(""),
    )
    drawing, outlines = world_map(samples, ()), world()
    paths = "".join(
        f'<path class="{name}" d="{getattr(outlines, name)}"/>' for name in ("graticule", "land", "borders")
    )
    dots = "\n".join(
        f'<path class="dot" stroke="{_colour(dot.decision, values)}" stroke-width="{dot.size}" d="M{dot.x} {dot.y}h0">'
        f"<title>{_text(_tooltip(dot.label, dot.decision, dot.count, drawing.binned))}</title></path>"
        for dot in drawing.dots
    )
    view = " ".join(f"{number:g}" for number in drawing.view_box)
    note = f"{drawn.height:,} points" + (", in bins: a larger dot holds more" if drawing.binned else "")
    if left_out := points.height - drawn.height:
        note += f"; {left_out:,} rows have no place and are not drawn"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{_text(title)}</title>\n'
        f"<style>{_STYLE}</style></head><body>\n<h1>{_text(title)}</h1>\n"
        f'<svg viewBox="{view}" role="img" aria-label="World map of {drawn.height:,} points">{paths}\n{dots}\n</svg>\n'
        f"{_legend(samples, values)}<p>{note}. Outlines: Natural Earth.</p>\n</body></html>\n"
    )


def write_points_map(points: pl.DataFrame, path: Path, *, title: str) -> None:
    """Writes `points_page` to a file, whole or not at all."""
    page = points_page(points, title=title)
    with whole_file(path) as file:
        file.write(page.encode())


def _values(points: pl.DataFrame) -> list[str]:
    """The values that get a colour of their own, commonest first."""
    if "colour" not in points.columns:
        return [""]
    counts = points.select(pl.col("colour").cast(pl.String).fill_null("")).to_series().value_counts(name="rows")
    kept = counts.filter(pl.col("colour") != OTHERS).sort(["rows", "colour"], descending=[True, False])
    return [str(value) for value in kept["colour"].head(len(COLOURS) - 1)]


def _colour(value: str, values: Sequence[str]) -> str:
    return COLOURS[values.index(value)] if value in values else COLOURS[-1]


def _tooltip(label: str, value: str, count: int, binned: bool) -> str:
    parts = [f"{count:,} points" if binned else label, value]
    return " · ".join(part for part in parts if part)


def _legend(samples: pl.DataFrame, values: Sequence[str]) -> str:
    if values == [""]:
        return ""
    counts = dict(samples["decision"].value_counts(name="rows").iter_rows())
    items = (
        f'<li><i style="background:{_colour(value, values)}"></i>'
        f"<span>{_text(value or 'no value')}</span> {counts[value]:,}</li>"
        for value in (*values, OTHERS)
        if value in counts
    )
    return f"<ul>{''.join(items)}</ul>\n"


def _text(text: str) -> str:
    shown = text if len(text) <= _MAX_NAME else text[: _MAX_NAME - 1] + "…"
    return html.escape(shown)
