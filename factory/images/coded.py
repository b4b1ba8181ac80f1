"""Pictures whose coded data are kept: which those are, and how they pass where nobody looks at what they show.

Everything here is bounded Python over headers: no decoder and no profile is opened, so it may run outside the limited
processes, where a picture costs no more than its bytes take to be read.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from factory.images.inspect import Inspected, inspect_image
from factory.images.jpeg import PLAIN_FRAMES
from factory.images.records import ImageRejected, ImageSettings, Prepared, StructureError
from schemas import Deflated, FilePart

PIECE: Final = 1 << 20
"""Bytes of a packed picture that are read, and unpacked, at a time."""


def is_kept(source: Inspected, settings: ImageSettings) -> bool:
    """Whether a picture's coded data are released as they are, if its colours are those of sRGB: a JPEG that is upright
    and small enough, of a kind that every reader opens, with nothing hidden in it that can be told without decoding."""
    found = source.jpeg
    if found is None or found.frame not in PLAIN_FRAMES or found.components not in (1, 3) or source.orientation != 1:
        return False
    if max(source.width, source.height) > settings.max_side or not found.exact:
        return False
    # Padding hidden between coded data must not travel on; no honest JPEG is larger than its pixels.
    return len(source.body) <= 3 * source.width * source.height + 65_536


def check_side(size: tuple[int, int], settings: ImageSettings) -> None:
    """Raises StructureError for a prepared picture (width, height) that is thinner than the settings allow."""
    if min(size) < settings.min_side:
        raise StructureError("too_small", f"prepared {size[0]} x {size[1]} pixels, at least {settings.min_side} a side")


def undecoded(source: Inspected, digest: str) -> Prepared:
    """A picture with its coded data and no look at what they show: no hash, and no promise that they decode."""
    return Prepared(
        jpeg=source.body,
        width=source.width,
        height=source.height,
        sha256=digest,
        phash=None,
        source_format=source.format,
        source_width=source.width,
        source_height=source.height,
        passthrough=True,
    )


def as_coded(data: bytes, settings: ImageSettings) -> Prepared | ImageRejected | None:
    """What `factory.images.prepare.prepare` makes of a picture that passes undecoded, or why it is refused; None where
    it has to be decoded, or has a colour profile, which another library reads."""
    try:
        source = inspect_image(data, settings)
        if source.icc is not None or not is_kept(source, settings):
            return None
        check_side((source.width, source.height), settings)
    except StructureError as problem:
        return ImageRejected(problem.reason, problem.detail, hashlib.sha256(data).hexdigest())
    return undecoded(source, hashlib.sha256(data).hexdigest())


def read_source(source: str | Path | FilePart, settings: ImageSettings) -> bytes | ImageRejected:
    """The bytes of a file, or of a part of one, unpacked. Its size is known, and judged, before a byte is read."""
    limit = int(settings.max_file_mb * 1e6)
    part, path = (source, source.path) if isinstance(source, FilePart) else (None, source)
    try:
        # O_NONBLOCK: opening a pipe must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor, not a path
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return ImageRejected("not_a_file", "not a regular file")
            size = status.st_size if part is None else part.size
            if size > limit:
                return ImageRejected("file_too_large", f"{size} bytes, limit {settings.max_file_mb:g} MB")
            if part is None:
                return file.read(limit + 1)
            file.seek(part.offset)
            if part.deflated is not None:
                return _inflated(file, size, part.deflated)
            data = file.read(size)
            if len(data) < size:
                return ImageRejected("file_unreadable", "the archive is shorter than when it was listed; copy it again")
            return data
    except FileNotFoundError:
        return ImageRejected("file_missing", "no file at this path")
    except IsADirectoryError:
        return ImageRejected("not_a_file", "a directory")
    except OSError as error:
        return ImageRejected("file_unreadable", error.strerror or type(error).__name__)


def _inflated(file: BinaryIO, size: int, how: Deflated) -> bytes | ImageRejected:
    """What is unpacked from here on, piece by piece: never more than one byte beyond its stated size."""
    stream, found, crc, left = zlib.decompressobj(-zlib.MAX_WBITS), io.BytesIO(), 0, how.packed
    try:
        while not stream.eof and found.tell() <= size:
            given = stream.unconsumed_tail
            if not given:
                given = file.read(min(left, PIECE))
                left -= len(given)
            piece = stream.decompress(given, min(PIECE, size + 1 - found.tell()))
            if not given and not piece:
                break
            crc = zlib.crc32(piece, crc)
            found.write(piece)
    except zlib.error as error:
        return ImageRejected("file_unreadable", f"damaged in its zip ({error})")
    if found.tell() != size or crc != how.crc:
        return ImageRejected("file_unreadable", "not what the zip's directory says (size or CRC-32); copy it again")
    return found.getvalue()
