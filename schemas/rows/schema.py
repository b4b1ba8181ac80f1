"""What all released rows share, and how a family's row is described: columns, notes, which may be unknown.

Parquet holds unknown values as null. JSON inside WebDataset tars holds unknown text as "": `datasets` guesses the types
from the first five samples and refuses a text that comes after nulls. The Arrow schema itself calls every column
nullable: `datasets` shows the images of a file only when its schema equals the one of its features, which know nothing
else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from schemas.record import SawTruth

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

SHARED: Final[Mapping[str, tuple[pa.DataType, str]]] = {
    "id": (pa.string(), "the source's id of the photo; a sample's further rows are `id/2`, `id/3`, ..."),
    "images": (pa.list_(IMAGE), "JPEGs, in the order in which `messages` shows them"),
    "messages": (pa.list_(MESSAGE), "the conversation as it should be learnt: system, user with the images, assistant"),
    "saw_truth": (pa.string(), "how much of the truth was shown to who wrote it: none, country or place"),
    "split": (pa.string(), "train, validation or test"),
}
"""Columns that every family's row has: type and note."""


@dataclass(frozen=True, slots=True)
class RowSchema:
    """The rows of one family."""

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

    def __post_init__(self) -> None:
        for name, (kind, _) in SHARED.items():
            if name not in self.columns.names or not self.columns.field(name).type.equals(kind):
                raise ValueError(f"rows of {self.family}: expected a column `{name}` of type {kind}")
        noted = {name.strip() for names in self.notes for name in names.split(",")}
        if odd := noted ^ set(self.columns.names):
            raise ValueError(f"rows of {self.family}: notes and columns differ in {', '.join(sorted(odd))}")
        if unknown := self.nullable - set(self.columns.names):
            raise ValueError(f"rows of {self.family}: nullable names no column {', '.join(sorted(unknown))}")

    @property
    def json_keys(self) -> tuple[str, ...]:
        """Keys of a WebDataset sample's JSON, in order; its pictures are members of their own."""
        return tuple(name for name in self.columns.names if name != "images")

    def plain(self) -> dict[str, Any]:
        """The schema as JSON, for a manifest: whoever has the files alone can check them."""
        return {
            "family": self.family,
            "version": self.version,
            "columns": hub_features(self.columns),
            "order": self.columns.names,
            "notes": dict(self.notes),
            "nullable": sorted(self.nullable),
            "truth_in_messages": self.truth_in_messages,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RowSchema:
        """The schema that `plain` describes. Raises ValueError, KeyError or TypeError for anything else."""
        columns = pa.schema([pa.field(name, _arrow(plain["columns"][name])) for name in plain["order"]])
        return cls(
            str(plain["family"]),
            int(plain["version"]),
            columns,
            dict(plain["notes"]),
            frozenset(plain["nullable"]),
            plain["truth_in_messages"],
        )


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


def _arrow(feature: Any) -> pa.DataType:
    """The Arrow type of a feature as `hub_features` writes it."""
    if isinstance(feature, list):
        (inner,) = feature
        return pa.list_(_arrow(inner))
    if feature.get("_type") == "Image":
        return IMAGE
    if feature.get("_type") == "Value":
        return pa.type_for_alias({"float64": "double"}.get(feature["dtype"], feature["dtype"]))
    return pa.struct([pa.field(name, _arrow(inner)) for name, inner in feature.items()])


def card_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The schema as `dataset_info.features` of a dataset card."""
    return [{"name": field.name, **_card_type(field.type)} for field in schema]


def _card_type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = _card_type(kind.value_type)
        return {"list": inner.get("dtype") or inner["struct"]}
    if kind.equals(IMAGE):
        return {"dtype": "image"}
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return {"struct": [{"name": field.name, **_card_type(field.type)} for field in fields]}
    return {"dtype": _dtype(kind)}


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64"}.get(str(kind), str(kind))
