"""What `convert` is given: a release, a folder that it wrote itself, or one file of rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import RecipeError, SourceError
from factory.formats.convert import INFO, Part, Source
from factory.formats.json_rows import json_rows
from factory.formats.known import FORMATS, RELEASE, Format, format_called, format_of_columns, format_of_row
from factory.formats.record import BadRow, Record
from factory.formats.rows_in import Left, held_rows, records_of
from factory.sources.csv_table import read_header
from factory.sources.paths import locate
from factory.store.files import no_file, read_json
from release.configs import is_ids
from release.folder import release_folder
from release.manifest import MANIFEST
from release.read import DamagedRelease, Release, open_release
from schemas.parquet_bounds import refuse_bomb

_BY_ENDING = {".csv": "csv", ".parquet": "parquet", ".tar": "tar"}


def open_source(path: Path, *, called: str | None, images: Path | None) -> Source:
    """What a path holds.

    Args:
        called: the name of its format, where the user says it.
        images: folder of pictures that lie beside rows.

    Raises:
        RecipeError: there is nothing, or nobody can tell its format.
        SourceError: it cannot be read.
    """
    if (odd := no_file(path)) is not None:
        raise RecipeError(f"{path}: is {odd}; expected a file of rows, a release, or a folder that `convert` wrote")
    if images is not None and not images.is_dir():
        raise RecipeError(f"--images {images}: there is no such folder")
    if path.is_dir():
        return _folder(path, called, images)
    if not path.is_file():
        raise RecipeError(f"{path}: there is no such file")
    if called == RELEASE:
        raise RecipeError(f"{path}: is a file; a release is a folder with {MANIFEST}")
    form = format_called(called, option="--from") if called else _seen(path)
    left = Left()
    part = Part("data", partial(records_of, path, form, images, left))
    return Source(form.name, (part,), path.parent, left)


def _folder(path: Path, called: str | None, images: Path | None) -> Source:
    if (path / INFO).is_file():
        return _converted(path, called, images)
    if called not in (None, RELEASE):
        raise RecipeError(f"{path}: is a folder; name the file of rows in it that is {called}")
    try:
        root = release_folder(path)
    except RecipeError:
        raise RecipeError(f"{path}: is no release (no {MANIFEST}) and no folder of `convert` ({INFO})") from None
    try:
        opened = open_release(root)
        names = [str(one["name"]) for one in opened.manifest.get("configs") or ()]
        apart = [open_release(root, config=name) for name in names if is_ids(name)]
    except DamagedRelease as error:
        raise SourceError(str(error)) from None
    parts = tuple(Part(split, partial(_released, opened, split)) for split in opened.splits)
    return Source(RELEASE, parts, root, withheld=sum(sum(one.splits.values()) for one in apart))


def _released(release: Release, split: str) -> Iterator[tuple[str, Record | BadRow]]:
    try:
        yield from held_rows(release.rows(split), split)
    except DamagedRelease as error:
        raise SourceError(str(error)) from None


def _converted(path: Path, called: str | None, images: Path | None) -> Source:
    told = read_json(path / INFO, "convert its source again")
    try:
        form = format_called(str(told["format"]), option=f"{path / INFO}: format")
        listed = [(str(one["part"]), str(one["path"])) for one in told["files"]]
    except (KeyError, TypeError) as error:
        raise SourceError(f"{path / INFO}: does not say which files there are ({error!r})") from None
    if called not in (None, form.name):
        raise RecipeError(f"--from {called}: {path / INFO} says {form.name}")
    left, files = Left(), dict[str, list[Path]]()
    for part, name in listed:
        if not part.replace("_", "").replace("-", "").isalnum() or not part.isascii() or len(part) > 64:
            raise SourceError(f"{path / INFO}: {part!r} is no name of a part")
        files.setdefault(part, []).append(locate(path, name))
    parts = tuple(Part(part, partial(_of_files, each, form, images or path, left)) for part, each in files.items())
    return Source(form.name, parts, path, left)


def _of_files(files: list[Path], form: Format, images: Path, left: Left) -> Iterator[tuple[str, Record | BadRow]]:
    for file in files:
        yield from records_of(file, form, images, left)


def _seen(path: Path) -> Format:
    """The format of a file, by its ending and its first row."""
    found: str | None = None
    kind = _BY_ENDING.get(path.suffix.lower())
    if kind == "tar":
        found = "webdataset"
    elif kind == "csv":
        try:
            names = read_header(path, label=path.name, encoding="utf-8-sig", delimiter=",").names
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: cannot be read ({error})") from None
        found, what = format_of_columns(names), f"its columns are {', '.join(names)[:200]}"
        found = None if found == "parquet" else found
    elif kind == "parquet":
        names = _parquet_names(path)
        found, what = format_of_columns(names), f"its columns are {', '.join(names)[:200]}"
        found = None if found == "mp16-reason-test" else found
    else:
        first = [row for _, row in islice(json_rows(path), 1)]
        if not first:
            raise RecipeError(f"{path}: holds no row; say its format with --from")
        found, what = format_of_row(first[0]), f"its first row has the keys {', '.join(first[0])[:200]}"
    if found is None:
        raise RecipeError(f"{path}: cannot tell its format ({what}); say it with --from: {', '.join(FORMATS)}")
    return FORMATS[found]


def _parquet_names(path: Path) -> list[str]:
    try:
        refuse_bomb(path)
        with pq.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            return names
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from None
