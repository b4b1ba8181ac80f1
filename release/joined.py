"""Writes a release whose rows come from other releases: what `factory merge` and `factory mix` have in common.

Rows are taken as they stand, files are written and checked as those of a build. What a part says of all its rows is
said of the whole only where it holds there: licences, countries and splits are counted anew; what was decided on the
way is added up; that faces were looked for, or how coarse coordinates are, is left to the parts, which the manifest
names with their digests.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from factory.errors import RecipeError
from factory.geo.names import country_name
from factory.store.files import PUBLIC
from factory.store.tables import write_table
from factory.version import __version__
from release.card import render_card, render_licences, render_map
from release.chart import CHART, render_chart
from release.check import check_release
from release.citation import CITATION, render_citation
from release.configs import configs
from release.counts import UNKNOWN
from release.croissant import CROISSANT, render_croissant
from release.files import FURTHER
from release.manifest import MANIFEST, DamagedRelease, file_entry, manifest_bytes, rows_digest
from release.parts import NAMED, SPLITS, Part, Taken
from release.rows import Released, Row
from release.shards import Shards, new_folder, write_durably
from release.withdrawals import SCHEMA as WITHDRAWN_SCHEMA
from release.withdrawals import WITHDRAWN
from release.withheld import WITHHELD, withheld_counts, write_withheld
from schemas.licences import strictest
from schemas.rows.schema import RowSchema
from schemas.settings import ReleaseSettings


@dataclass(frozen=True, slots=True)
class Whole:
    """What a joined release is called, and how it came about."""

    how: str
    """`merge` or `mix`."""
    name: str
    title: str
    settings: Mapping[str, Any]
    """As the card shows them: parts, weights, seed."""
    parts: Sequence[Mapping[str, Any]]
    """One a part, for manifest and card."""
    drops: Sequence[Mapping[str, Any]] = ()
    """What was left out, by reason, as the card counts it."""
    select: Sequence[Any] = ()
    """Rules by which `factory check` looks for leaks."""
    withdrawn: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What is listed as withdrawn, by id."""


def require_new(out: Path) -> None:
    """Raises RecipeError where something is there already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RecipeError(f"{out}: is there already; name a new folder with --out, or take it away")


def write_joined(
    out: Path, parts: Sequence[Part], rows: Iterator[Taken], schema: RowSchema, whole: Whole
) -> dict[str, Any]:
    """Writes the release and gives its manifest's fields.

    Args:
        out: the folder, not there yet.
        rows: of the schema, in order.

    Raises RecipeError where it fails its check, or a part is damaged.
    """
    require_new(out)
    with new_folder(out) as folder:
        try:
            facts = _write(folder, parts, rows, schema, whole)
            faults = check_release(folder)
        except DamagedRelease as error:
            raise RecipeError(str(error)) from None
        if faults:
            more = [f"... and {len(faults) - NAMED} more"] if len(faults) > NAMED else []
            raise RecipeError(
                "the parts make no sound release together:",
                *(fault.replace(f"{folder}", out.name) for fault in faults[:NAMED]),
                *more,
            )
    return facts


@dataclass(slots=True)
class _Seen:
    """What is counted of rows as they are written."""

    licences: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    scenes: Counter[str] = field(default_factory=Counter)
    places: list[tuple[str, float | None, float | None, str]] = field(default_factory=list)
    labelled: int = 0
    withheld: dict[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def add(self, taken: Taken) -> None:
        values = taken.values
        self.licences[values.get("licence") or UNKNOWN] += 1
        place = values.get("location") if isinstance(values.get("location"), Mapping) else {}
        code = values.get("country_code")
        self.countries[
            str(values.get("country") or country_name(code or "") or (place or {}).get("country") or UNKNOWN)
        ] += 1
        self.scenes[str(values.get("scene") or UNKNOWN)] += 1
        self.places.append((values["id"], values.get("lat"), values.get("lon"), taken.split))
        self.labelled += values.get("placed_by") == "teachers"


def _write(
    folder: Path, parts: Sequence[Part], rows: Iterator[Taken], schema: RowSchema, whole: Whole
) -> dict[str, Any]:
    settings = _settings(parts)
    seen = _Seen()
    told_lines: set[str] = set()
    with Shards(folder, settings, schema) as shards:
        for taken in rows:
            seen.add(taken)
            lines = taken.withheld
            name = str(lines[0]["id"]) if lines else ""
            released = Released(
                taken.values["id"],
                taken.split,
                (Row(taken.values, orjson.dumps(schema.json_row(taken.values))),),
                taken.jpegs,
                withheld=tuple(map(dict, lines)),
            )
            shards.add(released)
            if lines and name in told_lines:  # a sample's further rows have the same pictures
                del shards.withheld[-len(lines) :]
            told_lines.add(name)
    facts = _facts(parts, whole, schema, shards, seen, settings)
    entries = [file_entry(folder, path, count) for path, count in sorted(shards.rows.items())]
    facts["rows_sha256"] = rows_digest(entries)
    files = [*_papers(folder, facts, schema, entries, seen), *sorted(shards.indices)]
    if shards.withheld:
        files.append(folder / WITHHELD)
        write_withheld(files[-1], shards.withheld)
    if gone := whole.withdrawn:
        files.append(folder / WITHDRAWN)
        table = pl.DataFrame(
            [gone[name] for name in sorted(gone)], schema=dict.fromkeys(WITHDRAWN_SCHEMA.names, pl.String)
        )
        write_table(table.to_arrow().cast(WITHDRAWN_SCHEMA), files[-1], mode=PUBLIC)
    papers = [file_entry(folder, path, None) for path in files]
    write_durably(folder / MANIFEST, manifest_bytes({**facts, "files": [*papers, *entries]}))
    return facts


def _settings(parts: Sequence[Part]) -> ReleaseSettings:
    """How rows are packed: as those of the first part; apart by licence where any part has them so."""
    formats = [form for form in ("webdataset", "parquet") if form in parts[0].manifest["formats"]]
    names = {str(one["name"]) for part in parts for one in part.manifest["configs"]}
    apart = any(re.search(r"(^|-)(cc0|cc-by|cc-by-sa|nc|nd|other|unknown)$", name) for name in names)
    return ReleaseSettings(formats=tuple(formats), configs="licence" if apart else None)  # type: ignore[arg-type]


def _facts(
    parts: Sequence[Part], whole: Whole, schema: RowSchema, shards: Shards, seen: _Seen, settings: ReleaseSettings
) -> dict[str, Any]:
    manifests = [part.manifest for part in parts]
    made = configs(shards.written, schema.part)
    splits = {name: sum(rows for (_, split), rows in shards.written.items() if split == name) for name in SPLITS}
    ids = {name for name, *_ in seen.places}
    samples = sum(1 for name in ids if (stem := re.sub(FURTHER, "", name)) == name or stem not in ids)
    identity = {"how": whole.how, "settings": whole.settings, "parts": [one["manifest_sha256"] for one in whole.parts]}
    counts = {
        "rows": sum(splits.values()),
        "samples": samples,
        "labelled": seen.labelled,
        "splits": {name: rows for name, rows in splits.items() if rows},
        "countries": _ranked(seen.countries),
        "scenes": _ranked(seen.scenes),
        "licences": _ranked(seen.licences),
        "planned": sum(one["counts"]["planned"] for one in manifests),
        "decisions": _added(one["counts"]["decisions"] for one in manifests),
        "drops": [*_drops(manifests), *whole.drops],
    }
    stated = {str(one["licence"]) for one in manifests}
    return {
        "fingerprint": hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        "factory_version": __version__,
        "gazetteer_version": ", ".join(dict.fromkeys(str(one.get("gazetteer_version")) for one in manifests)),
        "row": schema.plain(),
        "name": whole.name,
        "title": whole.title,
        "licence": stated.pop() if len(stated) == 1 else "per-row",
        "authors": list(dict.fromkeys(str(name) for one in manifests for name in one["authors"])),
        **{name: _agreed(manifests, name) for name in ("contact", "motivation", "consent")},
        "formats": sorted(settings.formats),
        "tars": sum(path.suffix == ".tar" for path in shards.rows),
        "parquet": sum(path.suffix == ".parquet" for path in shards.rows),
        "pictures": {"least": min(shards.pictures, default=0), "most": max(shards.pictures, default=0)},
        "recipe": {
            whole.how: dict(whole.settings),
            **({"select": list(whole.select)} if whole.select else {}),
            **_common(manifests),
        },
        "teachers": _teachers(manifests),
        "counts": counts,
        "configs": made,
        "no_viewer": f"a {whole.how} has none; its parts may have",
        "parts": [*whole.parts],
        "strictest": strictest(None if name == UNKNOWN else name for name in seen.licences),
        **({"withheld": withheld_counts(shards.withheld)} if shards.withheld else {}),
    }


def _common(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Blocks of the parts' recipes that hold for every row: how pictures were prepared, whose places they are."""
    return {
        name: block
        for name in ("images", "geo")
        if (block := manifests[0]["recipe"].get(name)) and all(one["recipe"].get(name) == block for one in manifests)
    }


