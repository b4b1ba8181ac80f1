"""The plain records of image preparation: settings, what came out, why something was refused.

Nothing heavy is imported here, so recipes and readers can use these types without loading an image library.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Final, Literal

from annotated_types import Ge, Gt, Le

PREPARE_VERSION: Final = 4
"""Enters request keys and fingerprints: raise it when the bytes that `prepare` returns may change."""

ImageFormat = Literal["JPEG", "PNG", "WEBP", "HEIF"]

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
    "too_small": "a side of the prepared picture is shorter than images.min_side",
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


_SHAPES_BYTES: Final = {"shapes_bytes": True}
"""Metadata of a setting that decides what a prepared picture's bytes are, or what is known of it, not only whether
there is one."""


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """The recipe's `images:` block: how photos are decoded, and what is refused before decoding.

    Limits follow the measurements on hostile images that are repeated in `tests/hostile.py`: a repeated progressive
    scan of a 4096 x 4096 picture costs 16 ms, so 64 scans bound it to about one second.

    A recipe validates it (bounds included) with pydantic; decode processes use it without.
    """

    max_side: Annotated[int, Ge(32), Le(16_384)] = field(default=1024, metadata=_SHAPES_BYTES)
    """Longer side, in pixels, of what teachers see and what is released. Smaller pictures are not enlarged."""
    min_side: Annotated[int, Ge(8), Le(16_384)] = 8
    """Shorter side, in pixels, that a prepared picture has at least: that of a block of JPEG. A panorama of 2000 x 6 is
    refused: as a picture of 1024 x 3 it would show nothing."""
    quality: Annotated[int, Ge(30), Le(100)] = field(default=90, metadata=_SHAPES_BYTES)
    """JPEG quality where the picture is encoded again."""
    pass_through: bool = field(default=False, metadata=_SHAPES_BYTES)
    """Do not decode a JPEG that is upright, sRGB or grey and within `max_side`: its coded picture is kept anyway. Its
    segments are checked to its end and its metadata is cut, at the speed of copying; whether it decodes nobody knows,
    and it has no perceptual hash. Whatever needs turning, scaling or another encoding is decoded as ever."""
    max_file_mb: Annotated[float, Gt(0)] = 64.0
    """Larger source files are refused (1 MB = 1,000,000 bytes)."""
    max_megapixels: Annotated[float, Gt(0)] = 100.0
    """Pictures that declare more are refused before decoding."""
    max_scans: Annotated[int, Ge(1)] = 64
    """Scans of a progressive JPEG; each costs a pass over the whole image."""
    formats: tuple[ImageFormat, ...] = ("JPEG", "PNG", "WEBP", "HEIF")
    """Formats accepted, recognised by content."""
    cpu_seconds: Annotated[float, Gt(0)] = 5.0
    """CPU time one image may take in a worker, seconds; the kernel counts whole seconds."""
    memory_mb: Annotated[int, Ge(256)] = 1024
    """Address space a worker may take beyond its interpreter and libraries, MiB."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid",
        "allow_inf_nan": False,
        "use_attribute_docstrings": True,
    }


SHAPING: Final = tuple(setting.name for setting in fields(ImageSettings) if setting.metadata.get("shapes_bytes"))
"""Settings that enter a prepared picture's name, and so the request keys of every question about it."""


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
    phash: int | None
    """64-bit perceptual hash, unsigned; see `factory.images.phash`. None of a picture that nobody decoded."""
    source_format: str
    """JPEG, PNG, WEBP or HEIF, by content."""
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
    """Hex digest that names a prepared picture by what determines its bytes: source, version, `SHAPING` settings.

    Limits and accepted formats decide whether there is a picture, not which one, and so do not enter. The encoded bytes
    themselves do not, either: they differ between builds of an image library, and would be asked (and paid) again.
    """
    shaping = ":".join(str(getattr(settings, name)) for name in SHAPING)
    named = f"prepare-{PREPARE_VERSION}:{shaping}:{sha256}"
    return hashlib.sha256(named.encode()).hexdigest()


class StructureError(ValueError):
    """A file whose structure is refused before decoding; `reason` is a key of `REASONS`.

    Internal to `factory.images`: `prepare` turns it into an `ImageRejected`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
