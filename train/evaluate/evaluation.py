"""Everything that `factory eval` says of a run, as plain data: the rules, the table, intervals, parts, calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

import numpy as np
import polars as pl

from factory.errors import RecipeError
from factory.geo import GAZETTEER_VERSION
from factory.text import did_you_mean
from train.evaluate.breakdown import Part, breakdown
from train.evaluate.calibration import RADIUS_KM, Calibration, calibration
from train.evaluate.presets import PRESETS, Locate, Rules
from train.evaluate.reasoning import MATCH, reasoning_metrics
from train.evaluate.scores import Measured, Metric, failures, measure, metrics, told, within
from train.evaluate.significance import Difference, Interval, differences, how_sure, intervals

MAX_CURVE: Final = 1_000
"""Points of a curve in JSON."""
REASONING_RULES: Final = {
    "ROUGE": "F1 of words in small letters of any script, without stemming; references are the set's reasoning",
    "clues": f"one clue where they share {MATCH:.0%} of the shorter one's content words; each sentence mentions one",
    "flags": "found by rules: hints of hallucinations; of answers with reasoning",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table."""

    name: str
    unit: str
    interval: Interval
    against: Difference | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run on a set under rules, or a run against another."""

    rules: Mapping[str, str]
    table: tuple[Line, ...]
    rows: int
    failures: Mapping[str, int]
    notes: tuple[str, ...]
    parts: tuple[Part, ...]
    calibration: Calibration | None
    """None where no answer has a confidence."""
    reasoning: tuple[Line, ...]
    """Lines on reasoning; none where no answer has any."""
    measured: Measured
    other: Measured | None = None
    """The run that it is compared with."""

    def plain(self) -> dict[str, Any]:
        """As JSON says it: NaN is null, values in %, km or points as in the table."""
        return {
            "rules": dict(self.rules),
            "rows": self.rows,
            "table": [_plain_line(line) for line in self.table],
            "reasoning": [_plain_line(line) for line in self.reasoning],
            "failures": dict(self.failures),
            "notes": list(self.notes),
            "breakdown": [{name: _plain(getattr(part, name)) for name in Part.__slots__} for part in self.parts],
            "calibration": _plain_calibration(self.calibration),
        }


def rules_of(preset: str, locate: str | None = None) -> Rules:
    """A preset's rules, or these with another way to locate answers. Raises RecipeError for unknown names."""
    if preset not in PRESETS:
        raise RecipeError(f"no preset `{preset}`{did_you_mean(preset, PRESETS)}; there are {', '.join(PRESETS)}")
    rules = PRESETS[preset]
    if locate is None or locate == rules.locate:
        return rules
    ways: tuple[Locate, ...] = get_args(Locate)
    chosen = next((way for way in ways if way == locate), None)
    if chosen is None:
        raise RecipeError(f"--locate {locate}: expected one of {', '.join(ways)}{did_you_mean(locate, ways)}")
    return replace(rules, name=f"{rules.name}, but located by {chosen}", locate=chosen)


def evaluate(
    truth: pl.DataFrame,
    predictions: pl.DataFrame,
    rules: Rules,
    *,
    against: pl.DataFrame | None = None,
    seed: int = 0,
    radius_km: float = RADIUS_KM,
) -> Evaluation:
    """Measures a run, and where `against` is given, how it differs from that run on the same rows.

    Args:
        truth: as `truth.read_truth` gives it.
        predictions, against: as `predictions.read_predictions` gives them.
        seed: of resamples and flips.
        radius_km: within which an answer is right, for calibration.

    Raises SourceError as `scores.measure` does.
    """
    measured = measure(truth, predictions, rules)
    other = None if against is None else measure(truth, against, rules)
    ours, theirs = metrics(measured, rules), () if other is None else metrics(other, rules)
    reasoned, theirs_reasoned = _reasoned(measured), () if other is None else _reasoned(other)
    told_rules = {**rules.lines(str(GAZETTEER_VERSION)), "intervals": how_sure(seed=seed)}
    return Evaluation(
        rules=told_rules | {name: told for name, told in REASONING_RULES.items() if _names(reasoned, name)},
        table=lines_of(ours, theirs, seed=seed),
        rows=measured.rows.height,
        failures=failures(measured),
        notes=told(measured),
        parts=breakdown(measured, rules),
        calibration=_calibrated(measured, rules, radius_km),
        reasoning=lines_of(reasoned, theirs_reasoned, seed=seed),
        measured=measured,
        other=other,
    )


def lines_of(ours: tuple[Metric, ...], theirs: tuple[Metric, ...] = (), *, seed: int = 0) -> tuple[Line, ...]:
    """Lines with intervals, and with differences where another run has the same metric."""
    by_name = {one.name: one for one in theirs}
    both = tuple(one for one in ours if one.name in by_name)
    apart = differences(both, tuple(by_name[one.name] for one in both), seed=seed) if both else ()
    found = dict(zip((one.name for one in both), apart, strict=True))
    bounds = intervals(ours, seed=seed)
    return tuple(Line(one.name, one.unit, bound, found.get(one.name)) for one, bound in zip(ours, bounds, strict=True))


def _names(lines: tuple[Metric, ...], rule: str) -> bool:
    """Whether a rule on reasoning is of any of the lines."""
    return any(one.name.startswith(rule.removesuffix("s")) for one in lines)


def _reasoned(measured: Measured) -> tuple[Metric, ...]:
    rows = measured.rows
    return reasoning_metrics(rows) if rows["reasoning"].is_not_null().any() else ()


def _calibrated(measured: Measured, rules: Rules, radius_km: float) -> Calibration | None:
    rows = measured.rows
    sure = rows["confidence"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if not np.isfinite(sure).any():
        return None
    km = rows["km"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return calibration(sure, within(km, radius_km, rules))


def _plain_line(line: Line) -> dict[str, Any]:
    times = 100.0 if line.unit == "%" else 1.0
    found = line.interval
    plain: dict[str, Any] = {
        "name": line.name,
        "unit": line.unit,
        "value": _plain(found.value * times),
        "low": _plain(found.low * times),
        "high": _plain(found.high * times),
        "n": found.n,
    }
    if (apart := line.against) is not None:
        bounds = {key: _plain(getattr(apart, key) * times) for key in ("value", "low", "high")}
        plain["difference"] = {**bounds, "p": _plain(apart.p), "n": apart.n}
    return plain


def _plain_calibration(found: Calibration | None) -> dict[str, Any] | None:
    if found is None:
        return None
    numbers = {name: _plain(getattr(found, name)) for name in ("ece", "brier", "aurc", "n", "without")}
    bins = [{name: getattr(one, name) for name in one.__slots__} for one in found.bins]
    keep = np.unique(np.linspace(0, found.coverage.size - 1, min(found.coverage.size, MAX_CURVE)).astype(int))
    return {**numbers, "bins": bins, "coverage": found.coverage[keep].tolist(), "risk": found.risk[keep].tolist()}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
