"""vLLM in this process: no server, no port, no HTTP. Questions that wait are answered together by `LLM.chat`.

`LLM.chat` raises for a whole batch when one conversation is too long or a picture cannot be read. Then each question is
asked alone, so that only the bad one fails.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from factory.errors import EnvironmentFault, RecipeError
from factory.plugins.contracts import CallFailed, Question
from factory.teachers.failures import MAX_SAID
from factory.teachers.openai_backend import chat_messages, seed_of
from factory.teachers.replies import MASKED, MAX_SCORES
from factory.teachers.vllm_arguments import Knobs, engine_arguments, serve_environment
from factory.text import did_you_mean, escaped
from schemas import Reply
from schemas.settings import TeacherSettings

if TYPE_CHECKING:
    import vllm

_FIELDS: Final = frozenset(
    (
        "top_k",
        "min_p",
        "repetition_penalty",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "stop_token_ids",
        "min_tokens",
        "ignore_eos",
        "logit_bias",
        "bad_words",
        "skip_special_tokens",
    )
)
"""Request fields that `vllm.SamplingParams` knows by the same name; `logprobs` and `top_logprobs` are one there."""
_ASKED_FOR: Final = ("logprobs", "top_logprobs")
_Waiting = tuple[Question, Mapping[str, bytes], "asyncio.Future[Reply]"]


class InProcess:
    """A model in this process. Use as an async context manager: it loads when it is entered."""

    paid = True

    def __init__(self, model: str, knobs: Knobs, settings: TeacherSettings, fields: Mapping[str, Any]) -> None:
        """Raises RecipeError for a field of a request that vLLM does not know in process."""
        for name in fields.keys() - _FIELDS - set(_ASKED_FOR):
            hint = did_you_mean(name, (*_FIELDS, *_ASKED_FOR))
            raise RecipeError(f"teacher {settings.name}: vLLM in process takes no field `{name}`{hint}")
        self.name = f"vLLM in this process ({settings.model})"
        self._model, self._knobs, self._settings, self._fields = model, knobs, settings, dict(fields)
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._llm: vllm.LLM | None = None
        self._working: asyncio.Task[None] | None = None

    def inputs(self, question: Question) -> Mapping[str, Any]:
        """Nothing but conversation, sampling and pictures decides the answer."""
        return {}

    async def __aenter__(self) -> Self:
        self._llm = await asyncio.to_thread(self._load)
        self._working = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._working is not None:
            self._working.cancel()
        llm, self._llm = self._llm, None
        if llm is not None:
            await asyncio.to_thread(_shut_down, llm)

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """One answer, made in a batch with whatever else waits. Raises CallFailed."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        await self._waiting.put((question, images, answer))
        return await answer

    def _load(self) -> vllm.LLM:
        for name, value in serve_environment(self._knobs).items():
            os.environ.setdefault(name, value)
        try:
            import vllm
        except ImportError as error:
            raise EnvironmentFault(
                f"teacher {self._settings.name}: vLLM cannot be imported here ({error}). Install it into this "
                "environment (pip install vllm), or write `serve: true` and keep it in one of its own"
            ) from None
        return vllm.LLM(model=self._model, **engine_arguments(self._knobs))

    async def _work(self) -> None:
        most = self._settings.max_in_flight
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(0)  # those that became ready in the same turn of the loop come along
            while len(batch) < most and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            batch = [one for one in batch if not one[2].done()]  # given up meanwhile
            answers = await asyncio.to_thread(self._answers, batch)
            for (_, _, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, CallFailed):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _answers(self, batch: Sequence[_Waiting]) -> list[Reply | CallFailed]:
        """What comes of each question, in their order; together where that goes."""
        if not batch:
            return []
        try:
            return list(self._chat(batch))
        except Exception as error:
            if len(batch) > 1:
                return [answer for one in batch for answer in self._answers([one])]
            return [_failure(error)]

    def _chat(self, batch: Sequence[_Waiting]) -> list[Reply]:
        assert self._llm is not None, "open the backend with `async with` first"
        started = time.perf_counter()
        outputs = self._llm.chat(
            [chat_messages(question.request, images) for question, images, _ in batch],
            [self._sampling(question) for question, _, _ in batch],
            use_tqdm=False,
        )
        took_s = time.perf_counter() - started
        return [_reply(output, self._settings.model, took_s) for output in outputs]

    def _sampling(self, question: Question) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        ours, schema = self._settings.sampling, question.request.schema
        given = {name: value for name, value in self._fields.items() if name in _FIELDS}
        if self._fields.get("logprobs"):
            given["logprobs"] = self._fields.get("top_logprobs", 1)
        if ours.temperature is not None:
            given["temperature"] = ours.temperature
        if ours.top_p is not None:
            given["top_p"] = ours.top_p
        if schema is not None and self._settings.structured_output:
            given["structured_outputs"] = StructuredOutputsParams(json=dict(schema))
        return SamplingParams(max_tokens=ours.max_tokens, seed=seed_of(ours, question), **given)


def _reply(output: Any, model: str, took_s: float) -> Reply:
    said = output.outputs[0]
    return Reply(
        text=said.text,
        finish_reason=said.finish_reason,
        model=model,
        prompt_tokens=len(output.prompt_token_ids or ()),
        completion_tokens=len(said.token_ids),
        latency_s=took_s,
        scores=_scores(said.logprobs or ()),
    )


def _scores(places: Sequence[Mapping[int, Any]]) -> dict[str, float]:
    """Log probabilities at the first token that is no white space; those of masked tokens are `MASKED`."""
    for place in places:
        ranked = sorted(place.values(), key=lambda one: -one.logprob)
        if ranked and (ranked[0].decoded_token or "").strip():
            kept = [one for one in ranked if one.decoded_token is not None][:MAX_SCORES]
            return {one.decoded_token: max(float(one.logprob), MASKED) for one in reversed(kept)}
    return {}


_OWN: Final = ("VLLMClientError", "ValueError", "TypeError", "OSError")
"""Errors of one question, by name, since vLLM's own moved from version to version: too long, an unreadable picture."""


def _failure(error: Exception) -> CallFailed:
    """What an error of one question alone means: that vLLM does not take the question, or that the engine is gone."""
    said = escaped(f"{type(error).__name__}: {error}")[:MAX_SAID]
    if any(base.__name__ in _OWN for base in type(error).__mro__):
        return CallFailed(kind="bad_request", detail=said, mendable=True)
    return CallFailed(kind="engine", detail=said, fatal=True)


def _shut_down(llm: Any) -> None:
    """Ends the engine's own process, which else lives as long as this one."""
    engine = getattr(getattr(llm, "llm_engine", None), "engine_core", None)
    if engine is not None:
        engine.shutdown()
