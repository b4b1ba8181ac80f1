"""What the report's page shows of an evaluation, as plain data: figures, curves as SVG paths, marks, cards.

The page itself, with its style, is `factory.report.evaluation`'s; nothing here knows of HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from factory.geo.world_map import MAP_WIDTH, project, world, world_map
from train.evaluate.calibration import Calibration
from train.evaluate.evaluation import Evaluation, Line
from train.evaluate.presets import THRESHOLDS_KM
from train.evaluate.scores import Measured

Floats = NDArray[np.float64]

KINDS: Final = ("near", "off", "far", "failed")
"""How far an answer is: within 25 km, within 750 km, farther, or no place at all."""
NEAR_KM, OFF_KM = 25.0, 750.0
MAX_WAYS: Final = 150
"""Lines from truth to answer on the map: the longest errors of the set."""
CARDS: Final = 10
MAX_REASONING: Final = 600
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 412.0, 14.0, 110.0
_FROM_KM, _TO_KM = 0.1, 20_000.0
_STEPS: Final = 160
_FIGURES: Final = ("within 25 km", "within 750 km", "geoscore", "median error", "country DIRE", "recall")


def page_of(found: Evaluation, *, name: str, data: str, other: str | None, radius_km: float) -> dict[str, Any]:
    """The page's values.

    Args:
        name, data, other: what was evaluated, on what, against what, as the user wrote it.
        radius_km: within which an answer is right, for calibration.
    """
    rows = found.measured.rows.with_columns(kind_of().alias("kind"))
    by_name = {line.name: line for line in found.table}
    return {
        "name": name,
        "data": data,
        "other": other,
        "rows": found.rows,
        "rules": list(found.rules.items()),
        "figures": [_figure(by_name[one]) for one in _FIGURES if one in by_name],
        "table": [_told(line) for line in found.table],
        "reasoning": [_told(line) for line in found.reasoning],
        "compared": other is not None,
        "failures": list(found.failures.items()),
        "notes": list(found.notes),
        "parts": _parts(found),
        "map": _map(rows),
        "counts": dict(rows["kind"].value_counts(name="n").iter_rows()),
        "curve": _curve(found.measured, found.other),
        "calibration": None if found.calibration is None else _calibrated(found.calibration),
        "radius_km": radius_km,
        "galleries": galleries(rows),
    }


def kind_of() -> pl.Expr:
    """Of `KINDS`, by how far an answer lies; an answer that lies nowhere has failed whatever the preset counts."""
    near = pl.when(pl.col("km") <= NEAR_KM).then(pl.lit("near")).when(pl.col("km") <= OFF_KM).then(pl.lit("off"))
    return pl.when(pl.col("said_lat").is_null()).then(pl.lit("failed")).otherwise(near.otherwise(pl.lit("far")))


def galleries(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The best, the worst and the failed answers, a few of each."""
    placed, failed = rows.filter(pl.col("said_lat").is_not_null()), rows.filter(pl.col("said_lat").is_null())
    best = placed.sort(["km", "id"]).head(CARDS)
    worst = placed.filter(~pl.col("id").is_in(best["id"].implode())).sort(["km", "id"], descending=[True, False])
    named = (("Nearest answers", best), ("Farthest answers", worst.head(CARDS)), ("Failed answers", failed.head(CARDS)))
    return [{"name": name, "cards": [_card(row) for row in some.iter_rows(named=True)]} for name, some in named]


def _card(row: dict[str, Any]) -> dict[str, Any]:
    truth = ", ".join(row[level] for level in ("city", "region", "country") if row[level])
    at = "" if row["said_lat"] is None else f"{row['said_lat']:.3f}, {row['said_lon']:.3f}"
    reasoning = row["reasoning"] or ""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "truth": truth or f"{row['lat']:.3f}, {row['lon']:.3f}",
        "said": " · ".join(filter(None, (row["said"], at))),
        "km": row["km"],
        "score": row["score"],
        "confidence": row["confidence"],
        "failure": row["failure"],
        "reasoning": reasoning if len(reasoning) <= MAX_REASONING else reasoning[: MAX_REASONING - 1] + "…",
    }


def _figure(line: Line) -> dict[str, Any]:
    told = _told(line)
    return {"name": line.name, "value": told["value"], "bounds": told["bounds"]}


def _told(line: Line) -> dict[str, Any]:
    """A line as the page writes it; `share` is the width of its bar, None where it is no share."""
    found, apart = line.interval, line.against
    plain: dict[str, Any] = {
        "name": line.name,
        "value": written(found.value, line.unit),
        "bounds": "–" if math.isnan(found.low) else f"{bare(found.low, line.unit)} – {bare(found.high, line.unit)}",
        "n": found.n,
        "share": found.value if line.unit == "%" and math.isfinite(found.value) else None,
        "low": found.low,
        "high": found.high,
    }
    if apart is not None:
        known = not math.isnan(apart.low)
        plain["difference"] = bare(apart.value, line.unit, sign=True)
        plain["between"] = f"{bare(apart.low, line.unit)} – {bare(apart.high, line.unit)}" if known else "–"
        plain["p"] = "–" if math.isnan(apart.p) else f"{apart.p:.4f}"
        plain["apart"] = known and not apart.low <= 0 <= apart.high
    return plain


