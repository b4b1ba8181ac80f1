"""What a model's folder holds, told without reading gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

WHOLE: Final = 4 << 20
"""Bytes up to which a file counts whole: configurations, tokenizers, templates, indices of weights."""
BLOCKS: Final = 32
BLOCK: Final = 64 << 10
"""Of a larger file so many blocks of so many bytes count, spread evenly from its first byte to its last: a model that
was trained on has other numbers everywhere."""


def weights_digest(folder: Path) -> str:
    """One digest over names and sizes of all files below a folder, the bytes of small ones and blocks of large ones.

    Limit: one number that was changed by hand between two blocks is not seen.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = path.stat().st_size
        digest.update(repr((str(path.relative_to(folder)), size)).encode())
        with path.open("rb") as file:
            if size <= WHOLE:
                digest.update(file.read())
                continue
            for number in range(BLOCKS):
                file.seek(number * (size - BLOCK) // (BLOCKS - 1))
                digest.update(file.read(BLOCK))
    return digest.hexdigest()
