"""Ledgers of earlier builds, and what of them may answer a shard's questions. They are only read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from factory.calls.files import is_sealed, read_samples
from factory.calls.lost import require_whole
from factory.calls.row import UNSETTLED
from factory.errors import EnvironmentFault
from factory.store.folder import LEASE
from factory.store.lease import is_locked
from schemas import arrow


def load_prior(
    paths: Sequence[Path], sample_ids: Collection[str] | None, own: Path
) -> tuple[pa.Table, dict[str, int], list[Path]]:
    """Prior rows as one Arrow table, where each key's best row lies in it, and the file of each row."""
    tables: list[pa.Table] = []
    files: list[Path] = []
    for path in paths:
        if path.resolve() == own.resolve():
            continue
        if not is_sealed(path) and not is_locked(path.with_name(LEASE)):  # one that is being written is about to change
            require_whole(path)
        path, table = _read_prior(path, sample_ids)
        tables.append(table)
        files += [path] * table.num_rows
    merged = pa.concat_tables([arrow.LEDGER.empty_table(), *tables]).combine_chunks()
    best: dict[str, int] = {}
    statuses = merged["status"].to_pylist()
    for at, key in enumerate(merged["key"].to_pylist()):
        held = best.get(key)
        if held is None or (statuses[held] in UNSETTLED and statuses[at] not in UNSETTLED):
            best[key] = at
    return merged, best, files


def _read_prior(path: Path, sample_ids: Collection[str] | None) -> tuple[Path, pa.Table]:
    """The rows of a prior ledger, wherever it lies by now: the build that writes it may have sealed it since it was
    found, or somebody may have deleted that build."""
    sealed = path.with_suffix(".parquet")
    try:
        return path, read_samples(path, sample_ids)
    except EnvironmentFault:
        if path.exists():
            raise
    return (sealed, read_samples(sealed, sample_ids)) if sealed.exists() else (path, arrow.LEDGER.empty_table())
