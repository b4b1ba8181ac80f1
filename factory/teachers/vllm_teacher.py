"""Models that vLLM runs for this build: in a server of its own (`serve: true`), over files (`run_batch: true`), or
in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from factory.errors import RecipeError
from factory.plugins.contracts import Backends
from factory.plugins.registry import register
from factory.plugins.server import Server
from factory.store.paths import input_path, shown_path
from factory.store.weights import weights_digest
from factory.teachers.batch_local import RunBatch
from factory.teachers.batch_teacher import batched
from factory.teachers.client import NO_KEY
from factory.teachers.openai_backend import OpenAIBackend, most_answer_tokens
from factory.teachers.serving import key_of
from factory.teachers.vllm_arguments import Knobs, run_batch_arguments, serve_arguments, serve_environment
from schemas.settings import ExtraFields, ModelFolder, TeacherSettings

Positive = Annotated[int, Field(ge=1)]
_ANY_SIZE: Final = 2**40
"""Bytes of a file that this machine itself reads."""
_OF_KNOBS: Final = frozenset(Knobs.__dataclass_fields__)


@register("teacher", "vllm")
def vllm_teacher(
    settings: TeacherSettings,
    root: Path,
    *,
    weights: ModelFolder = None,
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None,
    serve: bool = False,
    run_batch: bool = False,
    batch_rows: Positive = 10_000,
    port: Annotated[int, Field(ge=1024, le=65_535)] = 8211,
    start_s: Annotated[float, Field(gt=0, le=86_400)] = 1800.0,
    restarts: Annotated[int, Field(ge=0, le=1000)] = 3,
    api_servers: Positive | None = None,
    dtype: Literal["auto", "bfloat16", "float16", "float32"] | None = None,
    quantization: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")] | None = None,
    kv_cache_dtype: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")] | None = None,
    tensor_parallel: Positive | None = None,
    data_parallel: Positive | None = None,
    max_model_len: Positive | None = None,
    max_num_seqs: Positive | None = None,
    max_num_batched_tokens: Positive | None = None,
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] | None = None,
    images_per_prompt: Annotated[int, Field(ge=0, le=64)] = 4,
    min_pixels: Positive | None = None,
    max_pixels: Positive | None = None,
    mm_processor_cache_gb: Annotated[float, Field(ge=0)] | None = None,
    prefix_caching: bool | None = None,
    structured_outputs: Literal["guidance", "xgrammar", "outlines", "auto"] = "guidance",
    enforce_eager: bool | None = None,
    cpu_kv_cache_gb: Positive | None = None,
    extra_body: ExtraFields = {},  # noqa: B006
) -> Backends:
    """A model that vLLM runs on this machine, as long as the build runs.

    Args:
        settings: `model` is its id on the Hub, or a name for the one in `weights`.
        root: the recipe's folder.
        weights: the model's folder, from the recipe's folder; without, vLLM takes `model` from the Hub.
        revision: the commit that a model of the Hub is pinned to.
        serve: `vllm serve` in a process of its own, started once and shared by all workers; false loads it in the
            build's one worker.
        run_batch: `vllm run-batch`, which loads it for each file of questions; instead of the other two.
        batch_rows: most questions of such a file.
        port: of 127.0.0.1, where it is served.
        start_s: how long it may take to load, in seconds.
        restarts: how often a server whose engine died is started again. `recovery_s` says how long questions wait.
        api_servers: processes that prepare pictures for the engine.
        dtype: of its weights, as vLLM's argument of that name; so are the next ones.
        quantization: how its weights are packed.
        kv_cache_dtype: of the cache of keys and values.
        tensor_parallel: GPUs a copy.
        data_parallel: copies; rather these where the model fits one GPU.
        max_model_len: tokens of a conversation with its answer.
        max_num_seqs: conversations in a batch.
        max_num_batched_tokens: tokens in a batch.
        gpu_memory_utilization: share of a GPU's memory.
        images_per_prompt: most pictures of a question.
        min_pixels: least pixels of a picture, for processors that take it (Qwen).
        max_pixels: most pixels of a picture, likewise.
        mm_processor_cache_gb: GB for prepared pictures; 0 for models that fail with them.
        prefix_caching: share what questions have in common at their beginning.
        structured_outputs: what holds answers to their schema.
        enforce_eager: no compiled graphs: a quicker start, slower answers.
        cpu_kv_cache_gb: GB for keys and values of vLLM on a CPU.
        extra_body: further fields of a request.
    """
    given = locals()
    if not settings.model:
        raise RecipeError(
            f"teacher {settings.name}: `model` is missing: its id on the Hub, or a name for that in `path`"
        )
    folder = None if weights is None else input_path(root, weights).absolute()
    if folder is not None and not folder.is_dir():
        raise RecipeError(f"teacher {settings.name}: `weights` is no folder: {shown_path(root, weights or '')}")
    model = settings.model if folder is None else str(folder)
    knobs = Knobs(**{name: value for name, value in given.items() if name in _OF_KNOBS})
    fields: dict[str, Any] = {**settings.sampling.extra, **extra_body}
    # As an endpoint's (`openai`), so that its answers are found wherever the model ran.
    identity: dict[str, Any] = {
        "structured_output": settings.structured_output,
        "image_detail": None,
        "extra_body": dict(extra_body),
    }
    identity |= {} if folder is None else {"weights": weights_digest(folder)}
    identity |= {name: value for name, value in _changes_answers(knobs).items() if value is not None}
    tokens = most_answer_tokens(settings.sampling.model_dump(include={"max_tokens"}) | fields)
    if serve and run_batch:
        raise RecipeError(f"teacher {settings.name}: `serve` or `run_batch`, one of them")
    if run_batch:
        asks = OpenAIBackend("vllm run-batch", NO_KEY, None, settings, None, fields)
        arguments = run_batch_arguments(knobs, model=model, name=settings.model)
        return batched(
            asks,
            settings,
            identity,
            fields,
            carrier=lambda folder, say, hidden: RunBatch(
                folder,
                say,
                teacher=settings.name,
                arguments=arguments,
                environment=serve_environment(knobs),
                hidden=hidden,
            ),
            rows=batch_rows,
            size=_ANY_SIZE,
        )
    if not serve:
        from factory.teachers.in_process import InProcess

        one = InProcess(model, knobs, settings, fields)
        return Backends((one,), identity, answer_tokens=tokens, most_processes=1)
    server = Server(
        name=settings.name,
        arguments=tuple(serve_arguments(knobs, model=model, name=settings.model, port=port, api_servers=api_servers)),
        environment=serve_environment(knobs),
        port=port,
        start_s=start_s,
        restarts=restarts,
    )
    backend = OpenAIBackend(server.url, key_of(port) or NO_KEY, None, settings, None, fields)
    return Backends((backend,), identity, answer_tokens=tokens, server=server)


def _changes_answers(knobs: Knobs) -> dict[str, Any]:
    """Knobs with which a model says something else."""
    names = ("revision", "dtype", "quantization", "kv_cache_dtype", "min_pixels", "max_pixels")
    return {name: getattr(knobs, name) for name in names}
