"""Any OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp, hosted models. One call is one HTTP request.

Requests are serialised with orjson and replies read from the raw response: building the client's typed objects costs
more than the ledger does. Retries, backoff and limits are not here (`factory.calls`). A server that refuses
`response_format`, and answers the same question without, is asked without it from then on.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from factory.aside import aside
from factory.errors import RecipeError
from factory.plugins.contracts import SCHEMA_REFUSED, Backend, Backends, CallFailed, Question
from factory.plugins.registry import register
from factory.teachers.client import OpenAIClient, api_key, key_variable
from factory.teachers.failures import http_failure, may_refuse_form, refused_parameter
from factory.teachers.replies import read_reply
from schemas import Picture, Reply, Request, Turn
from schemas.settings import BaseUrl, ExtraFields, Sampling, TeacherSettings


@register("teacher", "openai")
def openai_teacher(
    settings: TeacherSettings,
    root: Path,
    *,
    base_urls: Annotated[tuple[BaseUrl, ...], Field(min_length=1)],
    api_key_env: str | None = None,
    image_detail: Literal["auto", "low", "high"] | None = None,
    extra_body: ExtraFields = {},  # noqa: B006
) -> Backends:
    """A model behind one or several OpenAI-compatible endpoints; several share the work."""
    if not settings.model:
        raise RecipeError(f"teacher {settings.name}: `model` is missing; it is the name the endpoint knows it by")
    fields = {**settings.sampling.extra, **extra_body}
    endpoints: list[Backend] = []
    for url in dict.fromkeys(base_urls):
        key, variable = api_key(url, api_key_env), key_variable(url, api_key_env)
        endpoints.append(OpenAIBackend(url, key, variable, settings, image_detail, fields))
    identity = {
        "structured_output": settings.structured_output,
        "image_detail": image_detail,
        "extra_body": dict(extra_body),
    }
    sent = settings.sampling.model_dump(include={"max_tokens"}) | fields
    return Backends(tuple(endpoints), identity, answer_tokens=most_answer_tokens(sent))


ANSWER_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "num_predict")
"""What servers call the most tokens of an answer."""


def most_answer_tokens(fields: Mapping[str, Any]) -> int | None:
    """The largest limit that a request states for its answer, whichever of them the server keeps; None without one."""
    limits = [fields.get(name) for name in ANSWER_LIMITS]
    return max((limit for limit in limits if type(limit) is int and limit > 0), default=None)


class OpenAIBackend(OpenAIClient):
    """Chat completions of one endpoint."""

    def __init__(
        self,
        url: str,
        key: str,
        variable: str | None,
        settings: TeacherSettings,
        image_detail: str | None,
        fields: Mapping[str, Any],
    ) -> None:
        super().__init__(url, key, settings)
        self._variable = variable
        self._image_detail = image_detail
        sampling = settings.sampling.model_dump(exclude={"seed", "draws", "extra"}, exclude_none=True)
        self._fields = {"model": settings.model, **sampling, **fields}
        self._structured = settings.structured_output
        self._formless: set[str] = set()
        """Keys of questions that are asked without `response_format`, to see whether that was refused."""

    def inputs(self, question: Question) -> Mapping[str, Any]:
        """Nothing but conversation, sampling and pictures decides the answer."""
        return {}

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """One answer, by one HTTP request. Raises CallFailed."""
        request = question.request
        doubted = question.key in self._formless
        structured = self._structured and request.schema is not None and not doubted
        seed = seed_of(self.settings.sampling, question)
        body = request_body(self._fields, request, images, seed, structured, self._image_detail)
        started = time.perf_counter()
        try:
            status, content, wait_s = await self.post("/chat/completions", body)
            if status == 200:
                took_s = time.perf_counter() - started
                read = partial(read_reply, content, wait_s, latency_s=took_s, redact=self.redact)
                reply = await aside(len(content), read)
                self._structured &= not doubted
                return reply
            if structured and may_refuse_form(status, content):
                self._formless.add(question.key)
                raise CallFailed(kind=SCHEMA_REFUSED, detail="asked again without response_format", retryable=True)
            raise await aside(len(content), lambda: self._failure(status, content, wait_s, self._sent(seed)))
        except CallFailed as failure:
            if failure.kind == "credentials":
                failure.detail += (
                    f" (the key comes from the environment variable {self._variable})"
                    if self._variable
                    else " (no key was sent: name the environment variable that holds it in `api_key_env`)"
                )
            if failure.kind == "model_unknown":
                failure.detail += f" (asked for `{self.settings.model}`; does the address need /v1?)"
            raise

    def question_body(self, question: Question, images: Mapping[str, bytes]) -> bytes:
        """The JSON of a question as a batch file holds it."""
        structured = self._structured and question.request.schema is not None
        seed = seed_of(self.settings.sampling, question)
        return request_body(self._fields, question.request, images, seed, structured, self._image_detail)

    def row_failure(self, status: int, content: bytes) -> CallFailed:
        """The failure that an error body in a row of a batch's output stands for."""
        if self._structured and may_refuse_form(status, content):
            failure = http_failure(status, content, None, self.redact)
            remedy = "write `structured_output: false` of this teacher, whose batches take no schema"
            return CallFailed(kind="parameter_refused", detail=f"{failure.detail}; {remedy}", fatal=True)
        seeded = self.settings.sampling.seed
        return self._failure(status, content, None, self._sent(seeded))

    def _failure(self, status: int, content: bytes, wait_s: float | None, sent: Sequence[str]) -> CallFailed:
        """The failure that an error body stands for."""
        failure = http_failure(status, content, wait_s, self.redact)
        name = refused_parameter(status, content, sent)
        return self._parameter_refused(name, failure) if name else failure

    def _sent(self, seed: int | None) -> list[str]:
        """The request fields that a recipe can leave out."""
        return [name for name in (*self._fields, *(["seed"] if seed is not None else [])) if name != "model"]

    def _parameter_refused(self, name: str, failure: CallFailed) -> CallFailed:
        """No sample can succeed while it is sent; the message names the key to drop."""
        own = name in Sampling.model_fields
        remedy = f"write `sampling.{name}: null`" if own else f"take `{name}` out of sampling.extra or extra_body"
        return CallFailed(kind="parameter_refused", detail=f"{failure.detail}; {remedy} of this teacher", fatal=True)


