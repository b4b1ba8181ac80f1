"""One question to one teacher: the only place that knows ledger, limiter, budget, backend and generator together.

    key -> ledger -> (slot -> budget -> call -> ledger) -> parse -> answer, or ask again with a new key

A reply is committed to the ledger before its slot is given back and before anybody uses it, so a process that dies
loses at most the calls that hold a slot.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory.calls.budget import Budget
from factory.calls.lanes import Lane, choose_lane
from factory.calls.ledger import Ledger
from factory.calls.limiter import Limiter, LimiterSettings
from factory.calls.row import LedgerRow, Status, request_key
from factory.errors import EnvironmentFault, RecipeError
from factory.plugins.blocks import Call
from factory.plugins.contracts import (
    REFUSED_CONNECTION,
    SCHEMA_REFUSED,
    Backends,
    CallFailed,
    Generator,
    ParseFailure,
    Prompt,
    Reply,
)
from factory.plugins.registry import plugin
from schemas import Answered, GeoAnswer, Sample
from schemas.settings import TeacherSettings

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
TOKENS_OF_AN_IMAGE = 1_600
"""First guess for a budget's reservation (Qwen2.5-VL at 1,024 x 1,024: 1,369); replies correct it."""
TOKENS_WITHOUT_LIMIT = 4_096
"""Reserved for an answer when the recipe sets no max_tokens."""


