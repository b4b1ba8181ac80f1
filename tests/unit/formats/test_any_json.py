"""Whatever a file of rows holds, reading it ends in a record or in a reason, and writing it, too."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory.formats.kept import read_home, write_home
from factory.formats.known import FORMATS, format_of_row
from factory.formats.record import BadRow, Record
from factory.formats.tables import columns_of, table_row

TEXTS = st.sampled_from(
    ["", "-", "NA", "a", "<image>", "<image>\n", "image", "text", "user", "gpt", "1", "x.jpg", "../x"]
)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 1) | TEXTS
PARTS = st.lists(st.dictionaries(st.sampled_from(["type", "text", "x"]), SCALARS, max_size=2) | SCALARS, max_size=3)
TURNS = st.lists(
    st.dictionaries(st.sampled_from(["role", "content", "from", "value"]), SCALARS | PARTS, max_size=4) | SCALARS,
    max_size=3,
)
KEYS = st.sampled_from(
    [
        *(
            "id",
            "messages",
            "conversations",
            "images",
            "image",
            "system",
            "more",
            "response",
            "__#solution",
            "entities",
        ),
        *("IMG_ID", "LAT", "LON", "latitude", "city", "country", "image_path", "clues", "location", "points"),
        *("points_written", "qry_text", "qry_img_path", "pos_text", "pos_img_path", "licence", "videos"),
    ]
)
ROWS = st.dictionaries(KEYS, SCALARS | TURNS | PARTS | st.dictionaries(KEYS, SCALARS, max_size=3), max_size=8)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=300)
@given(row=ROWS)
def test_any_object_is_a_row_or_has_a_reason(name: str, row: dict[str, Any]) -> None:
    form = FORMATS[name]
    format_of_row(row)
    try:
        record = form.from_row(row, 0) if form.to_row is None else read_home(row, 0, form.from_row, form.to_row)
    except BadRow:
        return
    orjson.dumps(record.plain())
    if form.to_row is not None and not form.embeds:
        assert orjson.dumps(write_home(record, form.to_row)) == orjson.dumps(row)


MADE = st.dictionaries(st.sampled_from(["made", "was"]), SCALARS | TURNS, max_size=2)
FORMS = st.fixed_dictionaries(
    {"keys": st.lists(KEYS, max_size=5)},
    optional={
        **dict.fromkeys(("turns", "role", "content", "user", "assistant", "after", "system", "strings"), SCALARS),
        "kept": st.dictionaries(KEYS, SCALARS | MADE, max_size=2),
    },
)
"""Forms as a stranger's sidecar may have them, once it was looked at."""


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=300)
@given(row=ROWS, columns=st.dictionaries(KEYS, SCALARS | TURNS, max_size=5), spelt=FORMS)
@example(row={"id": None, "messages": []}, columns={}, spelt={"keys": [], "kept": {"id": {}}})
def test_any_record_is_written_or_has_a_reason(
    name: str, row: dict[str, Any], columns: dict[str, Any], spelt: dict[str, Any]
) -> None:
    """Records of conversations that any format was read from, with columns and a spelling of any kind."""
    form = FORMATS[name]
    for source in ("sharegpt", "trl", "ngcg"):
        try:
            found = FORMATS[source].from_row(row, 0)
        except BadRow:
            continue
        told = {**found.columns, **columns}
        record = Record(found.id, found.messages, found.pictures, told, {**spelt, "format": name})
        try:
            if form.to_row is None:
                orjson.dumps(table_row(record, columns_of([record])))
            else:
                orjson.dumps(form.to_row(record, home=False))
                orjson.dumps(write_home(record, form.to_row))
        except BadRow:
            continue
