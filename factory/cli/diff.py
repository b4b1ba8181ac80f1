"""`factory diff`: what changed between two releases, or two builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from factory.cli.options import Json
from factory.cli.out import cut, tell, tell_text
from factory.errors import RecipeError


def diff(
    before: Annotated[Path, typer.Argument(help="A build's folder, or a release's.", show_default=False)],
    after: Annotated[Path, typer.Argument(help="A later one.", show_default=False)],
    json: Json = False,
) -> None:
    """What changed between two builds, or two releases: rows in and out, decisions, labels, columns, and why."""
    from factory.cli.console import print_json
    from release.build_diff import build_diff, is_build
    from release.diff import release_diff, render_changes
    from release.folder import release_folder
    from release.manifest import DamagedRelease

    if is_build(before) and is_build(after):
        found = build_diff(before, after)
        if json:
            print_json(found)
        else:
            tell(*map(cut, build_lines(found)))
        return
    try:
        found = release_diff(release_folder(before), release_folder(after))
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None
    if json:
        print_json(found)
    else:
        tell_text(render_changes(found).rstrip("\n"))


SHOWN: Final = 10
"""Rows and reasons that are shown of each kind; `--json` has all."""
_BY: Final = {
    "people": "people corrected them",
    "teachers": "of the teachers, where the source has no place",
    "source": "the source says another place",
    "names": "the same place under other names",
}


def build_lines(found: Mapping[str, Any]) -> list[str]:
    """The differences of two builds for a person, a line each."""
    before, after, rows, samples = (found[name] for name in ("before", "after", "rows", "samples"))
    lines = [f"{before['path']} → {after['path']}", *_first("recipe", found["settings"], str)]
    lines += [
        _line(name.partition("_")[0], f"{before[name]} → {after[name]}")
        for name in ("factory_version", "gazetteer_version")
        if before[name] != after[name]
    ]
    known = f"{samples['new']:,} new, {samples['gone']:,} gone"
    told = f"{rows['came']:,} came, {rows['went']:,} went, {rows['stayed']:,} stayed"
    lines.append(_line("samples", f"{samples['before']:,} → {samples['after']:,}: {known}"))
    lines.append(_line("kept", f"{rows['before']:,} → {rows['after']:,}: {told}"))
    lines += [*_counted("came", found["came_by"]), *_first("", found["came"], _came)]
    lines += [*_counted("went", found["went_by"]), *_first("", found["went"], _went)]
    lines += _counted("decided", found["decisions_by"])
    lines += [*_first("because", found["checks_by"], _cause), *_first("", found["decisions"], _decision)]
    lines += _counted("labels", {_BY[name]: number for name, number in found["labels_by"].items()})
    lines += _first("", found["labels"], _label)
    lines += [*_counted("splits", found["splits_by"]), *_first("", found["splits"], _moved)]
    if not any(found[name] for name in ("settings", "came", "went", "decisions", "labels", "splits")):
        lines.append(_line("", "every sample has the same place, decision and split"))
    return lines


def _line(name: str, text: str) -> str:
    return f"{name:<10} {text}"


def _first(name: str, rows: Sequence[Any], words: Callable[[Any], str]) -> list[str]:
    """The first rows, and how many more there are."""
    lines = [_line(name if number == 0 else "", words(row)) for number, row in enumerate(rows[:SHOWN])]
    return [*lines, _line("", f"  ... {len(rows) - SHOWN:,} more: --json")] if len(rows) > SHOWN else lines


def _counted(name: str, tally: Mapping[str, int]) -> list[str]:
    """The commonest values of a tally."""
    counted = [*tally.items()]
    lines = [_line(name if at == 0 else "", f"{rows:>7,}  {what}") for at, (what, rows) in enumerate(counted[:SHOWN])]
    if rest := counted[SHOWN:]:
        lines.append(_line("", f"{sum(rows for _, rows in rest):>7,}  others, of {len(rest):,} kinds"))
    return lines


def _came(row: Mapping[str, Any]) -> str:
    return f"  {row['id']}  {row['before']} → kept, {row['after']}"


def _went(row: Mapping[str, Any]) -> str:
    return f"  {row['id']}  kept, {row['before']} → {row['after']}"


def _moved(row: Mapping[str, Any]) -> str:
    return f"  {row['id']}  {row['before']} → {row['after']}"


def _cause(one: Mapping[str, Any]) -> str:
    was, now = one["threshold_before"], one["threshold_after"]
    limit = "" if was is None or now is None or was == now else f" (threshold {_range(was)} → {_range(now)})"
    return f"{one['rows']:>7,}  {one['check']} {one['outcome_before']} → {one['outcome_after']}{limit}"


def _range(limits: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(f"{limit:g}" for limit in limits))


def _decision(row: Mapping[str, Any]) -> str:
    checks = [f"{one['check']} {one['outcome_before']} → {one['outcome_after']}{_scores(one)}" for one in row["checks"]]
    return f"  {row['id']}  {row['before']} → {row['after']}: {', '.join(checks) or 'every check says the same'}"


def _scores(one: Mapping[str, Any]) -> str:
    known = [f"{one[f'score_{end}']:g}" for end in ("before", "after") if one[f"score_{end}"] is not None]
    return f" (score {' → '.join(dict.fromkeys(known))})" if known else ""


def _label(row: Mapping[str, Any]) -> str:
    km = f", {row['moved_km']:,.1f} km" if row["moved_km"] and {"lat", "lon"} & {*row["columns"]} else ""
    return f"  {row['id']}  {_place(row['before'])} → {_place(row['after'])}{km}"


def _place(place: Mapping[str, Any]) -> str:
    names = ", ".join(str(place[name]) for name in ("city", "region", "country_code") if place[name])
    if place["lat"] is None or place["lon"] is None:
        return names or "no place"
    return f"{names or 'no names'} {place['lat']:.4f}, {place['lon']:.4f}"
