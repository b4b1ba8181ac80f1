"""Batches between rounds of asking: what is ready is fetched before shards ask, and what they left is sent after all
have asked. Where answers came meanwhile, the shards that waited for them ask again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from factory.calls.teacher import made_teachers
from factory.phases.run import Run
from factory.plugins.post import Post, Standing
from factory.redact import named_secrets
from factory.shard.spec import ShardReport
from factory.text import counted


def asked_in_rounds(
    run: Run, shards: Sequence[int], ask: Callable[[Sequence[int]], Iterable[ShardReport]]
) -> tuple[list[ShardReport], str]:
    """The last report of each shard, with what all rounds took, and how batches stand, in words.

    Args:
        shards: that are not done.
        ask: runs shards, and yields their reports as they come.
    """
    posts = [backends.post for _, backends in made_teachers(run.recipe.teachers, run.loaded.root)]
    posted = [post for post in posts if post is not None]
    _exchange(run, posted, send=False)
    worked: dict[int, ShardReport] = {}
    left = list(shards)
    while True:
        for report in ask(left):
            worked[report.number] = _both(worked.get(report.number), report)
        left = [number for number in left if number in worked and worked[number].deferred]
        standings = _delivered(run, posted) if left else []
        if not any(standing.came for standing in standings):
            return list(worked.values()), _in_words(standings)


def _both(before: ShardReport | None, now: ShardReport) -> ShardReport:
    if before is None:
        return now
    return replace(
        now,
        calls_now=before.calls_now + now.calls_now,
        tokens_now=before.tokens_now + now.tokens_now,
        cost_now=before.cost_now + now.cost_now,
        seconds=before.seconds + now.seconds,
    )


def _delivered(run: Run, posts: Sequence[Post]) -> list[Standing]:
    """Sends what waits, and waits for as long as the recipe allows until something came."""
    started = time.monotonic()
    while True:
        standings = _exchange(run, posts, send=True)
        if any(standing.came for standing in standings):
            return standings
        waited = time.monotonic() - started
        patient = [post for post, now in zip(posts, standings, strict=True) if now.asked and waited < post.wait_s]
        if not patient:
            return standings
        time.sleep(min(min(post.poll_s, post.wait_s - waited) for post in patient))


def _exchange(run: Run, posts: Sequence[Post], *, send: bool) -> list[Standing]:
    say = partial(run.listener.phase, "batches")
    hidden = tuple(named_secrets(run.loaded.plain()))
    return [post.exchange(run.paths.batches, say, send=send, hidden=hidden) for post in posts]


def _in_words(standings: Sequence[Standing]) -> str:
    batches, asked = sum(one.batches for one in standings), sum(one.asked for one in standings)
    return f" ({counted(asked, 'question')} in {batches:,} {'batch' if batches == 1 else 'batches'})" if batches else ""
