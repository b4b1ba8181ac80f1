"""The most calls that one command may make, of all its models together; each command begins anew."""

from __future__ import annotations

from dataclasses import dataclass

from factory.errors import BudgetReached
from factory.plugins.shared import Budget, Usage


@dataclass(slots=True)
class Allowance:
    """A budget that counts calls beside another one, which counts what it is told to. Nothing of it is kept: what a
    command may still ask when it is run again is its own, and what was answered lies in the ledger."""

    beside: Budget
    most: int
    made: int = 0

    async def reserve(self, teacher: str, key: str, foreseen: Usage) -> int:
        """See `factory.plugins.contracts.Budget`. Raises BudgetReached where no call is left."""
        if self.made >= self.most:
            raise BudgetReached(
                f"--max-calls {self.most:,} is reached: as many calls were made. Every answer is kept: "
                f"run the same command again for up to {self.most:,} more"
                if self.most
                else "--max-calls 0: a question is not in the ledger, and nobody may be asked it; allow some calls"
            )
        self.made += 1
        try:
            return await self.beside.reserve(teacher, key, foreseen)
        except BaseException:
            self.made -= 1
            raise

    def settle(self, teacher: str, reservation: int, usage: Usage) -> None:
        """See `factory.plugins.contracts.Budget`."""
        self.beside.settle(teacher, reservation, usage)

    def postpone(self, teacher: str, reservation: int) -> None:
        """See `factory.plugins.contracts.Budget`."""
        self.beside.postpone(teacher, reservation)

    def collect(self, teacher: str, key: str, usage: Usage) -> None:
        """See `factory.plugins.contracts.Budget`."""
        self.beside.collect(teacher, key, usage)
