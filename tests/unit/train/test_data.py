"""Where a row comes in the order of a run follows from the number of rows before it, and from nothing else."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import RecipeError
from release.read import open_release
from tests.training.tiny import make_release
from train.data import Order, Share, Source, evaluation_rows, even_part, train_order
from train.settings import load_run


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Order:
    """Two releases, mixed: all of ten rows in Parquet, eight of twelve in tars."""
    root = tmp_path_factory.mktemp("data")
    first, second = make_release(root / "a", 10), make_release(root / "b", 12, tars=True, files=3)
    return Order((Source(open_release(first), "train", 10), Source(open_release(second), "train", 8)), seed=3)


def ids(order: Order, start: int, rows: int) -> list[str]:
    return [row["images"][0]["path"] + row["id"] for row in islice(order.from_row(start), rows)]


def test_from_any_row_on_the_rest_is_the_same(order: Order) -> None:
    whole = ids(order, 0, 60)
    assert all(ids(order, start, 60 - start) == whole[start:] for start in range(0, 60, 7))


def test_an_epoch_has_every_row_of_its_share_once_and_the_next_another_order(order: Order) -> None:
    epochs = [[row["id"] for row in islice(order.from_row(18 * number), 18)] for number in (0, 1)]
    assert epochs[0] != epochs[1]
    for epoch in epochs:
        times = Counter(epoch)
        assert sum(times.values()) == 18 and set(times) <= {f"train-{number:04d}" for number in range(12)}
        assert all(times[f"train-{number:04d}"] >= 1 for number in range(10))


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_step_sees_the_same_rows_for_any_number_of_processes_and_workers(ranks: int, workers: int) -> None:
    rows = [{"number": number} for number in range(48)]
    batch = 12 // ranks
    for step in range(4):
        seen = []
        for rank in range(ranks):
            for worker in range(workers):
                mine = list(Share(rank, ranks, batch).of(iter(rows), worker, workers))
                turns = [mine[start : start + batch] for start in range(0, len(mine), batch)]
                seen += [
                    row["number"]
                    for turn, rows_ in enumerate(turns)
                    if turn * workers + worker == step
                    for row in rows_
                ]
        assert sorted(seen) == list(range(12 * step, 12 * step + 12))


def run_on(folder: Path, *overrides: str) -> object:
    path = folder / "run.yaml"
    path.write_text(
        "name: tiny\ntrainer: sft\nmodel: {path: model}\ndata: {releases: [{path: release}], evaluate_rows: 15}\n"
    )
    return load_run(path, overrides=overrides)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.releases.0.split=trian", "no rows in the split 'trian'"),
        ("data.releases.0.rows=99", "`data.releases.0.rows`: 99 rows of 8"),
        ("data.releases.0.config=other", "`data.releases.0.config`: no configuration"),
        ("data.releases.0.path=nowhere", "manifest.json: missing"),
        ("data.releases.0.format=webdataset", "`data.releases.0.format`: "),
        ("data.releases.0.path=${NOT_SET_HERE:-nowhere}", "NOT_SET_HERE is not set, so 'nowhere' stands for it"),
    ],
)
def test_data_that_is_not_there_is_told_with_its_key(tmp_path: Path, override: str, told: str) -> None:
    make_release(tmp_path / "release", 8)
    with pytest.raises(RecipeError) as caught:
        train_order(run_on(tmp_path, override))  # type: ignore[arg-type]
    assert told in str(caught.value)


def test_rows_that_are_measured_are_shared_evenly(tmp_path: Path) -> None:
    make_release(tmp_path / "release", 8)
    found = evaluation_rows(run_on(tmp_path), 4)  # type: ignore[arg-type]
    assert found is not None and found[1] == 12
    assert evaluation_rows(run_on(tmp_path, "data.evaluate=null"), 4) is None  # type: ignore[arg-type]


@settings(deadline=None)
@given(each=st.integers(1, 60), ranks=st.integers(1, 9), batch=st.integers(1, 70))
def test_processes_that_meet_after_each_batch_measure_as_many_batches_of_as_many_rows(
    each: int, ranks: int, batch: int
) -> None:
    """Else the one that has a batch more waits for ever. A hundred rows for two, eight at once, are seven each."""
    seen: list[int] = []
    batches = set()
    for rank in range(ranks):
        part = even_part(each * ranks, rank, ranks)
        mine = [row["number"] for row in Share(0, 1, batch).of(iter([{"number": number} for number in part]))]
        seen += mine
        batches.add(tuple(len(mine[start : start + batch]) for start in range(0, len(mine), batch)))
    assert len(batches) == 1 and seen == list(range(each * ranks))
