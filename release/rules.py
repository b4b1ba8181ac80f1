"""What must hold of a release as a whole: nothing leaks between splits or out of a benchmark, every licence is kept.

The rules are those of the recipe that the manifest tells; they look at the rows that are there, not at what a build
says of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, get_args

import polars as pl
import pyarrow as pa

from factory.errors import CorruptBuild
from factory.geo.cells import cell
from factory.geo.grid import Grid
from factory.plugins.registry import plugin
from factory.select.benchmarks import Benchmark
from factory.select.decontaminate import decontaminate
from factory.select.split import together
from release.coarse import finer, told_grid
from release.configs import is_ids
from release.counts import UNKNOWN
from release.files import FURTHER
from release.privacy import privacy_faults
from release.tables import read_small
from release.withdrawals import SCHEMA as WITHDRAWN_SCHEMA
from release.withdrawals import WITHDRAWN
from release.withheld import SCHEMA as WITHHELD_SCHEMA
from release.withheld import WITHHELD
from schemas.licences import Reuse, clashes, lacks_attribution, licence_class
from schemas.rows.schema import RowSchema

MOST: Final = 20
"""Rows that are named of each rule that many break."""
_RADIUS_KM: Final = 1.0
_HAMMING: Final = 6
"""How near to a benchmark no row may be where the recipe says nothing: the defaults of the selector `decontaminate`."""


def rule_faults(
    root: Path, manifest: Mapping[str, Any], schema: RowSchema, facts: pl.DataFrame, benchmarks: Sequence[Benchmark]
) -> Iterator[str]:
    """Every way in which the rows together break a rule.

    Args:
        facts: all rows, see `release.facts.COLUMNS`.
        benchmarks: evaluation sets of which no row may be.
    """
    told = set(schema.json_keys)
    attributed = "licence" in told and {"author", "source_url"} & told and "hydrated" not in manifest
    for fault in (
        *_twice(facts),
        *_leaks(manifest, facts, told),
        *_overlaps(manifest, facts, benchmarks),
        *(_licences(root, manifest, facts) if "licence" in told else ()),
        *(_unattributed(facts) if attributed else ()),
    ):
        yield f"{root}: {fault}"
    yield from _papers(root, manifest, facts)
    yield from privacy_faults(root, manifest, facts)


def _named(rows: pl.DataFrame, what: str) -> Iterator[str]:
    yield from (f"row {name!r} {what}" for name in islice(rows["id"], MOST))
    if rows.height > MOST:
        yield f"... and {rows.height - MOST} more: {what}"


def _twice(facts: pl.DataFrame) -> Iterator[str]:
    yield from _named(facts.filter(pl.col("id").is_duplicated()).unique("id", maintain_order=True), "is there twice")


def _selectors(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The selectors of the release's recipe with their settings, defaults filled in; a stranger's are left out."""
    for entry in manifest["recipe"].get("select") or ():
        ((name, settings),) = entry.items() if isinstance(entry, Mapping) else ((entry, {}),)
        try:
            known = plugin("selector", name)
        except LookupError:
            continue
        yield name, known.settings.model_construct(**{**_defaults(known.settings), **(settings or {})})


def _defaults(settings: Any) -> dict[str, Any]:
    return {name: field.get_default() for name, field in settings.model_fields.items() if not field.is_required()}


def _leaks(manifest: Mapping[str, Any], facts: pl.DataFrame, told: set[str]) -> Iterator[str]:
    """Rows of different splits that share what the recipe keeps apart."""
    grid = told_grid(manifest)
    frame = facts.with_columns(
        image_sha256=pl.lit(None, pl.String),
        image_phash=_hashes(facts["image_phash"]),
    )
    for name, settings in _selectors(manifest):
        if name not in ("split", "geocell_split"):
            continue
        kept = set(settings.keep_together if name == "split" else (*settings.apart, "geocell"))
        for rule in sorted(kept & {"author", "geocell", "near_duplicates"}):
            if not _NEEDS[rule] <= told or (rule == "geocell" and not _holds_cells(grid, settings.cell_degrees)):
                continue
            if rule == "geocell":
                label = frame.select(cell(pl.col("lat"), pl.col("lon"), degrees=settings.cell_degrees)).to_series()
            else:
                label = pl.Series(together(frame, (rule,), max_hamming=settings.max_hamming))
            shared = frame.with_columns(label=label).filter(pl.col("label").is_not_null())
            odd = shared.filter(pl.col("split").n_unique().over("label") > 1)
            for (_,), rows in odd.group_by("label", maintain_order=True):
                first = rows.unique("split", maintain_order=True)
                pair = " and ".join(f"{row_id!r} ({split})" for row_id, split in first["id", "split"].iter_rows())
                yield f"rows {pair} share their {_SHARED[rule]}, and are in different splits"


def _holds_cells(grid: Grid | None, degrees: float) -> bool:
    """Whether released coordinates lie in the geocell of their photo: coarse ones may lie in the next."""
    if grid is None:
        return True
    return grid.kind == "cell_degrees" and abs(degrees / grid.size - round(degrees / grid.size)) < 1e-9


_NEEDS: Final = {"author": {"author"}, "geocell": {"lat", "lon"}, "near_duplicates": {"image_phash"}}
_SHARED: Final = {"author": "author", "geocell": "geocell", "near_duplicates": "picture, nearly"}


