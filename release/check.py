"""Is this release whole, consistent, free of metadata and of leaks, and true to its licences? Answered from its files
alone, by anyone who has them.

Every shard is looked at by itself (`release.shard_check`), many in as many processes as there are cores; what must hold
of all rows together stands in `release.rules`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from factory.processes import usable_cores
from factory.redact import named_secrets, told
from factory.select.benchmarks import Benchmark
from release.coarse import told_grid
from release.configs import configs, folder_in
from release.crew import Crew
from release.facts import COLUMNS
from release.files import READ_ERRORS, format_of, split_of, with_firsts
from release.manifest import MANIFEST, DamagedRelease, digest_of, read_manifest
from release.rules import rule_faults
from release.shard_check import SAID, TOLD, Looked, Looking, Shard, look_at
from release.tar_index import SUFFIX
from release.viewer_check import viewer_faults
from release.viewer_pages import is_page
from release.withdrawals import Withdrawals
from release.withheld import WITHHELD, withheld_faults
from schemas.rows.schema import RowSchema

MAX_PAPER_BYTES: Final = 16_000_000
"""Of a file without rows, which is read whole: a card has 10 kB, a map of a million rows 0.2 MB."""
ALONE_BYTES: Final = 64_000_000
"""Of files of rows: less is looked at faster by one process than others start."""
_CARD_COUNT: Final = re.compile(r"^\| (train|validation|test|all) \| (\d+) \|$", re.MULTILINE)


def check_release(
    path: Path,
    secrets: Mapping[str, str] | None = None,
    *,
    benchmarks: Sequence[Benchmark] = (),
    withdrawals: Withdrawals | None = None,
    workers: int = 0,
) -> list[str]:
    """Every fault of a release directory, each naming the file; empty when all is well.

    What rows look like is read from the manifest, so a release of any family can be checked. Compared are: the manifest
    with itself and with every file's bytes; rows in each shard, in both formats (all values, all pictures), in the card
    and in the manifest; each row with the schema (columns, types, what may be unknown) and its `messages` with its
    pictures; the pages' checksums; each index with its tar. Every picture is opened, has the size its row states and
    carries no metadata; where the manifest says that pictures passed undecoded, their segments are read to the end
    instead. No conversation tells its place before the last answer beyond what the family declares; no author, geocell
    or nearly same picture is in two splits that the recipe keeps apart; every licence is kept, and every photo that
    asks for it is attributed. The viewer, where there is one, shows these rows and pictures and no other.

    Args:
        secrets: values, by the environment variable that has them, which must stand in no file; by default those of
            variables that are always secret. See `factory.redact.named_secrets`.
        benchmarks: evaluation sets of which no row may be.
        withdrawals: a list of which no row may be; by default the release's own `withdrawn.parquet` alone.
        workers: processes; 0 for one a core where there is enough to do.
    """
    secrets = named_secrets({}) if secrets is None else secrets
    try:
        manifest = read_manifest(path)
    except DamagedRelease as error:
        return [str(error)]
    try:
        schema = RowSchema.from_plain(manifest["row"])
        return _faults(path, manifest, schema, secrets, benchmarks, withdrawals, workers)
    except READ_ERRORS as error:
        return [f"{path / MANIFEST}: does not describe a release ({error!r:.{SAID}})"]


def _faults(
    path: Path,
    manifest: dict[str, Any],
    schema: RowSchema,
    secrets: Mapping[str, str],
    benchmarks: Sequence[Benchmark],
    withdrawals: Withdrawals | None,
    workers: int,
) -> list[str]:
    faults = [*_file_faults(path, manifest)]
    damaged = {fault.split(":", 1)[0] for fault in faults}
    undecoded = (manifest["recipe"].get("images") or {}).get("pass_through") is True
    compared, passed_on = len(manifest["formats"]) > 1, "hydrated" not in manifest
    how = {"compared": compared, "undecoded": undecoded, "passed_on": passed_on, "viewed": "viewer" in manifest}
    looking = Looking(schema, secrets, **how, withdrawals=withdrawals, grid=told_grid(manifest))
    shards = _shards(path, manifest, damaged)
    size = sum(map(_size, shards))
    cores = usable_cores()
    workers = workers or (1 if size < ALONE_BYTES else cores)
    alone = partial(look_at, looking=replace(looking, threads=min(4, cores)))
    with Crew(workers) as crew:
        looked = _largest_first(crew, partial(look_at, looking=looking), alone, shards)
        faults += [fault for one in looked for fault in one.faults]
        faults += _secret_papers(path, manifest, damaged, secrets)
        if (path / WITHHELD).is_file() and str(path / WITHHELD) not in damaged:
            faults += withheld_faults(path / WITHHELD, secrets)
        if not damaged:
            faults += _count_faults(path, manifest, shards, looked)
            facts = pl.concat([pl.DataFrame(schema=COLUMNS), *(one.facts for one in looked)])
            faults += rule_faults(path, manifest, schema, facts, benchmarks)
            faults += viewer_faults(path, manifest, [seen for one in looked for seen in one.seen], crew)
    return faults


def _shards(root: Path, manifest: Mapping[str, Any], damaged: set[str]) -> list[Shard]:
    """The files of rows, those of the two formats that hold the same rows together."""
    entries = [entry for entry in manifest["files"] if "rows" in entry]
    together: dict[tuple[str, str, int], list[tuple[Path, int]]] = {}
    for form in ("parquet", "webdataset"):
        paths = sorted((root / entry["path"], entry) for entry in entries if format_of(Path(entry["path"])) == form)
        for file, entry, first in with_firsts(paths):
            if str(file) not in damaged:
                place = (folder_in(entry["path"]), split_of(file), first)
                together.setdefault(place, []).append((file, entry["rows"]))
    return [Shard(tuple(files), folder, first) for (folder, _, first), files in together.items()]


def _largest_first(
    crew: Crew, look: Callable[[Shard], Looked], alone: Callable[[Shard], Looked], shards: Sequence[Shard]
) -> list[Looked]:
    """What is found of each shard, in their order; a large one that came last would be waited for by all others."""
    order = sorted(range(len(shards)), key=lambda at: -_size(shards[at]))
    found = dict(zip(order, crew.looked(look, [shards[at] for at in order], alone=alone), strict=True))
    return [found[at] for at in range(len(shards))]


def _size(shard: Shard) -> int:
    return sum(file.stat().st_size for file, _ in shard.files)


def _file_faults(root: Path, manifest: dict[str, Any]) -> Iterator[str]:
    listed = {entry["path"] for entry in manifest["files"]}
    with ThreadPoolExecutor(usable_cores()) as threads:  # digests are made without Python's lock
        for found in threads.map(partial(_file_fault, root), manifest["files"]):
            yield from found
    present = {file.relative_to(root).as_posix() for file in root.rglob("*") if not file.is_dir() or file.is_symlink()}
    for name in sorted(present - listed - {MANIFEST}):
        yield f"{root / name}: not in the manifest"


def _file_fault(root: Path, entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with a file, looked at as bytes."""
    file = root / entry["path"]
    if not file.is_file() or file.is_symlink():
        return [f"{file}: missing; the manifest lists it"]
    if file.stat().st_size != entry["bytes"]:
        return [f"{file}: {file.stat().st_size} bytes, the manifest says {entry['bytes']}"]
    if _is_paper(entry) and entry["bytes"] > MAX_PAPER_BYTES:
        return [f"{file}: {entry['bytes']} bytes; what has no rows has at most {MAX_PAPER_BYTES}"]
    differs = digest_of(file) != entry["sha256"]
    return [f"{file}: differs from what was written (SHA-256)"] if differs else []


