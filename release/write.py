"""Packs the kept rows of a build: shards, card, map, licences, manifest; checked before it gets its name.

The release is written next to its place and renamed when every check passes, so a directory called `release` is
always whole. Nothing in it depends on when, where or with how many workers it was made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict

import polars as pl

from factory.errors import CorruptBuild
from factory.geo.grid import Grid
from factory.plugins.contracts import Generator
from factory.recipe.fingerprint import identity_part
from factory.redact import named_secrets
from factory.store.files import PUBLIC, PUBLIC_FOLDER, make_folder, remove, remove_tree
from factory.store.layout import Build
from factory.store.paths import input_path
from factory.store.places import placed_plan
from factory.store.tables import beside, write_table
from release.acceptance import acceptance
from release.at_once import Block
from release.card import render_card, render_licences, render_map, scrubbed
from release.chart import CHART, nearest_answers, render_chart
from release.check import check_release
from release.citation import CITATION, render_citation
from release.coarse import REASON, Coarse, grid_of
from release.configs import configs
from release.counts import release_counts
from release.croissant import CROISSANT, render_croissant
from release.detect import Wanted
from release.diff import CHANGES, release_diff, render_changes
from release.hand_edits import kept_text, with_kept
from release.hiding import wanted_of
from release.manifest import MANIFEST, file_entry, manifest_bytes, rows_digest
from release.people import people_facts
from release.read import open_release
from release.rows import build_generator, release_order, released_rows
from release.shards import Shards, take_place, write_durably
from release.viewer import Viewer, viewer_facts, viewing
from release.withdrawal_list import named_list, open_list
from release.withdrawals import SCHEMA as WITHDRAWN_SCHEMA
from release.withdrawals import WITHDRAWN, Withdrawals, meet_planned, meet_released
from release.withheld import WITHHELD, withheld_counts, write_withheld
from schemas.rows.schema import RowSchema
from schemas.settings import ReleaseSettings

PER_ROW: Final = "per-row"


class ReleaseSummary(TypedDict):
    """What a release came to."""

    rows: int
    splits: dict[str, int]
    files: dict[str, int]
    """Files by kind: tars, parquet, card, manifest."""
    bytes: int
    withdrawn: NotRequired[dict[str, Any]]
    """With a list of withdrawals: how many `lines` it has, how many `samples` these met, and the lines that met
    `nobody`."""


def release_settings(build: Build) -> ReleaseSettings:
    """The `release` block of the build's recipe."""
    return ReleaseSettings.model_validate(build.recipe.get("release") or {})


