"""Rows a CPU second that a release writes, beside webdataset's TarWriter, `datasets` and raw concatenation, in one run.

    python tests/benchmarks/bench_write.py [--megabytes 280] [--kilobytes 30 350] [--rounds 3]

Pictures of random bytes and the rows of the demo, again and again; each writer gets the same bytes and writes to memory
where there is a /dev/shm. CPU time, as the machine may be busy; the best of the rounds, which alternate. Ours writes
what no peer does: an index with a SHA-256 a sample beside the tar, checksums and an index of pages in Parquet.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import factory
from release.parquet_files import ParquetFile
from release.read import open_release
from release.tar_index import index_path
from release.webdataset_shards import TarFile
from schemas.rows.schema import RowSchema

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--megabytes", type=int, default=280)
    parser.add_argument("--kilobytes", type=int, nargs="+", default=[30, 350])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        schema, known = demo_rows(Path(folder))
    memory = Path("/dev/shm")
    for size in options.kilobytes:
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            print(f"pictures of {size} KB")
            compare(Path(folder), schema, known, size * 1000, options.megabytes * 1000 // size, options.rounds)


def demo_rows(root: Path) -> tuple[RowSchema, list[Row]]:
    """The demo's rows without their pictures."""
    recipe = Path(__file__).parents[2] / "recipes" / "mp16_reason.yaml"
    opened = open_release(Path(factory.build(recipe, out=root).directory) / "release")
    rows = [{**row, "images": None} for split in opened.splits for row in opened.rows(split)]
    return opened.schema, [{name: value for name, value in row.items() if name != "images"} for row in rows]


def compare(root: Path, schema: RowSchema, known: list[Row], size: int, count: int, rounds: int) -> None:
    data = np.random.default_rng(0).bytes(size + 64)
    texts = [orjson.dumps(schema.json_row({**row, "images": None})) for row in known]
    given = [(known[n % len(known)], texts[n % len(known)], data[n % 64 : n % 64 + size]) for n in range(count)]
    writers: dict[str, Callable[[Path], None]] = {
        "raw concatenation": lambda path: raw(path, given),
        "webdataset": lambda path: webdataset_tar(path, given),
        "release, tar and index": lambda path: our_tar(path, given),
        "datasets, parquet": lambda path: datasets_parquet(path, schema, given),
        "release, parquet": lambda path: our_parquet(path, schema, given),
    }
    best = dict.fromkeys(writers, 0.0)
    for _ in range(rounds):
        for name, write in writers.items():
            path = root / "written"
            started = time.process_time()
            write(path)
            best[name] = max(best[name], count / (time.process_time() - started))
            for written in root.iterdir():
                written.unlink()
    for name, rate in best.items():
        peer = "datasets, parquet" if name.endswith("parquet") else "webdataset"
        beside = f"{rate / best[peer]:5.2f} x {peer.partition(',')[0]}, {rate / best['raw concatenation']:.2f} of raw"
        print(f"  {name:24} {rate:9,.0f} rows a CPU second, {beside}")


def raw(path: Path, given: list[tuple[Row, bytes, bytes]]) -> None:
    with path.open("wb") as file:
        for _, text, picture in given:
            file.write(picture)
            file.write(text)


def webdataset_tar(path: Path, given: list[tuple[Row, bytes, bytes]]) -> None:
    import webdataset

    with webdataset.TarWriter(str(path), encoder=False) as writer:
        for number, (_, text, picture) in enumerate(given):
            writer.write({"__key__": f"{number:06d}", "jpg": picture, "json": text})


def our_tar(path: Path, given: list[tuple[Row, bytes, bytes]]) -> None:
    with path.open("wb") as file:
        tar = TarFile(file, path.name)
        for number, (row, text, picture) in enumerate(given):
            tar.write(number, row["id"], text, [picture])
        index_path(path).write_bytes(tar.close())


def datasets_parquet(path: Path, schema: RowSchema, given: list[tuple[Row, bytes, bytes]]) -> None:
    """As `Dataset.to_parquet` writes rows that lie in memory, pictures embedded."""
    from datasets import Dataset, Features, Image, List

    from release.parquet_files import file_schema

    features = Features({**Features.from_arrow_schema(file_schema(schema)), "images": List(Image())})
    rows = [{**row, "images": [{"bytes": picture, "path": None}]} for row, _, picture in given]
    Dataset.from_list(rows, features=features).to_parquet(str(path))


def our_parquet(path: Path, schema: RowSchema, given: list[tuple[Row, bytes, bytes]]) -> None:
    with path.open("wb") as file:
        writer = ParquetFile(file, schema)
        for number, (row, _, picture) in enumerate(given):
            writer.write(number, row, [picture])
        writer.close()


if __name__ == "__main__":
    main()
