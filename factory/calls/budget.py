"""Limits of calls, tokens and money over all shards and processes of one build.

Every HTTP call is reserved before it is sent and settled when its reply is in. What it is foreseen to take is the
larger of a first guess and the most that a call of this teacher took so far; the first call runs alone, so that the
others are foreseen by what it took. While only other calls' reservations stand in the way, a call waits; when nothing
is left, BudgetReached. The last call goes as soon as none is in flight, with what is left as its reservation, so a job
that fits finishes. A build thus ends above its budget by at most what calls in flight take beyond their reservations.

A call that states no usage, or may be billed although it failed, is charged as reserved; so are the calls of a process
that died. The ledgers hold what endpoints stated, the budget's file (`factory.calls.budget_file`) what was charged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl

from factory.calls.budget_file import Account, BudgetFile, Spent, money, nano
from factory.calls.files import is_sealed, read_ledger
from factory.errors import BudgetReached
from factory.plugins.shared import Usage
from factory.store.layout import ShardPaths
from factory.store.paid import added_up, paid, taken_from
from schemas.settings import BudgetLimits, Prices

LOOK_EVERY_S: Final = 0.25
"""How soon a waiting call sees what another process settled; in its own process it is woken."""
ALONE: Final = 3
"""Calls that go one at a time while none of them was answered: an endpoint that fails must not hold up the rest."""
UNLIMITED: Final = 0
"""The reservation of a teacher without limits."""


@dataclass(slots=True, eq=False)
class _Queue:
    """The calls of one teacher in this process that want a reservation."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """First come, first served; who has it looks at the file."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class Budget:
    """The budget of one build. A teacher without limits costs nothing and touches no file. For one event loop."""

    def __init__(
        self, path: Path, limits: Mapping[str, BudgetLimits], prices: Mapping[str, Prices] | None = None
    ) -> None:
        """`limits` and `prices` are by teacher name; `path` lies on the build's local disk and is made by `reset`."""
        self.limits = {name: limit for name, limit in limits.items() if not limit.is_unlimited}
        """Of the teachers that have any."""
        self.prices = dict(prices or {})
        self._file = BudgetFile(path)
        self._queues: dict[str, _Queue] = {}

    def reset(self, spent: Mapping[str, Spent]) -> None:
        """At build start only: what the ledgers say is spent at the least, and calls in flight when an earlier process
        died count as spent. What was charged and stands in no ledger stays charged.

        Raises EnvironmentFault when the file cannot be written.
        """
        if self.limits:
            self._file.reset({name: spent.get(name, Spent()) for name in self.limits})

    async def reserve(self, teacher: str, key: str, foreseen: Usage) -> int:
        """See `factory.plugins.contracts.Budget`.

        Raises:
            BudgetReached: nothing is left; nothing is set aside.
            EnvironmentFault: the file cannot be read or written.
        """
        limits = self.limits.get(teacher)
        if limits is None:
            return UNLIMITED
        queue = self._queues.setdefault(teacher, _Queue())
        decide = partial(_room, teacher, limits, self.prices.get(teacher, Prices()), foreseen)
        async with queue.turn:
            while True:
                queue.settled.clear()
                reservation = self._file.reserve(teacher, key, decide)
                if reservation is not None:
                    return reservation
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await queue.settled.wait()
                self._file.charge_the_dead()

    def settle(self, teacher: str, reservation: int, usage: Usage) -> None:
        """See `factory.plugins.contracts.Budget`. Raises EnvironmentFault when the file cannot be written."""
        if teacher in self.limits:
            self._file.settle(reservation, usage, self._cost(teacher, usage))
            self._wake(teacher)

    def postpone(self, teacher: str, reservation: int) -> None:
        """See `factory.plugins.contracts.Budget`. Raises EnvironmentFault when the file cannot be written."""
        if teacher in self.limits:
            self._file.postpone(reservation)
            self._wake(teacher)

    def collect(self, teacher: str, key: str, usage: Usage) -> None:
        """See `factory.plugins.contracts.Budget`. Raises EnvironmentFault when the file cannot be written."""
        if teacher in self.limits:
            self._file.collect(teacher, key, usage, self._cost(teacher, usage))

    def lines(self) -> list[str]:
        """What was charged of each limit, for people: `qwen 41,020 of 41,000 tokens (20 above: ...)`."""
        told = []
        for teacher, limits in self.limits.items():
            account = self._file.account(teacher)
            for name, limit, column in _limited(limits) if account is not None else ():
                assert account is not None
                of = f"{_shown(name, account.used[column])} of {_shown(name, limit)} {name}"
                told.append(f"{teacher} {of}{_because(name, limit, column, account)}")
        return told

    def close(self) -> None:
        """Lets go of the file; what this process still has set aside counts as spent from the next start on."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _cost(self, teacher: str, usage: Usage) -> int:
        return nano(self.prices.get(teacher, Prices()).cost(usage.prompt_tokens or 0, usage.completion_tokens or 0))

    def _wake(self, teacher: str) -> None:
        if queue := self._queues.get(teacher):
            queue.settled.set()


def _room(
    teacher: str, limits: BudgetLimits, prices: Prices, foreseen: Usage, account: Account
) -> tuple[int, int] | None:
    """Tokens and billionths of money to set aside for a call; None while others must settle first. Raises
    BudgetReached."""
    prompt = max(foreseen.prompt_tokens or 0, account.most_prompt)
    completion = max(foreseen.completion_tokens or 0, account.most_completion)
    wanted = [1, prompt + completion, nano(prices.cost(prompt, completion))]
    in_flight, waits = account.held[0], False
    for name, limit, column in _limited(limits):
        used, held = account.used[column], account.held[column]
        if used + (held if name == "calls" else 0) >= limit:  # a call in flight will have been one, whatever it takes
            raise _reached(teacher, name, limit, column, account)
        waits |= in_flight > 0 and used + held + wanted[column] > limit
        wanted[column] = min(wanted[column], limit - used)
    nobody_knows = not account.answered and account.tries < ALONE
    return None if waits or (nobody_knows and in_flight) else (wanted[1], wanted[2])


def _limited(limits: BudgetLimits) -> list[tuple[str, int, int]]:
    """Name, limit in whole units and column of `Amounts` of each limit that is set."""
    cost = None if limits.cost is None else nano(limits.cost)
    all_three = (("calls", limits.calls, 0), ("tokens", limits.tokens, 1), ("cost", cost, 2))
    return [(name, limit, column) for name, limit, column in all_three if limit is not None]


def _reached(teacher: str, name: str, limit: int, column: int, account: Account) -> BudgetReached:
    held = f", {account.held[column]:,} in flight" if name == "calls" else ""
    return BudgetReached(
        f"teacher {teacher}: its budget of {_shown(name, limit)} {name} is reached "
        f"({_shown(name, account.used[column])} charged{held}{_because(name, limit, column, account, '; ')}). "
        f"Everything paid for is kept: raise the {name} budget of {teacher} in the recipe and run the same command "
        "again to go on from here"
    )


def _because(name: str, limit: int, column: int, account: Account, sign: str = " · ") -> str:
    """Why more, or something else, was charged than endpoints stated."""
    above = account.used[column] - limit
    parts = [f"{_shown(name, above)} above it: calls in flight took more than was set aside"] if above > 0 else []
    if account.unstated and name != "calls":
        parts.append(f"what {account.unstated:,} calls took is unknown, they are charged as reserved")
    return "".join(f"{sign}{part}" for part in parts)


def _shown(name: str, amount: int) -> str:
    return f"{money(amount):,.6g}" if name == "cost" else f"{amount:,}"


def spent_by_teacher(ledgers: Sequence[Path]) -> dict[str, Spent]:
    """What this build has paid, by teacher, from its sealed and live ledgers; missing files are skipped.

    Only rows of origin `call` count: replayed answers and calls paid by earlier builds are no spending of this one,
    nor is a shard that was taken over whole. A shard that has both a sealed and a live ledger is counted once.

    Raises:
        CorruptBuild: a ledger is damaged; names it.
        EnvironmentFault: a ledger cannot be read, or a newer release wrote it.
    """
    by_shard: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(ledgers):
        if path.exists():
            by_shard.setdefault(path.parent, []).append(path)
    sums = []
    for folder, paths in by_shard.items():
        if taken_from(ShardPaths(folder)) is not None:
            continue
        newest = sorted(paths, key=is_sealed)  # a reopened shard's live ledger carries its sealed rows on
        rows = pl.concat([read_ledger(path) for path in newest]).unique("key", keep="first", maintain_order=True)
        sums.append(paid(rows))
    total = added_up(sums).select("teacher", "calls", "tokens", "cost")
    return {teacher: Spent(calls, tokens, cost) for teacher, calls, tokens, cost in total.iter_rows()}
