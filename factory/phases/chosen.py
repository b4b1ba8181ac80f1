"""Which part of a build a run works on: `--select` and `--exclude`, in the way of dbt.

    NAME      a phase              +NAME   it and all before it      NAME+   it and all after it
    shard:3   shard:3-7            one shard, or some
    state:new  state:stopped  state:answered  state:failed           shards by how far they are

A phase can only run after those before it, so a run ends before the first one that is not chosen and not done.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from factory.errors import RecipeError
from factory.store.info import read_shard_report
from factory.store.layout import ShardPaths
from factory.text import did_you_mean

State = Literal["new", "stopped", "answered", "failed"]
STATES: Final = ("new", "stopped", "answered", "failed")
"""Of a shard: nothing is there; begun and not finished; finished; finished, with rows that `--retry` asks again."""
_SHARDS: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was asked for, read."""

    phases: frozenset[str]
    select: tuple[str, ...] = ()
    """Of shards: `shard:...` and `state:...`; empty for all."""
    exclude: tuple[str, ...] = ()

    @property
    def some_shards(self) -> bool:
        """Whether shards are left out."""
        return bool(self.select or self.exclude)

    def takes(self, shard: ShardPaths, number: int) -> bool:
        """Whether a run works on this shard."""
        wanted = not self.select or any(_is(term, shard, number) for term in self.select)
        return wanted and not any(_is(term, shard, number) for term in self.exclude)


def read_choice(select: Sequence[str], exclude: Sequence[str], phases: Sequence[str]) -> Chosen:
    """What two options ask for. Raises RecipeError naming the option, the term and the nearest name."""
    wanted, left_out = _terms(select), _terms(exclude)
    chosen = _phases("--select", wanted, phases) or set(phases)
    chosen -= _phases("--exclude", left_out, phases)
    if not chosen:
        raise RecipeError("--exclude: nothing is left of what --select chooses")
    return Chosen(frozenset(chosen), tuple(t for t in wanted if ":" in t), tuple(t for t in left_out if ":" in t))


def state_of(shard: ShardPaths) -> State:
    """How far a shard is. Raises CorruptBuild for a damaged report."""
    if shard.report.exists():
        return "failed" if read_shard_report(shard.report).get("passing") else "answered"
    return "stopped" if shard.live_ledger.exists() or shard.ledger.exists() else "new"


def _terms(given: Sequence[str]) -> list[str]:
    return [term for one in given for term in re.split(r"[,\s]+", one) if term]


def _phases(option: str, terms: Collection[str], phases: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for term in terms:
        if ":" in term:
            _check_shards(option, term)
            continue
        name = term.strip("+")
        if name not in phases:
            raise RecipeError(
                f"{option} {term}: no such phase{did_you_mean(name, phases)}; expected one of {', '.join(phases)}, "
                f"with + for those before or after, or shard:N, shard:N-M, state:{'|'.join(STATES)}"
            )
        at = phases.index(name)
        found |= set(phases[: at + 1]) if term.startswith("+") else {name}
        found |= set(phases[at:]) if term.endswith("+") else set()
    return found


def _check_shards(option: str, term: str) -> None:
    kind, _, value = term.partition(":")
    if kind == "state" and value not in STATES:
        raise RecipeError(f"{option} {term}: no such state{did_you_mean(value, STATES)}; one of {', '.join(STATES)}")
    if kind == "shard" and not _SHARDS.fullmatch(value):
        raise RecipeError(f"{option} {term}: expected shard:3 or shard:3-7, numbers from 0")
    if kind not in ("shard", "state"):
        raise RecipeError(f"{option} {term}: expected shard:... or state:...{did_you_mean(kind, ('shard', 'state'))}")


def _is(term: str, shard: ShardPaths, number: int) -> bool:
    kind, _, value = term.partition(":")
    if kind == "state":
        found = state_of(shard)
        return found == value or (value == "answered" and found == "failed")
    first, _, last = value.partition("-")
    return int(first) <= number <= int(last or first)
