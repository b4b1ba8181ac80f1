"""What `factory eval` prints: the rules, the table below them, parts, reasoning, modes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from factory.cli.out import line, say, tell, terminal
from train.evaluate.evaluation import Evaluation, Line
from train.evaluate.report import bare

MOST_PARTS = 12
"""Lines of a breakdown by country that are printed; `--json` has all."""
MODE_LINES = ("recall", "country DIRE", "region DIRE", "city DIRE", "country HIER", "region HIER", "city HIER")
"""Of GaGA's tables on interactive inquiry."""


def print_evaluation(
    found: Evaluation, path: Path, predictions: Path, against: Path | None, radius_km: float, judged: Sequence[Line]
) -> None:
    """All of an evaluation, on standard output; notes on standard error."""
    console = terminal()
    other = f" against {against}" if against is not None else ""
    console.print(line((f"{predictions}", "bold"), f"{other} on {path}, {found.rows:,} rows"))
    for name, told in found.rules.items():
        console.print(line((f"  {name:<13}", "cyan"), f" {told}"))
    print_table(found.table)
    answered = found.rows - sum(found.failures.values())
    console.print(line(f"answered  {answered:,} of {found.rows:,}"))
    for reason, count in found.failures.items():
        console.print(line(f"  failed    {count:,}  {reason}"))
    if (sure := found.calibration) is not None:
        told = f"ECE {sure.ece:.3f}, Brier {sure.brier:.3f}, area under risk and coverage {sure.aurc:.3f}"
        without = f"; {sure.without:,} rows without a confidence" if sure.without else ""
        console.print(line(f"confident {told}: right within {radius_km:g} km, {sure.n:,} answers{without}"))
    if reasoned := (*found.reasoning, *judged):
        console.print(line("reasoning"))
        print_table(reasoned)
    _print_parts(found)
    for note in found.notes:
        say(note)


def print_modes(found: Mapping[str, Evaluation]) -> None:
    """GaGA's interactive modes, each with its differences to direct inquiry."""
    console = terminal()
    for mode, one in found.items():
        lines = [each for each in one.table if each.name in MODE_LINES]
        console.print(line((f"inquiry   {mode}", "bold")))
        print_table(lines)


def print_table(lines: Sequence[Line]) -> None:
    """Lines with their intervals, and with their differences where they have any."""
    from rich.table import Table

    compared = any(one.against is not None for one in lines)
    heads = ("measure", "value", "95 %", "n", *(("diff.", "95 %", "p") if compared else ()))
    table = Table(*heads, box=None, pad_edge=False)
    for one in lines:
        value = bare(one.interval.value, one.unit, digits=2) + (f" {one.unit}" if one.unit != "points" else "")
        bounds = _between(one.interval.low, one.interval.high, one.unit)
        if (apart := one.against) is None:
            table.add_row(line(one.name), line(value), line(bounds), line(f"{one.interval.n:,}"))
            continue
        p = "–" if math.isnan(apart.p) else f"{apart.p:.4f}"
        by, between = bare(apart.value, one.unit, sign=True), _between(apart.low, apart.high, one.unit)
        table.add_row(
            line(one.name), line(value), line(bounds), line(f"{one.interval.n:,}"), line(by), line(between), line(p)
        )
    terminal().print(table)


def _between(low: float, high: float, unit: str) -> str:
    return "–" if math.isnan(low) else f"{bare(low, unit)}..{bare(high, unit)}"


def _print_parts(found: Evaluation) -> None:
    from rich.table import Table

    heads = ("by", "", "n", "25 km", "750 km", "score", "median")
    table = Table(*heads, box=None, pad_edge=False)
    listed: dict[str, int] = {}
    for part in found.parts:
        listed[part.kind] = listed.get(part.kind, 0) + 1
        if listed[part.kind] <= MOST_PARTS:
            median = "–" if math.isnan(part.median_km) else f"{part.median_km:,.0f} km"
            near, far = f"{part.within_25_km:.1%}", f"{part.within_750_km:.1%}"
            table.add_row(
                line(part.kind),
                line(part.value),
                line(f"{part.n:,}"),
                line(near),
                line(far),
                line(f"{part.score:,.0f}"),
                line(median),
            )
    terminal().print(table)
    for kind, count in listed.items():
        if count > MOST_PARTS:
            tell(f"and {count - MOST_PARTS} more by {kind}; --json has all")
