from __future__ import annotations

import asyncio
import time

import pytest

from factory.calls.lanes import FIRST_CONTACT_S, Lane
from factory.calls.limiter import Limiter
from factory.calls.outages import outages
from factory.calls.teacher import Teacher
from factory.plugins.contracts import REFUSED_CONNECTION, CallFailed
from schemas.settings import TeacherSettings
from tests.asking import Scripted


def teacher(*lanes: Lane) -> Teacher:
    return Teacher(TeacherSettings(name="t", backend="scripted", recovery_s=180.0), lanes, {})


def lane(kind: str | None = None, *, answered: bool = True) -> Lane:
    made = Lane(Scripted(), Limiter())
    made.answered = answered
    if kind is not None:
        made.failed(CallFailed(kind=kind, detail="no", down=True), 100.0, probing=False)
    return made


def test_nothing_is_said_of_endpoints_that_are_up() -> None:
    assert list(outages([teacher(lane())], 130.0)) == []


@pytest.mark.parametrize(
    ("kind", "says"), [(REFUSED_CONNECTION, "refuses connections"), ("http_503", "answers HTTP 503")]
)
def test_an_endpoint_that_is_away_is_told_with_its_time_and_the_patience_there_is(kind: str, says: str) -> None:
    (outage,) = outages([teacher(lane(kind))], 130.0)
    assert (outage.endpoint, outage.says, outage.patience_s) == ("scripted", says, 180.0)
    assert abs(time.time() - 30.0 - outage.since) < 600.0, "unix time, half a minute ago"


def test_an_endpoint_that_limits_the_rate_and_serves_nobody_is_told_until_it_answers() -> None:
    limited = lane()
    limited.failed(CallFailed(kind="rate_limited", detail="no", retryable=True, waits=True), 100.0, probing=False)
    limited.failed(CallFailed(kind="rate_limited", detail="no", retryable=True, waits=True), 120.0, probing=False)
    (outage,) = outages([teacher(limited)], 130.0)
    assert (outage.says, outage.patience_s) == ("limits the rate", 180.0)
    assert abs(time.time() - 30.0 - outage.since) < 600.0
    asyncio.run(_reply(limited))
    assert list(outages([teacher(limited)], 130.0)) == []


async def _reply(at: Lane) -> None:
    at.replied()


def test_one_that_never_answered_is_waited_for_more_shortly() -> None:
    (outage,) = outages([teacher(lane(REFUSED_CONNECTION, answered=False))], 130.0)
    assert outage.patience_s == FIRST_CONTACT_S


def test_nobody_waits_while_another_endpoint_answers() -> None:
    (outage,) = outages([teacher(lane(REFUSED_CONNECTION), lane())], 130.0)
    assert outage.patience_s == 0.0
