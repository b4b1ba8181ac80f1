"""Knobs of a recipe as arguments of vLLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.errors import RecipeError
from factory.plugins.contracts import Backends
from factory.plugins.registry import known
from factory.store.weights import WHOLE, weights_digest
from factory.teachers.vllm_arguments import Knobs, engine_arguments, serve_arguments, serve_environment
from factory.teachers.vllm_teacher import vllm_teacher
from schemas.settings import Sampling, TeacherSettings

SETTINGS = TeacherSettings(name="t", backend="vllm", model="m")


def served(**knobs: Any) -> list[str]:
    return serve_arguments(Knobs(**knobs), model="/models/m", name="m", port=8211)


def test_what_is_not_set_is_left_to_vllm() -> None:
    assert served() == [
        "/models/m", "--host", "127.0.0.1", "--port", "8211", "--served-model-name", "m",
        "--limit-mm-per-prompt", '{"image":4,"video":0}', "--structured-outputs-config",
        '{"backend":"guidance","disable_any_whitespace":true}',
    ]  # fmt: skip


def test_switches_are_given_both_ways() -> None:
    assert "--enable-prefix-caching" in served(prefix_caching=True)
    assert "--no-enable-prefix-caching" in served(prefix_caching=False)
    assert "--enforce-eager" in served(enforce_eager=True)


def test_numbers_words_and_mappings_follow_their_flag() -> None:
    given = served(tensor_parallel=2, quantization="fp8", max_pixels=200_704, mm_processor_cache_gb=0)
    assert given[given.index("--tensor-parallel-size") + 1] == "2"
    assert given[given.index("--quantization") + 1] == "fp8"
    assert given[given.index("--mm-processor-kwargs") + 1] == '{"max_pixels":200704}'
    assert given[given.index("--mm-processor-cache-gb") + 1] == "0"


def test_a_backend_that_knows_nothing_of_white_space_is_told_nothing() -> None:
    assert engine_arguments(Knobs(structured_outputs="outlines"))["structured_outputs_config"] == {
        "backend": "outlines"
    }


def test_the_engine_in_process_gets_the_same_knobs() -> None:
    assert engine_arguments(Knobs(max_model_len=512, prefix_caching=False)) == {
        "max_model_len": 512,
        "enable_prefix_caching": False,
        "limit_mm_per_prompt": {"image": 4, "video": 0},
        "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
    }


def test_nothing_is_told_to_anybody() -> None:
    assert serve_environment(Knobs(cpu_kv_cache_gb=2)).items() >= {
        ("VLLM_NO_USAGE_STATS", "1"),
        ("DO_NOT_TRACK", "1"),
        ("VLLM_CPU_KVCACHE_SPACE", "2"),
    }


@pytest.mark.parametrize("word", ["trust", "remote", "middleware", "plugin", "host", "allowed", "template", "args"])
def test_no_key_of_a_recipe_loads_code_or_opens_a_door(word: str) -> None:
    assert not [name for name in known("teacher")["vllm"].settings.model_fields if word in name]


@pytest.mark.parametrize("bad", [{"quantization": "fp8 --trust-remote-code"}, {"revision": "main"}, {"port": 80}])
def test_values_cannot_become_arguments(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        known("teacher")["vllm"].settings(**bad)


def identity(**more: Any) -> dict[str, Any]:
    made: Backends = vllm_teacher(SETTINGS, Path(), **{"serve": True, **more})
    return dict(made.identity)


def test_only_what_changes_answers_is_identity() -> None:
    assert identity() == identity(port=9000, tensor_parallel=4, max_num_seqs=8, restarts=0) == identity(serve=False)
    assert identity() == {"structured_output": True, "image_detail": None, "extra_body": {}}, "as an endpoint's"
    assert identity(quantization="fp8") != identity() != identity(max_pixels=1000)


def test_a_model_that_was_trained_on_is_another(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(bytes(2 * WHOLE))
    before = weights_digest(tmp_path)
    changed = bytearray(2 * WHOLE)
    changed[-1] = 1
    weights.write_bytes(changed)
    assert weights_digest(tmp_path) != before
    (tmp_path / "config.json").write_text("{}")
    with_config = weights_digest(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    assert weights_digest(tmp_path) != with_config


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"`weights` is no folder: .*models/q"):
        vllm_teacher(SETTINGS, tmp_path, weights="models/q")


def test_a_field_that_vllm_does_not_know_in_process_is_named() -> None:
    settings = SETTINGS.model_copy(update={"sampling": Sampling(extra={"repetition_penality": 1.1})})
    with pytest.raises(RecipeError, match=r"no field `repetition_penality`.*did you mean `repetition_penalty`"):
        vllm_teacher(settings, Path())
