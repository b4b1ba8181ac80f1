"""Parquet files with page checksums: written durably, read verified."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory.errors import CorruptBuild
from factory.store.files import PRIVATE, durable
from schemas.parquet_bounds import refuse_bomb

MAX_BYTES = 2_000_000_000
"""A table of a build may unpack to so many bytes however small it is: teachers that say one word again and again for
2,000 samples must not make its ledger unreadable."""
ROW_GROUP = 32_768
"""Rows in a row group: a shard reads its samples from a plan of millions without decoding the others."""


NAMED: Final = "`factory check` names every damaged file"
"""The end of a message about a damaged table where nobody says more."""


def read_table(path: Path, schema: pa.Schema, remedy: str = NAMED) -> pl.DataFrame:
    """One Parquet file with its page checksums verified. Raises CorruptBuild naming the file and the remedy."""
    return read_tables([path], schema, remedy)


def read_tables(paths: Sequence[Path], schema: pa.Schema, remedy: str = NAMED) -> pl.DataFrame:
    """Several Parquet files of one schema, in the order given; an empty frame for none."""
    tables = [read_arrow(path, schema, remedy=remedy) for path in paths]
    frame = pl.from_arrow(pa.concat_tables(tables) if tables else schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_arrow(
    path: Path,
    schema: pa.Schema,
    *,
    shard: int | None = None,
    columns: Sequence[str] | None = None,
    remedy: str = NAMED,
) -> pa.Table:
    """`read_table` as an Arrow table: polars has no struct within a struct that may be null.

    Args:
        shard: of a table with this column, only the rows of one shard; other row groups are not read.
        columns: which of the schema's are read; all by default.
        remedy: what is said of a damaged one.
    """
    filters = None if shard is None else [("shard", "=", shard)]
    with _damage_named(path, remedy):
        refuse_parquet_bomb(path)
        return pq.read_table(
            path,
            schema=schema,
            columns=columns if columns is None else list(columns),
            filters=filters,
            page_checksum_verification=True,
            partitioning=None,
        )


def read_all(path: Path, schema: pa.Schema, remedy: str = NAMED) -> list[dict[str, Any]]:
    """All rows as plain data; none where there is no file. Raises CorruptBuild naming a damaged one and the remedy."""
    rows: list[dict[str, Any]] = read_arrow(path, schema, remedy=remedy).to_pylist() if path.exists() else []
    return rows


def read_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """Some columns of a Parquet file, members of structs by their dotted name. Raises CorruptBuild naming the file,
    also where it lacks one of them."""
    with _damage_named(path), _opened(path) as file:
        table = file.read(columns=list(columns))
        if lacking := {name.partition(".")[0] for name in columns} - {*table.column_names}:
            raise ValueError(f"has no column `{min(lacking)}`")
        frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def beside(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """A left join on the id. Files of a whole build stand in plan order, and then it takes no memory of its own.

    Raises polars.exceptions.DuplicateError where both have a column of one name: one would hide the other.
    """
    if twice := {*left.columns} & {*right.columns} - {"id"}:
        raise pl.exceptions.DuplicateError(f"both sides have {', '.join(sorted(twice))}")
    if right.is_empty():
        return left.with_columns(pl.lit(None, kind).alias(name) for name, kind in right.drop("id").schema.items())
    if right.height > left.height:
        right = right.filter(pl.col("id").is_in(left["id"].implode()))
    if left["id"].equals(right["id"]):
        return left.hstack(right.drop("id"))
    return left.join(right, on="id", how="left", maintain_order="left")


def of_ids(table: pa.Table, ids: Collection[str]) -> pa.Table:
    """The rows of some samples."""
    return table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(ids), pa.string())))


def column_names(path: Path, remedy: str = NAMED) -> list[str]:
    """The columns of a Parquet file. Raises CorruptBuild naming the file and the remedy."""
    with _damage_named(path, remedy):
        return list(pq.read_schema(path).names)


def read_rows(path: Path, columns: Sequence[str], ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """The rows of some samples as plain data, by id, a row group at a time: texts of the others are not kept.

    Args:
        columns: `id` and what else is wanted; members of structs by their dotted name.
        ids: samples; one that is not there is left out.

    Raises CorruptBuild naming the file.
    """
    wanted = pa.array(sorted(ids), pa.string())
    found: dict[str, dict[str, Any]] = {}
    with _damage_named(path), _opened(path) as file:
        for group in range(file.num_row_groups):
            if not pc.any(pc.is_in(file.read_row_group(group, ["id"])["id"], value_set=wanted)).as_py():
                continue
            rows = file.read_row_group(group, list(columns))
            for row in rows.filter(pc.is_in(rows["id"], value_set=wanted)).to_pylist():
                found.setdefault(row["id"], row)
    return found


def refuse_parquet_bomb(path: Path) -> None:
    """`schemas.parquet_bounds.refuse_bomb`, once for each state of a file: a process reads a plan for every shard.

    Raises ValueError, OSError and pyarrow.ArrowException as it does.
    """
    found = path.stat()
    _refuse_bomb_then(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=4096)
def _refuse_bomb_then(path: Path, size: int, modified_ns: int) -> None:
    refuse_bomb(path, small=MAX_BYTES)


def _opened(path: Path) -> pq.ParquetFile:
    refuse_parquet_bomb(path)
    return pq.ParquetFile(path, page_checksum_verification=True)


@contextmanager
def _damage_named(path: Path, remedy: str = NAMED) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CorruptBuild(f"{path}: cannot be read ({error}); {remedy}") from error


def with_same(ids: pl.Series, values: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """A table of some samples that differ in their `id` alone; what `values` does not name is null."""
    if ids.is_empty():
        return schema.empty_table()
    # `pa.repeat` appends one nested value after the other; taking the same one again and again does not.
    first = pl.zeros(len(ids), dtype=pl.Int32, eager=True).to_arrow()
    columns = [
        ids.to_arrow().cast(field.type)
        if field.name == "id"
        else pa.array([values.get(field.name)], field.type).take(first)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def write_table(table: pa.Table, path: Path, *, mode: int = PRIVATE) -> None:
    """Parquet with page checksums, durable before it has its name."""
    with durable(path, mode=mode) as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            write_page_checksum=True,
            write_page_index=True,
            row_group_size=ROW_GROUP,
        )
