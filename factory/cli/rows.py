"""`factory rows`: the samples of a build, filtered: what was decided about each, why, and where it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from factory.cli.out import say, tell
from factory.errors import RecipeError
from factory.report.frames import ANSWERED, DECISIONS, PENDING, read_samples
from factory.store.layout import Build
from factory.text import counted, did_you_mean

SHOWN: Final = 200
"""Rows of the table; `--ids` and `--json` give all of them."""
NO_SPLIT: Final = "none"
"""What --split calls the rows that are in no split, as the report's filter does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRow:
    """One sample as it stands."""

    id: str
    decision: str
    """accept, review, reject, quarantine, `answered` (not verified yet) or `pending` (not answered yet)."""
    reasons: list[str]
    """`check:reason` of what spoke against it; for a row that selection took out, the selector's comes first."""
    split: str | None
    """Where it is released, or would be; None where it is in no split."""
    country: str | None
    """ISO 3166-1 alpha-2."""
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowList:
    """What was found."""

    build: str
    samples: int
    """Of the whole build."""
    rows: list[BuildRow]


def list_rows(
    build: Build,
    *,
    decisions: Sequence[str] = (),
    reasons: Sequence[str] = (),
    countries: Sequence[str] = (),
    splits: Sequence[str] = (),
) -> RowList:
    """The samples that match one value of every filter that is given, in plan order.

    Raises RecipeError, with the nearest one, for a value that no sample of the build has; CorruptBuild for a damaged
    file.
    """
    samples = read_samples(build).with_columns(
        reasons=pl.concat_list(_removed(), pl.col("reasons").fill_null([])), split=pl.col("split").fill_null(NO_SPLIT)
    )
    known = samples["reasons"].explode().drop_nulls().unique().to_list()
    rules = {one.partition(":")[0] for one in known}
    _known("--decision", decisions, (*DECISIONS, ANSWERED, PENDING))
    _known("--reason", reasons, (*known, *rules))
    _known("--country", [code.upper() for code in countries], samples["country_code"].drop_nulls().unique().to_list())
    _known("--split", splits, (*samples["split"].unique().to_list(), NO_SPLIT))
    kept = samples
    for column, wanted in (
        ("decision", decisions),
        ("country_code", [c.upper() for c in countries]),
        ("split", splits),
    ):
        kept = kept.filter(pl.col(column).is_in(list(wanted))) if wanted else kept
    if reasons:
        meant = [one for one in known if one in reasons or one.partition(":")[0] in reasons]
        kept = kept.filter(pl.col("reasons").list.eval(pl.element().is_in(meant)).list.any())
    columns = ("id", "decision", "reasons", "split", "country_code", "place")
    return RowList(
        build=str(build.paths.root),
        samples=samples.height,
        rows=[
            BuildRow(
                id=name,
                decision=said,
                reasons=why,
                split=None if where == NO_SPLIT else where,
                country=code,
                place=place,
            )
            for name, said, why, where, code, place in kept.select(columns).iter_rows()
        ],
    )


def _removed() -> pl.Expr:
    """Why selection took a row out, as a list of one or none."""
    rule = pl.concat_str(pl.col("removed_by"), pl.col("reason"), separator=":", ignore_nulls=True)
    return (
        pl.when(pl.col("removed_by").is_not_null()).then(pl.concat_list(rule)).otherwise(pl.lit([], pl.List(pl.String)))
    )


def _known(option: str, wanted: Sequence[str], names: Sequence[str]) -> None:
    for one in wanted:
        if one not in names:
            told = ", ".join(sorted({*names})[:12]) or "none"
            raise RecipeError(
                f"{option} {one}: no sample of this build has it{did_you_mean(one, names)}; it has {told}"
            )


def print_rows(found: RowList) -> None:
    """The first of them as a table."""
    say(f"{len(found.rows):,} of {counted(found.samples, 'sample')}")
    width = max((len(row.id) for row in found.rows[:SHOWN]), default=0)
    for row in found.rows[:SHOWN]:
        where = row.split or "-"
        told = f"{row.decision:<10} {where:<10} {row.country or '--'}  {', '.join(row.reasons)}"
        tell(f"{row.id:<{min(width, 60)}}  {told}")
    if len(found.rows) > SHOWN:
        say(f"... {len(found.rows) - SHOWN:,} more: --ids or --json has all of them")
