"""Writes the release that holds fetched pictures: Parquet, a short card, what is missing, the manifest.

Rows come as they were, those whose pictures were withheld with what was fetched; a row that lacks a picture is left
out, since its conversation shows what nobody sees. It is for whoever fetched it: `factory push` does not send it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from factory.errors import CorruptBuild
from factory.store.files import remove_tree
from factory.text import counted, tidy
from release.configs import configs
from release.counts import UNKNOWN
from release.files import READ_ERRORS, StoredRow, format_of, given_row, read_rows, sample_of, split_of
from release.manifest import MANIFEST, digest_of, file_entry, manifest_bytes
from release.rows import Released, Row
from release.shards import Shards, take_place, write_durably
from schemas.rows.schema import RowSchema
from schemas.settings import ReleaseSettings

MISSING: Final = "missing.jsonl"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came, prepared."""

    file: Path
    similar: bool
    """Taken by its perceptual hash."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A picture that did not come, and why."""

    reason: str
    detail: str
    line: Mapping[str, Any]
    """Of `withheld.parquet`."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows were written, and left out."""

    rows: int
    missing: int


def write_hydrated(
    release: Path,
    manifest: Mapping[str, Any],
    out: Path,
    found: Mapping[tuple[str, int], Picture | Absent],
    *,
    aside: Path,
) -> Rows:
    """Writes the folder `out`, in the place of an earlier one.

    Args:
        release: whose rows these are.
        manifest: its own, read.
        found: every withheld picture by id of its sample and number.
        aside: a folder of ours beside it, in which it is written until it is whole.

    Raises CorruptBuild where a file of the release is not what its manifest says.
    """
    folder = aside / "release.tmp"
    remove_tree(folder)
    folder.mkdir()
    schema = RowSchema.from_plain(manifest["row"])
    numbers: dict[str, list[int]] = {}
    for name, number in found:
        numbers.setdefault(name, []).append(number)
    missing, licences = 0, Counter[str]()
    with Shards(folder, ReleaseSettings(formats=("parquet",)), schema) as shards:
        for split, stored in _rows(release, manifest, schema):
            jpegs = _pictures(stored, numbers, found)
            if jpegs is None:
                missing += 1
                continue
            values = given_row(schema, stored.values, None, schema.json_keys)
            licences[values.get("licence") or UNKNOWN] += 1
            shards.add(Released(values["id"], split, (Row(values, b""),), tuple(jpegs)))
    made = configs(shards.written, schema.part)
    splits = made[0]["splits"]
    absent = sorted((key, one) for key, one in found.items() if isinstance(one, Absent))
    write_durably(folder / MISSING, b"".join(_told(*key, one) for key, one in absent))
    write_durably(folder / "README.md", _card(manifest, splits, missing, len(absent)).encode())
    entries = [file_entry(folder, folder / name, None) for name in ("README.md", MISSING)]
    entries += [file_entry(folder, file, rows) for file, rows in sorted(shards.rows.items())]
    similar = sum(isinstance(one, Picture) and one.similar for one in found.values())
    came = {"of": manifest["manifest_sha256"], "pictures": len(found) - len(absent), "similar": similar}
    left = {key: manifest[key] for key in manifest.keys() - {"withheld", "viewer", "no_viewer", "manifest_sha256"}}
    fields = {
        **left,
        "formats": ["parquet"],
        "tars": 0,
        "parquet": len(shards.rows),
        "pictures": {"least": min(shards.pictures, default=0), "most": max(shards.pictures, default=0)},
        "counts": {"rows": sum(splits.values()), "splits": splits, "licences": dict(licences.most_common())},
        "configs": made,
        "hydrated": {**came, "missing": len(absent)},
        "files": entries,
    }
    write_durably(folder / MANIFEST, manifest_bytes(fields))
    take_place(folder, out, aside / "release.old")
    return Rows(sum(splits.values()), missing)


def _rows(release: Path, manifest: Mapping[str, Any], schema: RowSchema) -> Iterator[tuple[str, StoredRow]]:
    """Every row of one format with its split, each file held against its digest."""
    entries = [entry for entry in manifest["files"] if "rows" in entry]
    chosen = "parquet" if "parquet" in manifest["formats"] else "webdataset"
    for entry in entries:
        file = release / entry["path"]
        if format_of(file) != chosen:
            continue
        try:
            if file.is_symlink() or digest_of(file) != entry["sha256"]:
                raise ValueError("differs from what was written (SHA-256)")
            for stored in read_rows(file, schema):
                yield split_of(file), stored
        except READ_ERRORS as error:
            raise CorruptBuild(f"{file}: cannot be read ({error})") from None


def _pictures(
    stored: StoredRow, numbers: Mapping[str, list[int]], found: Mapping[tuple[str, int], Picture | Absent]
) -> list[bytes] | None:
    """A row's pictures: its own, or those of its sample that were withheld; None where one did not come."""
    name = sample_of(stored.values["id"], numbers)
    if stored.jpegs or name not in numbers:
        return stored.jpegs
    pictures = [found[name, number] for number in sorted(numbers[name])]
    if any(isinstance(one, Absent) for one in pictures):
        return None
    return [one.file.read_bytes() for one in pictures if isinstance(one, Picture)]


def _told(name: str, number: int, one: Absent) -> bytes:
    """A line of `missing.jsonl`."""
    told = {"id": name, "number": number, "split": one.line["split"], "url": one.line["source_url"]}
    return orjson.dumps({**told, "reason": one.reason, "detail": tidy(one.detail, 300)}) + b"\n"


def _card(manifest: Mapping[str, Any], splits: Mapping[str, int], rows_missing: int, missing: int) -> str:
    """A short README: what this is, rows by split, what is missing, and that it is not to be passed on."""
    lines = [f"| {split} | {rows} |" for split, rows in splits.items()]
    return "\n".join(
        [
            "# A hydrated release",
            "",
            f"Made of the release whose manifest has the SHA-256 `{manifest['manifest_sha256']}`; its pictures were "
            "fetched from their own addresses and verified by hash. Who made this may have leave to use them, not to "
            "pass them on: `factory push` does not send it. Terms and card are those of that release.",
            "",
            "| split | rows |",
            "|---|---|",
            *lines,
            f"| all | {sum(splits.values())} |",
            "",
            f"{counted(missing, 'picture')} did not come, and {counted(rows_missing, 'row')} were left out for it: "
            f"`{MISSING}` has the reasons.",
            "",
        ]
    )
