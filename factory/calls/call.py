"""One question that the ledger does not answer: asked under limits until its outcome is one committed row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from factory.aside import aside
from factory.calls.course import Course, lost
from factory.calls.lanes import Lane, better_elsewhere, choose_lane
from factory.calls.ledger import Ledger
from factory.calls.row import LedgerRow
from factory.calls.teacher import Teacher
from factory.errors import EnvironmentFault, FactoryError, PluginFault
from factory.plugins.contracts import REFUSED_CONNECTION, SCHEMA_REFUSED, CallFailed, Deferred, Question
from factory.plugins.shared import Budget, Usage
from factory.redact import Redactor
from schemas import Reply

TOKENS_OF_AN_IMAGE = 1_600
"""First guess for a budget's reservation (Qwen2.5-VL at 1,024 x 1,024: 1,369); replies correct it."""
UNSTATED, NOTHING = Usage(), Usage(prompt_tokens=0, completion_tokens=0)
REFUSED = frozenset(
    (
        REFUSED_CONNECTION,
        SCHEMA_REFUSED,
        "rate_limited",
        "quota",
        "credentials",
        "model_unknown",
        "redirected",
        "pictures_refused",
        "parameter_refused",
        "no_output",
        "permanent_error",
        "batch_expired",
        "batch_cancelled",
    )
)
"""Kinds of failures that are on nobody's bill, besides those of an HTTP status."""
GAVE_UP = frozenset(("http_408", "http_504", "http_524"))
"""Statuses of a server or proxy that stopped waiting for an answer, which may be generated and billed all the same."""


async def replay(teacher: Teacher, question: Question, ledger: Ledger) -> LedgerRow:
    """A recorded answer, entered into the ledger like any other."""
    try:
        reply = await _complete(teacher, teacher.lanes[0], question, {})
        row = reply_row(teacher, question, reply, http_calls=0)
    except CallFailed as failure:
        row = ledger_row(teacher, question, "permanent", 0, error_kind=failure.kind, error_detail=failure.detail)
    await ledger.record(row)
    return row


async def call(
    teacher: Teacher, question: Question, image: Callable[[str], bytes], ledger: Ledger, budget: Budget
) -> LedgerRow:
    """Asks until there is a reply, a permanent failure, or no try left; the outcome is one committed row.

    Raises Deferred, with the handle committed, for an answer that comes later.
    """
    images: dict[str, bytes] | None = None
    http_calls = 0
    course = Course(teacher)
    while True:
        lane, probing = await choose_lane(teacher.lanes, teacher.settings.recovery_s, course.tried)
        lane.heading += 1
        try:
            async with lane.limiter.slot():
                if not probing and better_elsewhere(lane, teacher.lanes):
                    continue  # it went down, or began to fail, while this call waited for its slot
                if images is None:
                    images = {role: image(role) for role in question.request.pictures}
                http_calls += question.handle is None  # to look whether a batch is ready is no new call
                reply = await _one_call(teacher, lane, question, images, budget, probing=probing)
                row = reply_row(teacher, question, reply, http_calls)
                await ledger.record(row)
                teacher.losses.clear()
                return row
        except Deferred as later:
            await ledger.record(ledger_row(teacher, question, "sent", http_calls, handle=later.handle))
            raise
        except CallFailed as failure:
            failed = failure
        finally:
            lane.heading -= 1
        if failed.fatal:
            raise EnvironmentFault(f"teacher {teacher.name}: {lane.backend.name}: {failed}")
        if failed.kind == SCHEMA_REFUSED:
            continue
        if failed.of_batch and failed.retryable:  # it goes into another one
            question = replace(question, handle=None)
            continue
        pause_s = course.after(failed, lane)
        if pause_s is None:
            break
        await asyncio.sleep(pause_s)
    own = teacher.final and not (failed.retryable or failed.mendable)
    status = "permanent" if own else "exhausted"
    row = ledger_row(teacher, question, status, http_calls, error_kind=failed.kind, error_detail=failed.detail)
    await ledger.record(row)
    lost(teacher, failed)
    return row


async def _one_call(
    teacher: Teacher, lane: Lane, question: Question, images: Mapping[str, bytes], budget: Budget, *, probing: bool
) -> Reply:
    """One HTTP call under the budget, with what it says about the endpoint passed on. Raises CallFailed."""
    reservation = None
    if question.handle is None:  # else it was reserved when it was sent
        reservation = await budget.reserve(teacher.name, question.key, _foreseen(teacher, question, images))
    usage = UNSTATED
    try:
        reply = await _in_time(teacher, lane, question, images)
        usage = Usage(prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens)
    except Deferred:
        lane.replied()
        if reservation is not None:
            budget.postpone(teacher.name, reservation)
            reservation = None
        raise
    except CallFailed as failure:
        usage = UNSTATED if may_be_billed(failure) else NOTHING
        if failure.of_batch:
            budget.collect(teacher.name, question.key, usage)
            raise
        lane.failed(failure, asyncio.get_running_loop().time(), probing=probing)
        if failure.presses:
            lane.limiter.pressed(failure.retry_after_s, closes=failure.waits and not failure.down)
        raise
    finally:  # a call that was cancelled may be billed, too
        if reservation is not None:
            budget.settle(teacher.name, reservation, usage)
    if question.handle is not None:
        budget.collect(teacher.name, question.key, usage)
    lane.replied()
    lane.limiter.succeeded()
    return reply


