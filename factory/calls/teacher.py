"""Teachers and witnesses' models, ready to be asked: connections, lanes, what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from factory.calls.lanes import Lane
from factory.calls.limiter import Limiter, LimiterSettings
from factory.calls.row import LedgerRow
from factory.errors import FactoryError, PluginFault, RecipeError
from factory.plugins.blocks import Call, input_files
from factory.plugins.contracts import Backends, Needs
from factory.plugins.promises import opened
from factory.plugins.shared import Shared
from factory.redact import Redactor
from schemas.settings import TeacherSettings

ANSWERS: Final = "answer"
"""The role of teachers that answer about every sample."""
TOKENS_WITHOUT_LIMIT: Final = 4_096
"""Reserved for an answer when no `max_tokens` is sent; the first reply corrects it."""


@dataclass(slots=True, eq=False)
class Teacher:
    """A model that is ready to be asked."""

    settings: TeacherSettings
    lanes: tuple[Lane, ...]
    sampling: Mapping[str, Any]
    """Everything of the settings that changes answers; part of the ledger key."""
    final: bool = True
    """Whether a refusal is kept for good; what a build cannot do without is asked again by the next one."""
    answer_tokens: int = 0
    """Most tokens of one answer, as far as its requests say; what a budget sets aside for it at the least."""
    losses: list[str] = field(default_factory=list)
    """How questions failed since the last answer."""
    redact: Redactor = field(default_factory=Redactor)
    """Takes the recipe's keys out of whatever a backend says."""
    under_way: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    """Keys that are being asked: two samples with the same picture share one paid call."""
    given_up: dict[str, LedgerRow] = field(default_factory=dict)
    """Questions that this run asked in vain: the next run asks them again, another sample with the same picture not."""

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def paid(self) -> bool:
        """False for recorded answers."""
        return self.lanes[0].backend.paid

    @property
    def max_in_flight(self) -> int:
        """Calls under way at all endpoints together."""
        return self.settings.max_in_flight * len(self.lanes)


def made_teachers(calls: Sequence[Call], root: Path) -> list[tuple[TeacherSettings, Backends]]:
    """What the recipe's teachers are made of; nothing is connected yet.

    Raises:
        RecipeError: a model has no name, a recording is missing, two teachers would ask the same questions.
        EnvironmentFault: an API key is not in the environment.
        PluginFault: one cannot be opened.
    """
    made: list[tuple[TeacherSettings, Backends]] = []
    for call in calls:
        settings = call.common
        assert isinstance(settings, TeacherSettings)
        backends = opened("teacher", call.name, Backends, settings, root, **dict(call.settings))
        identity = (settings.model, sampling_of(settings, backends))
        for other, theirs in made:
            paid = backends.endpoints[0].paid and settings.role == other.role
            if paid and identity == (other.model, sampling_of(other, theirs)):
                raise RecipeError(
                    f"teachers {other.name} and {settings.name} would ask the same questions and share every "
                    "answer: give one of them another model or another sampling.seed"
                )
            if backends.server is not None and theirs.server is not None and backends.server.port == theirs.server.port:
                raise RecipeError(
                    f"teachers {other.name} and {settings.name} would both be served on port {theirs.server.port}: "
                    "give one of them another `port`"
                )
        made.append((settings, backends))
    return made


def recorded_answers(call: Call, root: Path, needs: Needs, ids: Iterable[str]) -> tuple[int, int] | None:
    """Of a teacher's planned questions, the least that the family asks: how many its recording answers, and how many
    they are. None for a teacher that is no recording. Nobody is connected to, and no key is needed.

    Raises RecipeError for a file that cannot be read.
    """
    if next(input_files(call.settings), None) is None:
        return None
    settings = call.common
    assert isinstance(settings, TeacherSettings)
    backends = opened("teacher", call.name, Backends, settings, root, **dict(call.settings))
    if backends.recorded is None:
        return None
    draws, turns = range(settings.sampling.draws), range(needs.calls[0])
    asked = [(sample_id, draw, turn) for sample_id in ids for draw in draws for turn in turns]
    return backends.recorded(asked), len(asked)


def sampling_of(settings: TeacherSettings, backends: Backends) -> dict[str, Any]:
    """What of a teacher enters the keys of its questions, besides the model's name."""
    return {**settings.sampling.identity(), **backends.identity}


@asynccontextmanager
async def open_teacher(
    settings: TeacherSettings,
    backends: Backends,
    *,
    share: int = 1,
    shared: Shared | None = None,
    final: bool = True,
    secrets: Iterable[str] = (),
    folder: Path | None = None,
) -> AsyncIterator[Teacher]:
    """A teacher with its connections, closed on exit.

    Args:
        final: see `Teacher`.
        secrets: values that nothing of its replies may hold when it is kept.
        share: processes that ask at the same time; each takes this part of `max_in_flight`.
        shared: who divides it among processes of several machines instead.
        folder: where questions are kept that are sent later; None outside a build.
    """
    slots = max(1, settings.max_in_flight // share)
    if backends.post is not None and folder is not None:
        backends.post.keep_in(folder)
    first = slots if backends.post is not None else LimiterSettings().start  # nobody is there whom haste could press
    async with AsyncExitStack() as stack:
        lanes = []
        for backend in backends.endpoints:
            if isinstance(backend, AbstractAsyncContextManager):
                await _entered(stack, settings.name, backend)
            limiter = Limiter(LimiterSettings(max_in_flight=slots, start=first))
            if shared is not None and backend.paid:
                shared.share(f"{settings.name} at {backend.name}", slots, limiter)
            lanes.append(Lane(backend, limiter))
        own = settings.model_copy(update={"max_in_flight": slots})
        yield Teacher(
            settings=own,
            lanes=tuple(lanes),
            sampling=sampling_of(settings, backends),
            final=final,
            answer_tokens=_answer_tokens(settings, backends),
            redact=Redactor(secrets),
        )


def _answer_tokens(settings: TeacherSettings, backends: Backends) -> int:
    if backends.answer_tokens is not None:
        return backends.answer_tokens
    return settings.sampling.max_tokens or TOKENS_WITHOUT_LIMIT


async def _entered(stack: AsyncExitStack, name: str, backend: AbstractAsyncContextManager[Any]) -> None:
    """Connects, or loads a model. Raises PluginFault naming the teacher for whatever goes wrong with it."""
    try:
        await stack.enter_async_context(backend)
    except FactoryError:
        raise
    except Exception as error:
        where = getattr(backend, "name", type(backend).__name__)
        raise PluginFault(
            f"teacher {name} at {where} cannot be opened: {type(error).__name__}: {error}; every answer so far is kept"
        ) from error
