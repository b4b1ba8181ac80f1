"""A run's folder takes up only what the same settings and the same data left, and only what is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import EnvironmentFault, RecipeError
from train.blocks import KeepBlock
from train.course import other_trackers
from train.folder import RunFolder, run_folder, versions
from train.settings import load_run


def test_a_run_with_other_settings_is_refused_and_what_differs_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("name: tiny\ntrainer: sft\nmodel: {path: model}\ndata: {releases: [{path: release}]}\n")
    run_folder(load_run(path), tmp_path / "runs", write=True)
    run_folder(load_run(path), tmp_path / "runs", write=True)
    with pytest.raises(RecipeError, match=r"run\.optim\.batch_size: 1, asked for 2"):
        run_folder(load_run(path, overrides=("optim.batch_size=2",)), tmp_path / "runs", write=True)
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "manifest.json").write_bytes(b"{}")
    with pytest.raises(RecipeError, match=r"data\.releases"):
        run_folder(load_run(path), tmp_path / "runs", write=True)


def test_the_latest_whole_checkpoint_is_taken_and_none_that_a_kill_left_in_pieces(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.checkpoint() is None and folder.model is None and folder.done is None
    for step, whole in ((9, True), (10, True), (20, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / "whole.json").write_bytes(b"{}")
    assert folder.checkpoint() == (tmp_path / "checkpoint-10", 10)


def test_a_checkpoint_of_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "whole.json").write_bytes(b'{"step": 3, "processes": 2}')
    RunFolder(tmp_path).same_processes(tmp_path, 2)
    with pytest.raises(RecipeError, match="is of 2 processes, and here are 4"):
        RunFolder(tmp_path).same_processes(tmp_path, 4)


def test_a_tracker_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.course.find_spec", lambda name: None)
    for name in ("tensorboard", "trackio"):
        with pytest.raises(EnvironmentFault, match=f"pip install {name}"):
            other_trackers(KeepBlock(trackers=(name,)))
    monkeypatch.undo()
    assert other_trackers(KeepBlock()) == []  # TensorBoard is written by ourselves


def test_a_library_that_is_not_here_is_no_part_of_what_a_run_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    there = versions()
    monkeypatch.setattr("train.folder.LIBRARIES", (*there, "bits_of_nobody"))
    assert there and versions() == there
