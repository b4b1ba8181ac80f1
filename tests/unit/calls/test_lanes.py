from __future__ import annotations

import asyncio
from typing import Any

import pytest

from factory.calls.lanes import Lane, choose_lane
from factory.calls.limiter import Limiter, LimiterSettings
from factory.errors import EnvironmentFault
from factory.plugins.contracts import CallFailed


class Silent:
    """A backend that is only named."""

    paid = True

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not for this test")


def lane(name: str, slots: int = 16) -> Lane:
    return Lane(Silent(name), Limiter(LimiterSettings(max_in_flight=slots)))  # type: ignore[arg-type]


DOWN = CallFailed(kind="http_503", detail="away", retryable=True, down=True)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_lane_with_most_room_is_chosen() -> None:
    one, two = lane("one", 8), lane("two", 4)
    one.heading = 6
    assert (await choose_lane([one, two], 10))[0] is two


async def test_ordinary_failures_say_nothing_about_health() -> None:
    one = lane("one")
    one.failed(CallFailed(kind="http_500", detail="", retryable=True), now(), probing=False)
    assert one.down_since is None


async def test_one_call_at_a_time_probes_an_endpoint_that_is_down() -> None:
    one, two = lane("one"), lane("two")
    one.failed(DOWN, now(), probing=False)
    assert (await choose_lane([one, two], 10)) == (two, False)
    await asyncio.sleep(0.26)
    assert (await choose_lane([one, two], 10)) == (one, True)
    assert (await choose_lane([one, two], 10)) == (two, False)


async def test_calls_wait_for_the_only_endpoint_to_come_back() -> None:
    one = lane("one")
    one.failed(DOWN, now(), probing=False)
    probe, probing = await choose_lane([one], 10)
    waiting = asyncio.create_task(choose_lane([one], 10))
    await asyncio.sleep(0.02)
    assert probing and not waiting.done()
    probe.probe_at = now() + 0.02
    probe.replied()
    assert (await asyncio.wait_for(waiting, 6)) == (one, False)


async def test_an_endpoint_that_stays_away_stops_the_build_by_name() -> None:
    one = lane("http://gpu01:8000/v1")
    one.failed(DOWN, now() - 100, probing=False)
    with pytest.raises(EnvironmentFault, match=r"http://gpu01:8000/v1 \(http_503: away\)"):
        await choose_lane([one], 10)


async def test_an_endpoint_that_was_given_up_does_not_keep_others_from_being_probed() -> None:
    lost, away, works = lane("lost"), lane("away"), lane("works")
    lost.failed(DOWN, now() - 100, probing=False)
    away.failed(DOWN, now() - 1, probing=False)
    assert (await choose_lane([lost, away, works], 10)) == (away, True)


async def test_a_given_up_endpoint_is_probed_once_a_minute_while_others_work() -> None:
    lost, works = lane("lost"), lane("works")
    lost.failed(DOWN, now() - 100, probing=False)
    assert (await choose_lane([lost, works], 10)) == (lost, True)
    lost.failed(DOWN, now(), probing=True)
    assert lost.probe_at - now() == pytest.approx(60, abs=1)
    assert (await choose_lane([lost, works], 10)) == (works, False)
    lost.probe_at = now()
    assert (await choose_lane([lost, works], 10)) == (lost, True)
    lost.replied()
    lost.failed(DOWN, now(), probing=False)
    assert lost.probe_at - now() < 1, "back for a while, it is looked for as soon as any other"
