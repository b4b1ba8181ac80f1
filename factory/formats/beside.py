"""Pictures as files beside rows: read from inside one folder, written under the digest of their bytes or a row's id."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from factory.errors import SourceError
from factory.formats.record import BadRow, Picture, Record
from factory.images.inspect import sniff
from factory.sources.paths import locate
from factory.store.files import PUBLIC_FOLDER, create, make_folder

FOLDER: Final = "images"
MAX_PICTURE: Final = 64_000_000
"""Bytes of one, as for a build."""
ENDINGS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
"""Formats that training tools read, with the endings of their files."""
Names = Literal["sha256", "id"]
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,150}")


def read_picture(folder: Path, path: str) -> bytes:
    """The file of a picture inside a folder. Raises BadRow where there is none, it leads out, or is too large."""
    try:
        file = locate(folder, path)
        if file.stat().st_size > MAX_PICTURE:
            raise BadRow(f"picture {path!r} has more than {MAX_PICTURE:,} bytes")
        return file.read_bytes()
    except SourceError as error:
        raise BadRow(
            f"picture {error}; say where pictures lie with --images, or write paths alone with --refer"
        ) from None
    except OSError as error:
        raise BadRow(f"picture {path!r} cannot be read ({error.strerror or error})") from None


def ending(data: bytes, path: str) -> str:
    """The ending of a picture's file, by its bytes. Raises BadRow for what no training tool reads."""
    kind = sniff(data)
    if kind not in ENDINGS:
        raise BadRow(f"picture {path!r} is {kind or 'no picture'}; expected {', '.join(ENDINGS)}")
    return ENDINGS[kind]


class Beside:
    """The pictures of a new folder of rows."""

    def __init__(self, root: Path, names: Names) -> None:
        self._root, self._names = root, names
        self._written: dict[str, bytes] = {}
        """Digest of what lies under a name; small letters, since some disks do not tell them apart."""
        self._folders: set[Path] = {root}
        self.bytes = 0

    def put(self, record: Record, *, home: bool) -> Record:
        """Writes a record's pictures and gives the record with their paths, relative to the folder.

        Args:
            home: keep the paths that the record has, which its own source gave them.

        Raises BadRow for a picture that cannot be read, is none, or has the name of another.
        """
        put = []
        for number, picture in enumerate(record.pictures):
            assert picture.read is not None
            data = picture.read()
            path = self._named(record, number, picture, data, home=home)
            self._write(path, data)
            put.append(Picture(path, picture.read))
        return replace(record, pictures=tuple(put))

    def _named(self, record: Record, number: int, picture: Picture, data: bytes, *, home: bool) -> str:
        kind = ending(data, picture.path)
        if home:
            return safe_path(picture.path)
        if self._names == "sha256":
            digest = hashlib.sha256(data).hexdigest()
            return f"{FOLDER}/{digest[:2]}/{digest}.{kind}"
        stem = record.id.removesuffix(f".{kind}").replace("/", "_")  # as names of MP-16 are spelt
        if not _FILE_NAME.fullmatch(stem):
            raise BadRow(f"id {record.id[:80]!r} cannot be the name of a file")
        return f"{FOLDER}/{stem}.{kind}" if len(record.pictures) == 1 else f"{FOLDER}/{stem}.{number}.{kind}"

    def _write(self, path: str, data: bytes) -> None:
        digest = hashlib.sha256(data).digest()
        there = self._written.setdefault(path.lower(), digest)
        if there != digest:
            raise BadRow(f"picture {path!r}: another picture has this name; use --names sha256")
        file = self._root / path
        for folder in (*reversed(file.relative_to(self._root).parents[:-1]),):
            if (whole := self._root / folder) not in self._folders:
                make_folder(whole, PUBLIC_FOLDER)
                self._folders.add(whole)
        if not file.exists():
            with create(file) as opened:
                opened.write(data)
            self.bytes += len(data)


def safe_path(path: str) -> str:
    """A path that stays inside its folder. Raises BadRow for any other."""
    parts = PurePosixPath(path).parts
    if (
        not parts
        or path.startswith("/")
        or {"..", "."} & {*parts}
        or re.search(r"[\0\\:]|^~", path)
        or len(path) > 1000
    ):
        raise BadRow(f"picture {path[:80]!r}: expected a relative path inside the folder, without `..`")
    return path
