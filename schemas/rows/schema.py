"""What all released rows share, and how a family's row is described: columns, notes, which may be unknown, its card.

Parquet holds unknown values as null. JSON inside WebDataset tars holds unknown text as "": `datasets` guesses the types
from the first five samples and refuses a text that comes after nulls. The Arrow schema itself calls every column
nullable: `datasets` shows the images of a file only when its schema equals the one of its features, which know nothing
else.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Final, get_args

import pyarrow as pa

from schemas.record import SawTruth
from schemas.rows.json_text import json_reader

IMAGE: Final = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""`datasets.Image` as it is stored: the encoded file and a name."""

MESSAGE: Final = pa.struct(
    [
        pa.field("role", pa.string()),
        pa.field("content", pa.list_(pa.struct([pa.field("type", pa.string()), pa.field("text", pa.string())]))),
    ]
)
"""One turn as TRL and chat templates read it: parts of type `image` (no text) or `text`; the n-th image part is the
n-th of `images`."""

CHECK: Final = pa.struct(
    [
        pa.field("check", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("reason", pa.string()),
    ]
)

PEOPLE_FIELDS: Final = ("decision", "by", "at", "rule", "changed")
PEOPLE: Final[tuple[pa.DataType, str]] = (
    pa.struct([pa.field(name, pa.string()) for name in PEOPLE_FIELDS]),
    "what people decided: decision, by whom (pseudonyms), when, by which rule, what they changed (text, clues, place, "
    "blurred); empty where nobody did",
)
"""The column `people` of a row: type and note. The release fills it in, not the family."""
ANSWERS: Final[tuple[pa.DataType, str]] = (
    pa.list_(
        pa.struct(
            [
                *(pa.field(name, pa.string()) for name in ("teacher", "model")),
                pa.field("draw", pa.int32()),
                pa.field("combined", pa.bool_()),
                *(pa.field(name, pa.string()) for name in ("saw_truth", "failure", "country", "region", "city")),
                *(pa.field(name, pa.float64()) for name in ("lat", "lon", "confidence", "distance_km")),
                *(pa.field(name, pa.string()) for name in ("reasoning", "more")),
                pa.field("requests", pa.list_(pa.string())),
            ]
        )
    ),
    "what every teacher answered, right or wrong: the place in its words, its distance to the truth in km, its "
    "text; `more` is JSON of all else that the family read of the reply; `failure` says why there is nothing",
)
"""The column `answers` of families that ask: type and note. The release fills it in, too."""
FILLED: Final = ("answers", "people", "split")
"""Columns that the release fills in."""

SHARED: Final[Mapping[str, tuple[pa.DataType, str]]] = {
    "id": (pa.string(), "the source's id of the photo; a sample's further rows are `id/2`, `id/3`, ..."),
    "images": (pa.list_(IMAGE), "JPEGs, in the order in which `messages` shows them"),
    "messages": (pa.list_(MESSAGE), "the conversation as it should be learnt: system, user with the images, assistant"),
    "saw_truth": (pa.string(), "how much of the truth was shown to who wrote it: none, country or place"),
    "split": (pa.string(), "train, validation or test"),
}
"""Columns that every family's row has: type and note."""


@dataclass(frozen=True)
class RowSchema:
    """The rows of one family. Columns hold what JSON can say, too: text, numbers, flags, and lists and structs of them.

    Raises ValueError where columns, notes and `nullable` do not fit each other.
    """

    family: str
    version: int
    """Raise it when a column's name, order or type changes."""
    columns: pa.Schema
    """All columns, those of `SHARED` included, in the order of the files."""
    notes: Mapping[str, str]
    """What each column holds, for the dataset card; one entry may speak for several columns (`lat, lon`)."""
    nullable: frozenset[str] = field(default_factory=frozenset)
    """Columns that may be unknown."""
    truth_in_messages: SawTruth = "none"
    """How much of the truth `messages` may tell before the last assistant turn."""
    summary: str = "rows"
    """What the rows are, in the words that follow their number on the dataset card, without a full stop."""
    about: str = ""
    """A paragraph of the card below the table of columns: who else reads them, whose words stand where. Markdown."""
    made: str = ""
    """A paragraph of the card on how the rows were made and what the checks compared. Markdown."""
    part: str = ""
    """Which part of a family of several these rows are: its configuration and folder in a release are called so."""

    def __post_init__(self) -> None:
        names = self.columns.names
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"rows of {self.family}: columns share a name: {', '.join(sorted(twice))}")
        for name, (kind, _) in SHARED.items():
            if name not in names or not self.columns.field(name).type.equals(kind):
                raise ValueError(f"rows of {self.family}: expected a column `{name}` of type {kind}")
        noted = {name.strip() for entry in self.notes for name in entry.split(",")}
        if odd := noted ^ set(names):
            raise ValueError(f"rows of {self.family}: notes and columns differ in {', '.join(sorted(odd))}")
        if unknown := self.nullable - set(names):
            raise ValueError(f"rows of {self.family}: nullable names no column {', '.join(sorted(unknown))}")
        if self.truth_in_messages not in get_args(SawTruth):
            raise ValueError(f"rows of {self.family}: truth_in_messages is {self.truth_in_messages!r}")
        if self.part and not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", self.part):
            raise ValueError(f"rows of {self.family}: part is {self.part!r}, expected small letters and digits")
        _ = self._converters

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: the fields, without what is derived from them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of all columns, in order."""
        return tuple(self.columns.names)

    @cached_property
    def json_keys(self) -> tuple[str, ...]:
        """Keys of a WebDataset sample's JSON, in order; its pictures are members of their own."""
        return tuple(name for name in self.columns.names if name != "images")

    @cached_property
    def own(self) -> tuple[str, ...]:
        """Columns that a family's row has when it is made, in order: all but `images` and those that are filled in."""
        return tuple(name for name in self.json_keys if name not in self.filled)

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """Columns that the release fills in: those of `FILLED`; a family may have a column `answers` of its own."""
        own = "answers" in self.json_keys and not self.columns.field("answers").type.equals(ANSWERS[0])
        return tuple(name for name in FILLED if name in self.json_keys and not (own and name == "answers"))

    def json_row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row as its WebDataset JSON: the schema's keys in its order, at every depth, unknown text as "".

        The same whether `values` come from a family, from Parquet or from JSON, so that files can be compared.

        Args:
            values: every column but `images`, which is left out. Fields of structs may be missing and are unknown then.

        Raises:
            ValueError: a column is missing, or a value is not of its column's type; names the column.
        """
        row = {}
        for name, convert in self._converters.items():
            try:
                row[name] = convert(values[name])
            except KeyError:
                raise ValueError(f"has no column {name}") from None
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return row

    @cached_property
    def _converters(self) -> dict[str, Callable[[Any], Any]]:
        try:
            return {name: _converter(self.columns.field(name).type) for name in self.json_keys}
        except ValueError as error:
            raise ValueError(f"rows of {self.family}: {error}") from None

    @cached_property
    def from_json(self) -> Callable[[bytes], dict[str, Any]]:
        """Reads what `json_row` was written to: see `schemas.rows.json_text`."""
        return json_reader(pa.schema([self.columns.field(name) for name in self.json_keys]))

    @classmethod
    def of(cls, family: str, version: int, columns: Mapping[str, tuple[pa.DataType, str]], **more: Any) -> RowSchema:
        """The schema of a family's own columns, each with its type and its note, between those that all rows share.

        Args:
            more: further fields: nullable, truth_in_messages, summary, ...
        """
        first = {name: SHARED[name] for name in ("id", "images")}
        last = {name: SHARED.get(name, PEOPLE) for name in ("messages", "saw_truth", "people", "split")}
        every = {**first, **columns, **last}
        arrow = pa.schema([pa.field(name, kind) for name, (kind, _) in every.items()])
        return cls(family, version, arrow, {name: note for name, (_, note) in every.items()}, **more)

    def plain(self) -> dict[str, Any]:
        """The schema as JSON, for a manifest: whoever has the files alone can check them. Survives sorted keys."""
        return {
            "family": self.family,
            "version": self.version,
            "columns": card_features(self.columns),
            "notes": dict(self.notes),
            "nullable": sorted(self.nullable),
            "truth_in_messages": self.truth_in_messages,
            "summary": self.summary,
            "about": self.about,
            "made": self.made,
            "part": self.part,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RowSchema:
        """The schema that `plain` describes. Raises ValueError, KeyError or TypeError for anything else."""
        texts = ("family", "truth_in_messages", "summary", "about", "made")
        if odd := [name for name in texts if not isinstance(plain[name], str)]:
            raise TypeError(f"{', '.join(odd)} of the row: expected text")
        columns = [pa.field(str(column["name"]), _arrow(column)) for column in plain["columns"]]
        return cls(
            plain["family"],
            int(plain["version"]),
            pa.schema(columns),
            {str(name): str(note) for name, note in plain["notes"].items()},
            frozenset(map(str, plain["nullable"])),
            plain["truth_in_messages"],
            plain["summary"],
            plain["about"],
            plain["made"],
            str(plain.get("part", "")),
        )


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    """What brings values of a type into the form `json_row` promises. Raises ValueError for a type without one.

    Every value of every row passes here, some of them four times on the way into a release: the usual type comes first.
    """
    if pa.types.is_list(kind):
        return _list_converter(_converter(kind.value_type))
    if pa.types.is_struct(kind):
        return _struct_converter({kind.field(i).name: _converter(kind.field(i).type) for i in range(kind.num_fields)})
    if pa.types.is_string(kind):
        return lambda value: value if type(value) is str else "" if value is None else _of(value, str)
    if pa.types.is_boolean(kind):
        return lambda value: _of(value, bool)
    if pa.types.is_integer(kind):
        return lambda value: value if type(value) is int else _of(value, int)
    if pa.types.is_float64(kind):
        return lambda value: value if type(value) is float or value is None else float(_of(value, float, int))
    if pa.types.is_float32(kind):
        return lambda value: None if value is None else _single(float(_of(value, float, int)))
    raise ValueError(f"a column of type {kind} cannot be written as JSON")


def _list_converter(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def converted(value: Any) -> Any:
        if type(value) is list:
            return [convert(item) for item in value]
        return None if value is None else [convert(item) for item in _of(value, list, tuple)]

    return converted


def _struct_converter(fields: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    pairs, names = tuple(fields.items()), fields.keys()

    def converted(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            _of(value, Mapping)
        if not value.keys() <= names:
            raise ValueError(f"has a field {min(value.keys() - names)!r} that the schema lacks")
        get = value.get
        return {name: convert(get(name)) for name, convert in pairs}

    return converted


def _of(value: Any, *kinds: type) -> Any:
    """The value, if it is unknown or of one of the kinds; a flag is no number."""
    if value is None or (isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)):
        return value
    raise ValueError(f"expected {kinds[0].__name__.lower()}, found {str(value)[:40]!r}")


def _single(value: float) -> float:
    """The number that a 32-bit column keeps of it."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        raise ValueError(f"{value} does not fit 32 bits") from None
    return rounded