def _is_paper(entry: Mapping[str, Any]) -> bool:
    """Whether a file is read whole: no index, which is read line by line, no table, and no page of the viewer, which
    holds what rows say."""
    return "rows" not in entry and not entry["path"].endswith((SUFFIX, ".parquet")) and not is_page(entry["path"])


def _secret_papers(
    root: Path, manifest: dict[str, Any], damaged: set[str], secrets: Mapping[str, str]
) -> Iterator[str]:
    """Secrets in the manifest and in whatever else has no rows."""
    papers = [root / entry["path"] for entry in manifest["files"] if _is_paper(entry)]
    for file in (root / MANIFEST, *papers):
        if str(file) not in damaged:
            for name in told(secrets, file.read_bytes().decode("utf-8", "replace")):
                yield TOLD.format(file, name)


def _count_faults(
    root: Path, manifest: dict[str, Any], shards: Sequence[Shard], looked: Sequence[Looked]
) -> Iterator[str]:
    """Rows = images = card: every count of rows against the manifest's."""
    splits = manifest["counts"]["splits"]
    contents = []
    for form in manifest["formats"]:
        rows: Counter[tuple[str, str]] = Counter()
        digests: dict[tuple[str, str], list[bytes]] = {}
        for shard, one in sorted(zip(shards, looked, strict=True), key=lambda pair: pair[0].first):
            place = (shard.folder, split_of(shard.files[0][0]))
            rows[place] += one.rows.get(form, 0)
            digests.setdefault(place, []).extend(one.digests.get(form, ()))
        counted: Counter[str] = Counter()
        for (_, split), number in rows.items():
            counted[split] += number
        if dict(counted) != splits:
            yield f"{root / form}: rows by split {dict(counted)}, the manifest says {splits}"
        if "configs" in manifest and configs(rows, manifest["row"].get("part", "")) != manifest["configs"]:
            yield f"{root / form}: its configurations are others than those of the manifest"
        contents.append(digests)
    if any(content != contents[0] for content in contents[1:]):
        yield f"{root}: the formats hold different rows, or the same in another order"
    head = (root / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]  # a scene may be called `train` too
    card = {name: int(rows) for name, rows in _CARD_COUNT.findall(head)}
    if card != {**splits, "all": manifest["counts"]["rows"]} or sum(splits.values()) != manifest["counts"]["rows"]:
        yield f"{root / 'README.md'}: says rows {card}, the manifest says {splits}"
