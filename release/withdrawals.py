"""Errata: samples that may be released no more, by the file that the recipe names as `release.withdrawn`.

    id,sha256,author,reason,since
    p002,,,shows a person who asked to be left out,2026-05-01
    ,9f86d081...,,published without leave,2026-05-02
    ,,Jane Doe,the author asked,2026-06-01

Each line names samples by one of three: their id, the SHA-256 of a picture's source file, or their author. Every
release that is made with the file leaves them out and lists their ids in `withdrawn.parquet`, so that whoever has an
earlier one can follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from factory.errors import RecipeError
from factory.sources.csv_table import read_header
from factory.store.layout import Build
from factory.store.places import placed_plan
from factory.store.tables import read_columns
from schemas.parquet_bounds import refuse_bomb

WITHDRAWN: Final = "withdrawn.parquet"
SCHEMA: Final = pa.schema([pa.field(name, pa.string()) for name in ("id", "reason", "since")])
"""A sample that was withdrawn: its id, why, and the day since when, as people wrote them."""
NAMED_BY: Final = ("id", "sha256", "author")
_TOLD: Final = ("reason", "since")
_NONE: Final = pl.DataFrame(schema=dict.fromkeys((*NAMED_BY, *_TOLD), pl.String))


def read_withdrawals(path: Path) -> pl.DataFrame:
    """The lines of a file of withdrawals as id, sha256, author, reason, since: texts, null where a line has none.

    Raises RecipeError for a file that is none, with the line and the column.
    """
    lines = _lines(path)
    if odd := [name for name in lines.columns if name not in _NONE.columns]:
        raise RecipeError(f"{path}: has a column `{odd[0]}`; expected {', '.join(_NONE.columns)}")
    if lacking := [name for name in _TOLD if name not in lines.columns]:
        raise RecipeError(f"{path}: has no column `{lacking[0]}`; each line says why and since when")
    table = pl.concat([_NONE, lines.cast(pl.String)], how="diagonal")
    blank = pl.all().str.strip_chars()
    table = table.with_columns(pl.when(blank != "").then(blank).name.keep())
    for number, line in enumerate(table.iter_rows(named=True), start=2 if path.suffix.lower() != ".parquet" else 1):
        for fault in _line_faults(line):
            raise RecipeError(f"{path}: line {number}: {fault}")
    return table.with_columns(pl.col("sha256").str.to_lowercase())


def _lines(path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            refuse_bomb(path)
            return pl.scan_parquet(path, glob=False, hive_partitioning=False).collect()
        read_header(path, label=str(path), encoding="utf-8", delimiter=",")
        return pl.read_csv(path, glob=False, infer_schema=False, null_values=[""], encoding="utf8")
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecipeError(f"{path}: cannot be read ({first}); expected CSV or Parquet") from None


def _line_faults(line: dict[str, Any]) -> Iterator[str]:
    named = [name for name in NAMED_BY if line[name] is not None]
    if len(named) != 1:
        yield f"names {' and '.join(named) or 'nothing'}; expected one of {', '.join(NAMED_BY)}"
    if line["sha256"] is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", line["sha256"]):
        yield f"sha256 is {line['sha256']!r}, expected 64 hexadecimal digits"
    for name in _TOLD:
        if line[name] is None:
            yield f"has no {name}"
    try:
        date.fromisoformat(line["since"] or "")
    except ValueError:
        yield f"since is {line['since']!r}, expected a day such as 2026-05-01"


def withdrawn_samples(build: Build, lines: pl.DataFrame) -> pl.DataFrame:
    """id, reason, since of every sample that the lines name, once each, in order of the ids.

    Lines that name an id stand for it whether this build has the sample or not: an earlier release may have it.
    """
    found = [lines.filter(pl.col("id").is_not_null()).select("id", *_TOLD)]
    by_author = lines.filter(pl.col("author").is_not_null()).select("author", *_TOLD)
    if by_author.height:
        authors = placed_plan(build, "author").select("id", pl.col("author").str.strip_chars())
        found.append(authors.join(by_author, on="author").select("id", *_TOLD))
    by_hash = lines.filter(pl.col("sha256").is_not_null()).select("sha256", *_TOLD)
    if by_hash.height:
        found += [_digests(shard.answers).join(by_hash, on="sha256").select("id", *_TOLD) for shard in _answered(build)]
    return pl.concat(found).unique("id", keep="first", maintain_order=True).sort("id")


def _answered(build: Build) -> Iterator[Any]:
    return (shard for shard in build.paths.shards() if shard.answers.exists())


def _digests(answers: Path) -> pl.DataFrame:
    seen = read_columns(answers, ["id", "photos.list.element.sha256"]).explode("photos")
    return seen.select("id", sha256=pl.col("photos").struct.field("sha256"))
