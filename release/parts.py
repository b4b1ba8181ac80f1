"""Releases as parts of a larger one: their rows, what they withhold and withdrew, and which pictures they share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from factory.errors import RecipeError
from release.configs import is_ids
from release.files import READ_ERRORS, sample_of
from release.folder import release_folder
from release.manifest import MANIFEST, DamagedRelease
from release.part_manifest import PartManifest
from release.read import Release, open_release
from release.tables import read_small
from release.withdrawals import SCHEMA as WITHDRAWN_SCHEMA
from release.withdrawals import WITHDRAWN
from release.withheld import SCHEMA as WITHHELD_SCHEMA
from release.withheld import WITHHELD
from schemas.rows.schema import RowSchema

SPLITS: Final = ("train", "validation", "test")
NAMED: Final = 20
"""Faults that are named of each kind."""


@dataclass(frozen=True)
class Part:
    """A release that is taken in."""

    name: str
    root: Path
    manifest: Mapping[str, Any]
    """See `release.part_manifest`."""
    opened: tuple[Release, ...]
    """Its rows, and apart from them those whose pictures are withheld."""
    withheld: Mapping[str, Sequence[Mapping[str, Any]]]
    """Lines of its `withheld.parquet` by sample."""
    withdrawn: Sequence[Mapping[str, str]]
    """Lines of its `withdrawn.parquet`."""

    @property
    def schema(self) -> RowSchema:
        return self.opened[0].schema

    @property
    def rows(self) -> int:
        """All rows, withheld pictures included."""
        return sum(sum(one.splits.values()) for one in self.opened)

    def each(self) -> Iterator[Taken]:
        """Every row, split by split in the order of the files."""
        for split in SPLITS:
            yield from self.of(split)

    def of(self, split: str) -> Iterator[Taken]:
        """Every row of a split."""
        for one in self.opened:
            if split in one.splits:
                for row in one.rows(split):
                    jpegs = tuple(image["bytes"] for image in row["images"] or ())
                    values = {name: value for name, value in row.items() if name != "images"}
                    lines = self.withheld.get(sample_of(row["id"], self.withheld), ()) if not jpegs else ()
                    yield Taken(self, split, values, jpegs, tuple(lines))


@dataclass(frozen=True, slots=True)
class Taken:
    """A row of a part."""

    part: Part
    split: str
    values: dict[str, Any]
    """Its columns without `images`."""
    jpegs: tuple[bytes, ...]
    withheld: tuple[Mapping[str, Any], ...] = ()
    """Lines of its sample's pictures that are not passed on."""


def open_part(path: Path, name: str | None = None) -> Part:
    """A release, or that of a build, as a part.

    Raises RecipeError where there is none, or it is one that was hydrated and may not be passed on.
    """
    root = release_folder(path)
    try:
        shown = open_release(root)
        if "hydrated" in shown.manifest:
            raise RecipeError(
                f"{path}: was hydrated, so its pictures are yours to use and not to pass on; name the release it is of"
            )
        names = [str(one["name"]) for one in shown.manifest.get("configs") or ()][1:]
        apart = [open_release(root, config=each) for each in names if is_ids(each)]
        listed = {str(entry["path"]) for entry in shown.manifest["files"]}
        told = PartManifest.model_validate(dict(shown.manifest)).model_dump()
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None
    except READ_ERRORS as error:
        raise RecipeError(f"{root / MANIFEST}: does not describe a release ({error!r:.300})") from None
    withheld: dict[str, list[Mapping[str, Any]]] = {}
    if WITHHELD in listed:
        for line in read_small(root / WITHHELD, WITHHELD_SCHEMA).to_pylist():
            withheld.setdefault(line["id"], []).append(line)
    gone = read_small(root / WITHDRAWN, WITHDRAWN_SCHEMA).to_pylist() if WITHDRAWN in listed else []
    called = name or re.sub(r"[^A-Za-z0-9_.-]+", "-", told["name"])[:64].strip("-.") or "part"
    return Part(called, root, told, (shown, *apart), withheld, gone)


def told_of(part: Part, rows: int, **more: Any) -> dict[str, Any]:
    """A part as the manifest and the card have it: what it is, how many of its rows are here, under which licences."""
    manifest = part.manifest
    return {
        "name": part.name,
        "family": part.schema.family,
        "fingerprint": manifest["fingerprint"],
        "manifest_sha256": manifest["manifest_sha256"],
        "rows": rows,
        "of": part.rows,
        "licences": manifest["counts"]["licences"],
        **more,
    }


def withdrawn_by(parts: Iterable[Part]) -> dict[str, Mapping[str, str]]:
    """What any part lists as withdrawn, by id; the first line of an id."""
    found: dict[str, Mapping[str, str]] = {}
    for part in parts:
        for line in part.withdrawn:
            found.setdefault(str(line["id"]), line)
    return found
