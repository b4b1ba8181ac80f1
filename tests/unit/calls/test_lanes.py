from __future__ import annotations

import asyncio
from typing import Any

import pytest

from factory.calls.lanes import Lane, better_elsewhere, choose_lane
from factory.calls.limiter import Limiter, LimiterSettings
from factory.errors import EnvironmentFault
from factory.plugins.contracts import REFUSED_CONNECTION, CallFailed


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


BROKEN = CallFailed(kind="http_500", detail="", retryable=True)


async def test_an_ordinary_failure_says_nothing_about_health() -> None:
    one = lane("one")
    one.failed(BROKEN, now(), probing=False)
    assert one.down_since is None and not one.avoided(now())


async def test_an_endpoint_that_fails_three_times_running_is_only_looked_at_while_another_answers() -> None:
    one, two = lane("one"), lane("two", 4)
    for _ in range(3):
        one.failed(BROKEN, now(), probing=False)
    two.heading = 40
    assert [await choose_lane([one, two], 10) for _ in range(3)] == [(two, False)] * 3
    for looks, pause_s in ((1, 2.0), (2, 4.0), (3, 8.0)):
        one.look_at = now()
        assert await choose_lane([one, two], 10) == (one, True)
        assert one.look_at - now() == pytest.approx(pause_s, abs=0.5)
        one.failed(BROKEN, now(), probing=True)
        assert (one.looks, await choose_lane([one, two], 10)) == (looks + 1, (two, False))
    one.replied()
    one.replied()
    assert await choose_lane([one, two], 10) == (one, False)


async def test_an_endpoint_that_fails_is_asked_all_the_same_where_there_is_no_other() -> None:
    one = lane("one")
    for _ in range(9):
        one.failed(BROKEN, now(), probing=False)
    assert (await choose_lane([one], 10))[0] is one
    assert not better_elsewhere(one, [one])


async def test_calls_that_wait_at_an_endpoint_which_began_to_fail_choose_again() -> None:
    one, two = lane("one"), lane("two")
    for _ in range(3):
        one.failed(BROKEN, now(), probing=False)
    assert better_elsewhere(one, [one, two]) and not better_elsewhere(two, [one, two])
    two.failed(DOWN, now(), probing=False)
    assert not better_elsewhere(one, [one, two])


async def test_a_rate_limit_is_no_failure() -> None:
    one = lane("one")
    for _ in range(9):
        one.failed(CallFailed(kind="rate_limited", detail="", retryable=True, waits=True), now(), probing=False)
    assert not one.avoided(now())


async def test_a_question_goes_first_where_it_did_not_fail_and_nobody_pauses() -> None:
    one, two, three = lane("one"), lane("two", 8), lane("three", 4)
    assert (await choose_lane([one, two, three], 10, {one}))[0] is two
    two.limiter.pressed(5.0)
    assert (await choose_lane([one, two, three], 10, {one}))[0] is three
    assert (await choose_lane([one, two], 10, {one, two}))[0] is one


async def test_an_endpoint_that_answers_with_a_failure_is_waited_for_longer_than_one_where_nobody_listens() -> None:
    loading, nobody = lane("loading"), lane("nobody")
    loading.failed(DOWN, now() - 20, probing=False)
    away = CallFailed(kind=REFUSED_CONNECTION, detail="", retryable=True, down=True, waits=True)
    nobody.failed(away, now() - 20, probing=False)
    assert (loading.given_up(now(), 180), nobody.given_up(now(), 180)) == (False, True)


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
