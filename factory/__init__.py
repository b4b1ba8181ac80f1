"""Geo-reasoning data factory: a recipe turns geotagged images into a dataset whose every label can be explained.

import factory

result = factory.build("recipes/mp16_reason.yaml")
build = factory.open_build(result.directory)
build.verdicts.filter(pl.col("decision") == "review")
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from factory.version import __version__ as __version__

if TYPE_CHECKING:
    from factory.phases.run import BuildResult, Listener
    from factory.store.layout import Build

__all__ = ["build", "open_build"]


def build(
    recipe: str | Path,
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    out: str | Path = "builds",
    engine: str = "local",
    address: str | None = None,
    storage: str | None = None,
    workers: int | None = None,
    retry: bool = False,
    allow_hosts: Sequence[str] = (),
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    listener: Listener | None = None,
) -> BuildResult:
    """Builds a recipe and says what came out; a finished build returns at once, a stopped one goes on.

    Args:
        recipe: the recipe's YAML file.
        profile: a profile of the recipe; `demo` by default where the recipe has one.
        overrides: `key.key=value` texts, as `--set` on the command line.
        out: the folder that holds builds.
        engine: what runs shards: `local`, in processes of this machine, or `ray`, on a cluster.
        address: of the cluster; `ray` starts one on this machine where none is given.
        storage: where shards of a cluster come home (an address of fsspec), where its machines do not see `out`.
        workers: shards run at the same time; by default one a core, fewer for few samples.
        retry: ask again for rows that were quarantined for a passing reason.
        allow_hosts: hosts from which a source may fetch pictures though their numbers are not public.
        select: phases and shards to work on, as `--select` of the command line; all by default.
        exclude: those to leave out.
        listener: told about phases and progress; see `factory.phases.run.Listener`.

    Raises:
        FactoryError: see `factory.errors`; everything paid for is kept and the same call resumes.
    """
    from factory.phases.build import phases_with, run_build
    from factory.recipe.load import load_recipe
    from release import write_release

    loaded = load_recipe(recipe, profile=profile, overrides=overrides)
    return run_build(
        loaded,
        out=Path(out),
        phases=phases_with(lambda build, root: write_release(build, root=root)),
        engine=engine,
        address=address,
        storage=storage,
        workers=workers,
        retry=retry,
        allow_hosts=allow_hosts,
        select=select,
        exclude=exclude,
        listener=listener,
    )


def open_build(path: str | Path) -> Build:
    """A build directory as polars frames: plan, dropped, answers, verdicts, selection, ledger."""
    from factory.store.layout import open_build as open_directory

    return open_directory(path)
