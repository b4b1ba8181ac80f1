"""Configurations of a release: which rows stand apart in folders of their own, and what the Hub calls them.

    parquet/train-00000-of-00001.parquet           the only one: `default`
    parquet/meta/train-00000-of-00001.parquet      a part of a family (`RowSchema.part`)
    parquet/cc-by-sa/train-...                     a class of licences, where the recipe says `configs: licence`
    parquet/ids/train-...                          rows whose pictures are withheld

Each row stands in one folder. `default` is all of them but `ids`. Imports nothing of the factory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

IDS: Final = "ids"
"""Rows without their pictures."""
DEFAULT: Final = "default"


def folder_of(part: str, reuse: str | None, *, withheld: bool) -> str:
    """The folder below that of the format in which a row lies; "" where nothing sets it apart."""
    return "-".join(filter(None, (part, IDS if withheld else reuse)))


def is_ids(folder: str) -> bool:
    """Whether the rows of a folder have no pictures because those are withheld."""
    return folder == IDS or folder.endswith(f"-{IDS}")


def folder_in(path: str) -> str:
    """The folder of a file of rows, by its path below the release."""
    parts = PurePosixPath(path).parts
    return parts[1] if len(parts) == 3 else ""


def configs(rows: Mapping[tuple[str, str], int], part: str) -> list[dict[str, Any]]:
    """The configurations of a release, the default first: name, folders, rows by split.

    Args:
        rows: by folder and split.
        part: of the family, "" where it has none: then the default has its name.
    """
    folders = sorted({folder for folder, _ in rows})
    shown = [folder for folder in folders if not is_ids(folder)]
    made = [_config(part or DEFAULT, shown or folders, rows)]
    made += [_config(folder, [folder], rows) for folder in folders if [folder] != made[0]["folders"]]
    return made


def _config(name: str, folders: Sequence[str], rows: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    splits = {
        split: count
        for split in ("train", "validation", "test")
        if (count := sum(rows.get((folder, split), 0) for folder in folders))
    }
    return {"name": name, "folders": list(folders), "splits": splits}


def card_configs(found: Iterable[Mapping[str, Any]], form: str, ending: str, rows: str = "") -> list[dict[str, Any]]:
    """The configurations as the front matter of a card has them.

    Args:
        form: folder of the files: `parquet` or `webdataset`.
        ending: of their names.
        rows: `release.manifest.rows_digest`. `datasets` knows again what it loaded by the name of the folder and what
            the card says of its configurations, not by the files: without it, other rows in a folder of the same name
            are those of before.
    """
    told = []
    for number, config in enumerate(found):
        files = []
        for split in config["splits"]:
            paths = ["/".join(filter(None, (form, folder, f"{split}-*.{ending}"))) for folder in config["folders"]]
            files.append({"split": split, "path": paths[0] if len(paths) == 1 else paths})
        apart = {"description": f"rows {rows[:16]}"} if rows else {}
        told.append({"config_name": config["name"], **apart, "data_files": files})
        if number == 0 and config["name"] != DEFAULT:
            told[0]["default"] = True
    return told
