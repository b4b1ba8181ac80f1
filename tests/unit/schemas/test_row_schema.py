from __future__ import annotations

import io
import pickle
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rows.json_text import json_reader
from schemas.rows.mp16_reason import ROW
from schemas.rows.schema import MAX_DEPTH, SHARED, RowSchema, card_features

SHARED_FIELDS = [pa.field(name, kind) for name, (kind, _) in SHARED.items()]
SHARED_NOTES = {name: note for name, (_, note) in SHARED.items()}
BASE: dict[str, Any] = {"id": "a", "messages": [], "saw_truth": "none", "split": "train"}


def schema(kind: pa.DataType) -> RowSchema:
    """A row with one column `x` beside the shared ones."""
    return RowSchema("small", 1, pa.schema([*SHARED_FIELDS, pa.field("x", kind)]), {**SHARED_NOTES, "x": "its x"})


def written(kind: pa.DataType, value: Any) -> Any:
    return schema(kind).json_row({**BASE, "x": value})["x"]


NESTED = pa.struct(
    [
        pa.field("zeta", pa.string()),
        pa.field("alpha", pa.list_(pa.struct([pa.field("b", pa.string()), pa.field("a", pa.float32())]))),
        pa.field("many", pa.list_(pa.list_(pa.int64()))),
        pa.field("flag", pa.bool_()),
    ]
)


@pytest.mark.parametrize("row", [ROW, schema(NESTED), schema(pa.list_(pa.string()))])
def test_a_schema_survives_a_manifest_with_sorted_keys(row: RowSchema) -> None:
    read = RowSchema.from_plain(orjson.loads(orjson.dumps(row.plain(), option=orjson.OPT_SORT_KEYS)))
    assert read.columns.equals(row.columns)
    assert read.plain() == row.plain()


@pytest.mark.parametrize(
    "change",
    [
        {"columns": [{"name": "id", "dtype": "string"}]},
        {"columns": [*card_features(ROW.columns), {"name": "x", "dtype": "decimal"}]},
        {"columns": [*card_features(ROW.columns), {"name": "id", "dtype": "string"}]},
        {"notes": {}},
        {"nullable": ["nothing"]},
        {"truth_in_messages": "all"},
        {"version": "two"},
        {"family": 1},
        {"about": None},
    ],
)
def test_a_description_of_no_rows_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        RowSchema.from_plain({**ROW.plain(), **change})


def test_a_bottomless_column_is_refused() -> None:
    column: Any = "string"
    for _ in range(MAX_DEPTH + 2):
        column = {"list": column}
    plain = {**ROW.plain(), "columns": [*card_features(ROW.columns), {"name": "x", **column}]}
    with pytest.raises(ValueError, match="nested more than"):
        RowSchema.from_plain(plain)


@pytest.mark.parametrize("kind", [pa.binary(), pa.timestamp("ms"), pa.list_(pa.decimal128(5))])
def test_a_column_that_json_cannot_say_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        schema(kind)


def test_unknown_text_is_empty_at_every_depth_and_other_unknowns_stay() -> None:
    value = {"alpha": [{"a": 1}, None], "many": [[1], None], "flag": None}
    assert written(NESTED, value) == {
        "zeta": "",
        "alpha": [{"b": "", "a": 1.0}, None],
        "many": [[1], None],
        "flag": None,
    }
    assert written(pa.string(), None) == ""
    assert written(pa.list_(pa.string()), [None, "a"]) == ["", "a"]
    assert written(pa.list_(pa.string()), None) is None


def test_keys_follow_the_schema_and_writing_twice_changes_nothing() -> None:
    row = schema(NESTED)
    once = row.json_row({"x": {"alpha": [], "zeta": "z"}, **BASE})
    assert tuple(once) == row.json_keys == ("id", "messages", "saw_truth", "split", "x")
    assert row.own == ("id", "messages", "saw_truth", "x")
    assert list(once["x"]) == ["zeta", "alpha", "many", "flag"]
    assert row.json_row(once) == once


