"""What a retriever needs at its end is looked for at its beginning."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import RecipeError
from tests.training.tiny import make_release
from train.retriever import held_out, train_retriever
from train.settings import LoadedRun, load_run

RUN = """\
name: tiny
trainer: retriever
model: {path: model}
data:
  releases: [{path: release}]
  query: {picture: 0}
  gallery: {text: country}
  place: [country]
"""


def run_on(folder: Path, *overrides: str) -> LoadedRun:
    path = folder / "run.yaml"
    path.write_text(RUN)
    make_release(folder / "release", 8, held_out=4)
    return load_run(path, overrides=overrides)


def test_held_out_rows_that_are_not_there_are_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        train_retriever(run_on(tmp_path, "data.evaluate=validatoin"), tmp_path / "runs", print)
    assert "`data.evaluate`: no rows in the split 'validatoin'" in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_a_run_that_looks_nothing_up_needs_no_held_out_rows(tmp_path: Path) -> None:
    run = run_on(tmp_path)
    source = held_out(run)
    assert source is not None and (source.split, source.rows) == ("validation", 4)
    assert held_out(load_run(run.path, overrides=("data.evaluate=null",))) is None
