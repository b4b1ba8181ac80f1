"""What follows from a call that failed: another one, elsewhere or later; the end of its question; the end of the build.

Three clocks. A failure that may be the sample's uses up an attempt. One that only asks for patience (a rate limit, a
server that starts) costs time: up to `recovery_s`, then attempts where others are served. Questions that fail alike,
one by one with no answer in between, say something about the server: they stop the build before it has stored its
state against every sample.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field

from factory.calls.lanes import Lane
from factory.calls.teacher import Teacher
from factory.errors import EnvironmentFault
from factory.plugins.contracts import CallFailed

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
_NUMBERED = re.compile(r"\S*\d\S*")
"""Sizes, times and names of requests: they differ between failures that are alike."""


@dataclass(slots=True, eq=False)
class Course:
    """How far one question is: where it failed, how many attempts it has used, how long it waits."""

    teacher: Teacher
    tried: set[Lane] = field(default_factory=set)
    """Endpoints where it failed since it last went round."""
    tries: int = 0
    waits: int = 0
    waiting_since: float | None = None

    def after(self, failed: CallFailed, lane: Lane) -> float | None:
        """Seconds until the question is asked again, None when it is not.

        Raises EnvironmentFault when endpoints that ask for patience served nobody for `recovery_s`.
        """
        settings, lanes = self.teacher.settings, self.teacher.lanes
        self.tried.add(lane)
        elsewhere = any(other not in self.tried and other.down_since is None for other in lanes)
        if not elsewhere:
            self.tried.clear()
        if failed.waits and self._may_wait(failed, lane):
            return random.random() * FIRST_BACKOFF_S  # noqa: S311 - the endpoint's own pause comes on top
        self.tries += 1
        if self.tries >= settings.attempts or not (failed.retryable or (failed.mendable and elsewhere)):
            return None
        return 0.0 if elsewhere else backoff_s(self.tries, failed.retry_after_s)

    def _may_wait(self, failed: CallFailed, lane: Lane) -> bool:
        """Whether it waits without using up an attempt: while it has not waited `recovery_s`."""
        settings, now = self.teacher.settings, asyncio.get_running_loop().time()
        since = self.waiting_since = now if self.waiting_since is None else self.waiting_since
        self.waits += 1
        if self.waits < settings.attempts or now - since < settings.recovery_s:
            return True
        if not any(lane.replied_at is not None and lane.replied_at >= since for lane in self.teacher.lanes):
            raise EnvironmentFault(
                f"teacher {settings.name}: {lane.backend.name} answered nobody for {now - since:.0f} s: {failed}. "
                "Raise recovery_s, or run the same command again later: every answer so far is kept"
            )
        return False


def lost(teacher: Teacher, failed: CallFailed) -> None:
    """Notes that a question ended without a reply.

    Raises EnvironmentFault at the last of `stop_after` questions that failed alike, with no answer in between.
    """
    teacher.losses.append(f"{failed.kind} {_NUMBERED.sub('', failed.detail)}")
    stop_after = teacher.settings.stop_after
    del teacher.losses[:-stop_after]
    if len(teacher.losses) < stop_after or len(set(teacher.losses)) > 1:
        return
    names = ", ".join(lane.backend.name for lane in teacher.lanes)
    raise EnvironmentFault(
        f"teacher {teacher.name}: {stop_after} questions failed alike, one after the other: {failed}. That is the "
        f"server, not the samples: mend {names} and run the same command again, which asks them once more. "
        "`stop_after` of the teacher is the number that stops a build; every answer so far is kept"
    )


def backoff_s(tries: int, retry_after_s: float | None) -> float:
    """Exponential with full jitter (M. Brooker, "Exponential Backoff and Jitter", 2015), never before Retry-After."""
    longest = min(FIRST_BACKOFF_S * 2.0 ** min(max(tries - 1, 0), 32), MAX_BACKOFF_S)
    jitter = random.random() * longest  # noqa: S311  (spreads retries; nothing secret or published hangs on it)
    return max(jitter, 0.0) if retry_after_s is None else retry_after_s + random.random()  # noqa: S311
