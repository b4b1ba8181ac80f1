"""Evaluation sets a dataset must not contain: their tables, under whatever column names they were published.

A table may be CSV, Parquet or JSONL. Its columns are found by the names in use (`IMG_ID,AUTHOR,LAT,LON` of MP-16,
IM2GPS and IM2GPS3k, `id,latitude,longitude` of OSV-5M, `ID,LAT,LON` of NAVIG) or named in the recipe. The IM2GPS3k
file that circulates with LAT and LON swapped is recognised by its impossible latitudes and read the right way round.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from factory.errors import SourceError
from factory.geo.files import parted_otherwise
from factory.images.records import ImageRejected, ImageSettings, Prepared
from factory.images.worker import DecodeWorkers
from factory.processes import usable_cores
from factory.sources.csv_table import read_header
from factory.sources.json_lines import read_json_lines
from factory.store.files import file_digest
from schemas.parquet_bounds import refuse_bomb
from schemas.settings import PathSetting

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "img_id", "image_id", "file", "file_name", "filename", "image", "image_path", "key"),
    "author": ("author", "creator_id", "creator_username", "user", "owner"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "longitude"),
    "phash": ("phash", "image_phash"),
}
_IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})
_CHUNK: Final = 16
"""Images in one message to a decoder."""
_CHUNKS_AHEAD: Final = 3
"""Chunks under way for each decoder: what comes back holds pictures too, so this bounds memory."""


class Benchmark(BaseModel):
    """One evaluation set: a table, its images, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=64)
    """What reports call it."""
    table: Annotated[Path | None, PathSetting()] = None
    """CSV, Parquet or JSONL with ids, coordinates, authors, hashes: whichever it has are compared."""
    images: Annotated[Path | None, PathSetting()] = None
    """Folder of its images (JPEG, PNG, WebP, HEIC), searched recursively; hashed where pictures are compared."""
    skip_unreadable: bool = False
    """Go on although some of its images cannot be read, and are compared with nothing."""
    columns: dict[Literal["id", "author", "lat", "lon", "phash"], str] = Field(default_factory=dict)
    """Column names where they are not the usual ones; `phash` holds 16 hexadecimal digits."""


_ENTRY_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "What reports call it."},
        "table": {"type": "string", "description": "CSV, Parquet or JSONL with ids, coordinates, authors, hashes."},
        "images": {"type": "string", "description": "Folder of its images, searched recursively."},
        "skip_unreadable": {"type": "boolean", "description": "Go on although some of its images cannot be read."},
        "columns": {"type": "object", "propertyNames": {"enum": list(_NAMES)}},
    },
    "required": ["name"],
    "additionalProperties": False,
}

BenchmarkEntry = Annotated[Benchmark, WithJsonSchema(_ENTRY_SCHEMA)]
"""A Benchmark as a plug-in setting: its JSON Schema stands in one piece, as the recipe's schema needs it."""


def read_benchmark(benchmark: Benchmark) -> pl.DataFrame:
    """The set's table as benchmark, id, author, lat, lon (degrees), phash (uint64); null where it has none.

    Raises:
        SourceError: the table is missing, is not a table, has neither ids nor coordinates nor hashes, has one
            coordinate of two, or a value of these that cannot be read: no row would be compared with it.
    """
    if benchmark.table is None:
        return _empty()
    raw = _read_any(benchmark, benchmark.table)
    found = _find_columns(benchmark, raw)
    if not found.keys() & {"id", "lat", "phash"}:
        raise SourceError(
            f"{benchmark.table}: benchmark `{benchmark.name}` has no column with ids, coordinates or hashes; it has "
            f"{', '.join(raw.columns[:12])}{parted_otherwise(raw.columns)}: name them under `columns`"
        )
    if len(half := {"lat", "lon"} & found.keys()) == 1:
        raise SourceError(
            f"{benchmark.table}: benchmark `{benchmark.name}` has half of its coordinates, `{found[half.pop()]}`: no "
            f"distance would be looked at; it has {', '.join(raw.columns[:12])}: name both lat and lon, or say them "
            "under `columns`"
        )
    text = {name: pl.col(found[name]).cast(pl.String) for name in ("id", "author") if name in found}
    numbers = {name: _degrees(benchmark, raw, name, found[name]) for name in ("lat", "lon") if name in found}
    hashes = {"phash": pl.col(found["phash"]).cast(pl.String)} if "phash" in found else {}
    table = raw.select(pl.lit(benchmark.name).alias("benchmark"), **text, **numbers, **hashes)
    if "phash" in found:
        values = [_hash_value(value) for value in table["phash"]]
        odd = next(
            (at for at, (text, value) in enumerate(zip(table["phash"], values, strict=True)) if text and value is None),
            None,
        )
        if odd is not None:
            raise _odd(benchmark, odd, found["phash"], table["phash"][odd], "16 hexadecimal digits")
        table = table.with_columns(phash=pl.Series(values, dtype=pl.UInt64))
    return _unswapped(benchmark, pl.concat([_empty(), table], how="diagonal"))


