"""Reranks lists of candidates through a model behind an endpoint, and measures what that did."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from factory.calls.ask import Desk
from factory.calls.teacher import Teacher
from factory.images import ImageSettings, Prepared
from factory.images.records import image_key
from factory.images.worker import DecodeWorkers
from factory.plugins.contracts import NoAnswer, ParseFailure
from schemas import Reply, Request, Turn
from train.asking import Model, Question, Stop, ask_one, gathered, open_desk
from train.evaluate.evaluation import Line, lines_of
from train.evaluate.scores import Metric
from train.rerank import questions
from train.rerank.candidates import CandidateList, Item
from train.rerank.order import by_score, merge_sorted, tournament
from train.rerank.questions import ReadT

Method = Literal["direct", "likert", "yes-no", "reasoned", "pairwise", "tournament"]
By = Literal["words", "shares"]
PAIRED: Final[tuple[Method, ...]] = ("pairwise", "tournament")
"""Methods that hold two candidates against each other."""
KS: Final = (1, 3, 5)
LISTS_AT_ONCE: Final = 8
"""Lists under way: what bounds the pictures in memory. How many calls are under way is the model's `max_in_flight`."""
SHARES_SAMPLING: Final[Mapping[str, Any]] = {
    "temperature": 0.0,
    "max_tokens": 5,
    "extra": {"logprobs": True, "top_logprobs": 20},
}
"""Of the model that is asked for log probabilities: 20 is the most that vLLM gives, five tokens are GLOBE's."""
WORDS_SAMPLING: Final[Mapping[str, Any]] = {"temperature": 0.0, "max_tokens": 512}


@dataclass(frozen=True, slots=True)
class Reranked:
    """A list in its new order."""

    id: str
    order: tuple[int, ...]
    """Positions in the list that was given, best first."""
    scores: tuple[float | None, ...] | None
    """By position in that list, 0 to 1; None where a candidate has none, and where candidates were compared."""
    asked: int
    """Questions; how many were paid this time, the ledger knows."""
    comparisons: int
    undecided: int
    """Comparisons in which the retriever's order was kept: the two orders of asking disagreed, or nobody answered."""
    failures: Mapping[str, int]
    """Questions without an answer, and pictures that cannot be shown, by reason."""


@dataclass(slots=True)
class _Asking:
    """One list being asked about."""

    list: CandidateList
    desk: Desk
    stop: Stop
    pictures: Mapping[str, tuple[bytes, str] | str]
    """By id of the item, `query` for the query's: a JPEG and its key, or why there is none."""
    asked: int = 0
    comparisons: int = 0
    undecided: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    async def put(
        self, request: Request, items: Mapping[str, Item], read: Callable[[Reply], ReadT | ParseFailure], who: str
    ) -> ReadT | None:
        """The answer of one of the desk's models; None, counted, where there is none."""
        shown = {
            questions.role_of(name): self.pictures[_place(name, item)] for name, item in items.items() if item.image
        }
        if missing := next((why for why in shown.values() if isinstance(why, str)), None):
            self.failures[f"picture: {missing}"] += 1
            return None
        jpegs = {role: one for role, one in shown.items() if not isinstance(one, str)}
        self.asked += 1
        question = Question(
            self.list.id,
            request,
            read,
            {role: jpeg for role, (jpeg, _) in jpegs.items()},
            {role: key for role, (_, key) in jpegs.items()},
        )
        found = await ask_one(self.desk, question, _teacher(self.desk, who), self.stop)
        if isinstance(found, NoAnswer):
            self.failures[found.kind] += 1
            return None
        return found


async def rerank(
    lists: Sequence[CandidateList],
    method: Method,
    models: Mapping[str, Model],
    folder: Path,
    *,
    swap: bool = True,
    by: By = "words",
    max_calls: int | None = None,
) -> list[Reranked]:
    """The lists in their new orders.

    Args:
        models: `words`, and `shares` for what reads log probabilities, as `asking.openai_model` makes them.
        folder: of the ledger; the same folder asks nothing twice.
        swap: of pairwise and tournament: ask each pair in both orders; where they disagree, the given order stays.
        by: of pairwise and tournament: the preference in words, or from log probabilities, where the two orders' odds
            are added, so that what favours a position cancels.
        max_calls: of both models together; None for no limit.

    Raises as `asking.ask_all` does.
    """
    room, stop = asyncio.Semaphore(LISTS_AT_ONCE), Stop()
    has_pictures = any(item.image for one in lists for item in _items(one).values())
    with ExitStack() as stack:
        workers = stack.enter_context(DecodeWorkers(1, ImageSettings())) if has_pictures else None
        async with open_desk(folder, *models.values(), max_calls=max_calls) as desk:

            async def one(given: CandidateList) -> Reranked:
                async with room:
                    if stop.fault is not None:
                        raise stop.fault
                    pictures = {} if workers is None else await _pictures(given, workers)
                    asking = _Asking(given, desk, stop, pictures)
                    if method in PAIRED:
                        return await _compared(asking, method, swap, by)
                    return await _scored(asking, method)

            return await gathered(one(given) for given in lists)


async def _scored(asking: _Asking, method: str) -> Reranked:
    candidates = asking.list.candidates
    scores = tuple(await gathered(_score(asking, method, one) for one in candidates))
    return _done(asking, by_score(scores), scores)


