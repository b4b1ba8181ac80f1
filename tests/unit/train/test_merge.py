"""The model that adapters belong to is a folder, or one commit of the Hub; a note that says less is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from factory.errors import CorruptBuild, RecipeError
from train.folder import RunFolder
from train.merge import Base, base_of, weights_digest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOUND = {"name": "org/name", "revision": COMMIT, "dtype": "float16"}


def base(folder: Path, **noted: Any) -> Base:
    (folder / "base.json").write_bytes(orjson.dumps({key: value for key, value in noted.items() if value != "gone"}))
    return base_of(folder)


def test_a_commit_of_the_hub_or_a_folder_is_a_base(tmp_path: Path) -> None:
    assert base(tmp_path, **SOUND) == Base("org/name", COMMIT, "float16")
    here = {"name": str(tmp_path), "revision": None, "dtype": "bfloat16"}
    assert base(tmp_path, **here) == Base(str(tmp_path), None, "bfloat16")
    assert "revision" not in base(tmp_path, **here).keywords


def test_what_is_trained_anew_at_the_same_place_is_another_model(tmp_path: Path) -> None:
    """A run's folder, its adapter and the model under it: whichever changes, answers of before are not its own."""
    base, adapter = tmp_path / "base", tmp_path / "run" / "adapter"
    base.mkdir()
    adapter.mkdir(parents=True)
    for file, text in ((base / "config.json", "{}"), (base / "model.safetensors", "w"), (adapter / "whole.json", "{}")):
        file.write_text(text)
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "base.json").write_bytes(orjson.dumps({"name": str(base), "revision": None, "dtype": "float32"}))
    with (adapter / "adapter_model.safetensors").open("wb") as file:
        file.truncate(40_000_000)  # too large to be read whole: known by its size and time
    for name in ("run.json", "done.json"):
        (tmp_path / "run" / name).write_text("{}")
    seen = [weights_digest(tmp_path / "run")]
    assert weights_digest(tmp_path / "run") == weights_digest(adapter) == seen[0]
    os.utime(adapter / "adapter_model.safetensors", ns=(1, 1))
    seen.append(weights_digest(tmp_path / "run"))
    (base / "model.safetensors").write_text("v")
    seen.append(weights_digest(tmp_path / "run"))
    (adapter / "adapter_config.json").write_text('{"r": 8}')
    seen.append(weights_digest(tmp_path / "run"))
    assert len({*seen}) == 4


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("revision", "gone", "`revision`: None; expected the commit, 40 hexadecimal digits"),
        ("revision", None, "`revision`: None; expected the commit"),
        ("revision", "main", "`revision`: 'main'; expected the commit"),
        ("revision", COMMIT + "\n", "`revision`: "),
        ("revision", int("1" * 19), "`revision`: 1111111111111111111; expected the commit"),
        ("name", "gone", "`name`: None is no folder here; expected one, or `org/name`"),
        ("name", "", "`name`: ''"),
        ("name", ["org/name"], "`name`: ['org/name'] is no folder here"),
        ("name", "no/such/folder", "`name`: 'no/such/folder' is no folder here"),
        ("dtype", "gone", "`dtype`: None; expected bfloat16, float16, float32"),
        ("dtype", "foo", "`dtype`: 'foo'; expected bfloat16"),
        ("dtype", "bfloat61", "`dtype`: 'bfloat61' (did you mean `bfloat16`?); expected"),
        ("dtype", ["float16"], "`dtype`: ['float16']"),
    ],
)
def test_a_note_that_says_less_is_told_with_its_key(tmp_path: Path, key: str, value: Any, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        base(tmp_path, **{**SOUND, key: value})
    assert str(caught.value).startswith(f"{tmp_path / 'base.json'}: {told}")


@pytest.mark.parametrize("name", ["base.json", "adapter_config.json"])
def test_a_damaged_note_is_a_recipe_error_and_no_build_is_advised(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"{")
    with pytest.raises(RecipeError, match="is damaged") as caught:
        base_of(tmp_path)
    assert "factory build" not in str(caught.value) and "expected" in str(caught.value)


def test_a_damaged_file_of_a_run_is_told_with_what_helps_a_run(tmp_path: Path) -> None:
    for name in ("done.json", "whole.json"):
        (tmp_path / name).write_bytes(b"{")
    with pytest.raises(CorruptBuild, match="the same `factory train` writes it again from the last checkpoint"):
        _ = RunFolder(tmp_path).done
    with pytest.raises(CorruptBuild, match="the same `factory train` goes on from the checkpoint before"):
        RunFolder(tmp_path).same_processes(tmp_path, 2)