def _degrees(benchmark: Benchmark, raw: pl.DataFrame, axis: str, column: str) -> pl.Series:
    """A coordinate of every row, null where a row has none. Raises SourceError for what is no number."""
    given = raw[column]
    read = given.cast(pl.Float64, strict=False)
    blank = (
        given.str.strip_chars() == "" if given.dtype == pl.String else pl.Series([False]).new_from_index(0, len(given))
    )
    odd = (given.is_not_null() & ~blank & ~(read.is_finite().fill_null(value=False))).arg_true()
    if len(odd):
        raise _odd(benchmark, odd[0], column, given[odd[0]], "degrees such as 48.8584")
    return read.alias(axis)


def _odd(benchmark: Benchmark, number: int, column: str, value: object, expected: str) -> SourceError:
    """What is said of a value that nothing could be compared with. Rows are counted from 1, behind a first line."""
    return SourceError(
        f"{benchmark.table}, row {number + 1}: benchmark `{benchmark.name}`: {value!r:.60} in `{column}`, so nothing "
        f"would be compared with this row; expected {expected}, or nothing"
    )


def image_hashes(benchmark: Benchmark) -> pl.DataFrame:
    """id (file name) and phash of every readable image under `images`, in order of their paths.

    Images go through the decode processes that the dataset's own photos go through, with the default limits and size:
    upright, in sRGB, so a photo and its rotated or converted copy have one hash.

    Raises:
        SourceError: the folder is missing, or an image in it cannot be read: no photo would be compared with it. With
            the benchmark's `skip_unreadable` that is allowed, as long as any can be read.
        EnvironmentFault: no decode process starts.
    """
    schema = {"id": pl.String, "phash": pl.UInt64}
    if benchmark.images is None:
        return pl.DataFrame(schema=schema)
    paths = _image_files(benchmark)
    found = list(zip(paths, _hashes(paths), strict=True))
    refused = [(path, result) for path, result in found if isinstance(result, ImageRejected)]
    if refused:
        counts = Counter(result.reason for _, result in refused)
        listed = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
        text = (
            f"{benchmark.images}: {len(refused)} of {len(paths)} images of benchmark `{benchmark.name}` cannot be read "
            f"({listed}), so no photo would be compared with them; the first is {refused[0][0].name}: "
            f"{refused[0][1].detail}. Mend them, or say `skip_unreadable: true` beside `images`"
        )
        if len(refused) == len(paths) or not benchmark.skip_unreadable:
            raise SourceError(text)
    hashes = [(path.name, result) for path, result in found if not isinstance(result, ImageRejected)]
    return pl.DataFrame(hashes, schema=schema, orient="row")


def benchmark_digest(benchmark: Benchmark) -> str:
    """sha256, as hex, of everything of a benchmark that can change what is released: its table's bytes, and name,
    size and bytes of each image. Where they lie and when they were written does not count.

    Raises:
        SourceError: the table or the folder is missing, or the folder holds no image.
    """
    table = None
    if benchmark.table is not None:
        try:
            table = file_digest(benchmark.table)
        except OSError as error:
            raise SourceError(
                f"{benchmark.table}: the table of benchmark `{benchmark.name}` cannot be read ({error.strerror})"
            ) from None
    images = []
    for path in _image_files(benchmark) if benchmark.images else ():
        name = os.fsencode(path.relative_to(benchmark.images or path).as_posix()).hex()
        try:
            images.append((name, path.stat().st_size, file_digest(path)))
        except OSError as error:
            raise SourceError(f"{path}: cannot be read ({error.strerror}); benchmark `{benchmark.name}`") from None
    return hashlib.sha256(json.dumps([table, sorted(images)]).encode()).hexdigest()


