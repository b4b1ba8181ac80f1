"""Images on their way in: structural checks, decoding in limited processes, metadata read and stripped.

Importing this package loads no image library: `prepare` and `worker` are imported by who decodes.
"""

from __future__ import annotations

from factory.images.exif import PhotoMetadata, metadata_findings, read_metadata
from factory.images.records import PREPARE_VERSION, REASONS, ImageRejected, ImageSettings, Prepared, image_key

__all__ = [
    "PREPARE_VERSION",
    "REASONS",
    "ImageRejected",
    "ImageSettings",
    "PhotoMetadata",
    "Prepared",
    "image_key",
    "metadata_findings",
    "read_metadata",
]