def _foreseen(teacher: Teacher, question: Question, images: Mapping[str, bytes]) -> Usage:
    """A first guess at what a call takes; the budget raises it to what calls of this teacher took."""
    prompt = question.request.characters // 3 + TOKENS_OF_AN_IMAGE * len(images)
    return Usage(prompt_tokens=prompt, completion_tokens=teacher.answer_tokens)


def may_be_billed(failure: CallFailed) -> bool:
    """Whether a failed call may be on the bill all the same: a request that was refused, or never arrived, is not; one
    whose answer was cut off, garbled or not waited for may be, and so may any that a plug-in names."""
    if failure.kind.startswith("http_"):
        return failure.kind in GAVE_UP
    return failure.kind not in REFUSED


async def _in_time(teacher: Teacher, lane: Lane, question: Question, images: Mapping[str, bytes]) -> Reply:
    """The backend's reply within the deadline of one call, which socket timeouts cannot bound."""
    timeout_s = teacher.settings.timeout_s
    try:
        async with asyncio.timeout(timeout_s):
            return await _complete(teacher, lane, question, images)
    except TimeoutError:
        detail = f"no whole answer within {timeout_s:g} s"
        raise CallFailed(kind="timeout", detail=detail, retryable=True, presses=True) from None


async def _complete(teacher: Teacher, lane: Lane, question: Question, images: Mapping[str, bytes]) -> Reply:
    """The backend's reply, without any key of the recipe's. Raises CallFailed, Deferred, TimeoutError, and PluginFault
    for anything else it raises."""
    redact = teacher.redact
    try:
        reply: object = await lane.backend.complete(question, images)
        if not isinstance(reply, Reply):
            raise TypeError(f"returned {type(reply).__name__}, not Reply")
        size = len(reply.text) + len(reply.model) + sum(map(len, reply.scores))
        return await aside(size, partial(redacted_reply, reply, redact))
    except CallFailed as failure:
        failure.kind, failure.detail = redact(failure.kind), redact(failure.detail)
        raise
    except Deferred as later:
        if redact.holds(later.handle):
            raise CallFailed(kind="bad_body", detail="the handle of a batch with the key in it") from None
        raise
    except (FactoryError, TimeoutError):
        raise
    except Exception as error:
        raise PluginFault(
            f"teacher `{teacher.name}` at {lane.backend.name} failed on sample `{question.sample_id}`: "
            f"{type(error).__name__}: {redact(str(error))}. This is a fault of the backend, not of the sample: mend it "
            "and run the same command again; every answer so far is kept"
        ) from error


def redacted_reply(reply: Reply, redact: Redactor) -> Reply:
    """A reply as it may be kept and read: whoever is sent a key may send it back, in any field that is text."""
    return replace(
        reply,
        text=redact(reply.text),
        model=redact(reply.model),
        finish_reason=None if reply.finish_reason is None else redact(reply.finish_reason),
        scores={redact(token): score for token, score in reply.scores.items()},
    )


def redacted_row(row: LedgerRow, redact: Redactor) -> LedgerRow:
    """A row of another ledger as it may be taken over: an earlier release may have written it."""
    found: dict[str, Any] = {}
    for name in ("model", "handle", "response", "scores", "finish_reason", "error_kind", "error_detail"):
        text = getattr(row, name)
        if text is not None and redact.holds(text):
            found[name] = redact(text)
    return replace(row, **found) if found else row


def reply_row(teacher: Teacher, question: Question, reply: Reply, http_calls: int) -> LedgerRow:
    """A reply as a row. A recording names its model; for a call it is the recipe's, the same on every replica."""
    named = teacher.settings.model
    prompt, completion = reply.prompt_tokens or 0, reply.completion_tokens or 0
    cost = teacher.settings.prices.cost(prompt, completion) if teacher.paid else 0.0
    return ledger_row(
        teacher,
        question,
        "ok",
        http_calls,
        model=(named or reply.model) if teacher.paid else (reply.model or named),
        handle=question.handle,
        response=reply.text,
        scores=orjson.dumps(dict(reply.scores), option=orjson.OPT_SORT_KEYS).decode() if reply.scores else None,
        finish_reason=reply.finish_reason,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost=cost,
        latency_s=round(reply.latency_s, 6),
    )


def ledger_row(teacher: Teacher, question: Question, status: Any, http_calls: int, **outcome: Any) -> LedgerRow:
    """The row of a question with its outcome: fields of `LedgerRow`."""
    return LedgerRow(
        key=question.key,
        sample_id=question.sample_id,
        teacher=teacher.name,
        purpose=question.request.purpose,
        draw=question.draw,
        turn=question.turn,
        attempt=question.attempt,
        origin="call" if teacher.paid else "replay",
        status=status,
        http_calls=http_calls,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        **({"model": teacher.settings.model} | outcome),
    )
