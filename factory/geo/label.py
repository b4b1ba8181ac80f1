"""Whole files labelled with country, region and city, or thinned to a sample of their rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import polars as pl
import pyarrow as pa

from factory.errors import RecipeError
from factory.geo.file_writers import new_file
from factory.geo.files import Batch, check_columns, points_of, read_batches, texts_of
from factory.geo.spherical import is_place

_In = TypeVar("_In")
_Out = TypeVar("_Out")
Progress = Callable[[int, float], None]
"""Told rows done and the share of the input read."""

BATCH_ROWS: Final = 1 << 16
"""One of `reverse`'s blocks."""
_THREADS: Final = 2
"""Batches under way at a time."""
_RENAMED: Final = {"country_code": "country", "city_distance_km": "city_km"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a labelled file holds."""

    rows: int
    with_country: int
    without_place: int
    """Rows whose coordinates are missing, no numbers or out of range."""
    columns: tuple[str, ...]
    marked: int = 0
    """Cells of a CSV or TSV that begin like a formula, and so got an apostrophe before them."""


def label_file(
    source: Path,
    target: Path,
    *,
    lat: str = "lat",
    lon: str = "lon",
    prefix: str = "geo_",
    worldview: str = "default",
    border: bool = False,
    batch_rows: int = BATCH_ROWS,
    progress: Progress = lambda rows, share: None,
) -> Labelled:
    """Writes `source` with the columns of `labels` added, row for row, in the format that the name of `target` says.

    Raises:
        RecipeError: a column is missing, one of ours is there already, or the output's name does not fit.
        SourceError: the input cannot be read.
    """
    name_columns = partial(labels, worldview=worldview, border=border)
    nowhere = pl.Series([None], dtype=pl.Float64)
    schema = _arrow(name_columns(nowhere, nowhere).rename(lambda name: prefix + name)).schema
    names: list[str] = schema.names
    check_columns(source, [lat, lon], names)
    rows = with_country = without_place = 0

    def label(batch: Batch) -> tuple[Batch, pl.DataFrame]:
        points = points_of(source, batch, lat, lon, refuse=names)
        return batch, name_columns(points["lat"], points["lon"])

    with new_file(target, source, schema) as write:
        for batch, found in _side_by_side(label, read_batches(source, rows=batch_rows)):
            write(batch.table, _arrow(found.rename(lambda name: prefix + name)))
            rows += found.height
            with_country += found["country"].count()
            without_place += int((found["place"] == "invalid").sum())
            progress(rows, batch.share_read)
    return Labelled(rows, with_country, without_place, tuple(names), write.marked)


def _side_by_side(work: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """`map` in order over a few threads, with no more items under way than threads."""
    with ThreadPoolExecutor(_THREADS) as threads:
        pending: deque[Future[_Out]] = deque()
        for item in items:
            pending.append(threads.submit(work, item))
            if len(pending) == _THREADS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def labels(
    lat: float | Sequence[float | None] | pl.Series | None,
    lon: float | Sequence[float | None] | pl.Series | None,
    *,
    worldview: str = "default",
    border: bool = False,
) -> pl.DataFrame:
    """`reverse` under the names that files carry: country (for country_code), city_km (for city_distance_km, to the
    metre), and as they are country_parent, admin1, region, city, place and the others.

    Args:
        lat, lon: as `reverse` takes them.
        border: also border_km, the distance to the nearest land border; it takes longer.

    Raises:
        RecipeError: for an unknown worldview.
    """
    from factory.geo.gazetteer import WORLDVIEWS
    from factory.geo.reverse import LEVELS, reverse

    if worldview not in WORLDVIEWS:
        raise RecipeError(f"there is no worldview {worldview!r}; choose one of {', '.join(WORLDVIEWS)}")
    found = reverse(lat, lon, worldview=worldview, levels=(*LEVELS, "border") if border else LEVELS)
    found = found.rename({old: new for old, new in _RENAMED.items() if old in found.columns})
    kilometres = [name for name in found.columns if name.endswith("_km") and found.schema[name].is_float()]
    return found.with_columns(pl.col(name).round(3) for name in kilometres)  # a metre is finer than any polygon


def read_points(
    source: Path,
    *,
    lat: str = "lat",
    lon: str = "lon",
    colour: str | None = None,
    progress: Progress = lambda rows, share: None,
) -> pl.DataFrame:
    """lat, lon of every row of a file (16 bytes a row in memory), null where they are no place.

    Longitudes one turn off are turned back.
    `colour` names a column to keep as text under that name. Raises as `label_file` does.
    """
    wanted = {"colour": colour} if colour else {}
    check_columns(source, [lat, lon, *wanted.values()])
    parts = [pl.DataFrame(schema={"lat": pl.Float64, "lon": pl.Float64} | dict.fromkeys(wanted, pl.String))]
    rows = 0
    for batch in read_batches(source, rows=BATCH_ROWS):
        points = points_of(source, batch, lat, lon)
        points = points.select(pl.when(is_place(pl.col("lat"), pl.col("lon"))).then(pl.all()).name.keep())
        parts.append(points.with_columns(texts_of(source, batch, name).alias(kept) for kept, name in wanted.items()))
        rows += points.height
        progress(rows, batch.share_read)
    return pl.concat(parts)


def write_rows(source: Path, target: Path, chosen: pl.DataFrame, *, prefix: str = "geo_") -> int:
    """Writes the rows of `source` that `chosen` names, in the order of the file, with `chosen`'s other columns added.
    Gives the number of cells that got a mark (`Labelled.marked`).

    Args:
        chosen: `row` (number in the file, each once) and the columns to add.
    """
    added = chosen.sort("row").rename(lambda name: name if name == "row" else prefix + name)
    names = [name for name in added.columns if name != "row"]
    check_columns(source, [], names)
    with new_file(target, source, _arrow(added.drop("row")).schema) as write:
        for batch in read_batches(source, rows=BATCH_ROWS):
            here = added.filter(pl.col("row").is_between(batch.first_row, batch.first_row + batch.table.num_rows - 1))
            if here.height:
                positions = (here["row"] - batch.first_row).to_arrow()
                write(batch.table.take(positions), _arrow(here.drop("row")))
    return write.marked


def _arrow(frame: pl.DataFrame) -> pa.Table:
    """With plain strings and no categories, which every reader of Parquet knows."""
    plain = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    table = plain.to_arrow(compat_level=pl.CompatLevel.oldest())
    fields = [field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))