@dataclass(slots=True, eq=False)
class Teacher:
    """A teacher that is ready to be asked."""

    name: str
    settings: TeacherSettings
    lanes: tuple[Lane, ...]
    sampling: Mapping[str, Any]
    """Everything of the settings that changes answers; part of the ledger key."""
    prompt_tokens: int = 0
    """Most prompt tokens that one call took so far."""
    under_way: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    """Keys that are being asked: two samples with the same picture share one paid call."""

    @property
    def paid(self) -> bool:
        """False for recorded answers."""
        return self.lanes[0].backend.paid

    @property
    def max_in_flight(self) -> int:
        """Calls under way at all endpoints together."""
        return self.settings.max_in_flight * len(self.lanes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, named by its ledger key."""

    key: str
    prompt: Prompt
    sample_id: str
    attempt: int


@asynccontextmanager
async def open_teachers(calls: Sequence[Call], root: Path, *, share: int = 1) -> AsyncIterator[list[Teacher]]:
    """The recipe's teachers with their connections, closed on exit.

    Args:
        calls: `Recipe.teachers`.
        root: The recipe's folder, from which relative paths start.
        share: Processes that ask at the same time; each takes this part of `max_in_flight`.

    Raises:
        RecipeError: a recording is missing or malformed, a model has no name, two teachers are the same.
        EnvironmentFault: an API key is not in the environment.
    """
    async with AsyncExitStack() as stack:
        teachers: list[Teacher] = []
        for call in calls:
            assert isinstance(call.common, TeacherSettings)
            slots = max(1, call.common.max_in_flight // share)
            settings = call.common.model_copy(update={"max_in_flight": slots})
            made = plugin("teacher", call.name).function(settings, root, **dict(call.settings))
            assert isinstance(made, Backends)
            lanes = []
            for backend in made.endpoints:
                await stack.enter_async_context(backend)
                lanes.append(Lane(backend, Limiter(LimiterSettings(max_in_flight=slots))))
            sampling = {**settings.sampling.model_dump(mode="json"), **made.identity}
            teacher = Teacher(settings.name, settings, tuple(lanes), sampling)
            for other in teachers:
                if teacher.paid and (other.settings.model, other.sampling) == (settings.model, sampling):
                    raise RecipeError(
                        f"teachers {other.name} and {teacher.name} would ask the same questions and share every "
                        "answer: give one of them another model or another sampling.seed"
                    )
            teachers.append(teacher)
        yield teachers


async def ask(
    teacher: Teacher,
    generator: Generator,
    sample: Sample,
    image: Callable[[], bytes],
    image_key: str,
    ledger: Ledger,
    budget: Budget,
) -> Answered:
    """A teacher's answer about one sample, from the ledger or by a call.

    Args:
        image: Reads the prepared JPEG; called only when a paid call is made.
        image_key: What the picture is: digest of the source and version of its preparation.

    Returns:
        An answer, or a typed failure: nothing a teacher does raises.

    Raises:
        BudgetReached: the recipe's budget is spent.
        EnvironmentFault: no endpoint answers, a key is refused, the model is unknown, the ledger cannot be written.
    """
    prompt = generator.prompt(sample)
    tries = 1 + (teacher.settings.bad_answer.retries if teacher.paid else 0)
    rows: list[tuple[LedgerRow, bool]] = []
    found: GeoAnswer | ParseFailure = ParseFailure("exhausted")
    for attempt in range(tries):
        question = _question(teacher, generator, prompt, sample.id, image_key, attempt)
        row, asked = await _row(teacher, question, image, ledger, budget)
        rows.append((row, asked))
        found = _read(row, generator)
        if isinstance(found, GeoAnswer) or row.status != "ok" or found.kind not in teacher.settings.bad_answer.kinds:
            break
    return _answered(teacher, rows, found)


def _question(
    teacher: Teacher, generator: Generator, prompt: Prompt, sample_id: str, image_key: str, attempt: int
) -> Question:
    key = request_key(
        generator=generator.name,
        prompt_version=prompt.version,
        prompt_sha256=prompt.sha256,
        model=teacher.settings.model,
        sampling=teacher.sampling,
        image=image_key,
        inputs=teacher.lanes[0].backend.inputs(sample_id),
        attempt=attempt,
    )
    return Question(key=key, prompt=prompt, sample_id=sample_id, attempt=attempt)


def _read(row: LedgerRow, generator: Generator) -> GeoAnswer | ParseFailure:
    if row.status == "ok":
        return generator.parse(row.response or "", row.finish_reason)
    detail = row.error_detail or ""
    if row.status == "exhausted":
        return ParseFailure("exhausted", f"{row.error_kind}: {detail}")
    return ParseFailure(row.error_kind or "permanent_error", detail)


def _answered(teacher: Teacher, rows: Sequence[tuple[LedgerRow, bool]], found: GeoAnswer | ParseFailure) -> Answered:
    """The last row's outcome with what all of them cost."""
    last, asked = rows[-1]
    failure = found if isinstance(found, ParseFailure) else None
    return Answered(
        teacher=teacher.name,
        model=last.model,
        request_key=last.key,
        answer=found if isinstance(found, GeoAnswer) else None,
        failure=failure.kind if failure else None,
        detail=failure.detail if failure else "",
        origin="replay" if last.origin == "replay" else "call" if asked else "ledger",
        attempts=len(rows),
        prompt_tokens=sum(row.prompt_tokens for row, _ in rows),
        completion_tokens=sum(row.completion_tokens for row, _ in rows),
        cost=sum(row.cost for row, _ in rows),
    )


async def _row(
    teacher: Teacher, question: Question, image: Callable[[], bytes], ledger: Ledger, budget: Budget
) -> tuple[LedgerRow, bool]:
    """The ledger's row of a question, and whether it was asked just now."""
    key = question.key
    while True:
        row = ledger.get(key)
        if row is not None and row.status != "exhausted":
            if not ledger.owns(key):
                await ledger.adopt(row)
            return row, False
        twin = teacher.under_way.get(key)
        if twin is None:
            break
        await asyncio.wait((twin,))
    done = teacher.under_way[key] = asyncio.get_running_loop().create_future()
    try:
        if teacher.paid:
            return await _call(teacher, question, image, ledger, budget), True
        return await _replay(teacher, question, ledger), False
    finally:
        del teacher.under_way[key]
        done.set_result(None)


async def _replay(teacher: Teacher, question: Question, ledger: Ledger) -> LedgerRow:
    """A recorded answer, entered into the ledger like any other."""
    try:
        reply = await teacher.lanes[0].backend.complete(question.prompt, question.sample_id, (), question.attempt)
        row = _ok_row(teacher, question, reply, http_calls=0)
    except CallFailed as failure:
        row = _failed_row(teacher, question, failure, "permanent", http_calls=0)
    await ledger.record(row)
    return row


async def _call(
    teacher: Teacher, question: Question, image: Callable[[], bytes], ledger: Ledger, budget: Budget
) -> LedgerRow:
    """Asks until there is a reply, a permanent failure, or no try left; the outcome is one committed row."""
    settings = teacher.settings
    images: tuple[bytes, ...] = ()
    http_calls = tries = 0
    while True:
        lane, probing = await choose_lane(teacher.lanes, settings.recovery_s)
        lane.heading += 1
        try:
            async with lane.limiter.slot():
                if lane.down_since is not None and not probing:
                    continue  # it went down while this call waited for its slot
                images = images or (image(),)
                http_calls += 1
                reply = await _one_call(teacher, lane, question, images, budget, probing=probing)
                row = _ok_row(teacher, question, reply, http_calls)
                await ledger.record(row)
                return row
        except CallFailed as failure:
            failed = failure
        finally:
            lane.heading -= 1
        if failed.fatal:
            raise EnvironmentFault(f"teacher {teacher.name}: {lane.backend.name}: {failed}")
        if failed.kind == SCHEMA_REFUSED:
            continue
        # A call that never arrived says nothing about its sample; one that felled the endpoint may.
        tries += not (probing and failed.kind == REFUSED_CONNECTION)
        if not failed.retryable or tries >= settings.attempts:
            break
        await asyncio.sleep(backoff_s(tries, failed.retry_after_s))
    row = _failed_row(teacher, question, failed, "exhausted" if failed.retryable else "permanent", http_calls)
    await ledger.record(row)
    return row


async def _one_call(
    teacher: Teacher, lane: Lane, question: Question, images: Sequence[bytes], budget: Budget, *, probing: bool
) -> Reply:
    """One HTTP call under the budget, with what it says about the endpoint passed on. Raises CallFailed."""
    prices = teacher.settings.prices
    expected = max(
        teacher.prompt_tokens,
        (len(question.prompt.system) + len(question.prompt.user)) // 3 + TOKENS_OF_AN_IMAGE * len(images),
    )
    answer = teacher.settings.sampling.max_tokens or TOKENS_WITHOUT_LIMIT
    reserved_tokens, reserved_cost = expected + answer, prices.cost(expected, answer)
    budget.reserve(teacher.name, tokens=reserved_tokens, cost=reserved_cost)
    tokens, cost = 0, 0.0
    try:
        reply = await lane.backend.complete(question.prompt, question.sample_id, images, question.attempt)
        tokens = reply.prompt_tokens + reply.completion_tokens
        cost = prices.cost(reply.prompt_tokens, reply.completion_tokens)
        teacher.prompt_tokens = max(teacher.prompt_tokens, reply.prompt_tokens)
    except CallFailed as failure:
        lane.failed(failure, asyncio.get_running_loop().time(), probing=probing)
        if failure.presses:
            lane.limiter.pressed(failure.retry_after_s)
        raise
    finally:
        budget.settle(
            teacher.name, reserved_tokens=reserved_tokens, reserved_cost=reserved_cost, tokens=tokens, cost=cost
        )
    lane.replied()
    lane.limiter.succeeded()
    return reply


def backoff_s(tries: int, retry_after_s: float | None) -> float:
    """Exponential with full jitter (M. Brooker, "Exponential Backoff and Jitter", 2015), never before Retry-After."""
    longest = min(FIRST_BACKOFF_S * 2.0 ** max(tries - 1, 0), MAX_BACKOFF_S)
    jitter = random.random() * longest  # noqa: S311  (spreads retries; nothing secret or published hangs on it)
    return max(jitter, 0.0) if retry_after_s is None else retry_after_s + random.random()  # noqa: S311


def _ok_row(teacher: Teacher, question: Question, reply: Reply, http_calls: int) -> LedgerRow:
    """A reply as a row. A recording names its model; for a call it is the recipe's, the same on every replica."""
    model = teacher.settings.model or reply.model if teacher.paid else reply.model or teacher.settings.model
    cost = teacher.settings.prices.cost(reply.prompt_tokens, reply.completion_tokens) if teacher.paid else 0.0
    return LedgerRow(
        key=question.key,
        sample_id=question.sample_id,
        teacher=teacher.name,
        model=model,
        attempt=question.attempt,
        origin="call" if teacher.paid else "replay",
        status="ok",
        response=reply.text,
        finish_reason=reply.finish_reason,
        error_kind=None,
        error_detail=None,
        http_calls=http_calls,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        cost=cost,
        latency_s=round(reply.latency_s, 6),
        created_at=_now(),
    )


def _failed_row(
    teacher: Teacher, question: Question, failure: CallFailed, status: Status, http_calls: int
) -> LedgerRow:
    return LedgerRow(
        key=question.key,
        sample_id=question.sample_id,
        teacher=teacher.name,
        model=teacher.settings.model,
        attempt=question.attempt,
        origin="call" if teacher.paid else "replay",
        status=status,
        response=None,
        finish_reason=None,
        error_kind=failure.kind,
        error_detail=failure.detail,
        http_calls=http_calls,
        prompt_tokens=0,
        completion_tokens=0,
        cost=0.0,
        latency_s=0.0,
        created_at=_now(),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
