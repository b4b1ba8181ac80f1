"""One sample's way through its family: witnesses before, every teacher's answers, the combined one, witnesses after."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from factory.calls.ask import TRUTH_LEVELS, Asker, Desk
from factory.calls.teacher import Teacher
from factory.errors import EnvironmentFault, FactoryError, PluginFault
from factory.plugins import promises
from factory.plugins.contracts import Deferred, NoAnswer, Witness
from factory.shard.staff import Staff
from factory.store.cases import NO_EVIDENCE, AnsweredSample
from schemas import Answered, Evidence, Finding, Photo, Sample, Seen

ResultT = TypeVar("ResultT")


async def answer_sample(
    staff: Staff,
    desk: Desk,
    sample: Sample,
    photos: tuple[Photo, ...],
    image_keys: Mapping[str, str],
    image: Callable[[str], bytes],
) -> AnsweredSample:
    """Everything that is asked about one sample. What a teacher does never raises; it is a typed failure.

    Args:
        image_keys: what each picture is, by role; see `factory.images.image_key`.
        image: reads the prepared JPEG of a role.

    Raises:
        Deferred: an answer comes later.
        BudgetReached, EnvironmentFault: the shard cannot go on; what was asked until then is recorded.
        PluginFault: the family or a witness raised.
    """

    def asker(teacher: Teacher | None, **more: Any) -> Asker:
        return Asker(desk=desk, sample=sample, image_keys=image_keys, image=image, teacher=teacher, **more)

    async def witnessed(when: str, seen: Seen, answers: tuple[Answered, ...]) -> tuple[Evidence, ...]:
        dated = replace(seen, captured_at=sample.captured_at)
        looking = [
            _look(witness, dated, answers, asker(model, may_see_truth=False), image, image_keys)
            for witness, model in staff.witnesses
            if witness.when == when
        ]
        return tuple(found for found in await all_of(looking) if found is not None)

    needs = staff.generator.needs
    texts = {name: text for name, text in sample.texts.items() if name in needs.texts}  # others may name the place
    seen = Seen(id=_pseudonym(sample.id), images=tuple(image_keys), texts=texts)
    before = await witnessed("before", seen, ())
    seen = replace(seen, evidence=before)
    askers = [
        asker(teacher, draw=draw, most_turns=needs.calls[1], roles=needs.roles)
        for teacher in staff.answering
        for draw in range(teacher.settings.sampling.draws)
    ]
    answers = tuple(await all_of(_answer(staff, seen, ask) for ask in askers))
    told = max((answered.saw_truth for answered in answers), key=TRUTH_LEVELS.index, default="none")
    measured = any(ask.measured for ask in askers)
    combining = asker(None, saw_truth=told, measured=measured, roles=needs.roles)
    combined = await _combine(staff, seen, answers, combining)
    after = await witnessed("after", seen, answers)
    given = answers if combined is None else (*answers, combined)
    return AnsweredSample(photos=photos, answers=given, evidence=(*before, *after))


def _pseudonym(sample_id: str) -> str:
    """What a family may call a sample: ids of some sources are paths that name the place."""
    return hashlib.sha256(sample_id.encode()).hexdigest()[:16]


async def _answer(staff: Staff, seen: Seen, ask: Asker) -> Answered:
    generator = staff.generator
    assert generator.answer is not None
    try:
        working = generator.answer(seen, ask)
        return ask.answered(await _kept("generator", generator.name, "answer", ask, working, promises.said))
    except NoAnswer as none:
        return ask.answered(none)


async def _combine(staff: Staff, seen: Seen, answers: tuple[Answered, ...], ask: Asker) -> Answered | None:
    generator = staff.generator
    if generator.combine is None or all(answered.failure is not None for answered in answers):
        return None
    try:
        working = generator.combine(seen, answers, ask)
        said = await _kept("generator", generator.name, "combine", ask, working, promises.optional(promises.said))
        return None if said is None else ask.answered(said, combined=True)
    except NoAnswer as none:
        return ask.answered(none, combined=True)


async def _look(
    witness: Witness,
    seen: Seen,
    answers: tuple[Answered, ...],
    ask: Asker,
    image: Callable[[str], bytes],
    roles: Iterable[str],
) -> Evidence | None:
    try:
        looking = witness.look(seen, _Images(image, roles), answers, ask)
        return await _kept("witness", witness.name, "look", ask, looking, promises.optional(promises.evidence))
    except NoAnswer as none:
        if not witness.required:
            return None
        if none.kind != "exhausted":  # it answered, and nobody can read it: one sample's trouble
            return Evidence(source=witness.name, findings=(Finding(kind=NO_EVIDENCE, text=str(none)),))
        raise EnvironmentFault(
            f"witness {witness.name}: no evidence about sample `{ask.sample.id}` ({none}); a sample without it would "
            "be judged by another rule. Answers are kept: mend what it asks and run the same command again"
        ) from None


async def _kept(
    kind: str,
    name: str,
    what: str,
    ask: Asker,
    working: Awaitable[object],
    promise: Callable[[object], ResultT],
) -> ResultT:
    """What a plug-in's coroutine gives, as its contract promises it.

    What stopped one of its questions (the answer comes later, the budget is spent, the endpoint is away) is raised
    whatever it made of that: a plug-in that catches every exception must not put its own words where an answer belongs.

    Raises NoAnswer, Deferred and FactoryErrors as they come, PluginFault for anything else.
    """
    try:
        found = promise(await working)
    except (FactoryError, Deferred, asyncio.CancelledError):
        raise
    except NoAnswer:
        ask.require_going()
        raise
    except Exception as error:
        ask.require_going()
        raise _blame(kind, name, what, ask.sample, error) from error
    ask.require_going()
    return found


class _Images(Mapping[str, bytes]):
    """Prepared JPEGs by role, read when they are looked at."""

    def __init__(self, image: Callable[[str], bytes], roles: Iterable[str]) -> None:
        self._image, self._roles = image, tuple(roles)

    def __getitem__(self, role: str) -> bytes:
        if role not in self._roles:
            raise KeyError(role)
        return self._image(role)

    def __iter__(self) -> Any:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)


def _blame(kind: str, name: str, what: str, sample: Sample, error: Exception) -> PluginFault:
    return PluginFault(
        f"{kind} `{name}` failed in `{what}` on sample `{sample.id}`: {type(error).__name__}: {error}. This is a fault "
        f"of the {kind}, not of the sample: mend it and run the same command again; every answer so far is kept"
    )


async def all_of(work: Iterable[Awaitable[ResultT]]) -> list[ResultT]:
    """Every result; an error is raised only after the others' calls are recorded. A deferred one yields to any other
    error."""
    results = await asyncio.gather(*work, return_exceptions=True)
    raised = [result for result in results if isinstance(result, BaseException)]
    for error in sorted(raised, key=lambda error: isinstance(error, Deferred)):
        raise error
    return [result for result in results if not isinstance(result, BaseException)]
