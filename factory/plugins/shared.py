"""What the processes of a build share: on one machine files, on a cluster other shapes of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schemas.settings import BudgetLimits, Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. None is what nobody stated: unknown is not zero."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Budget(Protocol):
    """What a build may spend by teacher, over all its processes. `factory.calls.budget` keeps it in a file."""

    async def reserve(self, teacher: str, key: str, foreseen: Usage) -> int:
        """Sets aside one call and what it is foreseen to take, and gives the reservation's number. Waits while only
        what other calls have set aside stands in its way. Raises BudgetReached when nothing is left.

        Args:
            key: of the question, by which `postpone` and `collect` find it again.
        """

    def settle(self, teacher: str, reservation: int, usage: Usage) -> None:
        """After a reserved call, whatever came of it: its usage, or what was set aside where it states none."""

    def postpone(self, teacher: str, reservation: int) -> None:
        """The answer comes later (a batch): what was set aside counts as spent until it is collected."""

    def collect(self, teacher: str, key: str, usage: Usage) -> None:
        """The answer to a postponed question is in: its usage takes the place of what was set aside."""


class Store(Protocol):
    """Where finished files lie: a folder, or objects on a cluster, which cannot be renamed. `factory.store.folder`."""

    def put(self, name: str, data: bytes | Path, *, token: int | None = None) -> None:
        """Writes a file whole: afterwards it is there or it is not. With a token of `claim`, only while that claim is
        the newest. Raises BuildLocked when somebody claimed it since."""

    def list(self, prefix: str = "") -> Sequence[str]:
        """Names of the files that are whole, sorted."""

    def claim(self, what: str, wait_s: float = 0.0) -> AbstractContextManager[int]:
        """Holds the store for one writer and gives a token that grows with every claim. Raises BuildLocked."""


class Limited(Protocol):
    """The calls that one process has in flight at one endpoint. `factory.calls.limiter` is one."""

    @property
    def allowed(self) -> int:
        """What it may have."""

    @property
    def in_flight(self) -> int:
        """What it has."""

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""

    def allow(self, most: int) -> None:
        """From now on at most so many; from any thread."""

    def wake(self) -> None:
        """Lets in who waits, in the event loop's thread."""


class Shared(Protocol):
    """What an engine lends to the processes that it starts on several machines. It travels with a spec."""

    def budget(
        self, path: Path, limits: Mapping[str, BudgetLimits], prices: Mapping[str, Prices]
    ) -> AbstractContextManager[Budget]:
        """The build's budget, whose file lies at `path` where the engine was started: one for all processes."""

    def share(self, endpoint: str, most: int, limiter: Limited) -> None:
        """From now on the limiter allows this process its part of the calls, at most `most`, that all processes
        together may have in flight at an endpoint. Called in a running event loop, which wakes it."""
