"""Who works in a process: teachers, witnesses, decoders, the event loop. Opened once, lent to one shard after another.

So limiters stay warm from shard to shard, connections are kept, and a model in the process loads once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factory.calls.budget import Budget as FileBudget
from factory.calls.siblings import Siblings
from factory.calls.teacher import ANSWERS, Teacher, made_teachers, open_teacher
from factory.generators import open_generator
from factory.images.worker import DecodeWorkers
from factory.plugins.contracts import Generator, Source, Witness
from factory.plugins.shared import Budget, Shared
from factory.recipe.model import Recipe, teacher_settings
from factory.redact import named_secrets
from factory.shard.loop import Loop
from factory.shard.spec import ShardSpec
from factory.sources import open_source
from factory.store.layout import BuildPaths
from factory.witnesses import made_witnesses

UNASKED_IN_FLIGHT = 64
"""Samples under way at once in a family that asks nobody but has witnesses."""


@dataclass(slots=True, eq=False, kw_only=True)
class Staff:
    """What a process lends to its shards."""

    recipe: Recipe
    root: Path
    loop: Loop
    source: Source
    generator: Generator
    teachers: tuple[Teacher, ...]
    """Of every role, in the recipe's order."""
    witnesses: tuple[tuple[Witness, Teacher | None], ...]
    """Each with the model it asks, where it asks one."""
    budget: Budget
    siblings: Siblings | None
    """None on another machine, where no finished shard lies."""
    decoders: int
    _stack: ExitStack = field(default_factory=ExitStack)
    _workers: DecodeWorkers | None = None

    @property
    def answering(self) -> tuple[Teacher, ...]:
        """Teachers that answer about every sample."""
        return tuple(teacher for teacher in self.teachers if teacher.settings.role == ANSWERS)

    @property
    def slots(self) -> int:
        """Samples that may be under way at once: bounds the tasks of a shard, and so its memory."""
        return max((teacher.max_in_flight for teacher in self.answering), default=UNASKED_IN_FLIGHT)

    @property
    def asks(self) -> bool:
        """Whether anything at all is done with a sample besides decoding its pictures."""
        return bool(self.answering or self.witnesses)

    def workers(self) -> DecodeWorkers:
        """The decode processes, started by the first shard that has something to decode. May block for a second."""
        if self._workers is None:
            workers = DecodeWorkers(processes=self.decoders, settings=self.recipe.images)
            self._workers = self._stack.enter_context(workers)
        return self._workers


@contextmanager
def open_staff(spec: ShardSpec) -> Iterator[Staff]:
    """The staff for a recipe's shards in this process.

    Raises:
        RecipeError: a recording is missing or malformed, a model has no name, two teachers are the same.
        EnvironmentFault: an API key is not in the environment.
    """
    recipe, root = Recipe.model_validate(spec.recipe), Path(spec.root)
    with ExitStack() as stack:
        loop = stack.enter_context(Loop())
        paths, shared = BuildPaths(Path(spec.build)), None if spec.away is None else spec.away.shared
        own = open_budget(paths, recipe, root)
        budget: Budget = stack.enter_context(
            own if shared is None else shared.budget(paths.budget, own.limits, own.prices)
        )
        connections = AsyncExitStack()
        stack.callback(lambda: loop.run(connections.aclose()))
        teachers, witnesses = loop.run(_connect(connections, recipe, root, spec, shared))
        staff = Staff(
            recipe=recipe,
            root=root,
            loop=loop,
            source=open_source(recipe.source, root),
            generator=open_generator(recipe.generator, root),
            teachers=teachers,
            witnesses=witnesses,
            budget=budget,
            siblings=stack.enter_context(Siblings(paths)) if shared is None else None,
            decoders=spec.decoders,
        )
        with staff._stack:
            yield staff


async def _connect(
    connections: AsyncExitStack, recipe: Recipe, root: Path, spec: ShardSpec, shared: Shared | None
) -> tuple[tuple[Teacher, ...], tuple[tuple[Witness, Teacher | None], ...]]:
    secrets = named_secrets(recipe.model_dump(mode="json")).values()
    share, batches = spec.share, BuildPaths(Path(spec.build)).batches
    teachers = [
        await connections.enter_async_context(
            open_teacher(settings, backends, share=share, shared=shared, secrets=secrets, folder=batches)
        )
        for settings, backends in made_teachers(recipe.teachers, root)
    ]
    witnesses: list[tuple[Witness, Teacher | None]] = []
    for witness in made_witnesses(recipe.witnesses, root):
        model = None
        if witness.settings is not None and witness.backends is not None:
            required = witness.required
            opened = open_teacher(
                witness.settings, witness.backends, share=share, shared=shared, final=not required, secrets=secrets
            )
            model = await connections.enter_async_context(opened)
        witnesses.append((witness, model))
    return tuple(teachers), tuple(witnesses)


def open_budget(paths: BuildPaths, recipe: Recipe, root: Path) -> FileBudget:
    """What each teacher and each witness of a recipe may spend in a build, by name."""
    asked = [teacher_settings(call) for call in recipe.teachers]
    asked += [witness.settings for witness in made_witnesses(recipe.witnesses, root) if witness.settings is not None]
    limits = {settings.name: settings.budget for settings in asked}
    return FileBudget(paths.budget, limits, {settings.name: settings.prices for settings in asked})