def write_release(
    build: Build,
    generator: Generator | None = None,
    *,
    settings: ReleaseSettings | None = None,
    root: Path | None = None,
) -> ReleaseSummary:
    """Writes `release/` of a build, replacing an earlier one.

    Args:
        build: plan, answers, verdicts and selection are there.
        generator: the family that makes the rows; by default that of the build's recipe.
        settings: by default those of the build's recipe.
        root: the recipe's folder, from which files of the settings are named, and beside which a list of withdrawals
            may lie; by default the working folder, where none is looked for.

    Raises:
        CorruptBuild: the build lacks something a kept sample needs, or the release fails its own check; `release.tmp`
            is left to be looked at.
        RecipeError: the file of withdrawals, or of a detector's weights, cannot be read.
        EnvironmentFault: a detector that the recipe asks for is not installed, a list of withdrawals does not come.
        DamagedRelease: the release before this one is none, or is damaged.
        PluginFault: the family raised, or made something else than rows of its schema.
    """
    settings = settings or release_settings(build)
    generator = generator or build_generator(build)
    target = build.paths.release
    folder = target.with_suffix(".tmp")
    remove_tree(folder)
    make_folder(folder, PUBLIC_FOLDER)
    licence = None if settings.licence == PER_ROW else settings.licence
    withdrawals, wanted = _withdrawals(build, settings, root), wanted_of(settings, root or Path())
    coarse = None if (grid := grid_of(settings.coordinates)) is None else Coarse(grid)
    viewed = viewer_facts(settings, release_order(build).height)
    shown = viewing(folder, build, generator, settings, wanted="viewer" in viewed)
    with Shards(folder, settings, generator.row) as shards, shown as viewer:
        order, left = _add_rows(
            shards,
            viewer,
            build,
            generator,
            licence,
            embed=settings.images == "embedded",
            wanted=wanted,
            withdrawals=withdrawals,
            coarse=coarse,
        )
    facts = _facts(build, settings, order, shards, licence, left)
    private = shards.hidden.facts(wanted) | ({} if coarse is None else {"coordinates": coarse.facts()})
    facts |= viewed | ({"privacy": private} if private else {})
    rows = [file_entry(folder, path, rows) for path, rows in sorted(shards.rows.items())]
    facts["rows_sha256"] = rows_digest(rows)
    told = kept_text(target / "README.md")
    papers = _write_papers(folder, build, order, facts, generator.row, rows, told, grid)
    files = [*papers, *sorted(shards.indices), *(viewer.finish(facts) if viewer else ())]
    if shards.withheld:
        files.append(folder / WITHHELD)
        write_withheld(files[-1], shards.withheld)
    if (listed := named_list(settings, root)) is not None:
        files.append(folder / WITHDRAWN)
        write_table(withdrawals.listed().to_arrow().cast(WITHDRAWN_SCHEMA), files[-1], mode=PUBLIC)
    entries = [file_entry(folder, path, None) for path in files]
    write_durably(folder / MANIFEST, manifest_bytes({**facts, "files": [*entries, *rows]}))
    if settings.before is not None:
        found = release_diff(input_path(root or Path(), settings.before), folder)
        write_durably(folder / CHANGES, render_changes(found).encode())
        remove(folder / MANIFEST)
        entries.append(file_entry(folder, folder / CHANGES, None))
        write_durably(folder / MANIFEST, manifest_bytes({**facts, "files": [*entries, *rows]}))
    if faults := check_release(folder, named_secrets(build.recipe)):
        more = [f"... and {len(faults) - 20} more"] if len(faults) > 20 else []
        raise CorruptBuild("the release fails its check:", *faults[:20], *more)
    take_place(folder, target, target.with_suffix(".old"))
    summary = _summary(target, facts)
    if listed is not None:
        summary["withdrawn"] = {"list": listed, **withdrawals.told()}
    return summary


def _summary(root: Path, facts: Mapping[str, Any]) -> ReleaseSummary:
    kinds = {"tars": facts["tars"], "parquet": facts["parquet"], "card": 1, "manifest": 1}
    files = {kind: number for kind, number in kinds.items() if number}
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return {"rows": facts["counts"]["rows"], "splits": facts["counts"]["splits"], "files": files, "bytes": size}


