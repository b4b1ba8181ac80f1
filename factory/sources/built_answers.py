"""What the answers of a finished build say of each photo: whether it can be located, and who was near.

A build that somebody else made is data: links and pipes in it are refused (`open_build`), and so is every file that is
not the one that was written. Only answers of teachers that knew nothing of the place count, and only what of them could
be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.errors import CorruptBuild, SourceError
from factory.store.decided import released_with
from factory.store.files import file_digest
from factory.store.info import FINISHED, is_sealed, read_shard_report, read_verified
from factory.store.layout import Build, BuildPaths, ShardPaths, fixed_files, open_build, shards_digest
from factory.store.tables import read_columns
from schemas.record import CALIBRATED

_LOCATED: Final = ("teacher", "localizable", "distance_km", "named_distance_km")
_ANSWER: Final = ("combined", "failure", "saw_truth", "place.unreadable")


def sound_build(folder: Path) -> tuple[Build, list[ShardPaths]]:
    """A finished build with its shards, after a look at every file that is read against the digest that was written.

    Raises:
        SourceError: it is not finished.
        RecipeError: it is none, or one of another layout.
        CorruptBuild: a link, a pipe, or a file that is not the one that was written; names it.
    """
    made = open_build(folder)
    info, paths = made.info, made.paths
    if info["state"] not in FINISHED or not info["counts"].get("shards"):
        raise SourceError(
            f"{folder}: is not finished ({info['state']}); the same `factory build` goes on where it stopped"
        )
    if not is_sealed(info):
        raise CorruptBuild(f"{paths.info}: differs from what was written (its own digest)")
    number = info["counts"].get("shards", 0)
    shards = [paths.shard(one) for one in range(number)]
    for path, digest in _noted(paths, info, shards):
        if not path.is_file() or file_digest(path) != digest:
            raise CorruptBuild(f"{path}: differs from what was written; `factory check {folder}` names every such file")
    if not released_with(info, paths):
        raise CorruptBuild(
            f"{paths.decisions}: differs from what the release was made with; run its `factory build` again, which "
            "lays it over the release without a call"
        )
    if shards_digest(paths, number) != info.get("shards_sha256"):
        raise CorruptBuild(f"{paths.shard_folder}: a shard's report.json differs from what was written")
    return made, shards


def _noted(paths: BuildPaths, info: Mapping[str, Any], shards: list[ShardPaths]) -> Iterator[tuple[Path, str | None]]:
    for path in fixed_files(paths):
        yield path, info.get("files", {}).get(path.name)
    verdicts, _ = read_verified(paths.verified)
    for number, shard in enumerate(shards):
        yield shard.verdicts, verdicts[number] if number < len(verdicts) else None
        noted = read_shard_report(shard.report).get("files", {})
        yield from ((path, noted.get(path.name)) for path in (shard.answers, shard.images))


@contextmanager
def tables_of_a_build(root: Path) -> Iterator[None]:
    """Names the build where a table of it, sound by its digest, lacks a column or has one of another type."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        what = str(error).split("\n", 1)[0][:200]
        raise CorruptBuild(f"{root}: its tables are not those that the factory writes ({what})") from None


def judged(shard: ShardPaths, plan: pl.DataFrame, *, role: str, radius_km: float) -> pl.DataFrame:
    """One row a sample of the shard: id; picture (which of its pictures has the role; null where none decoded);
    teachers and answers that count; of these answers localizable, near and yes (both); share (of yes, every teacher
    counting alike, over its draws); calibrated (null where the build has no such probability of it).

    Args:
        plan: id and uncertainty_km of the shard's samples, in plan order.
        radius_km: how near; it grows by the sample's uncertainty.

    Raises CorruptBuild where the shard's files do not belong together.
    """
    checks = [f"checks.list.element.{name}" for name in ("check", "outcome", "score")]
    verdicts = read_columns(shard.verdicts, ["id", *(f"located.list.element.{name}" for name in _LOCATED), *checks])
    seen = [f"photos.list.element.{name}" for name in ("role", "refused")]
    answers = read_columns(shard.answers, ["id", *seen, *(f"answers.list.element.{name}" for name in _ANSWER)])
    if not (verdicts["id"].equals(answers["id"]) and verdicts["id"].equals(plan["id"])):
        raise CorruptBuild(f"{shard.root}: verdicts, answers and plan are of other samples")
    both = pl.concat([verdicts, answers.drop("id"), plan.drop("id")], how="horizontal")
    if not both.filter(pl.col("located").list.len() != pl.col("answers").list.len()).is_empty():
        raise CorruptBuild(f"{shard.root}: verdicts and answers differ in how many answers there are")
    probability = pl.element().struct
    found = pl.col("checks").list.eval(
        probability.field("score").filter(
            (probability.field("check") == CALIBRATED)
            & probability.field("outcome").is_in(["pass", "fail"])
            & probability.field("score").is_between(0, 1)
        )
    )
    said = both.select("id", calibrated=found.list.first())
    said = said.join(_pictures(both, role), on="id", how="left", maintain_order="left")
    return said.join(_counted(both, radius_km), on="id", how="left", maintain_order="left")


def _pictures(both: pl.DataFrame, role: str) -> pl.DataFrame:
    """id, picture: the first picture of the role that was decoded."""
    rows = both.select("id", "photos", picture=pl.int_ranges(pl.col("photos").list.len()))
    rows = rows.explode("photos", "picture").unnest("photos")
    return (
        rows.filter((pl.col("role") == role) & pl.col("refused").is_null())
        .unique("id", keep="first")
        .drop("role", "refused")
    )


def _counted(both: pl.DataFrame, radius_km: float) -> pl.DataFrame:
    """id, and how its answers were: see `judged`."""
    each = both.select("id", "uncertainty_km", "located", "answers").explode("located", "answers")
    each = each.filter(pl.col("located").is_not_null()).unnest("located", "answers")
    unread, km = pl.col("place").struct.field("unreadable"), pl.coalesce("distance_km", "named_distance_km")
    lost = unread.list.contains("localizable") | (pl.col("localizable") & km.is_null() & (unread.list.len() > 0))
    counts = ~pl.col("combined") & pl.col("failure").is_null() & (pl.col("saw_truth") == "none")
    near = (km <= radius_km + pl.col("uncertainty_km")).fill_null(False)
    told = each.filter(counts & pl.col("localizable").is_not_null() & ~lost.fill_null(False)).select(
        "id", "teacher", "localizable", near=near, yes=pl.col("localizable") & near
    )
    sums = [pl.col(name).cast(pl.Int64).sum() for name in ("localizable", "near", "yes")]
    teachers = told.group_by("id", "teacher").agg(*sums, answers=pl.len().cast(pl.Int64), share=pl.col("yes").mean())
    return teachers.group_by("id").agg(
        pl.col("localizable", "near", "yes", "answers").sum(),
        teachers=pl.len().cast(pl.Int64),
        share=pl.col("share").sort().mean(),  # sorted: sums of another order differ in the last bit
    )