async def _score(asking: _Asking, method: str, candidate: Item) -> float | None:
    items = {"query": asking.list.query, "candidate": candidate}
    if method == "direct":
        request = questions.asked(method, questions.DIRECT, items, questions.SCORE_SCHEMA)
        return await asking.put(request, items, questions.read_score, "words")
    if method == "likert":
        return await asking.put(
            questions.asked(method, questions.LIKERT, items), items, questions.read_likert, "shares"
        )
    request = questions.asked(method, questions.YES_NO, items)
    if method == "reasoned":
        first = questions.asked(method, questions.REASON, items)
        reason = await asking.put(first, items, questions.read_reason, "words")
        if reason is None:
            return None
        request = first.then(Turn("assistant", (reason,)), Turn("user", (questions.YES_NO,)))
    return await asking.put(request, items, questions.read_yes, "shares")


async def _compared(asking: _Asking, method: str, swap: bool, by: By) -> Reranked:
    prefer = partial(_prefer, asking, swap=swap, by=by)
    places = range(len(asking.list.candidates))
    order = await (merge_sorted if method == "pairwise" else tournament)(places, prefer)
    return _done(asking, order, None)


async def _prefer(asking: _Asking, first: int, second: int, *, swap: bool, by: By) -> float:
    """How much a candidate is preferred to another: the mean of both orders of asking, 0 where one is missing."""
    asking.comparisons += 1
    orders = ((first, second), (second, first)) if swap else ((first, second),)
    said = await gathered(_preference(asking, *pair, by) for pair in orders)
    known = [value for value in said if value is not None]
    found = 0.0 if len(known) < len(said) else (known[0] - known[1]) / 2 if swap else known[0]
    asking.undecided += found == 0
    return found


async def _preference(asking: _Asking, first: int, second: int, by: By) -> float | None:
    candidates = asking.list.candidates
    items = {"query": asking.list.query, "candidate 1": candidates[first], "candidate 2": candidates[second]}
    if by == "words":
        request = questions.asked("prefer", questions.PREFER, items, questions.PREFER_SCHEMA)
        return await asking.put(request, items, questions.read_preference, "words")
    request = questions.asked("prefer", questions.PREFER_DIGIT, items)
    return await asking.put(request, items, questions.read_odds, "shares")


def _done(asking: _Asking, order: Sequence[int], scores: tuple[float | None, ...] | None) -> Reranked:
    failures = dict(sorted(asking.failures.items()))
    return Reranked(asking.list.id, tuple(order), scores, asking.asked, asking.comparisons, asking.undecided, failures)


def table(lists: Sequence[CandidateList], found: Sequence[Reranked]) -> tuple[Line, ...]:
    """R@1, R@3 and R@5 after reranking, each with its difference to the order that was given, over the queries whose
    right candidate is known; one that is not in its list is not found."""
    given = [tuple(range(len(one.candidates))) for one in lists]
    ours, theirs = _recalls(lists, [one.order for one in found]), _recalls(lists, given)
    return lines_of(ours, theirs)


def before(lists: Sequence[CandidateList]) -> dict[str, float]:
    """R@K in the order that was given, 0 to 1."""
    given = [tuple(range(len(one.candidates))) for one in lists]
    return {metric.name: metric.value for metric in _recalls(lists, given)}


def rows_of(lists: Sequence[CandidateList], found: Sequence[Reranked], method: str) -> Iterator[dict[str, Any]]:
    """The lists as they were read, in their new orders, with what came of each."""
    for one, now in zip(lists, found, strict=True):
        told = {name: getattr(now, name) for name in ("asked", "comparisons", "undecided", "failures")}
        candidates = []
        for at in now.order:
            candidate = {name: value for name, value in one.row["candidates"][at].items() if name != "score"}
            score = None if now.scores is None else now.scores[at]
            candidates.append(candidate if score is None else {**candidate, "score": round(score, 6)})
        yield {**one.row, "candidates": candidates, "rerank": {"method": method, **told}}


def _recalls(lists: Sequence[CandidateList], orders: Sequence[Sequence[int]]) -> tuple[Metric, ...]:
    ranks = np.array([_rank(one, order) for one, order in zip(lists, orders, strict=True)])
    known = np.isfinite(ranks) | np.isposinf(ranks)
    return tuple(Metric(f"R@{k}", "%", np.where(known, (ranks <= k).astype(float), np.nan)) for k in KS)


def _rank(one: CandidateList, order: Sequence[int]) -> float:
    """From 1; infinite where it is not in the list, NaN where nobody knows what is right."""
    if one.positive is None:
        return float("nan")
    ranks = (rank for rank, at in enumerate(order, 1) if one.candidates[at].id in one.positive)
    return float(next(ranks, np.inf))


def _items(one: CandidateList) -> dict[str, Item]:
    return {"query": one.query, **{f"candidate {n}": each for n, each in enumerate(one.candidates)}}


def _place(name: str, item: Item) -> str:
    return "query" if name == "query" else f"candidate {item.id}"


async def _pictures(given: CandidateList, workers: DecodeWorkers) -> dict[str, tuple[bytes, str] | str]:
    """The list's pictures as they are sent, without metadata, decoded in a limited process."""
    shown = {_place("query", given.query): given.query.image}
    shown |= {_place("candidate", one): one.image for one in given.candidates}
    waiting = {name: asyncio.wrap_future(workers.submit(path)) for name, path in shown.items() if path is not None}
    found: dict[str, tuple[bytes, str] | str] = {}
    for name, future in waiting.items():
        made = await future
        found[name] = (
            (made.jpeg, image_key(made.sha256, ImageSettings())) if isinstance(made, Prepared) else made.reason
        )
    return found


def _teacher(desk: Desk, who: str) -> Teacher:
    return next(teacher for teacher in desk.teachers if teacher.name == who)
