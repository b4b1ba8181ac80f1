"""What teachers do when an endpoint fails, for a while, for good, or for one picture: a server plays each fault."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from factory.calls.limiter import LimiterSettings
from factory.errors import EnvironmentFault
from tests.endpoint_asking import asking, picture
from tests.fake_endpoint import running_endpoint


async def test_several_endpoints_share_the_work(tmp_path: Path) -> None:
    with (
        running_endpoint(tmp_path / "a", latency_ms=30) as one,
        running_endpoint(tmp_path / "b", latency_ms=30) as two,
    ):
        async with asking(tmp_path, one.url, two.url, max_in_flight=4) as question:
            await question.many(60)
        shares = [server.stats()["requests"] for server in (one, two)]
    assert sum(shares) == 60
    assert min(shares) > 15


async def test_a_dead_endpoint_leaves_its_work_to_the_other(tmp_path: Path) -> None:
    plan = [{"kind": "die", "first": 5}]
    with running_endpoint(tmp_path / "a", plan, latency_ms=10) as one, running_endpoint(tmp_path / "b") as two:
        async with asking(tmp_path, one.url, two.url, max_in_flight=4) as question:
            answered = await question.many(40)
    assert all(a.place for a in answered)


async def test_a_restarted_endpoint_is_waited_for(tmp_path: Path) -> None:
    with running_endpoint(tmp_path / "a", [{"kind": "die", "first": 20}], latency_ms=5) as first:
        async with asking(tmp_path, first.url, max_in_flight=8) as question:
            questions = asyncio.create_task(question.many(60))
            await asyncio.sleep(1.5)
            assert not questions.done()
            with running_endpoint(tmp_path / "b", latency_ms=5, port=first.port):
                answered = await asyncio.wait_for(questions, 30)
    assert all(a.place for a in answered)


async def test_a_picture_that_fells_the_endpoint_stops_nobody_else(tmp_path: Path) -> None:
    poison = hashlib.sha256(picture(3)).hexdigest()
    with running_endpoint(tmp_path, [{"kind": "engine_dead", "image": poison}]) as server:
        async with asking(tmp_path, server.url, attempts=3) as question:
            answered = await question.many(6)
            alone = await question(3)
    assert [a.failure for a in answered] == [None, None, None, "exhausted", None, None]
    assert alone.failure == "exhausted"


async def test_an_address_where_nothing_listens_stops_the_build(tmp_path: Path) -> None:
    async with asking(tmp_path, "http://127.0.0.1:9/v1", recovery_s=0.5) as question:
        with pytest.raises(EnvironmentFault, match=r"no endpoint answers: http://127\.0\.0\.1:9/v1"):
            await question(1)


async def test_a_storm_of_429s_is_weathered_and_its_retry_after_kept(tmp_path: Path) -> None:
    plan = [{"kind": "rate_limited", "first": 11, "count": 10, "retry_after_s": 0.4}]
    with running_endpoint(tmp_path, plan, latency_ms=5) as server:
        async with asking(tmp_path, server.url, max_in_flight=8) as question:
            answered = await question.many(50)
            limit = question.teacher.lanes[0].limiter.limit
        times = [(line["t"], line["status"]) for line in server.requests()]
    assert all(a.place for a in answered)
    assert limit < 8, "it was lowered, and fewer than 50 answers have come since to raise it twice"
    refused = max(t for t, status in times if status == 429)
    # What was under way when the refusal came may still arrive; nothing is sent into the pause.
    assert not [t for t, _ in times if refused + 0.1 < t < refused + 0.35]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error_500"},
        {"kind": "engine_dead"},
        {"kind": "unavailable"},
        {"kind": "dropped"},
        {"kind": "html"},
        {"kind": "error_in_200", "code": 500},
        {"kind": "rate_limited", "retry_after_s": 0.1},
    ],
    ids=lambda fault: fault["kind"],
)
async def test_passing_faults_are_retried_within_one_row(tmp_path: Path, fault: dict[str, Any]) -> None:
    with running_endpoint(tmp_path, [{**fault, "per_image": 2}]) as server:
        async with asking(tmp_path, server.url) as question:
            answered = await question(1)
            row = question.row(answered)
        assert server.stats()["requests"] == 3
    assert answered.place is not None
    assert (row.status, row.http_calls) == ("ok", 3)


async def test_retries_end_and_the_next_build_asks_again(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, [{"kind": "error_500", "per_image": 2}]) as server:
        async with asking(tmp_path, server.url, attempts=2) as question:
            answered = await question(1)
            assert (answered.place, answered.failure) == (None, "exhausted")
            assert "http_500" in answered.detail
        async with asking(tmp_path, server.url, attempts=2) as question:
            answered = await question(1)
            row = question.row(answered)
    assert answered.place is not None
    assert row.http_calls == 3


async def test_what_is_said_of_the_picture_itself_is_kept_for_good(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, [{"kind": "bad_request", "message": "flagged by moderation"}]) as server:
        for _ in range(2):
            async with asking(tmp_path, server.url) as question:
                answered = await question(1)
            assert (answered.failure, answered.place) == ("permanent_error", None)
            assert "flagged by moderation" in answered.detail
        assert server.stats()["requests"] == 1


async def test_what_a_mended_server_could_answer_is_asked_once_now_and_again_by_the_next_run(tmp_path: Path) -> None:
    plan = [{"kind": "bad_request", "status": 413, "message": "too large", "per_image": 1}]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url) as question:
            first = await question(1)
        assert (first.failure, first.detail) == ("exhausted", "http_413: 413 too large")
        assert server.stats()["requests"] == 1
        async with asking(tmp_path, server.url) as question:
            assert (await question(1)).place is not None


@pytest.mark.parametrize(
    "fault",
    [{"kind": "error_500"}, {"kind": "html"}, {"kind": "bad_request", "status": 413}, {"kind": "bad_request"}],
    ids=["500", "no JSON", "413", "400"],
)
async def test_an_endpoint_that_fails_at_once_does_not_win_the_load(tmp_path: Path, fault: dict[str, Any]) -> None:
    with (
        running_endpoint(tmp_path / "a", [fault]) as broken,
        running_endpoint(tmp_path / "b", latency_ms=20) as works,
    ):
        async with asking(tmp_path, broken.url, works.url, max_in_flight=16) as question:
            answered = await question.many(200)
        lost, made = broken.stats()["requests"], works.stats()["requests"]
    assert sum(a.place is not None for a in answered) >= 198
    assert lost <= (lost + made) / 5


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "rate_limited"},
        {"kind": "rate_limited", "headers": {"retry-after-ms": "150"}},
        {"kind": "rate_limited", "message": "Please try again in 0.2s."},
    ],
    ids=["no word of time", "milliseconds", "in words"],
)
async def test_a_rate_limit_costs_time_and_no_attempts(tmp_path: Path, fault: dict[str, Any]) -> None:
    with running_endpoint(tmp_path, [{**fault, "first": 1, "count": 60}]) as server:
        async with asking(tmp_path, server.url, max_in_flight=16, attempts=2) as question:
            question.teacher.lanes[0].limiter.settings = LimiterSettings(max_in_flight=16, max_pause_s=0.2)
            answered = await question.many(40)
        assert server.stats()["requests"] == 100
    assert all(a.place for a in answered)


async def test_a_rate_limit_that_never_ends_stops_the_build_and_loses_nothing(tmp_path: Path) -> None:
    plan = [{"kind": "rate_limited", "message": "daily limit", "retry_after_s": 0.05}]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url, recovery_s=0.5, attempts=2) as question:
            with pytest.raises(EnvironmentFault, match=r"answered nobody for .*daily limit.*recovery_s"):
                await question(1)
            assert not list(question.ledger.rows())


async def test_a_server_that_loads_its_model_is_waited_for(tmp_path: Path) -> None:
    plan = [{"kind": "unavailable", "message": "Loading model", "first": 1, "count": 4}]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url, attempts=2) as question:
            assert (await question(1)).place is not None


async def test_questions_that_fail_alike_stop_the_build_and_are_asked_again(tmp_path: Path) -> None:
    plan = [{"kind": "bad_request", "message": "odd request req_1", "first": 4, "count": 9}]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url, stop_after=5) as question:
            for number in range(7):
                await question(number)
            with pytest.raises(EnvironmentFault, match=r"5 questions failed alike.*odd request.*`stop_after`"):
                await question(7)
        async with asking(tmp_path, server.url, stop_after=50) as question:
            assert sum(a.place is None for a in await question.many(8)) == 4
        async with asking(tmp_path, server.url) as question:
            assert all(a.place for a in await question.many(8))


async def test_an_answer_between_them_says_that_it_is_not_the_server(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, [{"kind": "bad_request", "every": 2}]) as server:
        async with asking(tmp_path, server.url, stop_after=2) as question:
            failures = [(await question(number)).failure for number in range(6)]
    assert failures == [None, "exhausted"] * 3


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("unauthorized", "no key was sent: name the environment variable that holds it in `api_key_env`"),
        ("quota", "quota"),
        ("redirect", "redirected"),
        ("unknown_model", "model_unknown"),
    ],
)
async def test_what_no_sample_can_survive_stops_the_build(tmp_path: Path, kind: str, said: str) -> None:
    with running_endpoint(tmp_path, [{"kind": kind}]) as server:
        async with asking(tmp_path, server.url) as question:
            with pytest.raises(EnvironmentFault, match=said):
                await question(1)
        assert server.stats()["requests"] == 1


async def test_an_unknown_model_is_named_by_the_server(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, model="qwen") as server:
        async with asking(tmp_path, server.url, model="qwem") as question:
            with pytest.raises(EnvironmentFault, match="The model does not exist"):
                await question(1)
