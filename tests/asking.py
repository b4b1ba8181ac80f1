"""Questions to teachers without a shard around them, for tests and benchmarks of `factory.calls`."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from factory.calls.ask import Asker, Desk
from factory.calls.budget import Budget
from factory.calls.budget_file import Spent, money
from factory.calls.ledger import Ledger
from factory.calls.teacher import open_teacher
from factory.plugins.contracts import Backends, Question
from schemas import ImageRef, Reply, Sample
from schemas.settings import BudgetLimits, TeacherSettings

KAZAN = Sample(
    id="s",
    images=(ImageRef(locator="s.jpg"),),
    lat=55.79,
    lon=49.12,
    country_code="RU",
    region="Tatarstan",
    city="Kazan",
)
Made = tuple[TeacherSettings, Backends]


class Scripted:
    """A backend that says what it was told to, in order, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, *script: str | Reply | Exception, paid: bool = True) -> None:
        self.script, self.paid = list(script), paid
        self.asked: list[Question] = []
        self.shown: list[Mapping[str, bytes]] = []

    def inputs(self, question: Question) -> Mapping[str, Any]:
        return {}

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        self.asked.append(question)
        self.shown.append(images)
        assert self.script, f"nobody should ask for turn {question.turn}, attempt {question.attempt}"
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return Reply(text=said, prompt_tokens=100, completion_tokens=10) if isinstance(said, str) else said

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def scripted(backend: Scripted, name: str = "first", **settings: Any) -> Made:
    """A teacher behind a script."""
    fields = {"name": name, "backend": "scripted", "model": f"model of {name}", "attempts": 1, **settings}
    return TeacherSettings.model_validate(fields), Backends((backend,))


def charged_to(budget: Budget) -> dict[str, Spent]:
    """What was charged so far, of the teachers that have limits; empty where there is no file."""
    accounts = {teacher: budget._file.account(teacher) for teacher in budget.limits}
    return {
        teacher: Spent(one.used[0], one.used[1], money(one.used[2]), one.unstated)
        for teacher, one in accounts.items()
        if one is not None
    }


@asynccontextmanager
async def open_desk(
    folder: Path, *made: Made, limits: Mapping[str, BudgetLimits] | None = None, share: int = 1
) -> AsyncIterator[Desk]:
    """Teachers with the ledger and the budget of a folder."""
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger(folder / "ledger.sqlite"))
        prices = {settings.name: settings.prices for settings, _ in made}
        budget = stack.enter_context(Budget(folder / "budget.sqlite", limits or {}, prices))
        budget.reset({})
        teachers = [
            await stack.enter_async_context(open_teacher(settings, backends, share=share))
            for settings, backends in made
        ]
        yield Desk(ledger, budget, tuple(teachers))


def asker(
    desk: Desk,
    sample: Sample = KAZAN,
    *,
    teacher: str | None = "first",
    image_keys: Mapping[str, str] | None = None,
    image: Callable[[str], bytes] | None = None,
    **more: Any,
) -> Asker:
    """`ask` for one sample; without keys, each of its pictures is told apart by its locator."""
    keys = {ref.role: hashlib.sha256(ref.locator.encode()).hexdigest() for ref in sample.images}
    chosen = next((one for one in desk.teachers if one.name == teacher), None)
    assert teacher is None or chosen is not None, f"no teacher {teacher}"
    return Asker(
        desk=desk,
        sample=sample,
        image_keys=keys if image_keys is None else image_keys,
        image=image or (lambda role: f"jpeg of {role}".encode()),
        teacher=chosen,
        **more,
    )
