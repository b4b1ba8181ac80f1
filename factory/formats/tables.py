"""Rows of Parquet files and WebDataset tars: `id`, `images`, `messages`, columns with one type each, and `more`.

`datasets` gives a column one type for all rows and refuses a text after nulls. So a column of its own is what every row
has, of one plain type; all else stands in `more`, a JSON object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from factory.formats.chats import parts_of
from factory.formats.record import BadRow, Picture, Record, need, refuse_other_count
from schemas.plain_json import read_json

OWN: Final = ("id", "images", "messages", "more")
Columns = dict[str, type]
"""Columns of a table, with the type of their values: text, whole numbers, numbers, flags."""
_PLAIN: Final = (str, int, float, bool)


def columns_of(records: Iterable[Record]) -> Columns:
    """The columns that every record has with a value of one plain type."""
    found: Columns | None = None
    for record in records:
        here = {
            name: type(value) for name, value in record.columns.items() if type(value) in _PLAIN and name not in OWN
        }
        found = here if found is None else {name: kind for name, kind in found.items() if here.get(name) is kind}
    return found or {}


def table_row(record: Record, columns: Columns) -> dict[str, Any]:
    """A record as a row of a table with these columns; its pictures by their paths."""
    rest = {name: value for name, value in record.columns.items() if name not in columns}
    row = {"id": record.id, "images": [picture.path for picture in record.pictures], "messages": record.messages}
    return (
        row | {name: record.columns[name] for name in columns} | {"more": orjson.dumps(rest).decode() if rest else "{}"}
    )


def table_record(row: Mapping[str, Any], number: int, name: str) -> Record:
    """Its way back; of a foreign table, every column that JSON can say."""
    messages = [
        {"role": need(one, "role", str, what=f"turn {at}"), "content": parts_of(one.get("content"), f"turn {at}")}
        for at, one in enumerate(_objects(need(row, "messages", list, what=name)))
    ]
    columns = {key: value for key, value in row.items() if key not in OWN}
    if "more" in row:
        columns |= _more(row["more"])
    paths = [path if isinstance(path, str) else f"{number:06d}.{at}" for at, path in enumerate(row.get("images") or ())]
    called = row["id"] if isinstance(row.get("id"), str) else f"{number:06d}"
    if "id" in row and not isinstance(row["id"], str):
        columns["id"] = row["id"]
    try:
        orjson.dumps(columns)
    except TypeError as error:
        raise BadRow(f"a column holds what no JSON says ({error})") from None
    record = Record(called, messages, tuple(map(Picture, paths)), columns, {"format": name, "keys": [*row]})
    refuse_other_count(record)
    return record


def _objects(turns: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    if not all(isinstance(one, Mapping) for one in turns):
        raise BadRow("`messages` holds what is no message")
    return turns


def _more(text: Any) -> dict[str, Any]:
    try:
        found = read_json(text.encode()) if isinstance(text, str) else {} if text is None else text
    except ValueError as error:
        raise BadRow(f"`more` is no JSON object ({error})") from None
    if not isinstance(found, dict):
        raise BadRow("`more` is no JSON object")
    return found
