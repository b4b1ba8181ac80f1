"""New files of rows: JSON lists and lines, CSV, Parquet, tars."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Final, Protocol

import orjson
import pyarrow as pa

from factory.formats.beside import ending
from factory.formats.known import Format
from factory.formats.record import ATTRIBUTION, BadRow, Record
from factory.formats.tables import Columns
from factory.store.files import write_all
from factory.store.ustar import END, member_parts
from release.files import sample_key
from release.parquet_files import open_writer
from schemas.rows.schema import IMAGE, MESSAGE, hub_features

FULL: Final = 1_000_000_000
"""Bytes of a tar behind which another is begun."""
GROUP_ROWS: Final = 1000
GROUP_BYTES: Final = 64_000_000
Data = Sequence[bytes | None]
"""Pictures of a row, None for those that are only named."""


class Writer(Protocol):
    """One open file of rows."""

    size: int
    """Bytes of a tar so far; 0 for files that are never full."""

    def write(self, row: Mapping[str, Any], pictures: Data) -> None: ...

    def close(self) -> None: ...


def open_rows(form: Format, file: IO[bytes], columns: Columns, keys: Sequence[str]) -> Writer:
    """A writer of a format's rows.

    Args:
        columns: of a table, see `tables.columns_of`.
        keys: of the first row, which a CSV's header says.
    """
    if form.store == "csv":
        return _Csv(file, keys)
    if form.store == "tar":
        return _Tar(file)
    if form.store == "parquet":
        return _Parquet(file, MP16 if form.name == "mp16-reason" else table_schema(columns))
    return _Json(file, as_list=form.store == "list")


class _Json:
    def __init__(self, file: IO[bytes], *, as_list: bool) -> None:
        self._file, self._list, self._rows, self.size = file, as_list, 0, 0

    def write(self, row: Mapping[str, Any], pictures: Data) -> None:
        begin = b"" if not self._list else b",\n" if self._rows else b"[\n"
        self._rows += 1
        self._file.write(begin + orjson.dumps(row) + (b"" if self._list else b"\n"))

    def close(self) -> None:
        if self._list:
            self._file.write(b"\n]\n" if self._rows else b"[]\n")


class _Csv:
    def __init__(self, file: IO[bytes], keys: Sequence[str]) -> None:
        self._file, self._keys, self.size = file, [*keys], 0
        self._put(self._keys)

    def write(self, row: Mapping[str, Any], pictures: Data) -> None:
        if [*row] != self._keys:
            raise BadRow(f"has the columns {', '.join(row)}; the first row has {', '.join(self._keys)}")
        self._put([row[key] for key in self._keys])

    def close(self) -> None:
        self._file.flush()

    def _put(self, cells: Sequence[str]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._file.write(text.getvalue().encode())


MP16: Final = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("response", pa.string()),
        pa.field("__#solution", pa.string()),
        pa.field("images", pa.list_(IMAGE)),
        pa.field("entities", pa.list_(pa.struct([pa.field("text", pa.string())]))),
        *(pa.field(name, pa.string()) for name in ATTRIBUTION),
    ]
)
"""Rows of MP16-Reason, with an id and whose pictures they are."""
_ARROW: Final[Mapping[type, Callable[[], pa.DataType]]] = {
    str: pa.string,
    int: pa.int64,
    float: pa.float64,
    bool: pa.bool_,
}


def table_schema(columns: Columns) -> pa.Schema:
    """Of a Parquet file with these columns."""
    own = [pa.field(name, _ARROW[kind]()) for name, kind in columns.items()]
    first = [pa.field("id", pa.string()), pa.field("images", pa.list_(IMAGE)), pa.field("messages", pa.list_(MESSAGE))]
    return pa.schema([*first, *own, pa.field("more", pa.string())])


class _Parquet:
    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        features = orjson.dumps({"info": {"features": hub_features(schema)}}).decode()
        self._schema = schema.with_metadata({"huggingface": features})
        self._writer = open_writer(file, self._schema)
        self._rows: list[dict[str, Any]] = []
        self._held = self.size = 0

    def write(self, row: Mapping[str, Any], pictures: Data) -> None:
        images = [{"bytes": data, "path": path} for data, path in zip(pictures, row["images"], strict=True)]
        self._rows.append({**row, "images": images})
        self._held += sum(len(data or b"") for data in pictures)
        if len(self._rows) >= GROUP_ROWS or self._held >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema), row_group_size=GROUP_ROWS)
        self._rows, self._held = [], 0


class _Tar:
    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._number, self.size = file, 0, 0

    def write(self, row: Mapping[str, Any], pictures: Data) -> None:
        key = sample_key(self._number)
        self._number += 1
        parts: list[bytes] = []
        there = [(data, path) for data, path in zip(pictures, row["images"], strict=True) if data is not None]
        for at, (data, path) in enumerate(there):
            stem = key if len(there) == 1 else f"{key}.{at}"
            parts += member_parts(f"{stem}.{ending(data, path)}", data)
        parts += member_parts(f"{key}.json", orjson.dumps(row))
        self._write(parts)

    def close(self) -> None:
        self._write([END])

    def _write(self, parts: Sequence[bytes]) -> None:
        self.size += sum(map(len, parts))
        self._file.flush()
        write_all(self._file.fileno(), parts)


def dataset_info(record: Record, files: Mapping[str, str], *, home: bool, seen: bool) -> dict[str, Any]:
    """LLaMA-Factory's `dataset_info.json` for files of ShareGPT.

    Args:
        record: one of them, whose spelling the others share where it comes home.
        files: names of files by name of data set.
        seen: whether any row has pictures.
    """
    from factory.formats.chats import SHAREGPT, own_spelling

    form = {**SHAREGPT, **own_spelling(record.form, SHAREGPT)} if home else SHAREGPT
    columns = {"messages": form["turns"], **({"images": "images"} if seen else {})}
    columns |= {"system": "system"} if form["system"] else {}
    tags = {"role_tag": form["role"], "content_tag": form["content"]}
    tags |= {"user_tag": form["user"], "assistant_tag": form["assistant"], "system_tag": "system"}
    entry = {"formatting": "sharegpt", "columns": columns, "tags": tags}
    return {name: {"file_name": file, **entry} for name, file in files.items()}
