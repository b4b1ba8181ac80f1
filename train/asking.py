"""Models behind endpoints, asked outside a build: each question once, remembered in a ledger of its own.

    async with open_desk(folder, openai_model("http://localhost:8000/v1", "some-model")) as desk:
        answers = await ask_all(desk, questions)

The ledger keeps its promise here, too: no acknowledged call is repeated, whatever stopped the run before.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from factory.calls.ask import Asker, Desk
from factory.calls.budget import Budget
from factory.calls.ledger import Ledger
from factory.calls.teacher import Teacher, open_teacher
from factory.errors import FactoryError, RecipeError
from factory.plugins.contracts import Backends, NoAnswer, ParseFailure
from factory.teachers.openai_backend import openai_teacher
from schemas import ImageRef, Reply, Request, Sample
from schemas.settings import TeacherSettings
from train.allowance import Allowance
from train.endpoint import address

ReadT = TypeVar("ReadT")
Model = tuple[TeacherSettings, Backends]


@dataclass(frozen=True)
class Question(Generic[ReadT]):
    """One question about a row; `read` makes a value of the reply, or says why it cannot."""

    id: str
    request: Request
    read: Callable[[Reply], ReadT | ParseFailure]
    images: Mapping[str, bytes] = field(default_factory=dict)
    """JPEGs by the role that the request shows them as."""
    image_keys: Mapping[str, str] = field(default_factory=dict)
    """What each picture is, by role, where that is not the digest of its bytes."""


def openai_model(url: str, model: str, *, name: str = "model", api_key_env: str | None = None, **more: object) -> Model:
    """A model behind an OpenAI-compatible endpoint. `more` are fields of `TeacherSettings`: sampling, budget, ...

    Raises RecipeError for an address or settings that are none, EnvironmentFault for a missing key.
    """
    asked = address(url, f"the {name}")
    try:
        settings = TeacherSettings.model_validate({"name": name, "backend": "openai", "model": model, **more})
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"{name}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return settings, openai_teacher(settings, Path(), base_urls=(asked,), api_key_env=api_key_env)


@asynccontextmanager
async def open_desk(folder: Path, *models: Model, max_calls: int | None = None) -> AsyncIterator[Desk]:
    """Models ready to be asked, with the ledger and the budget of a folder.

    Args:
        max_calls: of all models together while this desk is open; None for no limit. Unlike a budget of their settings,
            which the folder keeps, it begins anew with each desk.

    Raises EnvironmentFault where the folder cannot be written, CorruptBuild for a damaged ledger.
    """
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger(folder / "ledger.sqlite"))
        limits = {settings.name: settings.budget for settings, _ in models}
        prices = {settings.name: settings.prices for settings, _ in models}
        budget = stack.enter_context(Budget(folder / "budget.sqlite", limits, prices))
        budget.reset({})
        teachers = [await stack.enter_async_context(open_teacher(settings, made)) for settings, made in models]
        bounded = budget if max_calls is None else Allowance(budget, max_calls)
        yield Desk(ledger, bounded, tuple(teachers))


async def ask_all(desk: Desk, questions: Iterable[Question[ReadT]]) -> list[ReadT | NoAnswer]:
    """What the first model of a desk answers, in the order of the questions; NoAnswer where it gave none.

    A question is taken when there is room for it, so that pictures of a generator's are not all in memory.

    Raises BudgetReached and EnvironmentFault as a build does: what was answered until then is in the ledger.
    """
    (teacher, *_) = desk.teachers
    room, stop = asyncio.Semaphore(teacher.max_in_flight), Stop()

    async def one(question: Question[ReadT]) -> ReadT | NoAnswer:
        try:
            return await ask_one(desk, question, teacher, stop)
        finally:
            room.release()

    tasks = []
    try:
        for question in questions:
            await room.acquire()
            tasks.append(asyncio.ensure_future(one(question)))
            if stop.fault is not None:
                break
    finally:  # a call that is under way is paid: its answer is kept, whatever ends the questions
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


@dataclass(slots=True)
class Stop:
    """Why nothing more is asked: the first fault of several questions under way."""

    fault: FactoryError | None = None


async def ask_one(desk: Desk, question: Question[ReadT], teacher: Teacher, stop: Stop) -> ReadT | NoAnswer:
    """What one model of a desk answers to one question; NoAnswer where it gave none.

    Raises as `ask_all` does; what stopped one question stops every later one with the same `stop`, unasked.
    """
    if stop.fault is not None:
        raise stop.fault
    refs = tuple(ImageRef(role=role, locator="") for role in question.images) or (ImageRef(locator=""),)
    keys = {role: hashlib.sha256(data).hexdigest() for role, data in question.images.items()}
    asker = Asker(
        desk=desk,
        sample=Sample(id=question.id, images=refs, lat=0.0, lon=0.0),
        image_keys={**keys, **question.image_keys},
        image=lambda role: question.images[role],
        teacher=teacher,
    )
    try:
        return await asker(question.request, read=question.read)
    except NoAnswer as none:
        return none
    except FactoryError as fault:
        stop.fault = stop.fault or fault
        raise


async def gathered(under_way: Iterable[Coroutine[Any, Any, ReadT]]) -> list[ReadT]:
    """The results of all, in their order; where some fail, a fault as it is, once all have ended: a call that is under
    way is paid, and its answer is kept."""
    tasks = [asyncio.ensure_future(one) for one in under_way]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