def seed_of(sampling: Sampling, question: Question) -> int | None:
    """Another one for every draw and every repetition: at most 100 draws (`Sampling.draws`) never meet."""
    return None if sampling.seed is None else sampling.seed + question.draw + 1000 * question.attempt


def request_body(
    fields: Mapping[str, Any],
    request: Request,
    images: Mapping[str, bytes],
    seed: int | None,
    structured: bool,
    image_detail: str | None,
) -> bytes:
    """The JSON of a chat completion, turn by turn in the order of the request."""
    body: dict[str, Any] = {**fields, "messages": chat_messages(request, images, image_detail)}
    if seed is not None:
        body["seed"] = seed
    if structured:
        schema = {"name": "answer", "strict": True, "schema": request.schema}  # a purpose would tell what it saw
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return orjson.dumps(body)


def chat_messages(
    request: Request, images: Mapping[str, bytes], image_detail: str | None = None
) -> list[dict[str, Any]]:
    """A conversation as chat completions take it, pictures as data URLs."""
    detail = {"detail": image_detail} if image_detail else {}
    urls = {role: f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}" for role, jpeg in images.items()}
    return [{"role": turn.who, "content": _content(turn, urls, detail)} for turn in request.turns]


def _content(turn: Turn, urls: Mapping[str, str], detail: Mapping[str, str]) -> str | list[dict[str, Any]]:
    """A turn's parts; one text alone in a system or assistant turn as plain text, which every server takes."""
    if turn.who != "user" and len(turn.parts) == 1 and isinstance(turn.parts[0], str):
        return turn.parts[0]
    return [
        {"type": "image_url", "image_url": {"url": urls[part.role], **detail}}
        if isinstance(part, Picture)
        else {"type": "text", "text": part}
        for part in turn.parts
    ]
