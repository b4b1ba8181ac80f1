"""What each phase says in one line when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from factory.calls.teacher import ANSWERS
from factory.generators import needs_of
from factory.phases.run import Run
from factory.recipe.model import teacher_settings
from factory.text import counted


def title(run: Run) -> str:
    profile = f"{run.loaded.profile_words} · " if run.loaded.profile_words else ""
    return f"{run.recipe.name} · {profile}{run.paths.root}"


def tally(column: pl.Series) -> dict[str, int]:
    counted = Counter(str(value) for value in column if value is not None)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def listed(tally: Mapping[str, int], most: int = 5) -> str:
    shown = [f"{name} {count:,}" for name, count in list(tally.items())[:most]]
    return ", ".join(shown) + (", ..." if len(tally) > most else "")


def plan_line(run: Run) -> str:
    counts = run.info["counts"]
    dropped = f" · dropped {counts['dropped']} ({listed(counts['dropped_by_reason'])})" if counts["dropped"] else ""
    odd = f" · {counts['unplaced']:,} without a known place" if counts["unplaced"] else ""
    if unknown := counts["country_not_recognised"]:
        odd += f" · {unknown:,} with a country that nobody knows"
    known = counts["countries_planned"]
    countries = f"{known:,} {'country' if known == 1 else 'countries'}"
    return (
        f"{counted(counts['planned'], 'sample')}{odd} · {countries} · {counted(counts['shards'], 'shard')} · "
        f"{questions(run)}{dropped}"
    )


def questions(run: Run) -> str:
    """How many questions the build asks, as a range where a family decides as it goes."""
    teachers = [teacher_settings(call) for call in run.recipe.teachers]
    draws = sum(teacher.sampling.draws for teacher in teachers if teacher.role == ANSWERS)
    least, most = (count * draws * run.info["counts"]["planned"] for count in needs_of(run.recipe.generator).calls)
    return counted(least, "question") if least == most else f"{least:,} to {counted(most, 'question')}"


def select_line(counts: Mapping[str, Any]) -> str:
    removed = f"removed {listed(counts['removed'])} · " if counts["removed"] else ""
    splits = " / ".join(f"{name} {counts['splits'].get(name, 0):,}" for name in ("train", "validation", "test"))
    return f"{removed}kept {counts['kept']:,}: {splits}"


def release_line(run: Run) -> str:
    written = run.info["released"].get("files", {}).items()
    if not run.info["counts"].get("kept", 0):
        return f"{run.paths.release}  (no row was accepted: there is nothing to load, exit code 1)"
    files = ", ".join(f"{count:,} {kind.removesuffix('s') if count == 1 else kind}" for kind, count in written)
    return f"{run.paths.release}  ({files}: all checks pass){_withdrawn(run.info['released'].get('withdrawn'))}"


def _withdrawn(told: Mapping[str, Any] | None) -> str:
    """Who met a list of withdrawals, and which of its lines met nobody."""
    if told is None:
        return ""
    nobody = [str(line) for line in told["nobody"]]
    shown = ", ".join(nobody[:8]) + (f" and {len(nobody) - 8:,} more" if len(nobody) > 8 else "")
    words = f"{'line' if len(nobody) == 1 else 'lines'} {shown} met nobody" if nobody else "each of them met somebody"
    return (
        f" · {counted(told['samples'], 'sample')} left by {counted(told['lines'], 'line')} of {told['list']}: {words}"
    )


def answers_line(counts: Mapping[str, Any], calls_now: int, tokens_now: int, cost_now: float) -> str:
    """What this run asked; where earlier runs of the build asked, too, what all of them did stands apart."""
    tokens = counts["prompt_tokens"] + counts["completion_tokens"]
    taken = [f"{counts[name]:,} {name}" for name in ("replayed", "reused") if counts[name]]
    if calls_now == counts["calls"]:
        return " · ".join([f"{counted(calls_now, 'call')} made", *taken, *_paid(tokens, counts["cost"])])
    now = ", ".join([f"{counted(calls_now, 'call')} made in this run", *_paid(tokens_now, cost_now)])
    life = ", ".join([counted(counts["calls"], "call"), *taken, *_paid(tokens, counts["cost"])])
    return f"{now} · in all runs of this build: {life}"


def _paid(tokens: int, cost: float) -> list[str]:
    return [*([counted(tokens, "token")] if tokens else []), *([f"cost {cost:,.2f}"] if cost else [])]


def unanswered_lines(answers: Mapping[str, Mapping[str, int]], longest: Mapping[str, int | None]) -> Iterator[str]:
    """One line a teacher that gave no answer to some questions: how often, why, and what helps.

    Args:
        answers: by teacher and what came of them, as `ShardReport.answers`.
        longest: `max_tokens` by teacher.
    """
    for teacher, kinds in answers.items():
        total = sum(kinds.values())
        failed = {_kind(kind): count for kind, count in kinds.items() if kind != "ok"}
        named = dict(sorted(failed.items(), key=lambda item: (-item[1], item[0])))
        if not named:
            continue
        if len(named) == 1 and sum(named.values()) == total:
            text = f"{teacher}: every question ended without an answer: {listed(named)}"
        else:
            text = (
                f"{teacher}: {sum(named.values()):,} of {counted(total, 'question')} without an answer: {listed(named)}"
            )
        limit = longest.get(teacher)
        cut = f", now {limit:,}" if limit else ""
        yield text + (f"; raise sampling.max_tokens of {teacher}{cut}: answers are cut off" * ("truncated" in named))


def _kind(kind: str) -> str:
    return kind.replace("http_", "HTTP ") if kind.startswith("http_") else kind


def verdict_line(counts: Mapping[str, Any]) -> str:
    words = {"accept": "accepted", "review": "to review", "reject": "rejected", "quarantine": "quarantined"}
    decided = " · ".join(f"{word} {counts['decisions'].get(key, 0):,}" for key, word in words.items())
    because = f"   ({listed(counts['reasons'])})" if counts["reasons"] else ""
    again = "; `--retry` asks again where an endpoint or a file was away" if counts["passing"] else ""
    return decided + because + again
