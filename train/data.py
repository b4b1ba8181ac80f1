"""Released rows in the order in which they are learnt: mixed, shared out over processes, from any place on.

Rows are read by `release.read` and not by `datasets`' loader, since the place of a row then follows from the number of
rows before it alone: a checkpoint needs no state of readers, workers may have read ahead as far as they like, and a run
that goes on takes up at the very row, without reading those before it again. Every process walks through the same
stream and decodes its own rows: so a step sees the same rows for any number of processes and workers, and none is
left without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final

import numpy as np

from factory.errors import RecipeError
from factory.store.paths import fallback_told
from release.read import DamagedRelease, Release, open_release
from train.blocks import ReleaseBlock
from train.settings import LoadedRun

COLUMNS: Final = ("id", "images", "messages")
"""What conversations are made of."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A split of a release, and how many of its rows an epoch has."""

    release: Release
    split: str
    rows: int
    columns: tuple[str, ...] = COLUMNS
    """What is read of a row."""


@dataclass(frozen=True, slots=True)
class Order:
    """All rows of a run, epoch after epoch, by the number of rows before them."""

    sources: tuple[Source, ...]
    seed: int
    shuffle: bool = True
    window: int | None = None

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return sum(source.rows for source in self.sources)

    def from_row(self, number: int) -> Iterator[Row]:
        """The rows from the `number`-th on, without end: their columns, `images` as `{"bytes", "path"}`.

        Raises DamagedRelease when it reaches a file that is missing or changed.
        """
        epoch, before = divmod(number, self.rows)
        while True:
            yield from self._epoch(epoch, before)
            epoch, before = epoch + 1, 0

    def _epoch(self, epoch: int, before: int) -> Iterator[Row]:
        turns = np.repeat(np.arange(len(self.sources)), [source.rows for source in self.sources])
        if self.shuffle:
            turns = np.random.default_rng([self.seed, epoch]).permutation(turns)
        given = np.bincount(turns[:before], minlength=len(self.sources))
        streams = [self._rows(source, number, epoch, int(given[number])) for number, source in enumerate(self.sources)]
        for turn in turns[before:]:
            yield next(streams[turn])

    def _rows(self, source: Source, number: int, epoch: int, before: int) -> Iterator[Row]:
        stream = source.release.stream(
            source.split, shuffle=self.shuffle, seed=self.seed + number, columns=source.columns, window=self.window
        )
        stream.load_state_dict({**stream.state_dict(), "epoch": epoch, "given": before})
        return iter(stream)


def opened_source(run: LoadedRun, number: int, split: str | None = None, columns: tuple[str, ...] = COLUMNS) -> Source:
    """The `number`-th release of a run. Raises RecipeError with its line where it cannot be used."""
    block: ReleaseBlock = run.run.data.releases[number]
    place = ("data", "releases", number)
    chosen = block.split if split is None else split
    at = run.at(*place, "split") if split is None else run.at("data", "evaluate")
    try:
        release = open_release(run.file(block.path), format=block.format, config=block.config)
    except KeyError as error:
        raise RecipeError(f"{run.at(*place, 'config')}: {error.args[0]}") from None
    except DamagedRelease as error:
        raise RecipeError(f"{run.at(*place, 'path')}: {error}{fallback_told(block.path)}") from None
    except ValueError as error:
        raise RecipeError(f"{run.at(*place, 'format')}: {error}") from None
    there = release.splits.get(chosen, 0)
    if not there:
        known = ", ".join(f"{name} ({rows:,})" for name, rows in release.splits.items()) or "none"
        raise RecipeError(f"{at}: no rows in the split {chosen!r} of {release.root}; there are {known}")
    if missing := [name for name in columns if name not in release.schema.columns.names]:
        raise RecipeError(f"{run.at(*place, 'path')}: rows without {', '.join(missing)} cannot be learnt from")
    wanted = block.rows if split is None else None
    if wanted is not None and wanted > there:
        raise RecipeError(f"{run.at(*place, 'rows')}: {wanted:,} rows of {there:,}; take it out for all")
    return Source(release, chosen, wanted or there, columns)


def train_order(run: LoadedRun, columns: tuple[str, ...] = COLUMNS) -> Order:
    """The rows a run learns from. Raises RecipeError, also where rows lack one of these columns."""
    data = run.run.data
    sources = tuple(opened_source(run, number, None, columns) for number in range(len(data.releases)))
    return Order(sources, run.run.seed, data.shuffle, data.window)


def evaluation_rows(run: LoadedRun, processes: int) -> tuple[Order, int] | None:
    """Rows whose loss is measured while training, in the order of their release, and how many: as many as the processes
    can share evenly. None where a run measures none. Raises RecipeError."""
    data = run.run.data
    if data.evaluate is None:
        return None
    source = opened_source(run, 0, data.evaluate)
    rows = min(data.evaluate_rows, source.rows)
    rows -= rows % processes
    if not rows:
        raise RecipeError(
            f"{run.at('data', 'evaluate')}: {source.rows} rows for {processes} processes: `evaluate: null`"
        )
    return Order((source,), 0, shuffle=False), rows


@dataclass(frozen=True, slots=True)
class Share:
    """Which rows of the common stream a process takes: batch after batch, `batch` rows each, by turns."""

    rank: int
    ranks: int
    batch: int

    def of(self, rows: Iterator[Row], worker: int = 0, workers: int = 1) -> Iterator[Row]:
        """This process' rows, or those of one of its workers, which take its batches by turns."""
        for number, batch in enumerate(iter(lambda: list(islice(rows, self.batch)), [])):
            mine, rank = divmod(number, self.ranks)
            if rank == self.rank and mine % workers == worker:
                yield from batch


def even_part(rows: int, rank: int, ranks: int) -> range:
    """The `rank`-th of so many parts of rows that lie together, all of the same length; what is left over is in none.

    Processes that meet after each batch need as many batches, of as many rows each, as the others: one that has a batch
    more waits for ever. Dealing out whole batches gives that only where their number can be shared evenly.
    """
    each = rows // ranks
    return range(rank * each, (rank + 1) * each)


def loader(
    rows: Callable[[], Iterator[Row]],
    share: Share,
    collate: Callable[[Sequence[Row]], Mapping[str, Any]],
    *,
    workers: int,
    pin: bool,
) -> Any:
    """A torch DataLoader of one process' batches.

    Args:
        rows: the common stream, opened anew by each iteration.
        workers: processes that read and collate, each every `workers`-th batch; none for 0.
    """
    from torch import Generator
    from torch.utils.data import DataLoader, IterableDataset, get_worker_info

    class Rows(IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[Row]:
            info = get_worker_info()
            worker, count = (0, 1) if info is None else (info.id, info.num_workers)
            return share.of(rows(), worker, count)

    return DataLoader(
        Rows(),
        batch_size=share.batch,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=pin,
        generator=Generator(),  # else each loader draws from the random state that dropout goes on with
    )


def first_rows(order: Order, number: int, rows: int | None) -> Iterator[Row]:
    """So many rows from the `number`-th on; None for all that follow."""
    return islice(order.from_row(number), rows)


def stream_from(order: Order, number: int, rows: int | None = None) -> Callable[[], Iterator[Row]]:
    """`first_rows`, to be opened later and as often as one likes."""
    return partial(first_rows, order, number, rows)
