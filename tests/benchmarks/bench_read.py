"""Rows a CPU second that a release gives to training, beside webdataset and pyarrow alone, in one run.

    python tests/benchmarks/bench_read.py [--rows 9000] [--kilobytes 30] [--rounds 3]

The rows are those of the demo, again and again, with pictures of random bytes, in three shards of each format. Every
reader gives the picture's bytes and the row as a dict of Python; ours has checked each page or tar before. CPU time, as
the machine may be busy; the best of the rounds, which alternate.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import factory
from release.manifest import MANIFEST, file_entry, manifest_bytes, read_manifest
from release.parquet_files import ParquetFile, file_name
from release.read import Release, open_release
from release.tar_index import index_path
from release.webdataset_shards import TarFile, shard_name

SHARDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=9_000)
    parser.add_argument("--kilobytes", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = made(Path(folder), options.rows, options.kilobytes * 1000)
        readers: dict[str, Callable[[], Iterable[Any]]] = {
            "webdataset": lambda: webdataset_rows(root),
            "pyarrow alone": lambda: arrow_rows(root),
            "release.rows, parquet": lambda: open_release(root).rows("train"),
            "release.stream, parquet": lambda: open_release(root).stream("train", window=1),
            "release.stream, id and images": lambda: open_release(root).stream(
                "train", window=1, columns=["id", "images"]
            ),
            "release.rows, tars": lambda: open_release(root, format="webdataset").rows("train"),
            "release.stream, tars": lambda: open_release(root, format="webdataset").stream("train"),
        }
        best = dict.fromkeys(readers, 0.0)
        for _ in range(options.rounds):
            for name, read in readers.items():
                started = time.process_time()
                count = sum(1 for _ in read())
                best[name] = max(best[name], count / (time.process_time() - started))
                assert count == options.rows, name
        for name, rate in best.items():
            print(f"{name:32} {rate:9,.0f} rows a CPU second, {rate / best['webdataset']:5.2f} x webdataset")


def made(root: Path, rows: int, size: int) -> Path:
    """A release of so many rows."""
    demo = (
        Path(factory.build(Path(__file__).parents[2] / "recipes" / "mp16_reason.yaml", out=root).directory) / "release"
    )
    opened, random = open_release(demo), np.random.default_rng(0)
    known = [{**row, "images": None} for split in opened.splits for row in opened.rows(split)]
    target = root / "large"
    files = []
    for shard in range(SHARDS):
        numbers = range(rows * shard // SHARDS, rows * (shard + 1) // SHARDS)
        names = {"parquet": file_name("train", shard, SHARDS), "webdataset": shard_name("train", shard)}
        for kind, name in names.items():
            path = target / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                write(file, kind, opened, known, numbers, random.bytes(size))
            files.append(file_entry(target, path, len(numbers)))
            if kind == "webdataset":
                files.append(file_entry(target, index_path(path), None))
    fields = {**read_manifest(demo), "files": files}
    (target / MANIFEST).write_bytes(manifest_bytes(fields))
    return target


def write(file: Any, kind: str, opened: Release, known: list[dict[str, Any]], numbers: range, data: bytes) -> None:
    writer = ParquetFile(file, opened.schema) if kind == "parquet" else None
    tar = TarFile(file, Path(file.name).name)
    for number in numbers:
        row = {name: value for name, value in known[number % len(known)].items() if name != "images"}
        picture = number.to_bytes(8, "big") + data[8:]
        if writer is not None:
            writer.write(number, row, [picture])
        else:
            tar.write(number, row["id"], orjson.dumps(opened.schema.json_row(row)), [picture])
    if writer is not None:
        writer.close()
    else:
        index_path(Path(file.name)).write_bytes(tar.close())


def webdataset_rows(root: Path) -> Iterable[Any]:
    import webdataset

    files = [str(path) for path in sorted((root / "webdataset").glob("*.tar"))]
    for sample in webdataset.WebDataset(files, shardshuffle=False, empty_check=False):
        yield sample["jpg"], json.loads(sample["json"])


def arrow_rows(root: Path) -> Iterable[Any]:
    for path in sorted((root / "parquet").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64):
                yield from batch.to_pylist()


if __name__ == "__main__":
    main()