def _hashes(texts: pl.Series) -> pl.Series:
    """Perceptual hashes as numbers; null for none, and for the zeros that stand for a picture that nobody decoded."""
    known = texts.unique().drop_nulls()
    numbers = {text: int(text, 16) for text in known if len(text) == 16 and set(text) <= set("0123456789abcdef")}
    found = texts.replace_strict({text: value for text, value in numbers.items() if value}, default=None)
    return found.cast(pl.UInt64)


def _overlaps(manifest: Mapping[str, Any], facts: pl.DataFrame, benchmarks: Sequence[Benchmark]) -> Iterator[str]:
    if not benchmarks:
        return
    asked = next((settings for name, settings in _selectors(manifest) if name == "decontaminate"), None)
    radius, bits = (_RADIUS_KM, _HAMMING) if asked is None else (asked.radius_km, asked.max_hamming)
    frame = facts.with_columns(image_phash=_hashes(facts["image_phash"]))
    found = decontaminate(frame, benchmarks=tuple(benchmarks), radius_km=radius, max_hamming=bits).removed
    for row_id, reason, detail in found.select("id", "reason", "detail").iter_rows():
        yield f"row {row_id!r} is of a benchmark ({reason}: {detail})"


def _licences(root: Path, manifest: Mapping[str, Any], facts: pl.DataFrame) -> Iterator[str]:
    """Licences that are not those that are counted, not that of their folder, or not to be had under the release's."""
    stated = facts["licence"].fill_null(UNKNOWN)
    counted = dict(stated.value_counts(sort=True).iter_rows())
    if counted != (told := dict(manifest["counts"]["licences"])):
        odd = sorted(name for name in counted.keys() | told.keys() if counted.get(name) != told.get(name))
        yield f"licences of rows are not those of the manifest: {', '.join(map(repr, odd[:MOST]))}"
    whole = _card_licence(root)
    classes = {name: licence_class(name) for name in facts["licence"].unique()}
    for folder, licence in facts.select("folder", "licence").unique(maintain_order=True).iter_rows():
        expected = next((one for one in get_args(Reuse) if f"-{folder}".endswith(f"-{one}")), None)
        rows = (pl.col("folder") == folder) & pl.col("licence").eq_missing(pl.lit(licence, pl.String))
        if expected is not None and classes[licence] != expected:
            yield from _named(facts.filter(rows), f"is under {licence!r} and lies among {expected}")
        if whole is not None:
            for why in islice(clashes(whole, licence), 1):
                yield from _named(facts.filter(rows), f"{why}, and the card says {whole} of all")


def _card_licence(root: Path) -> str | None:
    """The licence that the card states for all rows; None for `other`, which each row decides."""
    head = (root / "README.md").read_text(encoding="utf-8").split("\n---\n", 1)[0]
    said = next(
        (line.removeprefix("license:").strip() for line in head.splitlines() if line.startswith("license:")), ""
    )
    return None if said in ("other", "") else said


def _unattributed(facts: pl.DataFrame) -> Iterator[str]:
    asked = facts.filter(pl.col("pictures") > 0)
    lacking = [lacks_attribution(*whose) for whose in asked["licence", "author", "source_url"].iter_rows()]
    yield from _named(asked.filter(pl.Series(lacking, dtype=pl.Boolean)), "must be attributed, and names nobody")


def _papers(root: Path, manifest: Mapping[str, Any], facts: pl.DataFrame) -> Iterator[str]:
    """What stands beside the rows of those that are withheld or withdrawn."""
    listed = {entry["path"] for entry in manifest["files"]}
    apart = facts.filter(pl.col("folder").is_in([folder for folder in facts["folder"].unique() if is_ids(folder)]))
    try:
        tables = [
            read_small(root / name, schema) if name in listed else schema.empty_table()
            for name, schema in ((WITHHELD, WITHHELD_SCHEMA), (WITHDRAWN, WITHDRAWN_SCHEMA))
        ]
    except CorruptBuild as error:
        yield str(error)
        return
    withheld, withdrawn = (_of_samples(table["id"].to_pylist()) for table in tables)
    yield from (f"{root / WITHHELD}: {fault}" for fault in _told_beside(manifest, facts, tables[0]))
    yield from (f"{root}: {fault}" for fault in _named(apart.filter(~withheld), f"is not in {WITHHELD}"))
    yield from (f"{root}: {fault}" for fault in _named(facts.filter(withdrawn), "is withdrawn, and there"))


def _told_beside(manifest: Mapping[str, Any], facts: pl.DataFrame, withheld: pa.Table) -> Iterator[str]:
    """Lines about withheld pictures that say more of a place than the release's grid."""
    if (grid := told_grid(manifest)) is None:
        return
    places = {
        name: (lat, lon) for name, lat, lon in facts.select("id", "lat", "lon").iter_rows() if None not in (lat, lon)
    }
    for line in withheld.select(["id", "source_url", "author"]).to_pylist():
        if line["id"] in places and (found := finer(line, grid, places[line["id"]])) is not None:
            yield f"{line['id']!r} says more than its grid: {found}"


def _of_samples(ids: Sequence[str]) -> pl.Expr:
    """Whether a row is one of these samples, or a further row of one."""
    named = pl.Series(ids, dtype=pl.String).implode()
    return pl.col("id").is_in(named) | pl.col("id").str.replace(FURTHER, "").is_in(named)
