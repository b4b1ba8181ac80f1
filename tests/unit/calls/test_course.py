"""What follows from a failure: another try, elsewhere or later, or the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from factory.calls.course import Course, backoff_s, lost
from factory.calls.lanes import Lane
from factory.calls.limiter import Limiter
from factory.calls.teacher import Teacher
from factory.errors import EnvironmentFault
from factory.plugins.contracts import CallFailed
from schemas.settings import TeacherSettings
from tests.asking import Scripted

BROKEN = CallFailed(kind="http_500", detail="oops", retryable=True)
REFUSED = CallFailed(kind="http_413", detail="too large", mendable=True)
OWN = CallFailed(kind="permanent_error", detail="moderated")
PRESSED = CallFailed(kind="rate_limited", detail="slow down", retryable=True, waits=True)


def teacher(lanes: int = 1, **settings: Any) -> Teacher:
    fields = {"name": "t", "backend": "scripted", "attempts": 3, **settings}
    made = tuple(Lane(Scripted(), Limiter()) for _ in range(lanes))
    return Teacher(TeacherSettings.model_validate(fields), made, {})


async def test_attempts_end_and_what_no_try_can_help_ends_at_once() -> None:
    asked = teacher()
    course = Course(asked)
    assert [course.after(BROKEN, asked.lanes[0]) is None for _ in range(3)] == [False, False, True]
    assert Course(asked).after(REFUSED, asked.lanes[0]) is None
    assert Course(asked).after(OWN, asked.lanes[0]) is None


async def test_what_one_server_refuses_is_asked_at_once_at_the_others_and_what_is_the_samples_own_is_not() -> None:
    asked = teacher(lanes=2)
    one, two = asked.lanes
    course = Course(asked)
    assert course.after(REFUSED, one) == 0.0 and course.tried == {one}
    assert course.after(REFUSED, two) is None
    assert Course(asked).after(OWN, one) is None


async def test_an_endpoint_that_is_down_is_no_other_endpoint() -> None:
    asked = teacher(lanes=2)
    asked.lanes[1].down_since = 1.0
    assert Course(asked).after(REFUSED, asked.lanes[0]) is None


async def test_waiting_uses_up_no_attempt() -> None:
    asked = teacher(recovery_s=60)
    course = Course(asked)
    assert all(course.after(PRESSED, asked.lanes[0]) is not None for _ in range(50))
    assert course.tries == 0


async def test_a_question_that_waited_long_while_others_were_served_uses_up_attempts() -> None:
    """Else one that is refused for what it is would wait for ever."""
    asked = teacher(recovery_s=0)
    course = Course(asked)
    waits = [course.after(PRESSED, asked.lanes[0]) for _ in range(2)]
    asked.lanes[0].replied()
    ends = [course.after(PRESSED, asked.lanes[0]) for _ in range(3)]
    assert None not in waits and [end is None for end in ends] == [False, False, True]


async def test_endpoints_that_serve_nobody_while_it_waits_stop_the_build() -> None:
    asked = teacher(recovery_s=0, attempts=1)
    asked.lanes[0].replied()
    await asyncio.sleep(0.01)
    with pytest.raises(EnvironmentFault, match=r"scripted answered nobody for .*slow down.*recovery_s"):
        Course(asked).after(PRESSED, asked.lanes[0])


def test_failures_alike_stop_the_build_whatever_numbers_they_name() -> None:
    asked = teacher(stop_after=3)
    lost(asked, CallFailed(kind="http_400", detail="400 odd request req_1"))
    lost(asked, CallFailed(kind="http_400", detail="400 odd request req_2"))
    with pytest.raises(EnvironmentFault, match=r"3 questions failed alike.*req_3.*scripted.*`stop_after`"):
        lost(asked, CallFailed(kind="http_400", detail="400 odd request req_3"))


def test_failures_that_differ_stop_nothing() -> None:
    asked = teacher(stop_after=3)
    for _ in range(20):
        lost(asked, REFUSED)
        lost(asked, OWN)


@pytest.mark.parametrize("tries", [1, 2, 5, 50, 2000])
def test_pauses_between_attempts_are_bounded_and_never_before_what_was_asked(tries: int) -> None:
    assert 0.0 <= backoff_s(tries, None) <= min(0.5 * 2 ** min(tries - 1, 10), 30.0)
    assert 4.0 <= backoff_s(tries, 4.0) <= 5.0
