"""Teachers whose questions go in files: over a provider's Batch API (`backend: batch`), or to `vllm run-batch`
(`backend: vllm, run_batch: true`).

A question is written down and its answer comes later: the ledger calls it sent, and the build ends with exit code 5, or
waits. See `batch_box` for what is kept, `batch_course` for what becomes of a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field

from factory.errors import EnvironmentFault, RecipeError
from factory.plugins.contracts import Backends, CallFailed, Deferred, Question
from factory.plugins.post import Standing
from factory.plugins.registry import register
from factory.teachers.batch_box import ANSWERED, FAILED, Asked, Box
from factory.teachers.batch_course import Carrier, Say, exchange
from factory.teachers.batch_lines import question_line, read_row
from factory.teachers.batch_provider import Provider
from factory.teachers.client import api_key, key_variable
from factory.teachers.openai_backend import OpenAIBackend, most_answer_tokens
from schemas import Reply
from schemas.settings import BaseUrl, ExtraFields, TeacherSettings

WAITS: Final = "waits"
"""Handle of a question that is written down and in no batch yet."""
_ROWS, _MEGABYTES = 50_000, 200
"""What OpenAI takes in one batch file (platform.openai.com/docs/guides/batch, 2026)."""


@register("teacher", "batch")
def batch_teacher(
    settings: TeacherSettings,
    root: Path,
    *,
    base_url: BaseUrl = "https://api.openai.com/v1",
    api_key_env: str | None = None,
    rows: Annotated[int, Field(ge=1, le=1_000_000)] = _ROWS,
    megabytes: Annotated[float, Field(gt=0, le=100_000)] = _MEGABYTES,
    completion_window: Annotated[str, Field(pattern=r"^[0-9]{1,4}[hd]$")] = "24h",
    wait_s: Annotated[float, Field(ge=0, le=2_592_000)] = 0.0,
    poll_s: Annotated[float, Field(ge=0.05, le=86_400)] = 60.0,
    image_detail: Literal["auto", "low", "high"] | None = None,
    extra_body: ExtraFields = {},  # noqa: B006
) -> Backends:
    """A model behind a provider's Batch API: questions go up as files, answers come within a day, at half the price.

    Args:
        settings: `prices` are those of the Batch API.
        root: the recipe's folder.
        base_url: of an API with `/files` and `/batches`.
        api_key_env: the environment variable with its key.
        rows: most questions of a file.
        megabytes: most of a file, in millions of bytes.
        completion_window: how long the provider may take.
        wait_s: how long a build waits for its batches before it ends with exit code 5, to be run again.
        poll_s: between two looks at them.
        image_detail: sent with each picture.
        extra_body: further fields of a request.
    """
    if not settings.model:
        raise RecipeError(f"teacher {settings.name}: `model` is missing; it is the name the endpoint knows it by")
    fields = {**settings.sampling.extra, **extra_body}
    key, variable = api_key(base_url, api_key_env), key_variable(base_url, api_key_env)
    provider = Provider(base_url, key, variable, completion_window)
    asks = OpenAIBackend(base_url, key, variable, settings, image_detail, fields)
    # As an endpoint's (`openai`), so that its answers are found whichever way they were asked for.
    identity = {
        "structured_output": settings.structured_output,
        "image_detail": image_detail,
        "extra_body": dict(extra_body),
    }
    return batched(
        asks,
        settings,
        identity,
        fields,
        carrier=lambda _folder, _say, _hidden: provider,
        rows=rows,
        size=round(megabytes * 1e6),
        wait_s=wait_s,
        poll_s=poll_s,
    )


def batched(
    asks: OpenAIBackend,
    settings: TeacherSettings,
    identity: Mapping[str, Any],
    fields: Mapping[str, Any],
    *,
    carrier: Callable[[Path, Say, Sequence[str]], Carrier],
    rows: int,
    size: int,
    wait_s: float = 0.0,
    poll_s: float = 60.0,
) -> Backends:
    """A teacher that is asked in files of at most `rows` questions and `size` bytes, which `carrier` works on."""
    backend = BatchBackend(asks, settings)
    post = BatchPost(backend, settings.name, carrier, rows=rows, size=size, wait_s=wait_s, poll_s=poll_s)
    tokens = most_answer_tokens(settings.sampling.model_dump(include={"max_tokens"}) | dict(fields))
    return Backends((backend,), identity, answer_tokens=tokens, post=post)


class BatchBackend:
    """Writes questions down and reads what came of them. Use as an async context manager, after `keep_in`."""

    paid = True

    def __init__(self, asks: OpenAIBackend, settings: TeacherSettings) -> None:
        self.name = f"batches of {asks.name}"
        self._asks, self._settings = asks, settings
        self._folder: Path | None = None
        self._reading: Box | None = None
        self._writing: Box | None = None
        self._waiting: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def keep_in(self, folder: Path) -> None:
        """Where questions and answers are kept."""
        self._folder = folder

    def inputs(self, question: Question) -> Mapping[str, Any]:
        """Nothing but conversation, sampling and pictures decides the answer."""
        return {}

    async def __aenter__(self) -> Self:
        if self._folder is None:
            raise RecipeError(
                f"teacher {self._settings.name}: batches are kept in a build; nothing else can ask this teacher"
            )
        path = box_path(self._folder, self._settings.name)
        self._reading, self._writing = Box(path), Box(path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            await self._writer
        for box in (self._reading, self._writing):
            if box is not None:
                box.close()

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """What came of a question. Raises Deferred while nothing did, CallFailed, and EnvironmentFault for a question
        that the ledger calls sent and nobody here knows."""
        assert self._reading is not None, "open the backend with `async with` first"
        known = self._reading.get(question.key)
        if known is None and question.handle is not None:
            raise EnvironmentFault(
                f"teacher {self._settings.name}: {self._reading.path} does not know a question about sample "
                f"`{question.sample_id}` that was sent (batch `{question.handle}`). If an earlier build sent it and "
                "waits for the answer, run that build to its end first: its answers are found here. If the file was "
                "lost, put it back from a copy"
            )
        if known is not None and known.outcome is None:
            raise Deferred(known.batch or WAITS)
        asked_now = known is not None and (known.outcome == ANSWERED or question.handle is not None)
        if known is not None and asked_now:
            return await self._outcome(known, question, images)
        await self._put(question, images)
        raise Deferred(WAITS)

    async def _outcome(self, known: Asked, question: Question, images: Mapping[str, bytes]) -> Reply:
        try:
            return read_row(known.said, self._asks.redact, lambda status, body: self._asks.row_failure(status, body))
        except CallFailed as failed:
            if failed.fatal and known.outcome == FAILED:  # what stopped the build is mended by then
                await self._put(question, images)
            if failed.retryable and known.tries >= self._settings.attempts:
                failed.retryable, failed.mendable = False, True
            raise

    async def _put(self, question: Question, images: Mapping[str, bytes]) -> None:
        """Writes a question down, together with those that arrive while others are written."""
        line = question_line(question.key, self._asks.question_body(question, images))
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((question.key, line, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await written

    async def _write(self) -> None:
        assert self._writing is not None
        while self._waiting:
            group, self._waiting = self._waiting, []
            lines = [(key, line) for key, line, _ in group]
            error: BaseException | None = None
            try:
                await asyncio.to_thread(self._writing.put, lines, self._settings.attempts)
            except Exception as raised:
                error = raised
            for _, _, written in group:
                if written.done():  # its caller was cancelled; the question is kept all the same
                    continue
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(error)


class BatchPost:
    """Sends what `BatchBackend` wrote down, and fetches what came of it."""

    def __init__(
        self,
        backend: BatchBackend,
        teacher: str,
        carrier: Callable[[Path, Say, Sequence[str]], Carrier],
        *,
        rows: int,
        size: int,
        wait_s: float,
        poll_s: float,
    ) -> None:
        self.keep_in = backend.keep_in
        self.wait_s, self.poll_s = wait_s, poll_s
        self._teacher, self._carrier, self._rows, self._size = teacher, carrier, rows, size

    def exchange(self, folder: Path, say: Say, *, send: bool, hidden: Sequence[str] = ()) -> Standing:
        """See `factory.plugins.post.Post`."""
        path = box_path(folder, self._teacher)
        if not path.exists():
            return Standing()
        box = Box(path)
        try:
            carrier = self._carrier(folder, say, hidden)
            return exchange(box, carrier, say, teacher=self._teacher, rows=self._rows, size=self._size, send=send)
        finally:
            box.close()


def box_path(folder: Path, teacher: str) -> Path:
    """The file of one teacher in a build's `batches` folder."""
    return folder / f"{teacher}.sqlite"