def test_numbers_are_what_parquet_gives_back() -> None:
    kinds = {"a": pa.float32(), "b": pa.float64(), "c": pa.int32()}
    kind = pa.struct([pa.field(name, inner) for name, inner in kinds.items()])
    value = {"a": 0.1, "b": 3, "c": 7}
    (stored,) = pa.array([value], kind).to_pylist()
    assert orjson.dumps(written(kind, value)) == orjson.dumps(written(kind, stored))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (pa.string(), 1, "x: expected str, found '1'"),
        (pa.int64(), True, "x: expected int"),
        (pa.int64(), 1.0, "x: expected int"),
        (pa.float64(), "1", "x: expected float"),
        (pa.float64(), False, "x: expected float"),
        (pa.float32(), 1e300, "x: .* does not fit 32 bits"),
        (pa.bool_(), 1, "x: expected bool"),
        (pa.list_(pa.string()), "text", "x: expected list"),
        (NESTED, [], "x: expected mapping"),
        (NESTED, {"beta": 1}, "x: has a field 'beta' that the schema lacks"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: pa.DataType, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        written(kind, value)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="has no column x"):
        schema(pa.string()).json_row(BASE)


def test_a_schema_travels_to_another_process() -> None:
    read = pickle.loads(pickle.dumps(ROW))
    assert read.columns.equals(ROW.columns) and read.json_keys == ROW.json_keys and read.plain() == ROW.plain()


TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
INNER = st.fixed_dictionaries({}, optional={"b": TEXTS, "a": st.none() | st.floats(width=32, allow_nan=False)})
VALUES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "zeta": TEXTS,
        "alpha": st.none() | st.lists(st.none() | INNER),
        "many": st.none() | st.lists(st.none() | st.lists(st.integers(-(2**63), 2**63 - 1))),
        "flag": st.none() | st.booleans(),
    },
)


@given(VALUES)
def test_parquet_and_json_say_the_same(value: Any) -> None:
    row, file = schema(NESTED), io.BytesIO()
    made = {**BASE, "x": value}
    pq.write_table(pa.Table.from_pylist([{**made, "images": []}], schema=row.columns), file)
    (stored,) = pq.read_table(file).to_pylist()
    del stored["images"]
    text = orjson.dumps(row.json_row(made))
    assert orjson.dumps(row.json_row(stored)) == text
    assert orjson.dumps(row.json_row(orjson.loads(text))) == text


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        (b'{"a":"x","n":1,"r":0.5,"l":["y"],"s":{"t":""}}', False),
        (b'{"a":"","n":null,"r":null,"l":null,"s":null}', False),
        (b'{"a":null,"n":1,"r":0.5,"l":[],"s":null}', True),
        (b'{"a":"x","n":"1","r":0.5,"l":[],"s":null}', True),
        (b'{"a":"x","n":true,"r":0.5,"l":[],"s":null}', True),
        (b'{"a":"x","n":1.5,"r":0.5,"l":[],"s":null}', True),
        (b'{"a":"x","n":18446744073709551616,"r":0.5,"l":[],"s":null}', True),
        (b'{"a":"x","n":1,"r":"0.5","l":[],"s":null}', True),
        (b'{"a":"x","n":1,"r":NaN,"l":[],"s":null}', True),
        (b'{"a":"x","n":1,"r":0.5,"l":[[[]]],"s":null}', True),
        (b'{"a":"x","n":1,"r":0.5,"l":[],"s":{}}', True),
        (b'{"a":"x","n":1,"r":0.5,"l":[],"s":{"t":"","u":1}}', True),
        (b'{"a":"x","n":1,"r":0.5,"l":[]}', True),
        (b'{"a":"x","n":1,"r":0.5,"l":[],"s":null,"more":1}', True),
        (b"[]", True),
        (b"\xff", True),
        (b"[" * 100_000, True),
    ],
)
def test_the_json_of_a_row_is_of_its_columns_types_at_every_depth(text: bytes, odd: bool) -> None:
    columns = pa.schema(
        [
            ("a", pa.string()),
            ("n", pa.int64()),
            ("r", pa.float64()),
            ("l", pa.list_(pa.string())),
            ("s", pa.struct([("t", pa.string())])),
        ]
    )
    read = json_reader(columns)
    if odd:
        with pytest.raises(ValueError):
            read(text)
    else:
        assert read(text) == orjson.loads(text)