def hub_features(schema: pa.Schema) -> dict[str, Any]:
    """The schema as `datasets` writes it into Parquet metadata, so that images are shown and decoded.

    Lists are written in the form that both old (2.x, 3.x) and new (4.x, 5.x) `datasets` read.
    """
    return {field.name: _feature(field.type) for field in schema}


def _feature(kind: pa.DataType) -> Any:
    if kind.equals(IMAGE):
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type) for i in range(kind.num_fields)}
    return {"dtype": _dtype(kind), "_type": "Value"}


def card_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The schema as `dataset_info.features` of a dataset card."""
    return [{"name": field.name, **_card_type(field.type)} for field in schema]


def _card_type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = _card_type(kind.value_type)
        return {"list": inner.get("dtype") or inner.get("struct") or inner}
    if kind.equals(IMAGE):
        return {"dtype": "image"}
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return {"struct": [{"name": field.name, **_card_type(field.type)} for field in fields]}
    return {"dtype": _dtype(kind)}


MAX_DEPTH: Final = 16
"""Lists and structs inside each other; a manifest is foreign input."""


def _arrow(feature: Mapping[str, Any], depth: int = 0) -> pa.DataType:
    """The Arrow type of a column as `card_features` writes it."""
    if depth > MAX_DEPTH:
        raise ValueError(f"a column is nested more than {MAX_DEPTH} deep")
    inner = feature.get("list")
    if isinstance(inner, str):
        return pa.list_(_arrow({"dtype": inner}, depth + 1))
    if inner is not None:
        return pa.list_(_arrow({"struct": inner} if isinstance(inner, list) else inner, depth + 1))
    if "struct" in feature:
        return pa.struct([pa.field(str(field["name"]), _arrow(field, depth + 1)) for field in feature["struct"]])
    dtype = str(feature["dtype"])
    return IMAGE if dtype == "image" else pa.type_for_alias(dtype)


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64", "float": "float32"}.get(str(kind), str(kind))