def written(value: float, unit: str) -> str:
    """A number with its unit."""
    return "–" if math.isnan(value) else f"{bare(value, unit)}{' ' + unit if unit != 'points' else ''}"


def bare(value: float, unit: str, *, sign: bool = False, digits: int = 1) -> str:
    """A number without its unit: shares in hundredths with `digits`, kilometres as fine as they are small."""
    if math.isnan(value):
        return "–"
    fine = digits if unit == "%" else int(unit == "km" and abs(value) < 100)
    shown = round(100 * value if unit == "%" else value, fine) + 0.0  # no minus before 0
    return f"{shown:{'+' if sign and shown else ''},.{fine}f}"


def _parts(found: Evaluation) -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in found.parts:
        values = {name: getattr(part, name) for name in ("value", "n", "within_25_km", "within_750_km", "score")}
        parts.setdefault(part.kind, []).append(
            {**values, "median": written(part.median_km, "km"), "recall": part.recall}
        )
    return parts


def _map(rows: pl.DataFrame) -> dict[str, Any]:
    """Outlines, a dot for each true place, and the ways of the longest errors."""
    place = pl.concat_str(["city", "country"], separator=", ", ignore_nulls=True)
    told = pl.when(pl.col("km").is_null()).then(pl.lit("no place")).otherwise(pl.col("km").round(1).cast(pl.String))
    label = pl.concat_str([place, told], separator=" · ", ignore_nulls=True)
    drawn = world_map(rows.select("id", "lat", "lon", decision="kind", place=label), KINDS)
    longest = rows.filter(pl.col("said_lat").is_not_null() & (pl.col("km") > OFF_KM)).sort("km", descending=True)
    ends = longest.head(MAX_WAYS).select("lat", "lon", "said_lat", "said_lon").iter_rows()
    return {"world": world(), "drawn": drawn, "ways": [path for points in ends for path in _way(*points)]}


def _way(lat: float, lon: float, said_lat: float, said_lon: float) -> list[str]:
    """The great circle between two points as paths in map units, cut where it leaves the map's edge."""
    steps = np.linspace(0.0, 1.0, 33)
    first, last = (_vector(*point) for point in ((lat, lon), (said_lat, said_lon)))
    angle = math.acos(max(-1.0, min(1.0, float(first @ last))))
    if angle < 1e-6 or math.pi - angle < 1e-6:
        return []
    points = np.outer(np.sin((1 - steps) * angle), first) + np.outer(np.sin(steps * angle), last)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    x, y = project(np.degrees(np.arcsin(points[:, 2])), np.degrees(np.arctan2(points[:, 1], points[:, 0])))
    cuts = np.flatnonzero(np.abs(np.diff(x)) > MAP_WIDTH / 2) + 1
    parts = zip(np.split(x, cuts), np.split(y, cuts), strict=True)
    return [_path(xs, ys) for xs, ys in parts if xs.size > 1]


def _vector(lat: float, lon: float) -> Floats:
    phi, lam = math.radians(lat), math.radians(lon)
    return np.array([math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)])


def _curve(measured: Measured, other: Measured | None) -> dict[str, Any]:
    """Share of rows within each distance, over a logarithmic axis, with the five thresholds."""
    x = np.geomspace(_FROM_KM, _TO_KM, _STEPS)
    lines = [_within(one, x) for one in (measured, other) if one is not None]
    marks = [(round(_at_km(km), 1), f"{km:,.0f}") for km in THRESHOLDS_KM]
    ticks = [(round(_at_km(km), 1), label) for km, label in ((0.1, "100 m"), (10.0, "10"), (20_000.0, "20,000 km"))]
    return {"lines": lines, "marks": marks, "ticks": ticks, "levels": _levels()}


def _within(measured: Measured, x: Floats) -> str:
    km = np.sort(measured.rows["km"].drop_nulls().to_numpy())
    shares = np.searchsorted(km, x, side="right") / measured.rows.height
    return _path(np.array([_at_km(one) for one in x]), _up(shares))


def _calibrated(found: Calibration) -> dict[str, Any]:
    """Reliability as circles in a square of 100, and risk over coverage as a path."""
    most = max((one.n for one in found.bins), default=1)
    points = [
        {
            "x": round(100 * one.confidence, 1),
            "y": round(100 * (1 - one.right), 1),
            "radius": round(3 + 6 * math.sqrt(one.n / most), 1),
            "confidence": one.confidence,
            "right": one.right,
            "n": one.n,
        }
        for one in found.bins
    ]
    keep = np.unique(np.linspace(0, found.coverage.size - 1, min(found.coverage.size, 300)).astype(int))
    risk = _path(_LEFT + (_RIGHT - _LEFT) * found.coverage[keep], _up(found.risk[keep]))
    numbers = {name: getattr(found, name) for name in ("ece", "brier", "aurc", "n", "without")}
    return {**numbers, "points": points, "risk": risk, "levels": _levels()}


def _levels() -> list[tuple[float, str]]:
    return [(round(float(_up(np.array([share]))[0]), 1), f"{share:.0%}") for share in (0.0, 0.5, 1.0)]


def _at_km(km: float) -> float:
    share = math.log(km / _FROM_KM) / math.log(_TO_KM / _FROM_KM)
    return _LEFT + (_RIGHT - _LEFT) * share


def _up(shares: Floats) -> Floats:
    return _BOTTOM - (_BOTTOM - _TOP) * shares


def _path(x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
