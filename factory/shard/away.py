"""A shard on a machine that lacks the build's directory: what it needs comes along, what it makes is sent home.

    lend         the build's machine   a claim with a new number, the plan's rows, ledgers of earlier builds
    made_away    the other machine     a directory of its own on the local disk, with what was answered already
    send_home    the other machine     answers, pictures and the sealed ledger, while the claim is the newest
    bring_home   the build's machine   takes the files over and writes the report, which alone marks a shard as done

Whoever was given up writes only below the folder of its own claim, and nothing from there counts without the build's
own machine; so a forgotten process can neither finish a shard nor damage one.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa

from factory.calls.files import row_from
from factory.calls.journal import Claim, journalled, latest, set_fence
from factory.calls.ledger import Ledger, read_ledger, remove_live
from factory.calls.row import LedgerRow
from factory.errors import EnvironmentFault
from factory.plugins.shared import Shared
from factory.shard.loop import Loop
from factory.shard.spec import Away, ShardReport, ShardSpec, stored_report
from factory.store.files import file_digest, make_folder, remove, rename, sync_directory
from factory.store.folder import FolderStore
from factory.store.home import Home
from factory.store.layout import BuildPaths, ShardPaths, shard_files
from factory.store.tables import read_arrow, write_table
from schemas import arrow


def lend(spec: ShardSpec, shared: Shared, *, home: Home) -> ShardSpec:
    """A shard's spec as it travels; whoever had it before can bring nothing home from now on.

    Raises BuildLocked, EnvironmentFault (storage), CorruptBuild (the plan, a ledger).
    """
    paths = BuildPaths(Path(spec.build)).shard(spec.number)
    with FolderStore(paths.root).claim(f"shard {spec.number} of {spec.build}") as token:
        claim = Claim(home, spec.number, token)
        set_fence(claim)
        if paths.live_ledger.exists():  # from now on the journal has its rows: `gather` brings them back
            claim.journal(first=0)(_ledger_rows(paths.live_ledger))
            remove_live(paths.live_ledger)
    sent: list[str] = []
    for position, path in enumerate(map(Path, spec.prior_ledgers) if not home.is_folder else ()):
        sent.append(f"{claim.made}/prior-{position}")
        home.put(f"{sent[-1]}/{path.name}", path)
        if (answers := ShardPaths(path.parent).answers).exists():
            home.put(f"{sent[-1]}/{answers.name}", answers)
    sink = pa.BufferOutputStream()
    table = read_arrow(BuildPaths(Path(spec.build)).plan, arrow.PLAN, shard=spec.number)
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    away = Away(claim=claim, plan=sink.getvalue().to_pybytes(), shared=shared, prior_ledgers=tuple(sent))
    build, root = str(Path(spec.build).absolute()), str(Path(spec.root).absolute())
    priors = tuple(str(Path(path).absolute()) for path in spec.prior_ledgers)
    prior = None if spec.prior_shard is None else str(Path(spec.prior_shard).absolute())
    return replace(spec, build=build, root=root, prior_ledgers=priors, prior_shard=prior, away=away)


@contextmanager
def made_away(spec: ShardSpec) -> Iterator[ShardSpec]:
    """The spec with a directory on this machine's disk as its build, which goes at the end; what was answered in it is
    in the journal. Raises BuildLocked where the claim is not the newest, EnvironmentFault, CorruptBuild."""
    away = spec.away
    assert away is not None
    away.claim.require_newest()
    with tempfile.TemporaryDirectory(prefix="factory-shard-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        paths = BuildPaths(root)
        shard = paths.shard(spec.number)
        make_folder(paths.shard_folder)
        make_folder(shard.root)
        with pa.ipc.open_stream(away.plan) as stream:
            write_table(stream.read_all(), paths.plan)
        write_live(journalled(away.claim.home, spec.number), shard)
        priors = spec.prior_ledgers if away.claim.home.is_folder else tuple(_fetched(away, root))
        at_hand = spec.prior_shard is not None and Path(spec.prior_shard).is_dir()
        prior_shard = spec.prior_shard if at_hand else None
        yield replace(spec, build=str(root), prior_ledgers=priors, prior_shard=prior_shard)


def _fetched(away: Away, root: Path) -> Iterator[str]:
    """Ledgers of earlier builds, each in a folder with the answers beside it."""
    home = away.claim.home
    for position, folder in enumerate(away.prior_ledgers):
        here = root / f"prior-{position}"
        make_folder(here)
        for name in home.list(folder):
            home.fetch(f"{folder}/{name}", here / name)
            if name != ShardPaths(here).answers.name:
                yield str(here / name)


def send_home(spec: ShardSpec, report: ShardReport) -> None:
    """Sends what a finished shard made to its claim's folder. Raises BuildLocked where the claim is not the newest,
    EnvironmentFault."""
    assert spec.away is not None
    claim, paths = spec.away.claim, BuildPaths(Path(spec.build)).shard(spec.number)
    for path in shard_files(paths) if not report.deferred else ():
        claim.put(f"{claim.made}/{path.name}", path)


def bring_home(spec: ShardSpec, report: ShardReport) -> ShardReport:
    """Takes over what a shard made elsewhere, and marks it as done.

    Raises EnvironmentFault (storage, bytes that changed on their way), BuildLocked.
    """
    assert spec.away is not None
    claim, paths = spec.away.claim, BuildPaths(Path(spec.build)).shard(spec.number)
    if report.deferred:
        return report
    for path in shard_files(paths):
        claim.home.take(f"{claim.made}/{path.name}", path)
        if file_digest(path) != report.files.get(path.name):
            remove(path)
            raise EnvironmentFault(
                f"{claim.home.url}/{claim.made}/{path.name}: has other bytes than were sent; run the same command "
                "again: what was answered is kept"
            )
    text = orjson.dumps(stored_report(report), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    FolderStore(paths.root).put(paths.report.name, text, token=claim.token)
    tidy(paths, claim.home, spec.number)
    return report


def tidy(paths: ShardPaths, home: Home, number: int) -> None:
    """Takes away what of a finished shard was needed elsewhere, and its live ledger."""
    remove(paths.progress)
    remove_live(paths.live_ledger)
    home.remove(Claim(home, number, 0).folder)


def gather(paths: ShardPaths, home: Home, number: int) -> None:
    """Answers of an unfinished shard that were recorded elsewhere, as rows of its live ledger, with those it has.

    Raises CorruptBuild for a damaged row, EnvironmentFault.
    """
    if kept := journalled(home, number):
        here = _ledger_rows(paths.live_ledger) if paths.live_ledger.exists() else []
        write_live(latest(latest({}, kept), here).values(), paths)


def write_live(rows: Iterable[LedgerRow], paths: ShardPaths) -> None:
    """Rows as the shard's live ledger, whole or not at all. Raises EnvironmentFault."""
    remove_live(paths.thawing)
    with Loop() as loop, Ledger(paths.thawing) as ledger:
        loop.run(_record(ledger, list(rows)))
    remove_live(paths.live_ledger)
    rename(paths.thawing, paths.live_ledger)
    sync_directory(paths.root)


async def _record(ledger: Ledger, rows: Iterable[LedgerRow]) -> None:
    await asyncio.gather(*map(ledger.record, rows))


def _ledger_rows(path: Path) -> list[LedgerRow]:
    return [row_from(path, row) for row in read_ledger(path).iter_rows()]
