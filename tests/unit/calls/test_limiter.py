from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.calls.limiter import Limiter, LimiterSettings


class Time:
    """A clock that moves when the test says so; timers fire as it passes them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, int, Callable[[], object]]] = []
        self.numbers: Iterator[int] = itertools.count()
        self.armed = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        self.armed += 1
        heapq.heappush(self.timers, (self.now + delay, next(self.numbers), callback))
        return asyncio.TimerHandle(self.now + delay, callback, (), asyncio.get_running_loop())

    def forward(self, seconds: float) -> None:
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            when, _, callback = heapq.heappop(self.timers)
            self.now = max(self.now, when)
            callback()
        self.now = end


async def turn() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


class Client:
    """A task that takes a slot and keeps it until it is told to let go."""

    def __init__(self, limiter: Limiter, admitted: list[Client] | None = None) -> None:
        self.limiter = limiter
        self.inside = False
        self.limit_at_admission = 0
        self.in_flight_at_admission = 0
        self.admitted = admitted if admitted is not None else []
        self.let_go = asyncio.Event()
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        async with self.limiter.slot():
            self.inside = True
            self.admitted.append(self)
            await self.let_go.wait()
        self.inside = False


async def test_no_more_than_the_limit_are_inside_and_the_rest_enter_in_order() -> None:
    limiter = Limiter(LimiterSettings(max_in_flight=4, start=2))
    admitted: list[Client] = []
    clients = [Client(limiter, admitted) for _ in range(6)]
    await turn()
    assert [c.inside for c in clients] == [True, True, False, False, False, False]
    assert limiter.waiting == 4
    clients[0].let_go.set()
    await turn()
    assert [c.inside for c in clients] == [False, True, True, False, False, False]
    for client in clients:
        client.let_go.set()
    await turn()
    await asyncio.gather(*[c.task for c in clients])
    assert admitted == clients
    assert limiter.in_flight == 0


async def test_it_grows_with_every_success_until_the_first_pressure_and_by_small_steps_after_it() -> None:
    limiter = Limiter(LimiterSettings(max_in_flight=8, start=2, increase_after=3), clock=Time())
    for _ in range(4):
        limiter.succeeded()
    assert limiter.limit == 6
    limiter.pressed()
    assert limiter.limit == 4
    for expected in (4, 4, 5, 5, 5, 6):
        limiter.succeeded()
        assert limiter.limit == expected
    for _ in range(100):
        limiter.succeeded()
    assert limiter.limit == 8


async def test_a_storm_is_one_decrease_a_cooldown_and_never_goes_below_the_minimum() -> None:
    time = Time()
    limiter = Limiter(LimiterSettings(max_in_flight=64, start=64, min_in_flight=2), clock=time)
    for _ in range(50):
        limiter.pressed()
    assert limiter.limit == 48
    time.forward(2.0)
    limiter.pressed()
    assert limiter.limit == 36
    for _ in range(40):
        time.forward(2.0)
        limiter.pressed()
    assert limiter.limit == 2


async def test_retry_after_lets_nobody_in_until_then_and_arms_one_timer() -> None:
    time = Time()
    limiter = Limiter(LimiterSettings(start=8), clock=time)
    limiter.pressed(retry_after_s=30.0)
    limiter.pressed(retry_after_s=5.0)
    clients = [Client(limiter) for _ in range(4)]
    await turn()
    time.forward(29.0)
    await turn()
    assert not any(c.inside for c in clients)
    assert time.armed == 1
    time.forward(1.0)
    await turn()
    assert all(c.inside for c in clients)
    for client in clients:
        client.let_go.set()
    await asyncio.gather(*[c.task for c in clients])


async def test_pauses_of_no_stated_length_double_until_a_request_is_served() -> None:
    time = Time()
    limiter = Limiter(LimiterSettings(first_pause_s=1.0, max_pause_s=5.0), clock=time)

    def pause() -> float:
        limiter.pressed(closes=True)
        limiter.pressed(closes=True)  # of the same event: it arrives while the endpoint is closed
        before = time.now
        while limiter.is_closed:
            time.forward(0.5)
        return time.now - before

    assert [pause() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    limiter.succeeded()
    assert pause() == 1.0


async def test_a_pressure_that_asks_for_no_pause_closes_nothing() -> None:
    limiter = Limiter(clock=Time())
    limiter.pressed()
    assert not limiter.is_closed


async def test_a_longer_pause_that_arrives_while_waiting_is_honoured() -> None:
    time = Time()
    limiter = Limiter(clock=time)
    limiter.pressed(retry_after_s=10.0)
    client = Client(limiter)
    await turn()
    limiter.pressed(retry_after_s=60.0)
    time.forward(59.0)
    await turn()
    assert not client.inside
    time.forward(1.0)
    await turn()
    assert client.inside
    client.let_go.set()
    await client.task


@pytest.mark.parametrize(("asked", "seconds"), [(1e9, 120.0), (float("nan"), 0.0), (-5.0, 0.0), (float("inf"), 120.0)])
async def test_an_absurd_retry_after_is_bounded(asked: float, seconds: float) -> None:
    time = Time()
    limiter = Limiter(clock=time)
    limiter.pressed(retry_after_s=asked)
    client = Client(limiter)
    time.forward(seconds)
    await turn()
    assert client.inside
    client.let_go.set()
    await client.task


async def test_a_cancelled_waiter_leaves_no_trace() -> None:
    limiter = Limiter(LimiterSettings(max_in_flight=1, start=1))
    first, second, third = Client(limiter), Client(limiter), Client(limiter)
    await turn()
    second.task.cancel()
    await turn()
    first.let_go.set()
    await turn()
    assert third.inside
    third.let_go.set()
    await turn()
    assert (limiter.in_flight, limiter.waiting) == (0, 0)


async def test_a_waiter_cancelled_in_the_moment_of_its_admission_passes_the_slot_on() -> None:
    limiter = Limiter(LimiterSettings(max_in_flight=1, start=1))
    first, second, third = Client(limiter), Client(limiter), Client(limiter)
    await turn()
    first.let_go.set()
    while limiter.waiting == 2:  # until the slot is handed over, before its new owner runs
        await asyncio.sleep(0)
    assert not second.inside
    second.task.cancel()
    await turn()
    assert second.task.cancelled()
    assert third.inside
    third.let_go.set()
    await third.task
    assert limiter.in_flight == 0


async def test_a_cancelled_waiter_that_was_passed_over_ends_as_cancelled() -> None:
    limiter = Limiter(LimiterSettings(max_in_flight=2, start=1))
    first, second, third = Client(limiter), Client(limiter), Client(limiter)
    await turn()
    second.task.cancel()
    limiter.succeeded()  # one slot more, before the cancelled task runs
    await turn()
    assert third.inside
    first.let_go.set()
    third.let_go.set()
    results = await asyncio.gather(first.task, second.task, third.task, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), asyncio.CancelledError, type(None)]
    assert limiter.in_flight == 0


async def test_the_slot_of_a_request_that_fails_is_free_again() -> None:
    limiter = Limiter(LimiterSettings(max_in_flight=1, start=1))
    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            async with limiter.slot():
                raise OSError("gone")
    assert limiter.in_flight == 0


async def test_real_time_pauses_end_by_themselves() -> None:
    limiter = Limiter()
    limiter.pressed(retry_after_s=0.05)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(5), limiter.slot():
        assert loop.time() - started >= 0.05


@pytest.mark.parametrize("bad", [{"max_in_flight": 0}, {"min_in_flight": 9, "max_in_flight": 8}, {"decrease": 1.0}])
def test_settings_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="limiter: needs"):
        LimiterSettings(**bad)  # type: ignore[arg-type]


EVENTS = st.lists(
    st.one_of(
        st.just(("enter", 0.0)),
        st.tuples(st.sampled_from(["leave", "cancel"]), st.floats(0, 0.999)),
        st.just(("succeed", 0.0)),
        st.tuples(st.just("press"), st.floats(-1, 20)),
        st.tuples(st.just("wait"), st.floats(0, 10)),
        st.just(("turn", 0.0)),
    ),
    max_size=60,
)


@given(events=EVENTS, cap=st.integers(1, 6), start=st.integers(1, 8))
@settings(max_examples=150)
def test_the_cap_holds_and_every_waiter_is_admitted_whatever_happens(
    events: list[tuple[str, float]], cap: int, start: int
) -> None:
    asyncio.run(play(events, cap, start))


async def play(events: list[tuple[str, float]], cap: int, start: int) -> None:
    time = Time()
    limiter = Limiter(LimiterSettings(max_in_flight=cap, start=start, increase_after=2), clock=time)
    clients: list[Client] = []
    cancelled: set[Client] = set()
    for kind, number in events:
        out_before = limiter.in_flight
        pool = [c for c in clients if not c.task.done() and c not in cancelled and (c.inside or kind == "cancel")]
        if kind == "enter":
            clients.append(Client(limiter))
        elif kind == "leave" and pool:
            pool[int(number * len(pool))].let_go.set()
        elif kind == "cancel" and pool:
            victim = pool[int(number * len(pool))]
            victim.task.cancel()
            cancelled.add(victim)
        elif kind == "succeed":
            limiter.succeeded()
        elif kind == "press":
            limiter.pressed(number)
        elif kind == "wait":
            time.forward(number)
        elif kind == "turn":
            await turn()
        assert 1 <= limiter.limit <= cap
        assert limiter.in_flight <= max(out_before, limiter.limit)
    for client in clients:
        client.let_go.set()
        out_before = limiter.in_flight
        time.forward(121.0)
        await turn()
        assert limiter.in_flight <= max(out_before, limiter.limit)
    for _ in range(len(clients) + 2):
        time.forward(121.0)
        await turn()
    results = await asyncio.wait_for(asyncio.gather(*[c.task for c in clients], return_exceptions=True), 5)
    for client, result in zip(clients, results, strict=True):
        assert result is None or (client in cancelled and isinstance(result, asyncio.CancelledError))
    assert (limiter.in_flight, limiter.waiting) == (0, 0)


async def test_what_others_leave_to_a_process_bounds_its_slots_and_may_grow_again() -> None:
    limiter = Limiter(LimiterSettings(max_in_flight=8, start=8))
    limiter.allow(1)
    assert (limiter.allowed, limiter.limit) == (1, 1)
    got: list[int] = []
    leave = asyncio.Event()

    async def ask(number: int) -> None:
        async with limiter.slot():
            got.append(number)
            await leave.wait()

    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(ask(number))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert got == [0] and limiter.waiting == 3
        limiter.allow(3)
        limiter.wake()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert got == [0, 1, 2] and limiter.in_flight == 3
        limiter.allow(0)
        leave.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert limiter.in_flight == 0 and got == [0, 1, 2]
        limiter.allow(8)
        limiter.wake()
    assert got == [0, 1, 2, 3]
