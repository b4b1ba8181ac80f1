"""What of a recipe becomes an argument of vLLM: of `vllm serve`, and of `vllm.LLM` in process. Pure.

| knob | `vllm serve` | `vllm.LLM` |
|---|---|---|
| a number or a word | `--max-model-len 4096` | `max_model_len=4096` |
| true, false | `--enable-prefix-caching`, `--no-enable-prefix-caching` | `enable_prefix_caching=True` |
| nothing | not given: vLLM's own default | likewise |

Names are those of vLLM 0.32 (`vllm serve --help=all`). What is not here could let a recipe load code, read files or
open doors (`--middleware`, `--allowed-local-media-path`, `--host`, `--trust-remote-code`): the person at the keyboard
gives that, in `FACTORY_VLLM_ARGS` or behind `--` of `factory serve-teacher`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How vLLM loads and runs a model. None leaves a choice to vLLM."""

    revision: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    kv_cache_dtype: str | None = None
    tensor_parallel: int | None = None
    data_parallel: int | None = None
    max_model_len: int | None = None
    """Tokens of a conversation with its answer."""
    max_num_seqs: int | None = None
    """Conversations in a batch."""
    max_num_batched_tokens: int | None = None
    gpu_memory_utilization: float | None = None
    """Share of a GPU's memory."""
    images_per_prompt: int = 4
    min_pixels: int | None = None
    max_pixels: int | None = None
    """Of a picture, in pixels, as Qwen's processors take them; others leave them alone."""
    mm_processor_cache_gb: float | None = None
    """0 for models whose multimodal cache fails (vllm issue 31404)."""
    prefix_caching: bool | None = None
    structured_outputs: str = "guidance"
    """The backend behind JSON schemas. With vLLM's own choice (`auto`) 12 of 20 answers had raw control characters in
    strings with a `maxLength`; with guidance none had (measured on 0.32)."""
    enforce_eager: bool | None = None
    cpu_kv_cache_gb: int | None = None
    """Of vLLM on a CPU, in GB; it goes by the environment."""


_NAMES: Final = {
    "tensor_parallel": "tensor_parallel_size",
    "data_parallel": "data_parallel_size",
    "prefix_caching": "enable_prefix_caching",
}
"""Knobs that vLLM calls otherwise."""
_APART: Final = {"images_per_prompt", "min_pixels", "max_pixels", "structured_outputs", "cpu_kv_cache_gb"}
"""Knobs that are no argument by themselves."""


def engine_arguments(knobs: Knobs) -> dict[str, Any]:
    """Keyword arguments of `vllm.LLM`."""
    named = {
        _NAMES.get(one.name, one.name): getattr(knobs, one.name) for one in fields(knobs) if one.name not in _APART
    }
    pixels = {"min_pixels": knobs.min_pixels, "max_pixels": knobs.max_pixels}
    arguments = {
        **named,
        "limit_mm_per_prompt": {"image": knobs.images_per_prompt, "video": 0},
        "mm_processor_kwargs": {name: value for name, value in pixels.items() if value is not None} or None,
        "structured_outputs_config": _structured(knobs.structured_outputs),
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _structured(backend: str) -> dict[str, Any]:
    """Between the parts of a JSON object no white space is asked for, which a model may else go on with until its
    tokens are spent; only these two backends can be told so."""
    return {"backend": backend, **({"disable_any_whitespace": True} if backend in ("guidance", "xgrammar") else {})}


def serve_arguments(knobs: Knobs, *, model: str, name: str, port: int, api_servers: int | None = None) -> list[str]:
    """What follows `vllm serve`, which listens on loopback alone.

    Args:
        model: a folder, or an id of the Hub.
        name: what requests call it.
        port: where it listens.
        api_servers: processes that take requests and prepare pictures; None leaves it to vLLM.
    """
    given = [model, "--host", "127.0.0.1", "--port", str(port), "--served-model-name", name]
    return given + _flags({**engine_arguments(knobs), **({"api_server_count": api_servers} if api_servers else {})})


def run_batch_arguments(knobs: Knobs, *, model: str, name: str) -> list[str]:
    """What follows `vllm run-batch` with its files; see `serve_arguments`."""
    return ["--model", model, "--served-model-name", name, *_flags(engine_arguments(knobs))]


def _flags(arguments: Mapping[str, Any]) -> list[str]:
    given: list[str] = []
    for argument, value in arguments.items():
        flag = argument.replace("_", "-")
        if isinstance(value, bool):
            given.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            given += [f"--{flag}", orjson.dumps(value).decode() if isinstance(value, Mapping) else str(value)]
    return given


def serve_environment(knobs: Knobs) -> dict[str, str]:
    """Variables that a server, or an engine in process, starts with: nothing told to anybody, and what no argument
    says."""
    told = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "false"}
    return told | ({} if knobs.cpu_kv_cache_gb is None else {"VLLM_CPU_KVCACHE_SPACE": str(knobs.cpu_kv_cache_gb)})
