"""Which files of a tar make one sample, by their names alone. Every file is part of exactly one.

A picture and its record share a name up to the last dot. What has further dots (`000.seg.npy`) belongs to the sample
named up to the first one, as in WebDataset, where there is such a sample; a picture that does (`000.seg.png`) is named
as one too many, unless a record of its own stands beside it (`IMG_2020.01.02.jpg`, `IMG_2020.01.02.json`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

IMAGE_EXTENSIONS: Final = ("jpg", "jpeg", "png", "webp", "heic", "heif")

_Kind = Literal["images", "records", "others"]


@dataclass(slots=True)
class TarSample:
    """Some files of a tar under one key."""

    key: str
    """Their name without extensions, as `in_unicode` writes it."""
    images: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    refused: str | None = None

    @property
    def problem(self) -> str | None:
        """Why it is no sample, as far as names tell."""
        if self.refused or len(self.images) > 1:
            return self.refused or "two_images"
        if len(self.records) > 1:
            return "two_records"
        return "no_image" if not self.images else "no_json" if not self.records else None


def tar_samples(names: Iterable[str]) -> list[TarSample]:
    """The samples of a tar's files, in the order of their first ones."""
    parts = [_Parts.of(name) for name in names]
    recorded = {part.whole for part in parts if part.kind == "records"}
    known = recorded | {part.whole for part in parts if part.kind == "images" and part.whole == part.first}
    samples: dict[tuple[str, bool], TarSample] = {}
    for part in parts:
        key = part.whole
        refused = part.refused
        if not refused and part.whole != part.first and part.whole not in recorded and part.first in known:
            refused = "extra_image" if part.kind == "images" else None
            key = part.first
        # One that is refused stands alone, under its whole name.
        place = (part.name, True) if refused else (key, False)
        sample = samples.setdefault(place, TarSample(in_unicode(place[0]), refused=refused))
        getattr(sample, part.kind).append(part.name)
    return list(samples.values())


def in_unicode(name: str) -> str:
    """A file's name as a table can hold it: NFC, and an escape for each byte that is no text."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def unnameable(name: str) -> str | None:
    """Why a file cannot be a sample whatever it holds: `hidden_file` or `name_not_unicode`; else None."""
    if name.rpartition("/")[2].startswith("."):
        return "hidden_file"
    return "name_not_unicode" if any("\ud800" <= letter <= "\udfff" for letter in name) else None


@dataclass(frozen=True, slots=True)
class _Parts:
    """A name taken apart."""

    name: str
    whole: str
    """Up to the last dot."""
    first: str
    """Up to the first dot."""
    kind: _Kind
    refused: str | None

    @classmethod
    def of(cls, name: str) -> _Parts:
        folder, slash, last = name.rpartition("/")
        stem, dot, extension = last.rpartition(".")
        extension = extension.lower()
        kind: _Kind = "images" if extension in IMAGE_EXTENSIONS else "records" if extension == "json" else "others"
        start = folder + slash
        return cls(name, start + (stem if dot else last), start + last.partition(".")[0], kind, unnameable(name))