def _image_files(benchmark: Benchmark) -> list[Path]:
    """The image files under `images`, by their endings, in order. Raises SourceError when there is none."""
    folder = benchmark.images
    assert folder is not None
    if not folder.is_dir():
        raise SourceError(f"{folder}: benchmark `{benchmark.name}` expects a folder of images here")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _IMAGE_SUFFIXES and path.is_file())
    if not found:
        endings = ", ".join(sorted(_IMAGE_SUFFIXES))
        raise SourceError(f"{folder}: benchmark `{benchmark.name}` expects images here ({endings}) and there is none")
    return found


def _hashes(paths: Sequence[Path]) -> Iterator[int | ImageRejected]:
    """Each file's hash from a limited process, in order; a few chunks of pictures are in memory at a time."""
    chunks = iter([paths[at : at + _CHUNK] for at in range(0, len(paths), _CHUNK)])
    processes = max(1, min(usable_cores(), -(-len(paths) // _CHUNK)))
    with DecodeWorkers(processes, ImageSettings()) as workers:
        pending: deque[Future[list[Prepared | ImageRejected]]] = deque()
        while True:
            for chunk in islice(chunks, _CHUNKS_AHEAD * processes - len(pending)):
                pending.append(workers.submit_all(chunk))
            if not pending:
                return
            for image in pending.popleft().result():
                if isinstance(image, Prepared):
                    assert image.phash is not None  # all are decoded
                    yield image.phash
                else:
                    yield image


def _empty() -> pl.DataFrame:
    numbers = {"lat": pl.Float64(), "lon": pl.Float64(), "phash": pl.UInt64()}
    return pl.DataFrame(schema={"benchmark": pl.String(), "id": pl.String(), "author": pl.String(), **numbers})


def _read_any(benchmark: Benchmark, path: Path) -> pl.DataFrame:
    try:
        match path.suffix.lower():
            case ".parquet":
                refuse_bomb(path)
                return pl.scan_parquet(path, glob=False, hive_partitioning=False).collect()
            case ".jsonl" | ".ndjson":
                names = {name.lower() for name in (*chain(*_NAMES.values()), *benchmark.columns.values())}
                return read_json_lines(path, names, label=str(path), encoding="utf-8").drop("")
            case _:  # text only: "NA" stays Namibia and a long id stays what it is
                _refuse_packed(path)
                read_header(path, label=str(path), encoding="latin-1", delimiter=",")  # not wider than any table
                return pl.read_csv(path, glob=False, infer_schema=False, null_values=[""], encoding="utf8-lossy")
    except SourceError as error:
        raise SourceError(f"{error} (the table of benchmark `{benchmark.name}`)") from None
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{path}: the table of benchmark `{benchmark.name}` cannot be read ({first}); expected CSV, Parquet or "
            "JSONL"
        ) from None


def _refuse_packed(path: Path) -> None:
    """Raises ValueError for a CSV that polars would unpack without asking how large it becomes."""
    with path.open("rb") as file:
        if file.read(4).startswith(_PACKED):
            raise ValueError("is compressed; unpack it")


_PACKED: Final = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x28\xb5\x2f\xfd")
"""How gzip, zlib and Zstandard begin."""


def _find_columns(benchmark: Benchmark, raw: pl.DataFrame) -> dict[str, str]:
    by_lower = {column.lower(): column for column in reversed(raw.columns)}
    found = {
        meaning: by_lower[name] for meaning, names in _NAMES.items() for name in reversed(names) if name in by_lower
    }
    for meaning, column in benchmark.columns.items():
        if column not in raw.columns:
            raise SourceError(
                f"{benchmark.table}: benchmark `{benchmark.name}` has no column `{column}` (its {meaning}); it has "
                f"{', '.join(raw.columns[:12])}"
            )
        found[meaning] = column
    return found


def _hash_value(text: str | None) -> int | None:
    try:
        value = int(text, 16) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1 << 64 else None


def _unswapped(benchmark: Benchmark, table: pl.DataFrame) -> pl.DataFrame:
    """Exchanges lat and lon when some latitudes are impossible and every longitude could be one. Raises SourceError for
    a place that is impossible either way."""
    impossible = table.filter(pl.col("lat").abs() > 90).height
    if impossible and not table.filter(pl.col("lon").abs() > 90).height:
        return table.rename({"lat": "lon", "lon": "lat"}).select(table.columns)
    for axis, limit in (("lat", 90), ("lon", 180)):
        beyond = (table[axis].abs() > limit).fill_null(value=False).arg_true()
        if len(beyond):
            raise _odd(benchmark, beyond[0], axis, table[axis][beyond[0]], f"-{limit} to {limit}")
    return table
