"""The folder of a run: what was asked for, checkpoints, what came out.

runs/<name>/
  run.json               the resolved settings, digests of the releases' manifests, versions of libraries
  checkpoint-<step>/     weights, optimizer, random states; `whole.json` is written last: without it none is taken up
  tensorboard/           losses, rates, accuracies
  adapter/ or model/     what was learnt, with the processor's files
  done.json              the last numbers and the table of what was trained
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import orjson

from factory.errors import RecipeError
from factory.store.files import file_digest, make_folder, read_json, write_bytes
from train.settings import LoadedRun

LIBRARIES: Final = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes")
_CHECKPOINT: Final = re.compile(r"checkpoint-([0-9]{1,12})")
WHOLE: Final = "whole.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run's files lie."""

    path: Path

    @property
    def done(self) -> dict[str, Any] | None:
        """What a finished run came to; None before it is."""
        file = self.path / "done.json"
        again = "delete it, and the same `factory train` writes it again from the last checkpoint"
        return read_json(file, again) if file.is_file() else None

    @property
    def model(self) -> Path | None:
        """The folder of what was learnt: whole weights, or an adapter; None before the run is finished."""
        found = (self.path / name for name in ("model", "adapter"))
        return next((folder for folder in found if (folder / WHOLE).is_file()), None)

    def checkpoint(self) -> tuple[Path, int] | None:
        """The latest whole checkpoint and its step."""
        steps = [
            (int(found[1]), folder)
            for folder in self.path.glob("checkpoint-*")
            if (found := _CHECKPOINT.fullmatch(folder.name)) and (folder / WHOLE).is_file()
        ]
        return (max(steps)[1], max(steps)[0]) if steps else None

    def same_processes(self, checkpoint: Path, processes: int) -> None:
        """Raises RecipeError where a checkpoint is of another number of processes: its steps saw as many rows as they
        were, so the next row is another."""
        earlier = "delete it, and the same `factory train` goes on from the checkpoint before"
        before = read_json(checkpoint / WHOLE, earlier).get("processes", processes)
        if before != processes:
            raise RecipeError(
                f"{checkpoint}: is of {before} processes, and here are {processes}, whose steps would see other rows: "
                f"start {before}, or begin a run of another `name`"
            )

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """A JSON file of the run, durable before it has its name."""
        write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n", self.path / name)


def run_folder(run: LoadedRun, out: Path, *, write: bool) -> RunFolder:
    """The folder of a run, `out/<name>`, made where it is not there.

    Args:
        write: whether this process writes what is asked for; of several one does.

    Raises RecipeError where a run with other settings or other data lies there.
    """
    folder = RunFolder(out / str(run.run.name))
    asked = {"run": run.plain(), "data": _digests(run)}
    file = folder.path / "run.json"
    if file.is_file():
        there = read_json(file, "give this run another `name` or another --out, or delete that folder")
        if changed := list(differences(there, asked)):
            raise RecipeError(
                f"{folder.path}: holds a run with other settings or data, whose checkpoints are no part of this one:",
                *(f"  {line}" for line in changed[:20]),
                "give this run another `name` or another --out, or delete that folder",
            )
    elif write:
        out.mkdir(parents=True, exist_ok=True)
        make_folder(folder.path)
        folder.write("run.json", {**asked, "versions": versions()})
    return folder


def differences(there: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    """`run.optim.learning_rate: 0.0001, asked for 0.0002`, a line each value that differs; versions may differ."""
    before, now = (dict(_leaves({key: side.get(key) for key in asked}, ())) for side in (there, asked))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            yield f"{key}: {before.get(key)!r}, asked for {now.get(key)!r}"


def _leaves(value: Any, place: Sequence[str]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*place, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*place, str(index)))
    else:
        yield ".".join(place), value


def _digests(run: LoadedRun) -> dict[str, str]:
    """SHA-256 of each release's manifest, which has those of all its files."""
    found = {}
    for number, block in enumerate(run.run.data.releases):
        manifest = run.file(block.path) / "manifest.json"
        found[f"releases.{number}"] = file_digest(manifest) if manifest.is_file() else ""
    return found


def versions() -> dict[str, str]:
    """The libraries that a run's numbers come from, those that are here: bitsandbytes is for 4 bits alone. The same
    weights bit for bit need the same."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES if find_spec(name) is not None}
