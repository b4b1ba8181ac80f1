"""The plain records of image preparation: settings, what came out, why something was refused.

Nothing heavy is imported here, so recipes and readers can use these types without loading an image library.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

PREPARE_VERSION: Final = 1
"""Enters request keys and fingerprints: raise it when the bytes that `prepare` returns may change."""

SUPPORTED_FORMATS: Final = ("JPEG", "PNG", "WEBP", "HEIF", "GIF", "TIFF")
"""Formats that may be named in `ImageSettings.formats`; GIF and TIFF are opt-in, single frame only."""

REASONS: Final[dict[str, str]] = {
    "zero_byte": "the file is empty",
    "file_missing": "there is no file at this path",
    "file_unreadable": "the file could not be read",
    "not_a_file": "the path is a directory, pipe or device",
    "file_too_large": "the file is larger than images.max_file_mb",
    "not_an_image": "the first bytes are those of no known image format",
    "unsupported_format": "the format is known but not listed in images.formats",
    "unsupported_encoding": "a variant of the format that is not decoded, such as 12-bit or lossless JPEG",
    "heif_support_missing": "HEIC needs the extra `heic` (package pillow-heif)",
    "bad_dimensions": "the header declares no or impossible dimensions",
    "too_many_pixels": "the header declares more pixels than images.max_megapixels",
    "too_many_scans": "a JPEG with more scans than images.max_scans",
    "too_many_segments": "more segments, chunks or boxes than any camera writes",
    "truncated": "the file ends before the picture does",
    "animated": "the file holds more than one frame",
    "corrupt": "the decoder refused the data",
    "decode_timeout": "decoding took longer than images.cpu_seconds or its wall clock limit",
    "decode_memory": "decoding needed more memory than images.memory_mb",
    "worker_died": "the decode process ended unexpectedly",
}
"""Every reason an image can be refused for, with its meaning in words."""


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """The recipe's `images:` block.

    Limits follow the measurements on hostile images that are repeated in `tests/hostile.py`: a repeated progressive
    scan of a 4096 x 4096 picture costs 16 ms, so 64 scans bound it to about one second.
    """

    max_side: int = 1024
    """Longer side of the prepared picture, pixels. Smaller pictures are not enlarged."""
    quality: int = 90
    """JPEG quality (1-95) where the picture is encoded again."""
    max_file_mb: float = 64.0
    """Larger source files are refused (1 MB = 1,000,000 bytes)."""
    max_megapixels: float = 100.0
    """Pictures that declare more are refused before decoding."""
    max_scans: int = 64
    """Start-of-scan markers allowed in one JPEG."""
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "HEIF")
    """Formats accepted, recognised by content; see `SUPPORTED_FORMATS`."""
    cpu_seconds: float = 5.0
    """CPU time one image may take in a worker, seconds; the kernel counts whole seconds."""
    memory_mb: int = 1024
    """Address space a worker may take beyond its interpreter and libraries, MiB."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in SUPPORTED_FORMATS]
        if unknown:
            raise ValueError(f"images.formats: {unknown[0]!r} is unknown; known are {', '.join(SUPPORTED_FORMATS)}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """One picture as it is sent to teachers and released."""

    jpeg: bytes
    """The JPEG: sRGB or grey, upright, without EXIF, GPS, XMP, IPTC, comments, thumbnails or ICC profile."""
    width: int
    """Of `jpeg`, pixels, after orientation."""
    height: int
    """Of `jpeg`, pixels, after orientation."""
    sha256: str
    """Hex digest of the source bytes."""
    phash: int
    """64-bit perceptual hash, unsigned; see `factory.images.phash`."""
    source_format: str
    """JPEG, PNG, WEBP, HEIF, GIF or TIFF, by content."""
    source_width: int
    """As stored, before orientation, pixels."""
    source_height: int
    """As stored, before orientation, pixels."""
    passthrough: bool
    """True when the JPEG's coded picture was kept as it was and only metadata was cut away."""


@dataclass(frozen=True, slots=True)
class ImageRejected:
    """Why an image was refused; data, not an error."""

    reason: str
    """A key of `REASONS`."""
    detail: str
    """The figures behind the reason, one line."""
    sha256: str | None = None
    """Hex digest of the source bytes, where they were read."""


def image_key(sha256: str, settings: ImageSettings) -> str:
    """Hex digest that names a prepared picture by what determines its bytes: source, version, target size, quality.

    Limits and accepted formats decide whether there is a picture, not which one, and so do not enter.
    """
    named = f"prepare-{PREPARE_VERSION}:{settings.max_side}:{settings.quality}:{sha256}"
    return hashlib.sha256(named.encode()).hexdigest()


class StructureError(ValueError):
    """A file whose structure is refused before decoding; `reason` is a key of `REASONS`.

    Internal to `factory.images`: `prepare` turns it into an `ImageRejected`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