def _add_rows(
    shards: Shards,
    viewer: Viewer | None,
    build: Build,
    generator: Generator,
    licence: str | None,
    *,
    embed: bool,
    wanted: Wanted,
    withdrawals: Withdrawals,
    coarse: Coarse | None,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Writes the files of rows, and hands each row to the viewer, where there is one.

    Returns:
        The samples that are in them, in order, with the number of `rows` of each; how many were kept and left, by
        reason.
    """
    kept = release_order(build)
    order = _without(kept, withdrawals)
    made = released_rows(
        build, order, generator, licence, embed=embed, wanted=wanted, withdrawals=withdrawals, coarse=coarse
    )
    for released in made:
        shards.add_block(released) if isinstance(released, Block) else shards.add(released)
        if viewer is not None:
            viewer.add(released)
    staying = _without(kept, withdrawals)
    finer = pl.Series([] if coarse is None else [*coarse.left], dtype=pl.String)
    order = staying.filter(~pl.col("id").is_in(finer.implode()))
    left = {"withdrawn": kept.height - staying.height, REASON: staying.height - order.height}
    return order.with_columns(rows=pl.Series(shards.made, dtype=pl.Int64)), left


def _withdrawals(build: Build, settings: ReleaseSettings, root: Path | None) -> Withdrawals:
    """The list of withdrawals, with what of it is met before rows are made."""
    withdrawals = open_list(settings, root)
    meet_planned(build, withdrawals)
    if settings.before is not None and withdrawals.by_hash:
        meet_released(open_release(input_path(root or Path(), settings.before)), withdrawals)
    return withdrawals


def _without(order: pl.DataFrame, withdrawals: Withdrawals) -> pl.DataFrame:
    """The samples that no line has met so far."""
    met = pl.Series([*set[str]().union(*withdrawals.met.values())], dtype=pl.String)
    return order.filter(~pl.col("id").is_in(met.implode()))


def _facts(
    build: Build,
    settings: ReleaseSettings,
    order: pl.DataFrame,
    shards: Shards,
    licence: str | None,
    left: Mapping[str, int],
) -> dict[str, Any]:
    """The manifest's fields but its files: what the card tells, and nothing of when or where."""
    recipe = build.recipe
    identity = identity_part(recipe)
    told = {key: identity[key] for key in _TOLD if identity.get(key)}
    teachers = []
    for teacher in recipe.get("teachers") or ():
        name = teacher["name"]
        models = shards.models.get(name) or {teacher.get("model") or "recorded"}
        teachers.append({"name": name, "model": ", ".join(sorted(models)), "answered": shards.answered[name]})
    info = {name: build.info.get(name) for name in ("fingerprint", "factory_version", "gazetteer_version")}
    suffixes = Counter(path.suffix for path in shards.rows)
    accepted_by, people = acceptance(build), people_facts(build, order["id"])
    return {
        **info,
        "row": shards.row.plain(),
        "name": build.info["recipe"],
        "title": settings.title or build.info["recipe"],
        "licence": settings.licence,
        **{name: getattr(settings, name) for name in ("authors", "contact", "motivation", "consent")},
        "formats": sorted(settings.formats),
        "tars": suffixes[".tar"],
        "parquet": suffixes[".parquet"],
        "pictures": {"least": min(shards.pictures, default=0), "most": max(shards.pictures, default=0)},
        "recipe": scrubbed(told),
        "teachers": teachers,
        "counts": release_counts(build, order, licence, left),
        "configs": configs(shards.written, shards.row.part),
        **({"withheld": withheld_counts(shards.withheld)} if shards.withheld else {}),
        **({} if accepted_by is None else {"acceptance": accepted_by}),
        **({} if people is None else {"people": people}),
    }


_TOLD: Final = ("generator", "geo", "images", "witnesses", "verify", "select")
"""Blocks of the recipe that the card shows."""


def _write_papers(
    root: Path,
    build: Build,
    order: pl.DataFrame,
    facts: Mapping[str, Any],
    row: RowSchema,
    rows: Sequence[Mapping[str, Any]],
    kept: str,
    grid: Grid | None,
) -> list[Path]:
    """Everything about the rows, but the manifest.

    Args:
        rows: the manifest's entries of the files of rows.
        kept: what people wrote into the card of the release before.
        grid: how coarse the map is.
    """
    places = beside(order, placed_plan(build).select("id", "lat", "lon"))
    if grid is not None:
        points = [grid.point(lat, lon) for lat, lon in places.select("lat", "lon").iter_rows()]
        points_of = pl.DataFrame(points, schema={"lat": pl.Float64, "lon": pl.Float64}, orient="row")
        places = places.with_columns(points_of["lat"], points_of["lon"])
    papers = {
        CHART: render_chart(facts["counts"]["countries"], nearest_answers(build, order["id"])).encode(),
        CITATION: render_citation(facts).encode(),
        CROISSANT: render_croissant(facts, row, rows),
        "LICENSE-DATA.md": render_licences(facts, row).encode(),
        "README.md": with_kept(render_card(facts, row), kept).encode(),
        "map.svg": render_map(places, facts["counts"]["rows"]).encode(),
    }
    for name, data in papers.items():
        write_durably(root / name, data)
    return [root / name for name in papers]
