"""What the processes of a cluster share, each thing in one actor beside the process that started the engine.

    Bank    the build's budget, and which processes live
    Booth   the calls in flight at one endpoint (`factory.calls.gate`)

A process of the cluster says a few times a second that it lives and what it has in flight (`Pulse`). One that is silent
for `LOST_S` has lost its slots and what it had reserved; one that cannot reach the actors ends itself, because the
build that it worked for has ended.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from factory.calls.budget import Budget
from factory.calls.gate import Gate
from factory.errors import BudgetReached, EnvironmentFault, FactoryError
from factory.plugins.shared import Limited, Usage
from schemas.settings import BudgetLimits, Prices

EVERY_S: Final = 0.25
"""Between two words of a process: how soon a slot that one leaves is another's."""
LOST_S: Final = 90.0
"""A process that said nothing for so long has ended, or ends itself when it wakes."""
ANSWER_S: Final = 30.0
"""How long an actor's answer is waited for: a third of LOST_S, so that who is given up knows it first."""
GAVE_UP: Final = 75
"""Exit code of a process whose build has ended."""


class Living:
    """Who spoke when."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    def hear(self, process: str) -> list[str]:
        """Notes that a process lives; the others that have been silent for too long, which are forgotten."""
        now = time.monotonic()
        self._heard[process] = now
        lost = [name for name, heard in self._heard.items() if now - heard > LOST_S]
        for name in lost:
            del self._heard[name]
        return lost


class Booth:
    """An actor: the slots of one endpoint."""

    def __init__(self, most: int) -> None:
        self._gate, self._living = Gate(most), Living()

    def exchange(self, process: str, allowed: int, in_flight: int, wants: int) -> int:
        for lost in self._living.hear(process):
            self._gate.gone(lost)
        return self._gate.exchange(process, allowed=allowed, in_flight=in_flight, wants=wants)


class Bank:
    """An actor: the budget of one build, and the booths. A budget's account is opened for each process, so that what a
    process that ended had reserved counts as spent, as on one machine."""

    def __init__(self) -> None:
        self._accounts: dict[str, Budget] = {}
        self._booths: dict[str, Any] = {}
        self._living = Living()

    async def alive(self, process: str) -> None:
        for lost in self._living.hear(process):
            if (account := self._accounts.pop(lost, None)) is not None:
                account.close()

    async def booth(self, endpoint: str, most: int) -> Any:
        """The actor of an endpoint; it lives beside this one."""
        import ray

        if endpoint not in self._booths:
            here = ray.get_runtime_context().get_node_id()
            self._booths[endpoint] = actor(Booth, here, f"{endpoint} of {secrets.token_hex(4)}").remote(most)
        return self._booths[endpoint]

    async def open(
        self, process: str, path: Path, limits: Mapping[str, BudgetLimits], prices: Mapping[str, Prices]
    ) -> None:
        self._accounts.setdefault(process, Budget(path, limits, prices))

    async def reserve(self, process: str, teacher: str, key: str, foreseen: Usage) -> int | FactoryError:
        try:
            return await self._accounts[process].reserve(teacher, key, foreseen)
        except (BudgetReached, EnvironmentFault) as stop:
            return stop

    async def settle(self, process: str, teacher: str, reservation: int, usage: Usage) -> None:
        self._accounts[process].settle(teacher, reservation, usage)

    async def postpone(self, process: str, teacher: str, reservation: int) -> None:
        self._accounts[process].postpone(teacher, reservation)

    async def collect(self, process: str, teacher: str, key: str, usage: Usage) -> None:
        self._accounts[process].collect(teacher, key, usage)


def actor(kind: type, node: str, name: str) -> Any:
    """An actor's class, to be started on one node under a name."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    return ray.remote(kind).options(name=name, num_cpus=0, scheduling_strategy=there)


class Pulse:
    """A thread of one process of the cluster, which says that it lives and fits its limiters to what they may have."""

    def __init__(self, bank: Any) -> None:
        self.name = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(4)}"
        self.bank = bank
        self._limited: list[tuple[Any, Limited, asyncio.AbstractEventLoop]] = []
        self._spoke = time.monotonic()
        threading.Thread(target=self._go_on, name="pulse", daemon=True).start()

    def limit(self, endpoint: str, most: int, limiter: Limited) -> None:
        """Takes a limiter on; it allows something from the first exchange on."""
        import ray

        limiter.allow(0)
        booth = ray.get(self.bank.booth.remote(endpoint, most))
        self._limited.append((booth, limiter, asyncio.get_running_loop()))

    def _go_on(self) -> None:
        import ray

        while True:
            try:
                if time.monotonic() - self._spoke > LOST_S / 2:  # this machine slept: its slots may be others' by now
                    os._exit(GAVE_UP)
                ray.get(self.bank.alive.remote(self.name), timeout=ANSWER_S)
                for booth, limiter, loop in tuple(self._limited):
                    self._exchange(booth, limiter, loop)
            except (ray.exceptions.RayError, TimeoutError):
                os._exit(GAVE_UP)
            self._spoke = time.monotonic()
            time.sleep(EVERY_S)

    def _exchange(self, booth: Any, limiter: Limited, loop: asyncio.AbstractEventLoop) -> None:
        import ray

        allowed = limiter.allowed  # before `in_flight`: `factory.calls.gate`
        in_flight, waiting = limiter.in_flight, limiter.waiting
        may = ray.get(booth.exchange.remote(self.name, allowed, in_flight, in_flight + waiting), timeout=ANSWER_S)
        limiter.allow(may)
        if not loop.is_closed():
            loop.call_soon_threadsafe(limiter.wake)


_PULSES: dict[Any, Pulse] = {}
"""In a process of the cluster: its one pulse, by the bank it speaks to."""


@dataclass(frozen=True, slots=True)
class ByActors:
    """See `factory.plugins.shared.Shared`. Travels with a spec."""

    bank: Any

    def pulse(self) -> Pulse:
        """This process's, started by the first who asks."""
        key = self.bank._actor_id
        if key not in _PULSES:
            _PULSES[key] = Pulse(self.bank)
        return _PULSES[key]

    @contextmanager
    def budget(
        self, path: Path, limits: Mapping[str, BudgetLimits], prices: Mapping[str, Prices]
    ) -> Iterator[BankBudget]:
        import ray

        pulse = self.pulse()
        ray.get(self.bank.open.remote(pulse.name, path, dict(limits), dict(prices)))
        yield BankBudget(self.bank, pulse.name, frozenset(limits))

    def share(self, endpoint: str, most: int, limiter: Limited) -> None:
        self.pulse().limit(endpoint, most, limiter)


@dataclass(slots=True)
class BankBudget:
    """See `factory.plugins.shared.Budget`. A teacher without limits costs nothing and asks nobody."""

    bank: Any
    process: str
    limited: frozenset[str]

    async def reserve(self, teacher: str, key: str, foreseen: Usage) -> int:
        if teacher not in self.limited:
            return 0
        given = await self.bank.reserve.remote(self.process, teacher, key, foreseen)
        if isinstance(given, FactoryError):
            raise given
        return int(given)

    def settle(self, teacher: str, reservation: int, usage: Usage) -> None:
        if teacher in self.limited:
            self.bank.settle.remote(self.process, teacher, reservation, usage)

    def postpone(self, teacher: str, reservation: int) -> None:
        if teacher in self.limited:
            self.bank.postpone.remote(self.process, teacher, reservation)

    def collect(self, teacher: str, key: str, usage: Usage) -> None:
        if teacher in self.limited:
            self.bank.collect.remote(self.process, teacher, key, usage)
