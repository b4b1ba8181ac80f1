"""A model from a stranger is data: none of its code runs, none of its pickles is opened, and what is odd is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest
import torch

from factory.errors import RecipeError
from tests.training.running import loaded, ran
from train.merge import model_folder, open_model
from train.models import load_model


@pytest.fixture
def foreign(llava: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llava, tmp_path / "foreign"))


def refused(folder: Path, model: Path, release: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        load_model(loaded(folder, model, release))
    said = str(caught.value)
    assert "run.yaml:3:" in said and "`model.path`" in said
    return said


def test_code_in_its_folder_is_not_run(foreign: Path, release: Path, tmp_path: Path) -> None:
    ran_it = tmp_path / "ran"
    (foreign / "modeling.py").write_text(f"open({str(ran_it)!r}, 'w')\nclass Model: pass\nclass Config: pass\n")
    config = orjson.loads((foreign / "config.json").read_bytes())
    config["model_type"] = "stranger"
    config["auto_map"] = {"AutoConfig": "modeling.Config", "AutoModelForImageTextToText": "modeling.Model"}
    (foreign / "config.json").write_bytes(orjson.dumps(config))
    assert "cannot be loaded" in refused(tmp_path, foreign, release)
    assert not ran_it.exists()


def test_pickled_weights_are_not_opened(foreign: Path, release: Path, tmp_path: Path) -> None:
    (foreign / "model.safetensors").unlink()
    torch.save({}, foreign / "pytorch_model.bin")
    assert "safetensors" in refused(tmp_path, foreign, release)


def test_another_family_is_refused_by_its_type(foreign: Path, release: Path, tmp_path: Path) -> None:
    (foreign / "config.json").write_bytes(b'{"model_type": "gemma3"}')
    assert "a model of the type 'gemma3'; known: qwen2_vl" in refused(tmp_path, foreign, release)


@pytest.mark.parametrize("config", [b"{", b"[]", b"\xff\xfe"])
def test_a_damaged_configuration_is_told(config: bytes, foreign: Path, release: Path, tmp_path: Path) -> None:
    (foreign / "config.json").write_bytes(config)
    refused(tmp_path, foreign, release)


def test_what_is_no_model_is_told(release: Path, tmp_path: Path) -> None:
    assert "has no config.json" in refused(tmp_path, tmp_path / "nowhere", release)
    with pytest.raises(RecipeError, match="neither a model"):
        model_folder(tmp_path)
    (tmp_path / "run.json").write_bytes(b"{}")
    with pytest.raises(RecipeError, match="not finished; the same `factory train` goes on"):
        model_folder(tmp_path)


def test_adapters_that_are_pickles_or_name_a_model_that_may_move_are_refused(
    llava: Path, release: Path, tmp_path: Path
) -> None:
    adapter = ran(tmp_path, llava, release, "optim.steps=1").model
    assert adapter is not None
    (adapter / "base.json").unlink()
    open_model(adapter)  # its own note names a folder that is there
    config = orjson.loads((adapter / "adapter_config.json").read_bytes())
    (adapter / "adapter_config.json").write_bytes(orjson.dumps({**config, "base_model_name_or_path": "org/name"}))
    with pytest.raises(RecipeError, match="no revision is noted in base"):
        open_model(adapter)
    (adapter / "adapter_config.json").write_bytes(orjson.dumps(config))
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(RecipeError, match="other weights are pickles, and not read"):
        open_model(adapter)
