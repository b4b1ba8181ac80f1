"""The formats by name, and which of them a file is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from factory.errors import RecipeError
from factory.formats import chats, pairs, places
from factory.formats.kept import ToRow
from factory.formats.record import Record
from factory.formats.tables import table_record
from factory.text import did_you_mean

Store = Literal["list", "lines", "csv", "parquet", "tar"]
RELEASE: Final = "release"
"""A release is read and never written by `convert`: a build, a mix and a merge make one."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format of rows."""

    name: str
    about: str
    """For `--help` and the page."""
    store: Store
    """The kind of file."""
    from_row: Callable[[Mapping[str, Any], int], Record]
    """A row, and its number from 0, as a record. Raises BadRow."""
    to_row: ToRow | None
    """Its way back, None for tables, whose columns all rows decide."""
    ids: tuple[str, ...] = ("id",)
    """Keys of rows that hold their ids."""

    @property
    def embeds(self) -> bool:
        """Whether pictures lie inside the file of rows."""
        return self.store in ("parquet", "tar")

    @property
    def ending(self) -> str:
        """Of its files."""
        return {"list": ".json", "lines": ".jsonl"}.get(self.store, f".{self.store}")


FORMATS: Final[Mapping[str, Format]] = {
    one.name: one
    for one in (
        Format(
            "mp16-reason",
            "GLOBE's rows of MP16-Reason, Parquet: `response`, `__#solution`, `images`, `entities`",
            "parquet",
            places.mp16_record,
            places.mp16_row,
        ),
        Format(
            "mp16-reason-test",
            "the test table of MP16-Reason, CSV: `IMG_ID`, `LAT`, `LON`, `city`, `country`",
            "csv",
            places.test_record,
            places.test_row,
            places.ID_NAMES,
        ),
        Format(
            "sharegpt",
            "ShareGPT, JSON, for LLaMA-Factory with its `dataset_info.json`; read in the spelling of ms-swift, too",
            "list",
            chats.sharegpt_record,
            chats.sharegpt_row,
        ),
        Format("llava", "LLaVA, JSON: `id`, `image`, `conversations`", "list", chats.llava_record, chats.llava_row),
        Format("trl", "`messages` with `images`, JSON lines, for TRL", "lines", chats.trl_record, chats.trl_row),
        Format(
            "naviclues",
            "rows of NaviClues' `filtered_clues.jsonl`",
            "lines",
            places.clues_record,
            places.clues_row,
            ("image_path",),
        ),
        Format(
            "ngcg",
            "NGCG's pairs, JSON: `qry_text`, `qry_img_path`, `pos_text`, `pos_img_path`",
            "list",
            pairs.ngcg_record,
            pairs.ngcg_row,
            ids=(),
        ),
        Format(
            "parquet",
            "`messages`, columns, pictures within: Parquet",
            "parquet",
            partial(table_record, name="parquet"),
            None,
        ),
        Format("webdataset", "the same in tars", "tar", partial(table_record, name="webdataset"), None),
    )
}


def format_called(name: str, *, option: str) -> Format:
    """A format by its name. Raises RecipeError with the nearest one."""
    if name not in FORMATS:
        raise RecipeError(
            f"{option} {name}: there is no such format{did_you_mean(name, FORMATS)}; there are {', '.join(FORMATS)}"
        )
    return FORMATS[name]


def format_of_row(row: Mapping[str, Any]) -> str | None:
    """The name of the format that a JSON row is of, as far as its keys tell."""
    if "qry_text" in row or "pos_text" in row:
        return "ngcg"
    if "clues" in row and "location" in row:
        return "naviclues"
    turns = row.get("messages", row.get("conversations"))
    if not isinstance(turns, list):
        return None
    if any(isinstance(one, Mapping) and isinstance(one.get("content"), list) for one in turns):
        return "trl"
    is_llava = "conversations" in row and "id" in row and "images" not in row
    return "llava" if is_llava and isinstance(row.get("image", ""), str) else "sharegpt"


def format_of_columns(names: Iterable[str]) -> str | None:
    """The name of the format that a table is of."""
    found = {*names}
    if {"response", places.SOLUTION} <= found:
        return "mp16-reason"
    if {*places.ID_NAMES} & found and {*places.LAT_NAMES} & found and {*places.LON_NAMES} & found:
        return "mp16-reason-test"
    return "parquet" if "messages" in found else None
