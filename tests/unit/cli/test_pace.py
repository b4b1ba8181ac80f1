from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory.cli.pace import WINDOW_S, Pace
from factory.phases.run import UnderWay


def test_the_rate_and_the_time_left_are_those_of_this_run() -> None:
    pace = Pace(138, UnderWay(done=72), 100.0)
    assert pace.line(UnderWay(done=92), 110.0) == "92/138 · 2.0 samples/s · 23 s left"
    assert pace.end(UnderWay(done=138), 133.0) == "138/138 · 2 samples/s"


def test_samples_nobody_was_asked_about_say_nothing_of_the_rate() -> None:
    pace = Pace(100, UnderWay(), 0.0)
    line = pace.line(UnderWay(done=60, refused=50), 10.0)
    assert line == "60/100 · 50 without a usable picture · 1.0 samples/s · 40 s left"


def test_an_endpoint_that_is_away_is_said_and_no_time_is_promised() -> None:
    pace = Pace(138, UnderWay(done=72), 0.0)
    away = "http://a/v1 refuses connections since 15:59:33, waiting up to 180 s"
    assert pace.line(UnderWay(done=72, notes=(away,)), 30.0) == f"72/138 · 0.0 samples/s · {away}"


def test_an_hour_ago_does_not_count() -> None:
    pace = Pace(10_000, UnderWay(), 0.0)
    pace.line(UnderWay(done=5_000), 10.0)
    for second in range(1, 10):
        line = pace.line(UnderWay(done=5_000 + second), 10.0 + second * WINDOW_S)
    assert line.startswith("5,009/10,000 · 0.0 samples/s")


@given(looks=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100), st.floats(0, 1e6)), max_size=20))
def test_no_line_has_a_negative_number(looks: list[tuple[int, int, float]]) -> None:
    pace, at = Pace(100, UnderWay(done=50), 0.0), 0.0
    for done, refused, later in looks:
        at += later
        now = UnderWay(done=done, refused=min(done, refused))
        assert "-" not in pace.line(now, at) and "-" not in pace.end(now, at)