def _agreed(manifests: Sequence[Mapping[str, Any]], name: str) -> str | None:
    """What all parts say, None where they differ: nobody speaks for the rows of others."""
    said = {one.get(name) for one in manifests}
    found = said.pop() if len(said) == 1 else None
    return found if isinstance(found, str) else None


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _added(each: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in each:
        total.update({str(name): int(count) for name, count in one.items()})
    return dict(sorted(total.items()))


def _drops(manifests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    total: Counter[tuple[str, str, str]] = Counter()
    for one in manifests:
        for drop in one["counts"]["drops"]:
            total[str(drop["phase"]), str(drop["rule"]), str(drop["reason"])] += int(drop["rows"])
    return [{"phase": p, "rule": r, "reason": why, "rows": rows} for (p, r, why), rows in total.items()]


def _teachers(manifests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each teacher of any part once, with the samples that it answered there."""
    total: Counter[tuple[str, str]] = Counter()
    for one in manifests:
        for teacher in one["teachers"]:
            total[str(teacher["name"]), str(teacher["model"])] += int(teacher["answered"])
    return [{"name": name, "model": model, "answered": rows} for (name, model), rows in total.items()]


def _papers(
    root: Path, facts: Mapping[str, Any], schema: RowSchema, entries: Sequence[Mapping[str, Any]], seen: _Seen
) -> list[Path]:
    columns = {"id": pl.String, "lat": pl.Float64, "lon": pl.Float64, "split": pl.String}
    places = pl.DataFrame(seen.places, schema=columns, orient="row").filter(
        pl.col("lat").is_finite() & pl.col("lon").is_finite()
    )
    papers = {
        CHART: render_chart(facts["counts"]["countries"], {}).encode(),
        CITATION: render_citation(facts).encode(),
        CROISSANT: render_croissant(facts, schema, entries),
        "LICENSE-DATA.md": render_licences(facts, schema).encode(),
        "README.md": render_card(facts, schema).encode(),
        "map.svg": render_map(places, facts["counts"]["rows"]).encode(),
    }
    for name, data in papers.items():
        write_durably(root / name, data)
    return [root / name for name in papers]
