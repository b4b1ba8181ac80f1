"""Damage in SQLite's write-ahead log, which SQLite itself never reports.

Every frame of the log has a checksum, but a frame that fails it simply ends the log: commits behind it vanish without a
word. This module reads the log as the file format describes it (https://sqlite.org/fileformat2.html#walformat) and says
so. It is used by verification only; a log is at most a few megabytes, at about 0.1 ms a page.

The ledger truncates its log at each checkpoint, so a full-sized frame that fails is damage (or, after a power loss, a
commit that was never acknowledged); a process that was killed leaves at most a short last frame.
"""

from __future__ import annotations

import struct
from pathlib import Path

MAX_BYTES = 256_000_000
"""Of a log: checkpoints keep it at a few megabytes."""
_HEADER = struct.Struct(">8I")  # magic, version, page size, checkpoint, salt 1, salt 2, checksum 1, checksum 2
_FRAME = struct.Struct(">6I")  # page, pages after commit, salt 1, salt 2, checksum 1, checksum 2
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683


def wal_faults(database: Path) -> list[str]:
    """Faults of the log beside `database`; empty when it is sound, empty or absent. Raises OSError only."""
    path = database.with_name(database.name + "-wal")
    if path.exists() and (size := path.stat().st_size) > MAX_BYTES:
        return [f"{path}: has {size:,} bytes; no log of a ledger grows to more than {MAX_BYTES:,}"]
    data = path.read_bytes() if path.exists() else b""
    if len(data) < _HEADER.size:
        return []
    magic, _, page_size, _, *salts, sum1, sum2 = _HEADER.unpack_from(data)
    order = {_MAGIC_LITTLE: "<", _MAGIC_BIG: ">"}.get(magic)
    if order is None or _checksum(data[:24], (0, 0), order) != (sum1, sum2):
        return [f"{path}: the header is damaged; every commit in this log is lost"]
    size = _FRAME.size + page_size
    frames = (len(data) - _HEADER.size) // size
    seed = (sum1, sum2)
    for number in range(frames):
        start = _HEADER.size + number * size
        frame_salts, stored = _salts_and_checksum(data, start)
        seed = _checksum(
            data[start + _FRAME.size : start + size], _checksum(data[start : start + 8], seed, order), order
        )
        if frame_salts == salts and seed == stored:
            continue
        rest = (_salts_and_checksum(data, _HEADER.size + i * size)[0] for i in range(number, frames))
        if any(a == salts[0] or b == salts[1] for a, b in rest):  # else these frames are left from an older log
            return [f"{path}: frame {number + 1} of {frames} is damaged; commits from there on are lost"]
        break
    return []


def _salts_and_checksum(data: bytes, start: int) -> tuple[list[int], tuple[int, int]]:
    _, _, salt1, salt2, sum1, sum2 = _FRAME.unpack_from(data, start)
    return [salt1, salt2], (sum1, sum2)


def _checksum(data: bytes, seed: tuple[int, int], order: str) -> tuple[int, int]:
    """SQLite's log checksum of `data` (a multiple of 8 bytes), continued from `seed`."""
    first, second = seed
    for left, right in struct.iter_unpack(f"{order}2I", data):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return first, second
